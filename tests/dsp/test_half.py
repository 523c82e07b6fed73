"""dsp/half.py and its twin against Python's integers; what its correlations are worth, in float64."""

import numpy as np
import pytest

from tests.dsp import jobs_half
from tests.dsp.on_interpreters import NAMES, check

TURN = 2**26


@pytest.mark.parametrize("name", NAMES)
def test_half_period_sums_are_exact(name, tmp_path):
    check(name, "run_samples.py", jobs_half.JOBS, tmp_path)


def phasor(samples, start, period):
    """Of one period of `samples` from start on (fractions allowed), by the models of aim, sums and edge: a cosine of
    amplitude 1 LSB gives 1."""
    step = round(TURN / period)
    first = 4 * int(start // 4)
    last = 4 * int((start + period) // 4)
    half = (last - first) // 8  # the oscillator is set anew for the second half, as in the meter
    total = np.zeros(2)
    angle, at = 0, first
    edges = [jobs_half.edge(samples, 0, 0, first, round(4096 * (start - first)), False, 0, step)]
    for groups in (half, (last - first) // 4 - half):
        angle, *oscillator = jobs_half.aimed(angle, step, groups)
        total += jobs_half.sums(samples, 0, 0, at, groups, False, oscillator, len(samples))[6:8]
        at += 4 * groups
    edges.append(jobs_half.edge(samples, 0, 0, last, round(4096 * (start + period - last)), False, angle, step))
    cos, late_sin = total + np.subtract(edges[1][3:5], edges[0][3:5])
    x = 4 * np.pi / period  # half a group
    sin = (late_sin + cos * np.sin(x)) / np.cos(x)
    gain = np.sin(x) / (4 * np.sin(x / 4))  # of four samples as one
    return (cos - 1j * sin) / (8 * 16380 / 16384 * gain * period)


def tone(h, period, amplitude=30000.0, angle=0.0):
    return np.rint(amplitude * np.cos(2 * np.pi * h * np.arange(1024) / period + angle)).astype(int)


SPANS = [
    (rate / f, start)
    for rate, f in ((12800, 42.5), (12800, 60.07), (12800, 69), (10240, 57.5), (10240, 69))
    for start in (0, 5.3, 99.9)
]


@pytest.mark.parametrize("period, start", SPANS)
def test_the_fundamental(period, start):
    """Size within 0.01 %, angle within 0.01 %, whatever its phase."""
    reference = np.exp(-2j * np.pi * 4 * int(start // 4) / period)
    for angle in np.radians((0, 33, 90, 200)):
        found = phasor(tone(1, period, angle=angle), start, period) / 30000
        assert abs(found * reference / np.exp(1j * angle) - 1) < 1.5e-4


@pytest.mark.parametrize("period, start", SPANS)
def test_what_leaks_in(period, start):
    """Of an order near a quarter of the rate 3.4 %, of others 1.1 %, below the 20th 0.2 %; of dc less."""
    for h in (0, *range(2, 51)):
        leak = abs(phasor(tone(h, period, angle=0.7), start, period)) / 30000
        near = abs(h - period / 4) < 2
        assert leak < (0.034 if near else 0.002 if h < 20 else 0.011)
