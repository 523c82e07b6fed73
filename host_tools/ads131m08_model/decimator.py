"""From volts to 24-bit codes: modulator, decimator, calibration of the ADS131M08 (SBAS950B 8.3.6, 8.3.7, 8.3.11).

The modulator is ideal: its stream is the input itself, sampled every 2 / fCLKIN. The decimator is the exact filter:
three boxcars of OSR (a fourth over whole samples when the OSR is above 1024: there the sinc3 stays at 1024), in
integers, of which one output in OSR is kept. After a reset the first two conversions come from a single boxcar, the
fast-settling filter (8.3.7.1.1). What was before a restart of the filters counts as 0.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

Source = Callable[[np.ndarray], np.ndarray]  # volts at instants in s

VREF = 1.2
TEST_VOLTS = VREF * 2 / 15  # of the DC test signal, at a gain of 1; the code is the same at all (8.3.9)
FAST_CONVERSIONS = 2
PEAK = 1 << 23


@cache
def impulse_response(osr: int, fast: bool = False) -> np.ndarray:
    """Integers; their sum is the gain, a power of two. Latest input first."""
    boxcar = np.ones(osr if fast else min(osr, 1024), dtype=np.int64)
    if fast:
        return boxcar
    response = np.convolve(np.convolve(boxcar, boxcar), boxcar)
    if osr > 1024:
        comb = np.zeros((osr // 1024 - 1) * 1024 + 1, dtype=np.int64)
        comb[::1024] = 1
        response = np.convolve(response, comb)
    return response


def decimate(source: Source, newest: float, available: int, osr: int, tmod: float, fast: bool = False) -> float:
    """Volts of the conversion whose newest modulator sample was taken at `newest` s, the others tmod s apart before it;
    all but the newest `available` are 0."""
    response = impulse_response(osr, fast)
    n = min(len(response), available)
    if n <= 0:
        return 0.0
    volts = np.asarray(source(newest - tmod * np.arange(n)), dtype=np.float64)
    return float(np.dot(np.broadcast_to(volts, n), response[:n])) / float(response.sum())


def to_code(volts: float, gain: int) -> int:
    """24 bits, rounded, clipped at +-1.2 V / gain (8.5.1.8)."""
    return clip(round(volts * gain / VREF * PEAK))


def calibrated(code: int, offset: int, gain: int) -> int:
    """OCAL off, then times GCAL / 2**23 (figure 8-12), clipped. Fractions go down: to be checked on hardware."""
    return clip((code - offset) * gain >> 23)


def clip(code: int) -> int:
    return max(-PEAK, min(PEAK - 1, code))


def tone(peak: float, frequency: float, degrees: float = 0.0, dc: float = 0.0) -> Source:
    """peak * cos(2 pi f t + phase) + dc"""
    return lambda t: peak * np.cos(2 * np.pi * frequency * t + np.radians(degrees)) + dc


def constant(volts: float) -> Source:
    return lambda t: np.full(np.shape(t), volts)
