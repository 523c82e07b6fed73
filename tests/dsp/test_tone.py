"""dsp/tone.py and its twin against integers from the definition; its amplitudes against float64; a window's transform
against it; and why it is not a recursion in 16 bits."""

from array import array

import numpy as np
import pytest

from tests.dsp import jobs_tone
from tests.dsp.on_interpreters import NAMES, check
from wattless.dsp import fft, sine, spectrum
from wattless.dsp.tone import ANGLE, COS, COUNT, LENGTH, PARAMS, SIN, STEP, TURN, tone

RATE = 12800


@pytest.mark.parametrize("name", NAMES)
def test_tones_equal_their_models(name, tmp_path):
    check(name, "run_spectra.py", jobs_tone.JOBS, tmp_path)


def correlation(samples, frequency, rate=RATE, angle=0):
    """sum x e^(-j angle) of int16 samples, by the kernel; on the scale of the samples."""
    params, out = array("i", bytes(4 * PARAMS)), array("i", bytes(16))
    params[LENGTH], params[COUNT] = len(samples), len(samples)
    params[ANGLE], params[STEP] = angle, round(TURN * frequency / rate)
    tone(array("h", samples.astype(np.int16).tobytes()), sine.table(), params, out)
    cos, sin = (out[i] * 2**28 + out[i + 1] for i in (COS, SIN))
    return complex(cos, -sin) / 32768


def exact(samples, frequency):
    return np.sum(samples * np.exp(-2j * np.pi * frequency * np.arange(len(samples)) / RATE))


@pytest.mark.parametrize("count", [2048, 2560])
@pytest.mark.parametrize("frequency", [5, 10, 25, 42.5, 50, 57.3, 150, 187.3, 316.67, 1060, 2500, 3000.1])
def test_amplitudes_of_low_bins_interharmonics_and_signalling(frequency, count):
    """Amplitude within 30 ppm of a double precision correlation (and of the truth where the count is whole periods);
    with the phase 70 ppm, because of the step's rounding to 2**-26 turn."""
    n = np.arange(count)
    samples = np.round(20000 * np.cos(2 * np.pi * frequency * n / RATE + 1.0))
    got = correlation(samples, frequency)
    wanted = exact(samples, frequency)
    assert abs(got) == pytest.approx(abs(wanted), rel=30e-6)
    assert abs(got - wanted) < 70e-6 * 20000 * count / 2
    if (frequency * count / RATE) % 1 == 0:
        assert 2 * abs(got) / count == pytest.approx(20000, rel=30e-6)


def test_a_small_tone_beside_a_large_fundamental():
    """Signalling of 0.3 % in whole periods of both: of the fundamental, 2 ppm leak in through the rounding of angles
    below 2.5 kHz, 150 ppm (-76 dB) at worst."""
    n = np.arange(2560)
    fundamental = 25000 * np.cos(2 * np.pi * 50 * n / RATE)
    for frequency in (60, 110, 175, 315, 425, 485, 1355, 2510, 2975):
        small = 75 * np.cos(2 * np.pi * frequency * n / RATE + 2)
        got = 2 * abs(correlation(np.round(fundamental + small), frequency)) / 2560
        assert got == pytest.approx(75, abs=25000 * (2e-6 if frequency < 2500 else 150e-6))


def test_bins_of_the_transform():
    """2 X[k] / 32 of dsp/fft.py for samples times 64 are 4 of the correlation here: within 10 ppm of the fundamental,
    by the rounding of the sines of both."""
    n = 2048
    rng = np.random.default_rng(5)
    t = np.arange(n) / n
    x = np.round(15000 * np.cos(2 * np.pi * 10 * t) + 300 * np.cos(2 * np.pi * 73 * t + 1) + rng.normal(0, 5, n))
    y = np.round(9000 * np.sin(2 * np.pi * 10 * t) + rng.normal(0, 100, n))
    order = [int(f"{k:011b}"[::-1], 2) for k in range(n)]
    z = array("i", [int(64 * v) for k in order for v in (x[k], y[k])])
    fft.transform(z, sine.table(), n)
    spectrum.split(z, n, 510)
    for k in (1, 2, 9, 10, 11, 73, 74, 300, 509):
        for samples, at in ((x, 2 * k), (y, 2 * (n - k))):
            bin_ = complex(z[at], z[at + 1])
            assert abs(bin_ - 4 * correlation(samples, k, n)) < 1e-5 * 4096 * 15000


def test_what_a_recursion_with_16_bits_would_hear():
    """The figures in the header of dsp/tone.py: where the pole of a Goertzel filter sits with cos in 2**-15."""

    def pole(frequency):
        return np.arccos(np.round(32768 * np.cos(2 * np.pi * frequency / RATE)) / 32768) * RATE / 2 / np.pi

    assert pole(50) == pytest.approx(50.33, abs=0.01)
    assert pole(11.2) == 0 and pole(11.3) > 15
    mains = np.arange(42.5, 69, 0.01)
    assert np.abs(pole(mains) / mains - 1).max() == pytest.approx(0.034, abs=0.001)
