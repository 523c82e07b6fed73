"""Transform and resampler by themselves against float64.

The transform's kernels run under the CPython shim, which gives the board's integers; the resampler is judged by its
bank, the integers that it works with.
"""

import os
import sys
from array import array
from collections.abc import Iterator

import numpy as np

from host_tools import make_tables
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


def lagrange(f: float, delays: np.ndarray) -> np.ndarray:
    """Gain of 6-point Lagrange interpolation at `f` (share of the rate), relative to the true value: the yardstick."""
    points = np.arange(-2, 4)
    taps = np.ones((len(delays), 6))
    for j, x in enumerate(points):
        for other in points[points != x]:
            taps[:, j] *= (delays - other) / (x - other)
    return taps @ np.exp(2j * np.pi * f * points) * np.exp(-2j * np.pi * f * delays)


def resampler() -> Iterator[Result]:
    """Passband per order at 50 Hz, after the converter's sinc3: error of the mean gain, which is the harmonic's error,
    beside that of the yardstick."""
    rows, steps = np.repeat(np.arange(make_tables.DELAYS), 256), np.tile(np.arange(256), make_tables.DELAYS)
    delays = (rows + (steps + 0.5) / 256) / make_tables.DELAYS
    offsets = np.arange(make_tables.SPAN) - 7
    for rate, design in make_tables.DESIGNS.items():
        taps, slope = make_tables.quantised(design, True)
        inner = make_tables.at_step(taps[rows], slope[rows], steps[:, None]) / make_tables.COEFFICIENT_ONE
        for order in (1, 5, 11, 25, 40, 50):
            f = 50 * order / rate
            gain = inner @ np.exp(2j * np.pi * f * offsets) * np.exp(-2j * np.pi * f * delays) * make_tables.sinc3(f)
            yardstick = abs(abs(lagrange(f, delays).mean()) - 1) * 100
            error = abs(abs(gain.mean()) - 1) * 100
            yield Result("resampler", f"h{order}, {rate} S/s", f"gain, % (Lagrange {yardstick:.1g})", error, 0.05)
