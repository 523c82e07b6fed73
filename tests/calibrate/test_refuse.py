"""What is refused, one by one, each with its reason and what to do."""

import math

import pytest

from host_tools.calibrate import refuse
from host_tools.calibrate.reference import Uncertainty
from host_tools.calibrate.refuse import Refusal
from host_tools.calibrate.tables import FEWEST, Point

HALF = Point(100, "0.5L")


def test_wirings():
    assert refuse.wiring("3p4w") == (1, 2, 3) and refuse.wiring("1p3w") == (1, 2) and refuse.wiring("1p2w") == (1,)
    with pytest.raises(Refusal, match="virtual.*set wiring 3p4w"):
        refuse.wiring("3p3w")
    with pytest.raises(Refusal, match="--wiring"):
        refuse.wiring(None)


def test_a_reference_that_is_not_good_enough():
    """0.2S: a quarter of 0.2 % at PF 1; of 0.3 % at PF 0.5, where 0.03 degrees alone are 0.0907 %."""
    refuse.reference(Uncertainty(0.03, 0.03, 0.005), FEWEST, "0.2S")
    with pytest.raises(Refusal, match=r"at 100 % In, PF 1 is 0.0566 %.*0.05 %"):
        refuse.reference(Uncertainty(0.04, 0.04, 0.005), FEWEST, "0.2S")
    with pytest.raises(Refusal, match=r"PF 0.5L is 0.0909 %.*0.075 %: use a better reference"):
        refuse.reference(Uncertainty(0.004, 0.004, 0.03), FEWEST, "0.2S")
    refuse.reference(Uncertainty(0.04, 0.04, 0.03), FEWEST, "0.5S")
    refuse.reference(Uncertainty(0.09, 0.0, 0.0), [Point(1)], "0.2S")  # 0.4 % there
    refuse.reference(Uncertainty(5, 5, 5), [Point(1, "0.5L")], "0.2S")  # no limit there


def test_frequency():
    refuse.frequency(50.1, 50, 50.101)
    for read, true, text in ((None, None, "no frequency"), (60.0, None, "60.000 Hz"), (50.0, 50.1, "sample clock")):
        with pytest.raises(Refusal, match=text):
            refuse.frequency(read, 50, true)


def test_distortion():
    values = {"thd_v_l1": 1.9, "thd_i_l1": 3.0, "thd_v_l2": None}
    refuse.distortion(values, (1, 2), currents=False)
    with pytest.raises(Refusal, match="current of L1 has 3.0 % THD"):
        refuse.distortion(values, (1, 2), currents=True)
    with pytest.raises(Refusal, match="voltage of L3 has 4.0 %"):
        refuse.distortion({"thd_v_l3": 4.0}, (1, 2, 3), currents=False)


def test_rotation():
    refuse.rotation({"v_u2": 2.0, "v_u0": 1.0})
    refuse.rotation({"v_u2": None})
    with pytest.raises(Refusal, match="L1, L3, L2"):
        refuse.rotation({"v_u2": 5000.0, "v_u0": 0.1})
    with pytest.raises(Refusal, match="zero sequence 200 %"):
        refuse.rotation({"v_u2": 50.0, "v_u0": 200.0})


def applied(**others):
    true = {"v_l1": 230.0, "i_l1": 5.0, "phi1_l1": 60.0} | others
    refuse.applied(HALF, true, (1,), 230.0, 5.0)


def test_what_the_step_asked_for():
    applied()
    with pytest.raises(Refusal, match="398.4 V in L1, the step wants 230 V"):
        applied(v_l1=398.4)
    with pytest.raises(Refusal, match="1 A in L1, the step wants 5 A .100 % In"):
        applied(i_l1=1.0)
    with pytest.raises(Refusal, match="phi -60.00 degrees in L1, the step wants 60.00"):
        applied(phi1_l1=-60.0)


def test_ratios():
    refuse.ratio("I1", 5.9, 5.0)
    with pytest.raises(Refusal, match="nothing arrives"):
        refuse.ratio("I1", 0.01, 5.0)
    with pytest.raises(Refusal, match=r"off by \+100 % \(twice: two turns"):
        refuse.ratio("I1", 10.02, 5.0)
    with pytest.raises(Refusal, match="line voltage in place.*--ct"):
        refuse.ratio("V1", 230 * math.sqrt(3), 230.0)
    with pytest.raises(Refusal, match=r"off by -30 %: that is"):
        refuse.ratio("V1", 161.0, 230.0)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (180.0, "transformer is reversed"),
        (-176.0, "transformer is reversed"),
        (166.0, "transformer is reversed"),
        (356 - 180, "transformer is reversed"),
        (120.0, "phases are swapped"),
        (-124.0, "phases are swapped"),
        (60.0, "swapped and the transformer is turned"),
        (-55.0, "swapped and the transformer is turned"),
        (90.0, "no transformer turns so far"),
        (-11.0, "no transformer turns so far"),
    ],
)
def test_angles(error, text):
    with pytest.raises(Refusal, match=text):
        refuse.angle(2, error)


def test_angles_that_a_calibration_takes_back():
    for error in (-9.9, 0.0, 9.9, 356.0, -364.0):
        refuse.angle(1, error)


def test_offsets_and_currents_where_there_should_be_none():
    refuse.offset("V1", 49.0, 500.0)
    with pytest.raises(Refusal, match=r"V1: an offset of -11.0 % of full scale"):
        refuse.offset("V1", -55.0, 500.0)
    refuse.current_flows("I1", 0.051, 0.05, 10.0)
    with pytest.raises(Refusal, match="I1: 0.0866 A flow"):
        refuse.current_flows("I1", 0.1, 0.05, 10.0)


def test_unsteady_with_its_remedy():
    assert "full_scale" in refuse.unsteady("not steady: windows are flagged clip").remedy
    assert "warm up" in refuse.unsteady("not steady: v_l1: drift").remedy
