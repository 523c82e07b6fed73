"""Energies of the spectrum as floats: on the scale of the spectrum (rms squared up to one factor), from two words, high
2**28 + low.
"""

from wattless.dsp import spectrum

_HIGH = 268435456.0  # 2**28
HIGHEST = 50


def energy(words, place):
    """The energy at words[place], words[place + 1]."""
    return words[place] * _HIGH + words[place + 1]


def square(summary):
    """Energy of the orders 1 to 50, from a dsp.spectrum.summary."""
    high = float(summary[spectrum.SG1]) + summary[spectrum.THDS]
    return high * _HIGH + summary[spectrum.SG1 + 1] + summary[spectrum.THDS + 1]
