"""metering/half_cycle.py against closed forms of Urms(1/2), I, P and Q1, from frame records, on MicroPython x86-64.
That other interpreters say the same: test_half_machines.py."""

import json
import subprocess

import numpy as np
import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT, micropython
from tests.metering.half_cases import (
    CASES,
    LATE,
    PHASE,
    RATE,
    RUNNER,
    SHAPE,
    STEADY,
    I,
    Told,
    V,
    closed_form,
    ramp,
    three_wires,
    write_jobs,
)

GAP, UNSYNC = 1, 32


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """{case: Told}"""
    folder = tmp_path_factory.mktemp("half_cycle")
    jobs = write_jobs(CASES, folder)
    done = subprocess.run(
        [micropython("x64"), "-X", "heapsize=16m", ROOT / RUNNER, folder / "jobs"],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('x64')}:.frozen"},
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {name: Told(row, job["settings"]) for (name, job), row in zip(jobs.items(), rows, strict=True)}


@pytest.mark.parametrize("rate, nominal, f", sorted(STEADY))
def test_steady_state(told, rate, nominal, f):
    """0.02 % from the first value on, 0.01 % (V and I: 0.004 %) once the frequency has settled."""
    case = told[f"steady {rate} {nominal} {f}"]
    v, i, p, q1 = closed_form()
    s = v * i
    known = np.isfinite(case.p)
    assert known.sum() >= 2 * f * 0.4 - 8
    for n in (1, 2, 3):
        rows = [case.values[f"{name}_l{n}"][known] for name in ("v", "i", "p", "q1")]
        errors = [rows[0] / v - 1, rows[1] / i - 1, (rows[2] - p) / s, (rows[3] - q1) / s]
        for error, late in zip(errors, (4e-5, 4e-5, 1e-4, 1.2e-4), strict=True):
            assert np.abs(error).max() < 3e-4
            assert np.abs(error[20:]).max() < late
    assert case.p[known] == pytest.approx(3 * p, abs=3 * 3e-4 * s)
    assert case.q1[known] == pytest.approx(3 * q1, abs=3 * 3e-4 * s)
    assert set(case.flags) == {0}


@pytest.mark.parametrize("rate, nominal, f", sorted(STEADY))
def test_half_periods_end_at_crossings_and_miss_none(told, rate, nominal, f):
    case = told[f"steady {rate} {nominal} {f}"]
    for element in range(3):
        ends, v = case.of(element)
        turns = ends * f + (PHASE - 120 * element) / 360 + 0.25  # half a turn a crossing
        astray = (2 * turns + 0.5) % 1 - 0.5
        assert np.abs(astray).max() < 0.02
        assert set(np.diff(np.round(2 * turns))) == {1}
        assert v == pytest.approx(V * SHAPE, rel=2e-4)
    assert [v * case.volts for _, v in case.flicker[30:]] == pytest.approx(
        [V * SHAPE] * len(case.flicker[30:]), rel=3e-4
    )


@pytest.mark.parametrize("rate, nominal, f", sorted(STEADY))
def test_the_first_value(told, rate, nominal, f):
    """Of an unknown frequency: three half periods, four where the search begins anew, and the block that they end in;
    then the periods that went by are told, too."""
    case = told[f"steady {rate} {nominal} {f}"]
    first = case.come[np.isfinite(case.p)][0]
    assert first <= 4.1 * rate / (2 * nominal * 0.85) + 64
    assert case.of(0)[0][0] < 1.8 / f + 64 / rate


def test_wirings(told):
    v, i, p, q1 = closed_form()
    for name, lines in (("1p2w", (1,)), ("1p3w", (1, 2))):
        case = told[name]
        for n in (1, 2, 3):
            for quantity, expected in (("v", v), ("i", i), ("p", p), ("q1", q1)):
                got = case.values[f"{quantity}_l{n}"][-1]
                assert got == pytest.approx(expected, rel=2e-4) if n in lines else np.isnan(got)
        assert case.p[-1] == pytest.approx(len(lines) * p, rel=2e-4)
        assert case.q1[-1] == pytest.approx(len(lines) * q1, rel=2e-4)


def test_three_wires(told):
    """Elements (V12, I1) and (V32, I3): their complex powers add up to the system's (2.1 of the reference)."""
    case = told["3p3w"]
    v12, v32, i1, i3 = three_wires(0.1, 49.7)[1]
    total = v12 * i1.conjugate() + v32 * i3.conjugate()
    assert (case.v_l1[-1], case.v_l3[-1]) == pytest.approx((abs(v12), abs(v32)), rel=1e-4)
    assert (case.i_l1[-1], case.i_l3[-1]) == pytest.approx((20, 15), rel=1e-4)
    assert (case.p[-1], case.q1[-1]) == pytest.approx((total.real, total.imag), abs=1e-4 * abs(total))
    assert case.p_l1[-1] + case.p_l3[-1] == pytest.approx(case.p[-1], rel=1e-6)
    assert np.isnan([case.v_l2, case.i_l2, case.p_l2, case.q1_l2]).all()
    assert {e for e, _, _ in case.events} == {0, 1}


def test_24_bit_samples(told):
    case = told["24 bit"]
    for name, expected in zip(("v_l2", "i_l2", "p_l2", "q1_l2"), closed_form(), strict=True):
        assert case.values[name][-1] == pytest.approx(expected, rel=5e-5)


def test_one_percent_of_the_current(told):
    """28 A peak of 100 A, of which 1 %: 93 codes."""
    case = told["small currents"]
    _, i, p, q1 = closed_form()
    for name, expected in (("i_l1", i), ("p_l1", p), ("q1_l1", q1)):
        assert case.values[name][-10:] == pytest.approx(expected / 100, rel=2e-3)


def test_a_step_at_a_crossing(told):
    """IEC 61000-4-30 test E1: the first value below is the mix of half a period before and half a period after."""
    ends, v = told["dip"].of(0)
    v = v[np.searchsorted(ends, 0.195) :] / V
    mix = np.sqrt((1 + 0.49) / 2)
    assert v[:13] == pytest.approx([1, mix] + 9 * [0.7] + [mix, 1], abs=2e-3)
    assert v[3:10] == pytest.approx(0.7, rel=1e-4)
    halves = np.array([row[1] for row in told["dip"].flicker if row[0] == 0]) * told["dip"].volts / V
    below = np.flatnonzero(halves < 0.8)
    assert len(below) == 10 and halves[below] == pytest.approx(0.7, abs=2e-3)


@pytest.mark.parametrize("name, f, rest", [("interruption", 49.0, 0.0), ("5 %", 51.0, 0.05)])
def test_deep_dips(told, name, f, rest):
    """Half periods go on through them, and end at the crossings afterwards as well."""
    for element in range(3):
        ends, v = told[name].of(element)
        assert np.diff(ends) == pytest.approx(0.5 / f, abs=1.5 / RATE)
        deep = (ends > 0.2 + 1 / f) & (ends < 0.3)
        assert v[deep] / V / SHAPE == pytest.approx(rest, abs=1e-4)
        assert v[(ends < 0.2) | (ends > 0.3 + 1 / f)] == pytest.approx(V * SHAPE, rel=2e-4)
        last = 2 * (ends[-1] * f + (PHASE - 120 * element) / 360 + 0.25)
        assert last == pytest.approx(round(last), abs=0.02)


@pytest.mark.parametrize("jump", [30, 80, 180])
def test_phase_jumps(told, jump):
    """Only the periods that the jump is in are mixtures; the half periods find the new crossings."""
    for element in range(3):
        ends, v = told[f"jump {jump}"].of(element)
        assert v[(ends < 0.2) | (ends > 0.2204)] == pytest.approx(V * SHAPE, rel=2e-4)
        turns = ends[ends > 0.27] * 50 + (PHASE + jump - 120 * element) / 360 + 0.25
        assert np.abs((2 * turns + 0.5) % 1 - 0.5).max() < 0.02
        assert np.diff(ends).max() < 0.0161


@pytest.mark.parametrize("name, slope", [("ramp up", 1), ("ramp down", -1)])
def test_ramps(told, name, slope):
    """1 Hz/s: 0.01 %, and the ends stay within half a sample and 2 degrees of the crossings."""
    for element in range(3):
        ends, v = told[name].of(element)
        assert v[10:] == pytest.approx(V * SHAPE, rel=1e-4)
        turns = ramp(50, slope)(ends[10:]) + (PHASE - 120 * element) / 360 + 0.25
        assert np.abs((2 * turns + 0.5) % 1 - 0.5).max() < 0.02


def test_a_step_of_the_frequency(told):
    ends, v = told["frequency step"].of(0)
    assert v[(ends < 0.2) | (ends > 0.28)] == pytest.approx(V * SHAPE, rel=2e-4)
    assert np.diff(ends[ends > 0.28]) == pytest.approx(0.5 / 52, abs=1.5 / RATE)


def test_a_voltage_that_comes_late(told):
    """0 V is a value; a voltage of unknown frequency is none until it is found."""
    case = told["late voltage"]
    ends, v = case.of(0)
    assert (v[ends < 0.1] == 0).all() and (ends < 0.1).sum() >= 8
    assert v[ends > 0.16] == pytest.approx(V * SHAPE, rel=2e-4)
    assert ends[ends > 0.12][0] < 0.16
    nothing = np.isnan(case.v_l1) & (case.come > 0.1 * RATE)
    assert nothing.any() and np.isnan(case.p[nothing]).all()
    assert case.flags[0] == UNSYNC and case.flags[-1] == 0


def test_lost_frames_are_flagged(told):
    """Ten frames: the periods that they are in, no others; the next ones are right."""
    case = told["lost frames"]
    flagged = np.flatnonzero(case.flags)
    assert set(case.flags) == {0, GAP} and 2 <= len(flagged) <= 4
    assert (case.come[flagged] > 2500).all() and (case.come[flagged] < 2500 + 3 * 128 + 64).all()
    for n in (1, 2, 3):
        v = case.values[f"v_l{n}"]
        assert v[flagged[-1] + 1 :] == pytest.approx(V * SHAPE, rel=1e-4)


def test_a_gap(told):
    """Values are unknown, then those of the first period behind it."""
    case = told["gap"]
    first = np.flatnonzero(np.isnan(case.p) & (case.come > 2000))[0]
    assert case.flags[first] == GAP and set(case.flags[first + 1 :]) == {0}
    for name, expected in zip(("v_l1", "i_l2", "p_l3", "q1_l1"), closed_form(), strict=True):
        assert np.isnan(case.values[name][first])
        assert case.values[name][first + 3 :] == pytest.approx(expected, rel=3e-4)
    ends, _ = case.of(0)
    assert ends[ends > 2500 / RATE][0] == pytest.approx(3000 / RATE + 1 / 50.1, abs=2 / RATE)


def test_an_absent_voltage_follows_another_one(told):
    case = told["no V2"]
    ends, v = case.of(1)
    assert np.diff(ends[8:]) == pytest.approx(0.5 / 51.3, abs=1.5 / RATE) and (v == 0).all()
    assert case.v_l2[-1] == case.p_l2[-1] == case.q1_l2[-1] == 0
    assert case.i_l2[-1] == pytest.approx(I * SHAPE, rel=1e-4)
    assert case.p[-1] == pytest.approx(2 * closed_form()[2], rel=2e-4)
    assert case.flags[-1] == 0


def test_without_any_voltage(told):
    """Half periods of the nominal frequency, unsynchronised; or those of the windows."""
    case = told["no voltage"]
    assert set(case.flags) == {UNSYNC}
    assert case.i_l1[-1] == pytest.approx(I * SHAPE, rel=1e-4)  # it is 50 Hz, after all
    assert (case.v_l1[-1], case.p[-1], case.q1[-1]) == (0, 0, 0)
    case = told["no voltage, windows"]
    assert case.i_l3[-1] == pytest.approx(I * SHAPE, rel=1e-4)
    assert np.diff(case.of(2)[0][8:]) == pytest.approx(0.5 / 51.3, abs=1.5 / RATE)


def test_a_frequency_out_of_range_is_not_mistaken(told):
    assert told["40 Hz"].raw == []


def test_rogowski_coils(told):
    """Q1 is integrated; rms value and P of a coil are not known."""
    case = told["coils"]
    for n in (1, 2, 3):
        assert case.values[f"q1_l{n}"][-1] == pytest.approx(closed_form()[3], rel=2e-4)
        assert np.isnan(case.values[f"i_l{n}"]).all() and np.isnan(case.values[f"p_l{n}"]).all()
    assert np.isnan(case.p).all()
    assert case.q1[-1] == pytest.approx(3 * closed_form()[3], rel=2e-4)


@pytest.mark.parametrize("f", LATE)
def test_how_late_values_are(told, f):
    """From the end of the half period to the points: a block of 64 frames, a slice of 20 frames (131 k instructions at
    84 M/s) for each element, and up to two thirds of a half period until the third element has its value, too: less
    than 20 ms, 256 frames. One call of `poll` a slice is enough."""
    case = told[f"late {f}"]
    waiting, worst, latest = {}, 0, 0
    for kind, *row in case.raw:
        if kind == "event":
            element, sample, _ = row
            waiting[element] = sample
            latest = max(latest, sample)
        elif waiting:
            # the event of the element that completes the round comes after the points
            worst = max(worst, row[0] - min(waiting.values()))
            waiting = {}
    assert len(case.come) > 0.4 * 2 * f - 10
    assert worst < 256 - 20
