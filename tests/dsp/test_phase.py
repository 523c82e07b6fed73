"""dsp/phase.py and its twin against integers from the definition, and those against the phase of known sines."""

import numpy as np
import pytest

from tests.dsp import jobs_phase
from tests.dsp.jobs_phase import TURN, correlate, half, polar
from tests.dsp.on_interpreters import NAMES, check
from wattless.dsp import phase


@pytest.mark.parametrize("name", NAMES)
def test_correlations_equal_their_model(name, tmp_path):
    check(name, "run_samples.py", jobs_phase.CORRELATIONS, tmp_path)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "thumb"])
def test_angles_equal_their_model(name, tmp_path):
    check(name, "run_samples.py", jobs_phase.ANGLES, tmp_path)


@pytest.mark.parametrize("amplitude, error", [(32000, 1e-5), (1000, 5e-5), (16, 4e-3)])
@pytest.mark.parametrize("frequency", [42.5, 50, 57.5, 69])
def test_the_phase_of_a_sine(frequency, amplitude, error):
    """Turns; also what the magnitude is."""
    step = round(TURN * frequency / 12800)
    k = np.arange(700) - 350
    for turns in (0, 0.13, 0.4, -0.3):
        samples = np.round(amplitude * np.cos(2 * np.pi * (frequency * k / 12800 + turns))).astype(np.int64)
        re, im = correlate(samples, 350, half(step), step)
        magnitude, angle = polar(re, -im)
        assert abs((angle / TURN - turns + 0.5) % 1 - 0.5) < error
        assert magnitude == pytest.approx(0.41169 * amplitude * 16 * 12800 / frequency, rel=100 * error)


def test_samples_of_a_period():
    for step in range(150_000, 500_000, 997):
        assert phase.half(step) == half(step)
        assert (half(step) * step + 2**14) >> 15 <= 2047
