"""dsp/flicker.py against Python's integers, and its factors against the analog chain of IEC 61000-4-15."""

import numpy as np
import pytest

from host_tools import make_flicker
from tests.dsp import jobs_flicker
from tests.dsp.on_interpreters import NAMES, check
from wattless.dsp.flicker_filter import FILTERS


@pytest.mark.parametrize("name", [name for name in NAMES if name != "thumb"])
def test_a_step_equals_its_model(name, tmp_path):
    jobs = jobs_flicker.JOBS[::3] if name == "viper" else jobs_flicker.JOBS  # emulated, a step takes 2 ms
    check(name, "run_flicker.py", jobs, tmp_path)


# k, lambda, w1 to w4 in Hz; dU/U in % of the 8.8 Hz point of Table 1; low-pass in Hz
LAMPS = {
    "230 V": (1.74802, 4.05981, 9.15494, 2.27979, 1.22535, 21.9, 0.250),
    "120 V": (1.6357, 4.167375, 9.077169, 2.939902, 1.394468, 17.31512, 0.321),
}
LOW_PASS = {50: 35, 60: 42}


def analog(lamp, mains, f):
    """Magnitude from the mean square of a half period to the weighted fluctuation."""
    k, damping, w1, w2, w3, w4, _ = LAMPS[lamp]
    s = 1j * f
    weighting = k * w1 * s / (s * s + 2 * damping * s + w1 * w1) * (1 + s / w2) / ((1 + s / w3) * (1 + s / w4))
    low_pass = 1 / np.sqrt(1 + (f / LOW_PASS[mains]) ** 12)
    # the mean of 2 sin(w t)**2 cos(2 pi f t), w t = 0..pi, over that of 2 sin(w t)**2
    t = (np.arange(2000) + 0.5) / 2000 / (2 * mains)
    droop = abs(np.mean(2 * np.sin(2 * np.pi * mains * t) ** 2 * np.exp(2j * np.pi * np.outer(f, t)), axis=1))
    return abs(weighting * s / (s + 0.05)) * low_pass / droop


def pulse_response(row):
    """The pulse response of the kernel's filters before their rounding, from (v / mean)**2 to w at LEVEL_ONE 2**15."""
    _, gain, high_pass, zero, pole, lamp1, lamp2, edge1, edge2, edge3, _ = (factor / 2**16 for factor in row)
    slow = h0 = b1 = a1 = a2 = c1 = c2 = c3 = 0
    out = []
    for n in range(12_000):
        h = (gain if n == 0 else 0) - slow
        slow += h * high_pass
        d, h0 = h - h0, h
        b = d + b1
        b1 = d * zero - d + b + b * pole
        a = b + a1
        a1, a2 = a + a * lamp1 + a2, a * lamp2 - a
        y = a + c1
        c1, c2, c3 = 2 * a + y * edge1 + c2, a + y * edge2 + c3, y * edge3
        out.append(y)
    return np.array(out) * 2**25 / 2**10


@pytest.mark.parametrize("grid", FILTERS)
def test_the_filters_are_those_of_the_standard(grid):
    """Within 1 % from 0.2 Hz to a third of the rate; what is above is not louder than the analog chain has it."""
    lamp, mains = grid
    pulse = pulse_response(FILTERS[grid])
    f = np.concatenate([np.geomspace(0.2, 2 * mains / 3, 60), np.linspace(2 * mains / 3, mains, 20)])
    found = abs(np.exp(-2j * np.pi * np.outer(f / (2 * mains), np.arange(len(pulse)))) @ pulse)
    wanted = analog(lamp, mains, f)
    one = found[20] / wanted[20]
    assert found[:60] / wanted[:60] / one == pytest.approx(np.ones(60), abs=0.01)
    assert (found[60:] / wanted[60:] / one < 1.05).all()


@pytest.mark.parametrize("grid", FILTERS)
def test_no_input_leaves_32_bits(grid):
    """The largest y, sum of magnitudes of the pulse response times half the range of -1..3, is 2**28; what is added up
    on the way to it is at most four such terms."""
    pulse = pulse_response(FILTERS[grid]) * 2**10
    assert 2 * abs(pulse).sum() < 1.05 * 2**28
    row = dict(zip(make_flicker.NAMES, FILTERS[grid], strict=True))
    assert max(make_flicker.largest(row)) < 1.05 * 2**28


def test_constants_of_time():
    for (_, mains), row in FILTERS.items():
        rate = 2 * mains
        assert row[0] == pytest.approx(2**16 / (27.3 * rate), abs=0.5)
        assert row[2] == pytest.approx(2**16 * 2 * np.pi * 0.05 / rate, abs=0.6)
        assert row[-1] == pytest.approx(2**16 * (1 - np.exp(-1 / (0.3 * rate))), abs=0.5)


def test_checked_in_factors_are_the_generated_ones():
    """But for the last bits of a fit on another machine."""
    made = make_flicker.filters()
    assert made.keys() == FILTERS.keys()
    for grid, row in made.items():
        assert row == pytest.approx(FILTERS[grid], abs=3), f"{grid}: run python -m host_tools.make_flicker"
