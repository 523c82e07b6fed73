"""dsp/spectrum.py and its twin against integers from the definitions, and against float64 on a known spectrum."""

from array import array

import numpy as np
import pytest

from tests.dsp import jobs_spectrum
from tests.dsp.on_interpreters import NAMES, check
from wattless.dsp import spectrum


@pytest.mark.parametrize("name", NAMES)
def test_spectra_equal_their_models(name, tmp_path):
    check(name, "run_spectra.py", jobs_spectrum.JOBS, tmp_path)


@pytest.mark.parametrize("cycles", [5, 6, 10, 12])
def test_every_bin_belongs_to_one_piece(cycles):
    lengths = list(spectrum.new_params(2048, cycles)[spectrum.LENGTHS :])
    places = [jobs_spectrum.place(k, cycles) for k in range(cycles)]
    assert lengths == [places.count(piece) for piece in range(spectrum.PIECES)]
    assert places == sorted(places)


def energy(out, slot):
    return out[slot] * 2**28 + out[slot + 1]


@pytest.mark.parametrize("second", [0, 1])
@pytest.mark.parametrize("cycles", [5, 10, 12])
def test_harmonics_and_distortion_of_a_known_signal(cycles, second):
    """Groups, THDS and THDG as IEC 61000-4-7 defines them, from a float64 spectrum of the same samples."""
    n = 2048
    t = np.arange(n) / n * cycles
    amplitudes = {0: 300, 1: 20000, 2: 40, 3: 1500, 5: 900, 40: 25, 41: 30, 50: 10}
    wave = sum(a * np.cos(2 * np.pi * h * t + h) for h, a in amplitudes.items())
    wave += 120 * np.cos(2 * np.pi * (3 + 1 / cycles) * t) + 77 * np.cos(2 * np.pi * (4 + 2 / cycles) * t)
    wave += 55 * np.cos(2 * np.pi * (6 + (cycles // 2) / cycles) * t)
    other = 5000 * np.cos(2 * np.pi * t)
    x, y = (other, wave) if second else (wave, other)
    transform = np.fft.fft(64 * (x + 1j * y)) / 32
    z = array("i", [int(v) for v in np.rint(np.stack([transform.real, transform.imag], axis=1)).ravel()])
    params = spectrum.new_params(n, cycles)
    params[spectrum.SECOND] = second
    pieces, out = array("i", bytes(4 * 612)), array("i", bytes(4 * spectrum.SUMMARY))
    spectrum.split(z, n, 51 * cycles)
    spectrum.pieces(0, z, params, pieces)
    spectrum.summary(pieces, out)

    exact = np.abs(np.fft.rfft(64 * wave)[: 51 * cycles + 1] / 16) ** 2
    subgroups = np.array([exact[h * cycles - 1 : h * cycles + 2].sum() for h in range(1, 51)])
    assert np.allclose(out[1:51], np.sqrt(subgroups), rtol=2e-5, atol=8)
    assert out[0] == pytest.approx(np.sqrt(exact[0]), abs=4)
    assert energy(out, spectrum.SG1) == pytest.approx(subgroups[0], rel=1e-6)
    assert energy(out, spectrum.THDS) == pytest.approx(subgroups[1:].sum(), rel=1e-5)
    assert energy(out, spectrum.THDS40) == pytest.approx(subgroups[1:40].sum(), rel=1e-5)
    far = cycles // 2
    groups = np.zeros(50)
    for h in range(1, 51):
        at = h * cycles
        if cycles % 2:
            groups[h - 1] = exact[at - far : at + far + 1].sum()
        else:
            groups[h - 1] = exact[at - far + 1 : at + far].sum() + (exact[at - far] + exact[at + far]) / 2
    assert energy(out, spectrum.G1) / 2 == pytest.approx(groups[0], rel=1e-6)
    assert energy(out, spectrum.THDG) / 2 == pytest.approx(groups[1:].sum(), rel=1e-5)
