"""dsp/correction.py and its twin against integers from the definitions; coil and transformer against float64."""

from array import array

import numpy as np
import pytest

from tests.dsp import jobs_correction
from tests.dsp.on_interpreters import NAMES, check
from wattless.dsp import spectrum
from wattless.dsp.correction import correct, rogowski

N = 2048


@pytest.mark.parametrize("name", NAMES)
def test_corrections_equal_their_models(name, tmp_path):
    check(name, "run_spectra.py", jobs_correction.JOBS, tmp_path)


def split_spectrum(x, y, cycles):
    """The spectrum that dsp/fft.py leaves of two channels in LSB (with exact arithmetic until the end), split."""
    transform = np.fft.fft(64 * (x + 1j * y)) / 32
    z = array("i", [int(v) for v in np.rint(np.stack([transform.real, transform.imag], axis=1)).ravel()])
    spectrum.split(z, N, 51 * cycles)
    return z


def phasor(z, order, cycles, second):
    """Of the order, in LSB."""
    at = 2 * (N - order * cycles if second else order * cycles)
    return complex(z[at], z[at + 1]) / 4096


def degrees(a, b):
    """Angle from b to a."""
    return np.degrees(np.angle(a / b))


@pytest.mark.parametrize("second", [0, 1])
@pytest.mark.parametrize("cycles", [5, 10, 12])
def test_a_coil_recovers_its_current(cycles, second):
    """Harmonics of 1 % in the current, orders 2 to 50: amplitude within 0.5 % (it is 0.01 %), phase within 0.01 degrees
    (plus the quarter turn that all orders are to lose)."""
    turn = 2 * np.pi * np.arange(N) / N * cycles
    amplitudes = {h: 300.0 if h > 1 else 20000.0 for h in (1, 2, 3, 5, 7, 25, 49, 50)}
    coil = sum(a * h * np.cos(h * turn + 0.1 * h + np.pi / 2) for h, a in amplitudes.items()) + 77
    other = 9000 * np.cos(turn)
    z = split_spectrum(*((other, coil) if second else (coil, other)), cycles)
    before = list(z)
    rogowski(z, array("i", (N, cycles, second, 0, 51 * cycles)))
    for h, a in amplitudes.items():
        wanted = a * np.exp(0.1j * h)
        got = phasor(z, h, cycles, second)
        assert abs(got) == pytest.approx(a, rel=1e-4)
        assert abs(degrees(got, wanted)) < 0.01
    assert z[second] == 0
    # the other channel is as it was
    assert z[1 - second] == before[1 - second]
    untouched = slice(2, 2 * 51 * cycles) if second else slice(2 * (N - 51 * cycles) + 2, None)
    assert list(z)[untouched] == before[untouched]


def test_below_the_fundamental_noise_is_limited():
    """Bins below the fundamental grow by N / k, up to 2**26 a part: energies keep their bound."""
    for cycles in (5, 12):
        z = array("i", [2**27] * (2 * N))
        rogowski(z, array("i", (N, cycles, 0, 0, 51 * cycles)))
        assert max(abs(v) for v in z[2 : 2 * cycles]) <= 2**26
        small = array("i", [1000] * (2 * N))
        rogowski(small, array("i", (N, cycles, 0, 0, 51 * cycles)))
        for k in range(1, cycles):
            assert small[2 * k] == pytest.approx(1000 * cycles / k, abs=1)
            assert small[2 * k + 1] == -small[2 * k]


@pytest.mark.parametrize("cycles", [5, 10, 12])
def test_gain_and_phase_of_every_order(cycles):
    """A transformer that is 3 degrees early at order 1, and droop up to 20 % at order 50: undone within 30 ppm of the
    fundamental's factor and 0.002 degrees, bins between the orders with the factor of the nearest."""
    h = np.arange(51)
    factors = (1 + 0.2 * (h / 50) ** 2) * np.exp(-1j * np.radians(3 / np.maximum(h, 1)))
    deviations = np.rint((factors - 1) * 32768)
    turn = 2 * np.pi * np.arange(N) / N * cycles
    x = sum(3000 * np.cos(order * turn + order) for order in (1, 2, 5, 20, 50))
    x += 2000 * np.cos((7 + 1 / cycles) * turn) + 1000
    z = split_spectrum(x, 0 * x, cycles)
    table = array("h", [int(v) for v in np.stack([deviations.real, deviations.imag], axis=1).ravel()])
    correct(z, table, array("i", (N, cycles, 0, 0, 51)))
    for order in (1, 2, 5, 20, 50):
        wanted = 3000 * np.exp(1j * order) * factors[order]
        got = phasor(z, order, cycles, 0)
        assert abs(got) == pytest.approx(abs(wanted), rel=30e-6)
        assert abs(degrees(got, wanted)) < 0.002
    between = complex(*z[2 * (7 * cycles + 1) : 2 * (7 * cycles + 1) + 2]) / 4096
    assert abs(between - 2000 * factors[7]) < 0.1
    assert z[0] / 8192 == pytest.approx(1000 * factors[0].real, rel=30e-6)
