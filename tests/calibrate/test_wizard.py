"""The wizard with a meter of phasors: what it recovers, in which order it does things, what it refuses."""

import math

import pytest

from host_tools.calibrate import tables
from host_tools.calibrate.model import NAMES, UNITY
from host_tools.calibrate.reference import Identity, Typed, Uncertainty
from host_tools.calibrate.refuse import Refusal
from host_tools.calibrate.wizard import STEPS, Declined, Job, Wizard
from host_tools.meter_link import LinkError, Refused
from host_tools.recording import InputError
from tests.calibrate.fake import FakeMeter, Hands

IDENTITY = Identity("fake", "none", Uncertainty(0.01, 0.01, 0.002))
PATIENCE = {"pause": lambda: None}
FEW = {"points": tables.FEWEST, "windows": 5, "wait": PATIENCE, "timeout_s": 2.0}


def calibrated(errors, **others):
    meter = FakeMeter(errors)
    hands = Hands(meter, IDENTITY, lines=others.pop("lines", True))
    result = Wizard(meter, hands, hands, Job(230.0, 5.0, **(FEW | others))).run()
    return meter, hands, result


CHANNELS = NAMES[:6]
PLANTED = [{name: (gain, 0, late)} for name in CHANNELS for gain, late in ((3, 4), (-3, -4))]
PLANTED += [dict.fromkeys(CHANNELS, (3, 0.01, 4))]
PLANTED += [{name: (-3, 0, -4 if name[0] == "i" else 4) for name in CHANNELS}]
PLANTED += [{"v1": (1, 5, 2), "v2": (-2, -4, -1), "v3": (0.5, 0, 3), "i1": (3, 0.5, -4), "i2": (-3, -0.3, 4)}]


@pytest.mark.parametrize("errors", PLANTED, ids=str)
def test_planted_errors_are_taken_back(errors):
    """To a tenth of class 0.2S; what is left is the rounding of the delay: half a period, 0.0083 % at PF 0.5."""
    meter, _, result = calibrated(errors)
    assert len(result.left) == 6 and result.record["passes"]
    for row in result.left:
        assert abs(row.p) < (0.001 if row.point.endswith("PF 1") else 0.009), row
        assert abs(row.v) < 1e-4 and abs(row.i) < 1e-4 and abs(row.phi) < 0.0028
    lines = meter.read(("v_l12", "v_l23", "v_l31")).values
    assert all(abs(value / (230 * math.sqrt(3)) - 1) < 5e-5 for value in lines.values())
    delays = [meter.kept[-1].phase[k] for k in range(7)]
    assert all(-127 <= delay <= 1920 for delay in delays)


def test_as_found_is_what_was_planted():
    _, _, result = calibrated({"i2": (3, 0, 4), "v1": (-1, 0, 0)})
    found = {(row.point, row.phase): row for row in result.found}
    row = found["100 % In, PF 1", 2]
    # a current that is late lags more: phi1 is 4 degrees too large, cos(4) of the power is left
    assert (row.i, row.phi) == (pytest.approx(3), pytest.approx(4))
    assert row.p == pytest.approx(100 * (1.03 * math.cos(math.radians(4)) - 1))
    assert found["100 % In, PF 0.5L", 2].p == pytest.approx(100 * (1.03 * math.cos(math.radians(64)) / 0.5 - 1))
    assert found["100 % In, PF 1", 1].v == pytest.approx(-1)


def test_everything_as_found_comes_before_the_one_write():
    meter, hands, result = calibrated({"i1": (3, 0, 0)}, points=tables.USUAL, steps=STEPS)
    assert meter.calls == ["calibrate"]
    names = [step.name for step in hands.steps]
    assert names[: len(names) // 2] == names[len(names) // 2 :]
    assert names[0] == "offset" and names[1] == "point 100 % In, PF 1" and names[-1] == "neutral 100 % In, PF 1"
    assert [step.left for step in hands.steps] == [False] * (len(names) // 2) + [True] * (len(names) // 2)
    assert len(result.record["not_applied"]) == 15 - 6
    assert result.record["before"]["i1"]["gain"] == 1
    assert result.record["after"]["i1"]["gain"] == pytest.approx(1 / 1.03)


def test_a_second_calibration_changes_nothing_and_composes():
    meter, hands, _ = calibrated({"i1": (3, 0.1, -4), "v2": (2, 1, 1)})
    first = meter.calibration()
    result = Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()
    second = meter.calibration()
    for k in range(7):
        assert second.gain[k] == pytest.approx(first.gain[k], abs=2) and abs(second.offset[k] - first.offset[k]) <= 1
        assert abs(second.phase[k] - first.phase[k]) <= 1
    meter.errors["i1"] = (5, 0.1, -4)
    Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()
    assert meter.calibration().gain[3] == pytest.approx(UNITY / 1.05, rel=1e-5)
    assert result.record["passes"]


def test_without_line_voltages_currents_follow_their_voltage():
    meter, _, result = calibrated({"v2": (0, 0, 3)}, lines=False)
    assert all(abs(row.phi) < 0.0028 for row in result.left)
    assert meter.kept[-1].phase[4] - meter.kept[-1].phase[1] == pytest.approx(3 * 182.04, abs=0.6)


def test_selected_channels_only():
    meter, _, _ = calibrated(dict.fromkeys(CHANNELS, (3, 0, 1)), channels=("i2",))
    gains = [meter.kept[-1].gain[k] == UNITY for k in range(7)]
    assert gains == [True] * 4 + [False] + [True] * 2


def test_the_neutral():
    meter, _, _ = calibrated({"in": (2, 0.05, 0)}, steps=STEPS)
    assert meter.kept[-1].gain[6] == pytest.approx(UNITY / 1.02, rel=1e-5)
    assert meter.kept[-1].offset[6] == round(0.05 / 10 * 2**23)


def test_one_step_alone():
    meter, hands, result = calibrated({"i1": (3, 0.2, 1), "v1": (3, 0, 0)}, steps=("offset",))
    assert meter.kept[-1].gain[3] == UNITY and list(meter.kept[-1].phase) == [0] * 8
    assert meter.kept[-1].offset[3] == round(0.02 * 2**23)
    assert [step.kind for step in hands.steps[:2]] == ["offset", "point"]


def test_a_step_that_is_left_out():
    meter = FakeMeter({"i1": (3, 0, 1)})
    hands = Hands(meter, IDENTITY)
    hands.skip = {"point 100 % In, PF 0.5L"}
    result = Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()
    assert list(meter.kept[-1].phase) == [0] * 8 and meter.kept[-1].gain[3] != UNITY
    assert "100 % In, PF 0.5L" in result.record["not_applied"]


def test_typed_values():
    meter = FakeMeter({"i1": (3, 0, 4)})
    hands = Hands(meter, IDENTITY, live=False)
    hands.typed = {
        "point 100 % In, PF 1": "v=230 i=5 phi=0 v_ll=398.3716857",
        "point 100 % In, PF 0.5L": "v=230 i=5 pf=0.5L v_ll=398.3716857",
    }
    result = Wizard(meter, Typed(IDENTITY), hands, Job(230.0, 5.0, **FEW)).run()
    assert result.record["passes"] and max(abs(row.p) for row in result.left) < 0.009
    assert result.record["reference"]["how"] == "typed in"


def wrong(change=None, **others):
    """The refusal; nothing may have been written."""
    meter = FakeMeter(others.pop("errors", None), change)
    hands = Hands(meter, others.pop("identity", IDENTITY), off=others.pop("off", None))
    for name in ("ripple", "thd", "f", "flags", "v_u2", "wiring"):
        if name in others:
            setattr(meter, name, others.pop(name))
    with pytest.raises(Refusal) as error:
        Wizard(meter, hands, hands, Job(230.0, 5.0, **(FEW | others))).run()
    assert len(meter.kept) == 1 and not meter.calls
    return error.value


def test_refusals():
    assert "reversed" in wrong(lambda p: p | {"i2": -p["i2"]}).reason
    assert "another phase's" in wrong(lambda p: p | {"i1": p["i2"], "i2": p["i1"]}).reason
    assert "--ct" in wrong(errors={"i1": (30, 0, 0)}).remedy
    assert "nothing arrives" in wrong(lambda p: p | {"i3": 0j}).remedy
    assert "THD" in wrong(thd={"v": 3.0, "i": 0.1}).reason
    assert "60.000 Hz" in wrong(f=60.0).reason
    assert "turn the other way" in wrong(v_u2=3000.0).reason
    assert "flagged clip" in wrong(flags=("clip",), timeout_s=0.2).reason
    assert "i_l1: scatter" in wrong(ripple=lambda seq: 0.01 * (-1) ** seq, timeout_s=0.2).reason
    assert "uncertainty" in wrong(identity=Identity("bad", "none", Uncertainty(0.1, 0.1, 0.01))).reason
    assert "virtual" in wrong(wiring="3p3w").reason
    assert "flow in the step without current" in wrong(lambda p: p | {"i1": 1 + 0j}).reason
    assert "offset of +12.0 %" in wrong(errors={"v1": (0, 60, 0)}).reason
    assert "the step wants 5 A" in wrong(off={"i_l1": 2.0}).reason
    assert "beyond full_scale_i" in wrong(points=(tables.Point(200),)).reason
    assert "apart" in wrong(errors={"i1": (0, 0, 7), "i2": (0, 0, -7)}).reason


def test_nothing_is_written_without_a_yes():
    meter = FakeMeter({"i1": (3, 0, 0)})
    hands = Hands(meter, IDENTITY)
    hands.agree = False
    with pytest.raises(Declined):
        Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()
    assert not meter.calls


def test_a_wrong_code_ends_it_before_the_work():
    meter = FakeMeter()
    hands = Hands(meter, IDENTITY)
    hands.code = lambda: "0"
    with pytest.raises(Refused):
        Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()
    assert not hands.steps


def test_what_goes_wrong_after_the_write_is_in_the_record():
    meter = FakeMeter({"i1": (3, 0, 0)})
    meter.after_write = lambda: setattr(meter, "flags", ("clip",))
    hands = Hands(meter, IDENTITY)
    result = Wizard(meter, hands, hands, Job(230.0, 5.0, **(FEW | {"timeout_s": 0.2}))).run()
    assert not result.record["passes"] and "as left is not complete" in result.record["verdict"]
    assert result.record["as_found"]["rows"] and result.record["after"] == meter.calibration().as_dict()


def test_outside_the_limits_is_said():
    meter = FakeMeter({"i1": (3, 0, 0)})
    meter.after_write = lambda: meter.errors.update(i1=(5, 0, 0))
    hands = Hands(meter, IDENTITY)
    result = Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()
    assert not result.record["passes"] and result.record["verdict"].startswith("outside the limits: L1")


def test_a_meter_that_keeps_something_else():
    meter = FakeMeter({"i1": (3, 0, 0)})
    meter.after_write = lambda: meter.kept[-1].gain.__setitem__(3, UNITY)
    hands = Hands(meter, IDENTITY)
    with pytest.raises(LinkError, match="keeps another calibration"):
        Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()


def test_a_reference_without_angles():
    meter = FakeMeter()
    hands = Hands(meter, IDENTITY)
    truth = hands.truth
    hands.truth = lambda: {id_: value for id_, value in truth().items() if not id_.startswith("phi1")}
    with pytest.raises(InputError, match="does not give phi1_l1"):
        Wizard(meter, hands, hands, Job(230.0, 5.0, **FEW)).run()
