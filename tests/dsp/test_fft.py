"""dsp/fft.py and its twin against integers from the definition; and those against float64."""

from array import array

import numpy as np
import pytest

from tests.dsp import jobs_fft
from tests.dsp.models import bit_reversed, interleaved
from tests.dsp.on_interpreters import NAMES, check
from wattless.dsp import fft, sine


@pytest.mark.parametrize("name", NAMES)
def test_transforms_equal_their_model(name, tmp_path):
    check(name, "run_fft.py", jobs_fft.JOBS, tmp_path)


@pytest.mark.parametrize("n, divisor", [(16, 2), (32, 4), (512, 16), (1024, 16), (2048, 32)])
def test_the_spectrum_is_right(n, divisor):
    """Rounding of factors to 15 bits: 3e-5 of the largest bin; floors of data: up to 1 a pass, which adds up in some
    bins. (A sine of one LSB, 64 units, makes a bin of 2048 units.)"""
    for z in jobs_fft.signals(n):
        re, im = jobs_fft.parts(z)
        exact = np.fft.fft(re + 1j * im) / divisor
        out_re, out_im = jobs_fft.model(re, im)
        assert np.abs(out_re + 1j * out_im - exact).max() < 3e-5 * np.abs(exact).max() + 40


def test_nothing_leaves_32_bits():
    """Signs that add up in every butterfly on the way to one bin, from the largest input: the checked shim would
    raise."""
    k = np.arange(2048)
    table = sine.table()
    for target in (0, 1, 255, 777, 1024, 1791):
        angle = 2 * np.pi * target * k / 2048
        re, im = (jobs_fft.LARGEST * np.sqrt(0.5) * np.sign(part + 1e-9) for part in (np.cos(angle), np.sin(angle)))
        order = bit_reversed(2048)
        z = array(
            "i", interleaved(*jobs_fft.parts(re + 1j * im))[np.stack([2 * order, 2 * order + 1], 1).ravel()].tolist()
        )
        fft.transform(z, table)
        assert max(z) > 40 * jobs_fft.LARGEST


def test_a_slice_at_a_time():
    """What a call does is bounded: 256 butterflies, so 2048 points take 9 steps; the Thumb-2 kernels take 5."""

    class Counted:
        SLICE = 2048
        first8 = radix4_pass = first4 = lambda *args: None

    assert len(fft.steps()) == 9
    assert len(fft.steps(2048, Counted)) == 5
