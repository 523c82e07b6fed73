"""Harmonics, groups and total distortion of one channel, IEC 61000-4-7:2002+A1.

Squares are on the scale of the spectrum (rms squared up to one factor), so that ratios need no calibration. The groups
are the standard's definitions on `pieces`, the energies between the orders (dsp/spectrum.py), for interharmonics and
for whoever wants to read them; what a window needs of them comes ready, in integers, from dsp.spectrum.summary.
"""

from math import nan, sqrt

from wattless.dsp import spectrum
from wattless.dsp.spectrum import LOWER_HALF, LOWER_SIDE, MIDDLE, OWN, PIECES, UPPER_HALF, UPPER_SIDE

_HIGH = 268435456.0  # 2**28
HIGHEST = 50


def energy(pieces, h, piece):
    """Energy of one piece above the order h = 0..50."""
    i = 2 * (PIECES * h + piece)
    return pieces[i] * _HIGH + pieces[i + 1]


def harmonic(pieces, h):
    """Y_H squared: the order's own bin (3.2.1)."""
    return energy(pieces, h, OWN)


def subgroup(pieces, h):
    """Y_sg squared: the order's bin and its two neighbours (5.6), h = 1..50."""
    return energy(pieces, h, OWN) + energy(pieces, h, UPPER_SIDE) + energy(pieces, h - 1, LOWER_SIDE)


def group(pieces, h):
    """Y_g squared: all bins halfway to the neighbouring orders, the middle ones half (5.5.1), h = 1..50."""
    above = energy(pieces, h, LOWER_HALF) + energy(pieces, h, MIDDLE) / 2
    below = energy(pieces, h - 1, UPPER_HALF) + energy(pieces, h - 1, MIDDLE) / 2
    return subgroup(pieces, h) + above + below


def interharmonic_subgroup(pieces, h):
    """Y_isg squared: the bins between h and h + 1 without the neighbours of either (A.3), h = 0..50."""
    return energy(pieces, h, LOWER_HALF) + energy(pieces, h, MIDDLE) + energy(pieces, h, UPPER_HALF)


def interharmonic_group(pieces, h):
    """Y_ig squared: all bins between h and h + 1 (A.2), h = 0..50."""
    return interharmonic_subgroup(pieces, h) + energy(pieces, h, UPPER_SIDE) + energy(pieces, h, LOWER_SIDE)


def square(summary):
    """Energy of the orders 1 to 50, from a dsp.spectrum.summary."""
    high = float(summary[spectrum.SG1]) + summary[spectrum.THDS]
    return high * _HIGH + summary[spectrum.SG1 + 1] + summary[spectrum.THDS + 1]


def distortion(summary, total, fundamental):
    """Total distortion in % from two energies of a dsp.spectrum.summary: THDS, THDS40 over SG1, THDG over G1.

    NaN without a fundamental."""
    base = summary[fundamental] * _HIGH + summary[fundamental + 1]
    if base <= 0:
        return nan
    return 100 * sqrt((summary[total] * _HIGH + summary[total + 1]) / base)
