"""No input of 16 bits makes dsp leave 32 (the checked shim would raise); what comes out is right, against float64."""

from array import array
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattless.dsp import sine
from wattless.dsp.phase import TURN, correlate, half
from wattless.dsp.window import I1, I2, I3, IN, PACKED_BYTES, V1, V1V1, Window
from wattless.kernels import viper
from wattless.meter import filter_bank
from wattless.metering.wiring import wiring

LENGTH, GUARD = 3400, 16
FULL = 32767
PATTERNS = ("plus", "minus", "square", "signs", "alternating", "impulse", "sine")


def wave(kind, period, seed):
    """3400 samples of the largest size in both directions."""
    n = np.arange(LENGTH)
    up = {
        "plus": n >= 0,
        "minus": n < 0,
        "square": n % period < period / 2,
        "signs": np.random.default_rng(seed).integers(0, 2, LENGTH) == 1,
        "alternating": n % 2 == 0,
        "impulse": n == 5 * period,
    }
    if kind == "sine":
        return np.round(FULL * np.sin(2 * np.pi * n / period)).astype(np.int16)
    return np.where(up[kind], FULL, -32768).astype(np.int16)


def ring_of(channels, wide=False):
    """Seven channels in the layout of capture; wide: as 20-bit samples, the lower four bits ones."""
    data = np.zeros((7, LENGTH + GUARD), np.int32 if wide else np.int16)
    for row, samples in zip(data, channels, strict=True):
        samples = (samples.astype(np.int32) * 16 + 15) << 8 if wide else samples
        row[:LENGTH], row[LENGTH:] = samples, samples[:GUARD]
    memory = array("i" if wide else "h", data.tobytes())
    return SimpleNamespace(data=memory, wide=wide, length=LENGTH, stride=LENGTH + GUARD, index=lambda n: n % LENGTH)


def window_of(ring, bank, wires, coils=()):
    return Window(ring, bank, sine.table(), bytearray(PACKED_BYTES), 10, wiring(wires).slots, viper(""), coils=coils)


def work(window, first, frac, length):
    window.begin(first, frac, length)
    while window.step():
        pass


waves = st.builds(wave, st.sampled_from(PATTERNS), st.integers(2, 600), st.integers(0, 9))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(waves, min_size=7, max_size=7),
    st.sampled_from(["1p3w", "3p4w", "3p3w"]),
    st.sampled_from([12800, 10240]),
    st.sampled_from(["ads131m08", "ideal"]),
    st.integers(1780 << 16, 3080 << 16),
    st.integers(0, 65535),
    st.booleans(),
    st.booleans(),
)
def test_the_largest_samples_overflow_nowhere(channels, wires, rate, adc, length, frac, wide, coils):
    ring = ring_of(channels, wide)
    work(window_of(ring, filter_bank(rate, adc), wires, (I1, I2, I3, IN) if coils else ()), 8, frac, length)


@settings(max_examples=40, deadline=None)
@given(waves, st.integers(int(TURN * 42 / 12800), int(TURN * 70 / 10240)))
def test_correlation_of_the_largest_samples(samples, step):
    params = array("i", (0, LENGTH, 1000, half(step), step))
    correlate(ring_of([samples] * 7).data, sine.table(), params, array("i", bytes(8)))


@pytest.mark.parametrize("f", [42.5, 49.97, 50.0, 57.5])
def test_a_sine_comes_out_as_the_header_says(f):
    """A sine of a LSB: phasor 4096 a, nothing at other orders (-85 dB), sum of squares 2048 (64 a)**2 / 2."""
    n = np.arange(LENGTH)
    first, frac, period = 20, 12345, 12800 / f
    length = round(10 * period * 65536)
    amplitude = 20000
    v = np.round(amplitude * np.cos(2 * np.pi * (n - first - frac / 65536) / period)).astype(np.int16)
    window = window_of(ring_of([v] * 7), filter_bank(12800, "ideal"), "3p4w")
    work(window, first, frac, length)
    for channel in (V1, I1):
        re, im = window.phasors[channel][2:4]
        assert abs(complex(re, im) - 4096 * amplitude) < 5e-5 * 4096 * amplitude
        others = np.delete(np.array(window.phasors[channel], float).reshape(51, 2), 1, axis=0)
        assert np.hypot(*others.T).max() < 10 ** (-85 / 20) * 4096 * amplitude
    total = window.sums[2 * V1V1] * 2**28 + window.sums[2 * V1V1 + 1]
    assert total == pytest.approx(2048 * (64 * amplitude) ** 2 / 2, rel=5e-5)
    assert list(window.extremes[:2]) == pytest.approx([-64 * amplitude, 64 * amplitude], rel=1e-3)
