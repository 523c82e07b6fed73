"""Flicker: Pst and Plt of IEC 61000-4-15 ed.2, from the rms value of every half period of a voltage.

The standard's chain runs on 100 or 120 values a second (dsp/flicker.py), the droop of a mean over half a period taken
out. The values must be cut at the zero crossings of their own voltage: 30 degrees off they make Pinst 2 % too small at
25 Hz, 90 degrees 23 %. And a sum of squares must be divided by the true length of its half period, not by its number of
samples: 128 for 127.5 is 0.2 % of voltage, more than the amplitude that irritates (0.125 % at 8.8 Hz).

Against the standard, for 230 V and 120 V lamps at 50 and 60 Hz (tests/metering/test_flicker.py, limits in brackets):
    Table 1, sinusoidal, 0.5 to 33 1/3 (40) Hz    Pinst within 1 % (8 %)
    Table 5, 1 to 1620 changes a minute           Pst within 1 % (5 %)
    Table 5, 4000 (4800) changes a minute         Pst -2.3 to +4.9 % (5 %), by their phase to the mains; Pst 4: +7 %
    Table 2, rectangular, 0.5 to 24 Hz            Pinst within 7 % (8 %)
    Table 2, above                                not met, up to +18 %: the third harmonic comes back from the other
                                                  side of 100 (120) Hz, 1.1 to 1.3 times what it is for a lamp
    Pst 0.1 to 10                                 linear within 1 %; it reads 0.03 where there is none
Rates are taken for twice the nominal frequency: with the mains 1 % off it, filters are too, Pinst is -3 to +4 % up to
25 Hz and -7 to +9 % at 33 1/3 Hz; Pst of 39 or 110 changes a minute within 1 % with the mains 1 Hz off.

Heap: 2.5 KB for three elements. Garbage: none a half period, 0.5 KB a Pst. ARM instructions: `half` 2.6 k, 0.6 k of it
in the kernel (who calls dsp.flicker.step with words[element] himself spends 1.1 k); `pst` 28 k.
"""

from array import array
from math import nan, sqrt

from wattless.dsp.flicker import COUNT, LEVEL_ONE, MEAN, SHARES, TABLE, WORDS, step, take
from wattless.dsp.flicker_filter import FILTERS

_INTERVAL_S = 600
_SETTLE_S = 10
_GAP_S = 1
_LEAST, _MOST = 0.9, 1.1  # values of an interval, of 10 minutes at the nominal frequency

# of Pst**2: P0.1, P1s (0.7, 1, 1.5 %), P3s (2.2, 3, 4 %), P10s (6, 8, 10, 13, 17 %), P50s (30, 50, 80 %)
_WEIGHTS = ((0.0314, 1), (0.0525, 3), (0.0657, 3), (0.28, 5), (0.08, 3))


class Flicker:
    """config: lamp ("230 V", "120 V" or "none") and nominal_frequency (50 or 60 Hz); elements: the numbers, 0 to 3, by
    which the caller knows the voltages that have values (0, 1, 2: l1, l2, l3).

    on: False for the lamp "none": nothing is computed, Pst is NaN. words: by element, memory of dsp.flicker.step."""

    def __init__(self, config, elements):
        for element in elements:
            if element not in (0, 1, 2, 3):
                raise ValueError("element of a flickermeter: %r is not legal: want 0 to 3" % (element,))
        self.on = config.lamp != "none"
        self.words = [None] * 4
        if not self.on:
            return
        f = config.nominal_frequency
        if (config.lamp, f) not in FILTERS:
            raise ValueError('lamp %r at %r Hz: want "230 V", "120 V" or "none", at 50 or 60 Hz' % (config.lamp, f))
        self._full = f * _INTERVAL_S  # every second value is counted
        factors = bytes(array("i", FILTERS[config.lamp, f] + (2 * f * _SETTLE_S, 2 * f * _GAP_S)))
        for element in elements:
            self.words[element] = array("H", factors + bytes(4 * WORDS - len(factors)))

    def half(self, element, v):
        """A half period of `element` had the rms value `v`: 0..2**21 - 1, in 1/64 of a 16-bit code."""
        if self.on:
            step(v, self.words[element])

    def invalid(self, element):
        """The value of a half period of `element` is not known."""
        self.half(element, -1)

    def restart(self):
        """Values are missing, nobody knows how many: the filters begin anew. What is counted stays."""
        for words in self.words:
            if words:
                words[2 * MEAN] = words[2 * MEAN + 1] = 0

    def pst(self, element):
        """Pst of what came since the call before, which ought to be 10 minutes; begins the next interval.

        NaN with the lamp "none", for an element without values, and where less than 90 % (more than 110 %) of the
        values of 10 minutes were counted: some were missing, the filters were settling, there was no voltage, or the
        mains are far off their nominal frequency."""
        words = self.words[element]
        if not words:
            return nan
        count = words[2 * COUNT]
        if not count:
            return nan
        levels = array("i", bytes(4 * SHARES))
        take(words, TABLE, levels)
        if not _LEAST * self._full <= count <= _MOST * self._full:
            return nan
        square = 0.0
        k = 0
        for weight, many in _WEIGHTS:
            total = 0
            for _ in range(many):
                total += levels[k]
                k += 1
            square += weight * total / many
        return sqrt(square / LEVEL_ONE)


def plt(psts):
    """Plt of twelve Pst (IEC 61000-4-15, 5.7.3): the cube root of their mean cube. NaN when one is, or is missing."""
    if len(psts) != 12:
        return nan
    return (sum(pst * pst * pst for pst in psts) / 12) ** (1 / 3)
