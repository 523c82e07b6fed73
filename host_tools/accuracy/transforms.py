"""The transform by itself against float64: its kernels under the CPython shim, which gives the board's integers."""

import os
import sys
from array import array
from collections.abc import Iterator

import numpy as np

from host_tools.accuracy.table import Result
from host_tools.toolchain.paths import ROOT

SIZES = (512, 1024, 2048)
FULL_SCALE = 2**21  # of 16-bit samples, 20-bit ones alike, in the units that the resampler hands on


def transformed(z: np.ndarray) -> np.ndarray:
    """The integer transform of complex points, in float64 and on the scale of numpy's."""
    os.environ.setdefault("WATTLESS_CHECKED", "0")
    for folder in ("host_tools/shim", "firmware"):
        if str(ROOT / folder) not in sys.path:
            sys.path.insert(0, str(ROOT / folder))
    from wattless.dsp import fft, sine

    n = len(z)
    bits = n.bit_length() - 1
    order = [int(f"{k:0{bits}b}"[::-1], 2) for k in range(n)]
    words = array("i", np.stack([z.real[order], z.imag[order]], axis=1).astype(np.int32).tobytes())
    fft.transform(words, sine.table(), n)
    found = np.array(words, dtype=np.float64).reshape(n, 2)
    return (found[:, 0] + 1j * found[:, 1]) * (32 if n == 2048 else 16)


def transform() -> Iterator[Result]:
    """Noise of full scale: rms error in dB of the result. A sine of full scale beside one a tenth as large: the largest
    bin that is not there, and the error of the small one."""
    rng = np.random.default_rng(3)
    for n in SIZES:
        z = rng.integers(-FULL_SCALE, FULL_SCALE, (2, n))
        z = z[0] + 1j * z[1]
        exact = np.fft.fft(z)
        error = transformed(z) - exact
        level = 10 * np.log10(np.mean(np.abs(error) ** 2) / np.mean(np.abs(exact) ** 2))
        yield Result("transform", f"{n} points, noise", "error, rms, dB", level, -85)
        turns = 2 * np.pi * 10 * np.arange(n) / n
        z = np.round(FULL_SCALE * np.cos(turns)) + 1j * np.round(FULL_SCALE / 10 * np.sin(turns))
        found, exact = transformed(z), np.fft.fft(z)
        rest = np.abs(found - exact)
        rest[[10, n - 10]] = 0
        peak = np.abs(exact).max()
        yield Result("transform", f"{n} points, sine", "largest spur, dB", 20 * np.log10(rest.max() / peak), -85)
        small = (found[10] - np.conj(found[n - 10])) / 2j
        error = abs(small / ((exact[10] - np.conj(exact[n - 10])) / 2j) - 1) * 100
        yield Result("transform", f"{n} points, a tenth beside", "small sine, %", error, 0.005)
