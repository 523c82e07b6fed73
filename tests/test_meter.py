"""Windows: where they begin and end, what flags they carry, what is unknown when. In process, arithmetic checked."""

import numpy as np
import pytest

from host_tools.adc_model import Adc, frame_bytes, tones
from tests.simulate import measure, records_of, run

SITE = {"full_scale_v": 800.0, "full_scale_i": 20.0}


def balanced(lag):
    """230 V and 5 A in three phases, the current `lag` degrees behind."""
    return [
        (f"{quantity}{n}", 50, rms, -120 * (n - 1) - angle)
        for n in (1, 2, 3)
        for quantity, rms, angle in (("v", 230, 0), ("i", 5, lag))
    ]


BALANCED = balanced(30)


def at_frequency(f):
    return [(channel, f, rms, phase) for channel, _, rms, phase in BALANCED]


# IEC 61000-4-30 table 3: share of Udin, harmonics (order, share, degrees), interharmonic (order of fnom, share)
STATES = {
    "clean": (1.0, (), None),
    "state 2": (0.73, ((3, 0.1, 0), (5, 0.05, 0), (29, 0.05, 0)), (7.5, 0.01)),
    "state 3": (1.52, ((7, 0.1, 180), (13, 0.05, 0), (25, 0.05, 0)), (3.5, 0.01)),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("f, nominal", [(42.5, 50), (50.05, 50), (57.5, 50), (51, 60), (60.05, 60), (69, 60)])
def test_frequency_in_the_test_states(f, nominal, state):
    share, orders, interharmonic = STATES[state]
    given = [("v1", f, 230 * share, 20), ("i1", f, 5, 0)]
    given += [("v1", h * f, 230 * share * part, phase) for h, part, phase in orders]
    if interharmonic:
        given.append(("v1", interharmonic[0] * nominal, 230 * share * interharmonic[1], 0))
    windows = measure(given, 0.9, wiring="1p2w", nominal_frequency=nominal, full_scale_v=800.0)
    assert len(windows) >= 3
    for window in windows[1:]:
        assert window.flags == ([] if share == 1 else ["event"])  # 73 % is a dip, 152 % a swell
        assert window.f == pytest.approx(f, abs=0.003 if interharmonic else 0.001)


def test_windows_are_gapless_and_ten_periods_long():
    windows = measure(at_frequency(50.13), 1.3, **SITE)
    times = np.array([w.t for w in windows])
    assert len(times) >= 5
    assert np.diff(times) == pytest.approx(10 / 50.13, rel=1e-5)


def chirp(f0, slope, seconds, settings):
    """Records of v1 at f0 rising by `slope` Hz/s; its phase in turns as a function of time."""

    def turns(t):
        return f0 * t + slope * t * t / 2

    adc = Adc(kind="ideal")
    t = np.arange(round(seconds * adc.rate)) / adc.rate
    values = np.zeros((len(t), 7))
    values[:, 0] = 325 * np.cos(2 * np.pi * turns(t))
    return b"".join(frame_bytes([(0, values)], adc)), turns


@pytest.mark.parametrize("slope", [1.0, -1.0, 4.0, -4.0])
def test_synchronism_while_the_frequency_ramps(slope):
    """IEC 61000-4-7, 4.4.1: the window's length is wrong by less than 0.03 %: 0.003 turns in ten."""
    settings = {"wiring": "1p2w", "adc": "ideal"}
    records, turns = chirp(50.0, slope, 1.7, settings)
    windows = run(records, settings)
    assert len(windows) >= 7
    advance = np.diff([turns(w.t) for w in windows])
    assert np.abs(advance - 10).max() < 0.003


def test_a_few_lost_frames_flag_their_window_only():
    records = records_of(BALANCED, 1.0, SITE, drop=range(4000, 4010))
    windows = run(records, SITE)
    assert [w.flags for w in windows] == [[], ["gap"], [], []]


def test_a_long_gap_is_an_unknown_window_and_time_goes_on():
    records = records_of(BALANCED, 1.3, SITE, drop=range(4000, 5000))
    windows = run(records, SITE)
    assert [w.flags for w in windows][:3] == [[], ["gap"], []]
    gap, after = windows[1], windows[2]
    assert gap.t == pytest.approx(windows[0].t + 0.2, abs=1e-4)
    assert gap.v_l1 is None and gap.p is None and gap.vh_l1 == [None] * 51
    assert after.t == pytest.approx(5000 / 12800, abs=0.001)
    assert after.p == pytest.approx(windows[0].p, rel=1e-4)


def test_crc_errors_and_clipping_are_flagged():
    windows = run(records_of(BALANCED, 0.9, SITE, corrupt=[4000]), SITE)
    assert [w.flags for w in windows] == [[], ["crc"], [], []]
    assert "clip" in measure(BALANCED, **{**SITE, "full_scale_v": 300.0})[0].flags


def test_one_voltage_is_enough_for_synchronism():
    without_l1 = [tone for tone in at_frequency(49.8) if tone[0] != "v1"]
    windows = measure(without_l1, **SITE)
    assert windows[-1].f == pytest.approx(49.8, abs=0.001)
    assert windows[-1].flags == ["flat", "event"]  # v1 shows one constant code, and that is a dip
    assert windows[-1].v_l1 == 0 and windows[-1].q1_l1 is not None


def test_the_reference_may_fail_and_come_back():
    """v1 goes at 0.45 s and returns at 0.85 s; L2 keeps the windows in step."""
    adc = Adc(full_scale_v=800.0, full_scale_i=20.0)
    values = tones(at_frequency(50.2), round(1.5 * adc.rate), adc)
    values[round(0.45 * adc.rate) : round(0.85 * adc.rate), 0] *= 0.01
    windows = run(b"".join(frame_bytes([(0, values)], adc)), SITE)
    assert [w.flags for w in windows] == [[], [], ["event"], ["event"], ["event"], [], []]
    assert [w.f for w in windows] == pytest.approx([50.2] * len(windows), abs=0.002)
    assert windows[-1].v_l1 == pytest.approx(230, rel=1e-3)


def test_without_voltage_nothing_is_claimed_about_phase():
    windows = measure([tone for tone in BALANCED if tone[0][0] == "i"], **SITE)
    for window in windows:
        assert "unsync" in window.flags
        assert window.i_l1 == pytest.approx(5, rel=0.01)
        assert window.p == pytest.approx(0, abs=1e-6)
        assert (window.f, window.q1, window.phi1, window.thd_i_l1, window.quadrant) == (None,) * 5
        assert window.ih_l1 == [None] * 51


def test_synchronism_returns_with_the_voltage():
    adc = Adc(full_scale_v=800.0, full_scale_i=20.0)
    values = tones(at_frequency(51.3), round(1.6 * adc.rate), adc)
    values[: round(0.5 * adc.rate), :3] = 0
    windows = run(b"".join(frame_bytes([(0, values)], adc)), SITE)
    assert windows[0].f is None and "unsync" in windows[0].flags
    assert windows[-1].flags == []
    assert windows[-1].f == pytest.approx(51.3, abs=0.001)


def test_neutral_current_without_a_ct_comes_from_the_phases():
    given = [tone for tone in BALANCED if tone[0] != "i3"] + [("i1", 150, 1, 0), ("i2", 150, 1, 0)]
    window = measure(given, neutral_current="computed", **SITE)[-1]
    assert window.ih_n[1] == pytest.approx(5, rel=1e-3)
    assert window.ih_n[3] == pytest.approx(2, rel=1e-3)
    assert window.i_n == pytest.approx(29**0.5, rel=1e-3)


def test_dc_has_a_sign_and_offsets_are_taken_off():
    given = [("v1", 50, 230, 0), ("i1", 50, 5, 0)]
    window = measure(given, dc={"i1": -0.25}, wiring="1p2w", **SITE)[-1]
    assert window.ih_l1[0] == pytest.approx(-0.25, rel=1e-3)
    code = round(-0.25 / 20 * 32768)
    window = measure(given, dc={"i1": -0.25}, wiring="1p2w", offsets=[0, 0, 0, code, 0, 0, 0, 0], **SITE)[-1]
    assert abs(window.ih_l1[0]) < 0.001


@pytest.mark.parametrize("quadrant, lag", [(1, 30), (2, 150), (3, 210), (4, -30)])
def test_quadrants(quadrant, lag):
    window = measure(balanced(lag), **SITE)[-1]
    s = 3 * 230 * 5
    assert window.p == pytest.approx(s * np.cos(np.radians(lag)), abs=1e-4 * s)
    assert window.q1 == pytest.approx(s * np.sin(np.radians(lag)), abs=1e-4 * s)
    assert window.quadrant == quadrant


def test_demand_and_rated_current():
    given = [("v1", 50, 230, 0), ("i1", 50, 5, 0), ("i1", 250, 1, 0), ("i1", 275, 0.5, 0)]
    window = measure(given, wiring="1p2w", demand_current=10.0, rated_current=16.0, **SITE)[-1]
    assert window.tdd_i_l1 == pytest.approx(10.0, rel=1e-3)
    assert window.trd_i_l1 == pytest.approx(100 * 1.25**0.5 / 16, rel=1e-3)


@pytest.mark.parametrize("f, nominal", [(50.07, 50), (59.9, 60)])
def test_short_windows_are_half_as_long_and_marked(f, nominal):
    given = [("v1", f, 230, 0), ("i1", f, 5, -30), ("v1", 5 * f, 10, 0)]
    windows = measure(given, wiring="1p2w", nominal_frequency=nominal, window="5/6", **SITE)
    assert len(windows) >= 3
    assert windows[2].t - windows[1].t == pytest.approx(nominal / 10 / f, rel=1e-4)
    for window in windows[1:]:
        assert window.flags == ["short"]
        assert window.f == pytest.approx(f, abs=0.003)
        assert window.vh_l1[5] == pytest.approx(10, rel=1e-3)
        assert window.q1 == pytest.approx(230 * 5 * 0.5, rel=1e-3)


@pytest.mark.parametrize("f", [50.0, 51.2])
def test_rogowski_coils_are_integrated(f):
    """A coil gives the derivative: order h is h f / 50 times as large and leads by 90 degrees."""
    currents = {1: (5, -30), 5: (1, 80), 25: (0.1, 10), 50: (0.05, -60)}
    given = [("v1", f, 230, 0), ("v1", 5 * f, 10, 20)]
    given += [("i1", h * f, rms * h * f / 50, angle + 90) for h, (rms, angle) in currents.items()]
    window = measure(given, wiring="1p2w", current_sensor="rogowski", full_scale_v=800.0, full_scale_i=50.0)[-1]
    assert window.i_l1 == pytest.approx(sum(rms**2 for rms, _ in currents.values()) ** 0.5, rel=1e-3)
    for h, (rms, _) in currents.items():
        assert window.ih_l1[h] == pytest.approx(rms, rel=5e-3)
    p = 230 * 5 * np.cos(np.radians(30)) + 10 * np.cos(np.radians(60))
    assert window.p == pytest.approx(p, rel=1e-3)
    assert window.q1 == pytest.approx(230 * 5 * 0.5, rel=1e-3)
    assert window.phi1 == pytest.approx(30, abs=0.01)


def test_a_rogowski_current_without_synchronism_is_not_known():
    window = measure([("i1", 50, 5, 90)], wiring="1p2w", current_sensor="rogowski", **SITE)[-1]
    assert "unsync" in window.flags
    assert window.i_l1 is None and window.p is None and window.v_l1 is not None
