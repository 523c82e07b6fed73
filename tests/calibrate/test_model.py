"""host_tools/calibrate/model.py against closed forms."""

import cmath
import math

import pytest

from host_tools.calibrate import model
from host_tools.calibrate.model import UNITY, Calibration, Measured, ModelError

PER_DEGREE = 256 * 12800 / (360 * 50)  # 182.04 modulator periods a degree


def test_periods_per_degree():
    assert model.periods_per_degree(12800, 50) == pytest.approx(182.0444, abs=1e-4)
    # SBAS950: tMOD = 2 / fCLKIN = 305.2 ns at 6.5536 MHz; a degree of 60 Hz is 46.296 us
    assert model.periods_per_degree(12800, 60) == pytest.approx(46.2963e-6 / 305.1758e-9, rel=1e-5)


def test_offset_is_what_the_raw_codes_have():
    """raw dc of 0.5 % of full scale, 2**23 codes: 41943; the same when 30000 of it are taken off already, at a gain."""
    assert model.new_offset(0, UNITY, 2.5, 500.0) == 41943
    gain = round(1.03 * UNITY)
    left = (41943.04 - 30000) * 1.03 / 2**23 * 500
    assert model.new_offset(30000, gain, left, 500.0) == 41943
    assert model.new_offset(0, UNITY, -0.05, 10.0) == -41943


def test_gain_is_a_ratio_and_composes():
    assert model.new_gain(UNITY, 5.0, 5.15) == round(UNITY / 1.03)
    first = model.new_gain(UNITY, 5.0, 5.15)
    assert model.new_gain(first, 5.0, 5.0 * 1.002) == pytest.approx(UNITY / 1.03 / 1.002, abs=1)
    with pytest.raises(ModelError, match="reading of 0"):
        model.new_gain(UNITY, 5.0, 0.0)


def test_without_dc():
    assert model.without_dc(5.0, 3.0) == 4.0
    assert model.without_dc(1.0, 2.0) == 0.0


def test_angles_of_a_triangle():
    assert model.between(3, 4, 5) == pytest.approx(90)
    assert model.between(1, 1, math.sqrt(3)) == pytest.approx(120)
    with pytest.raises(ModelError, match="no triangle"):
        model.between(1, 1, 2.5)
    with pytest.raises(ModelError, match="no angle"):
        model.between(0, 1, 1)


def voltages(angles, lengths=(230, 225, 236)):
    v = [cmath.rect(length, math.radians(angle)) for length, angle in zip(lengths, angles, strict=True)]
    values = {f"v_l{k + 1}": abs(v[k]) for k in range(3)}
    return values | {f"v_l{a + 1}{b + 1}": abs(v[a] - v[b]) for a, b in ((0, 1), (1, 2), (2, 0))}


def test_voltage_angles_whatever_the_gains():
    true = voltages((0, -120, 120))
    read = voltages((0, -120 + 4, 120 - 0.3), (200, 240, 236))
    assert model.voltage_angles(read, true) == pytest.approx((0, 4, -0.3), abs=1e-9)
    # L1 late by 4: the others are early against it
    assert model.voltage_angles(voltages((-4, -120, 120)), true) == pytest.approx((0, 4, 4), abs=1e-9)


def test_dc_is_taken_off_the_triangle():
    true = voltages((0, -120, 120))
    read = {id_: math.hypot(value, dc) for (id_, value), dc in zip(true.items(), (20, 0, 0, 20, 0, -20), strict=True)}
    assert model.voltage_angles(read, true, {"v_l1": 20.0}) == pytest.approx((0, 0, 0), abs=1e-9)


def test_a_current_that_is_early_is_delayed():
    phases = model.new_phases([0] * 8, {3: 4.0}, PER_DEGREE)
    assert phases == [0, 0, 0, 728, 0, 0, 0, 0]


def test_a_current_that_is_late_delays_all_others():
    """-4 degrees are -728 periods; the converter takes 127 back, all others are later by 601."""
    phases = model.new_phases([0] * 8, {3: -4.0}, PER_DEGREE)
    assert phases[3] == -127
    assert all(601 <= phases[k] - 0 <= 602 for k in (0, 1, 2, 4, 5, 6))
    assert phases[0] - phases[3] == pytest.approx(728.18, abs=0.51)


def test_small_lateness_needs_nobody_else():
    assert model.new_phases([0] * 8, {4: -0.5}, PER_DEGREE) == [0, 0, 0, 0, -91, 0, 0, 0]


def test_delays_do_not_grow_with_every_calibration():
    late = model.new_phases([0] * 8, {3: -4.0}, PER_DEGREE)
    again = model.new_phases(late, {3: 4.0}, PER_DEGREE)
    assert again[0] == 0 and max(again) - min(again) <= 1


def test_currents_are_rounded_against_their_voltage():
    for share in range(40):
        lead_v, lead_i = 0.1 + share / 3000, 0.2 + share / 1700
        phases = model.new_phases([0] * 8, {1: lead_v, 4: lead_i}, PER_DEGREE)
        assert phases[4] - phases[1] == pytest.approx((lead_i - lead_v) * PER_DEGREE, abs=0.501)


def test_further_apart_than_delays_reach():
    with pytest.raises(ModelError, match="i1 and i2 are 12 degrees apart: delays reach 11.2"):
        model.new_phases([0] * 8, {3: 6.0, 4: -6.0}, PER_DEGREE)


def test_complete_from_powers_and_from_the_angle():
    found = model.complete({"v_l1": 230, "i_l1": 5, "p_l1": 575, "q1_l1": 575 * math.sqrt(3)}, (1,))
    assert found["phi1_l1"] == pytest.approx(60)
    found = model.complete({"v_l1": 230, "i_l1": 5, "phi1_l1": -36.869898}, (1,))
    assert found["p_l1"] == pytest.approx(920) and found["q1_l1"] == pytest.approx(-690)
    assert "phi1_l1" not in model.complete({"v_l1": 230, "i_l1": 5, "p_l1": 575}, (1,))  # lagging or leading?
    with pytest.raises(ModelError, match="is more than"):
        model.complete({"v_l1": 230, "i_l1": 5, "p_l1": 1200}, (1,))


def test_proposal_leaves_other_channels_alone():
    read = {f"{q}_l{k}": x for k in (1, 2, 3) for q, x in (("v", 230.0), ("i", 5.15), ("phi1", 1.0))} | {"f": 50.0}
    true = {f"{q}_l{k}": x for k in (1, 2, 3) for q, x in (("v", 230.0), ("i", 5.0), ("phi1", 0.0))}
    measured = Measured(read, true)
    before = Calibration(1, 4)
    before.offset[2] = 77
    made = model.propose(before, (500, 10), (1, 2, 3), 12800, gain=measured, phase=measured, channels=("i2",))
    assert [k for k in range(8) if made.gain[k] != UNITY] == [4] and made.gain[4] == round(UNITY / 1.03)
    assert made.phase[0] - made.phase[4] == 182 and made.phase[3] == made.phase[0]
    assert made.offset[2] == 77 and (made.gain_v, made.gain_i) == (1, 4)
    assert list(before.gain) == [UNITY] * 8


def test_proposal_that_is_not_legal():
    measured = Measured({"v_l1": 230.0, "i_l1": 4.0}, {"v_l1": 230.0, "i_l1": 5.0})
    with pytest.raises(model.CalibrationError, match="i1: gain 1.25"):
        model.propose(Calibration(), (500, 10), (1,), 12800, gain=measured)
