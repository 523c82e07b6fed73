"""What moves from sample to sample of a harmonic: integers of metering/source.py, per order and phase ("cell").

`take` turns a phasor back, notes its difference from the last one and moves a slow level towards it. `gather` keeps,
of the differences of V and I, the means of |dV|**2, |dI|**2 and dV dI* with forgetting. Both are viper, because the
same in floats would be 3 KB of garbage a window: the differences enter with 14 bits, below an exponent for V and one
for I that follow their size, and the means have at least 20 bits, which leaves the impedance to 1e-4.
"""

from array import array

import micropython
from micropython import const

# Words of a cell: the last sample, re and im of V and of I, and the level of the same.
_I = const(2)
_LEVEL = const(4)
_WORDS = const(8)
# Means of a cell: |dV|**2, |dI|**2, re and im of dV dI*; of untold movements, and of told steps.
_STEPS = const(4)
_MEANS = const(8)
# Counts of a cell, bytes: samples in the level (0: there is no last sample either); differences in the means of both
# kinds; how often the current moved as the site moves it, of 255; exponents of dV and dI, of both kinds.
_DRIFTS = const(1)
_STEPPED = const(2)
_SIGN = const(3)
_EXPONENTS = const(4)
_COUNTS = const(8)

# Parameters: twice the order; cos and sin of the turn in 1 / 2**15, their rest in 1 / 2**30; samples in the level.
# `take` leaves differences of re, im of V and I. For `gather`: the larger part of dI that tells something; places in
# the counts: number of differences, exponents, sign (0: not to be kept); the most that number may become.
_ORDER = const(0)
_COS = const(1)
_N = const(5)
_LEAST = const(10)
_NUMBER = const(11)
_EXPONENT = const(12)
_SIGN_AT = const(13)
_MEMORY = const(14)

_LEVEL_MEMORY = const(32)  # samples, of 2.4 s
_DRIFT_MEMORY = const(128)
_STEP_MEMORY = const(16)
_LEAST_MOVE = const(1024)  # of re or im of dI: a fifth of an LSB rms
_HUGE = const(0x20000000)


class Moves:
    """cells: orders times phases."""

    def __init__(self, cells):
        self.words = array("i", bytes(4 * _WORDS * cells))
        self.means = array("i", bytes(4 * _MEANS * cells))
        self.counts = bytearray(b"\0\0\0\x80\0\0\0\0" * cells)
        self._p = array("i", bytes(4 * 15))

    def aim(self, order, turn):
        """Sets the order and the turn, a complex of size 1, of the samples to come."""
        p = self._p
        p[_ORDER] = 2 * order
        at = _COS
        for x in (turn.real, turn.imag):
            x *= 32768
            whole = int(x + 65536) - 65536  # rounded down
            if whole > 32767:
                whole = 32767
            p[at] = whole
            p[at + 2] = int((x - whole) * 32768)
            at += 1

    def sample(self, cell, v, i, told, turned):
        """Takes phasors of channels V and I. told: was the difference from the last sample told as a step? turned: the
        least dI that counts, in words per word of |V|."""
        p, words, counts = self._p, self.words, self.counts
        at = _WORDS * cell
        c = _COUNTS * cell
        n = counts[c]
        if told:
            counts[c] = 1  # the level of before is past
        elif n < _LEVEL_MEMORY:
            counts[c] = n + 1
        p[_N] = counts[c]
        take(v, words, at, p)
        take(i, words, at + _I, p)
        if n:
            least = turned * (abs(words[at]) + abs(words[at + 1]))  # at least |V|
            p[_LEAST] = _LEAST_MOVE if least < _LEAST_MOVE else int(least) if least < _HUGE else _HUGE
            at = _MEANS * cell
            if told:
                p[_NUMBER] = c + _STEPPED
                p[_EXPONENT] = c + _EXPONENTS + 2
                p[_SIGN_AT] = 0
                p[_MEMORY] = _STEP_MEMORY
                at += _STEPS
            else:
                p[_NUMBER] = c + _DRIFTS
                p[_EXPONENT] = c + _EXPONENTS
                p[_SIGN_AT] = c + _SIGN
                p[_MEMORY] = _DRIFT_MEMORY
            gather(p, self.means, at, counts)

    def samples(self, cell):
        """How many samples the level is of."""
        return self.counts[_COUNTS * cell]

    def level(self, cell):
        """(V, I) in words."""
        at = _WORDS * cell + _LEVEL
        words = self.words
        return complex(words[at], words[at + 1]), complex(words[at + 2], words[at + 3])

    def evidence(self, cell, told):
        """(number of differences, place of their means, units of V and of I in words) of told or untold movements."""
        c, at, counts = _COUNTS * cell, _MEANS * cell, self.counts
        if told:
            e = c + _EXPONENTS + 2
            return counts[c + _STEPPED], at + _STEPS, 1 << counts[e], 1 << counts[e + 1]
        e = c + _EXPONENTS
        return counts[c + _DRIFTS], at, 1 << counts[e], 1 << counts[e + 1]

    def sign(self, cell):
        """How often, of 255, the current moved as the site moves it."""
        return self.counts[_COUNTS * cell + _SIGN]

    def forget_levels(self):
        for at in range(0, len(self.counts), _COUNTS):
            self.counts[at] = 0


@micropython.viper
def take(phasors: ptr32, words: ptr32, at: int, p: ptr32):
    """A sample of V (`at`: the cell's first word) or of I (two words further) from the phasors of a channel."""
    k = p[0]
    a = phasors[k]
    b = phasors[k + 1]
    c = p[1]
    s = p[2]
    high_a = a >> 16
    high_b = b >> 16
    a = a & 0xFFFF
    b = b & 0xFFFF
    re = ((high_a * c + ((a * c) >> 16)) - (high_b * s + ((b * s) >> 16))) << 1
    im = ((high_a * s + ((a * s) >> 16)) + (high_b * c + ((b * c) >> 16))) << 1
    re = re + ((high_a * p[3] - high_b * p[4]) >> 14)
    im = im + ((high_a * p[4] + high_b * p[3]) >> 14)
    n = p[5]
    to = 6 + (at & 2)
    p[to] = re - words[at]
    p[to + 1] = im - words[at + 1]
    words[at] = re
    words[at + 1] = im
    at = at + 4
    words[at] = words[at] + (re - words[at]) // n
    words[at + 1] = words[at + 1] + (im - words[at + 1]) // n


@micropython.viper
def gather(p: ptr32, means: ptr32, at: int, counts: ptr8):
    """Takes the differences in `p` into means[at : at + 4], unless dI is too small.

    A difference beyond 3 times the rms so far counts as one of that size or less: one event shall not be the mean."""
    x = p[6]
    y = p[7]
    a = p[8]
    b = p[9]
    size_i = a if a >= 0 else 0 - a
    other = b if b >= 0 else 0 - b
    if other > size_i:
        size_i = other
    if size_i < p[10]:
        return
    size_v = x if x >= 0 else 0 - x
    other = y if y >= 0 else 0 - y
    if other > size_v:
        size_v = other
    n = int(counts[p[11]])
    place = p[12]
    f = int(counts[place])
    e = int(counts[place + 1])
    excess = 0
    if n >= 2:  # what is far beyond the means is scaled down before it would push them out
        while ((size_v >> excess) >> f) >= 65536:
            excess += 1
        while ((size_i >> excess) >> e) >= 65536:
            excess += 1
    size_v = size_v >> excess
    size_i = size_i >> excess
    while (size_v >> f) >= 16384:
        f += 1
        means[at] = means[at] >> 2
        means[at + 2] = means[at + 2] >> 1
        means[at + 3] = means[at + 3] >> 1
    while (size_i >> e) >= 16384:
        e += 1
        means[at + 1] = means[at + 1] >> 2
        means[at + 2] = means[at + 2] >> 1
        means[at + 3] = means[at + 3] >> 1
    x = (x >> excess) >> f
    y = (y >> excess) >> f
    a = (a >> excess) >> e
    b = (b >> excess) >> e
    vv = x * x + y * y
    ii = a * a + b * b
    re = x * a + y * b
    im = y * a - x * b
    where = p[13]
    if where > 0:
        sign = int(counts[where])
        # Is dV / dI nearer to -Z_u of a grid, taken as 60 degrees, or to its opposite?
        if (re >> 5) * 10 + (im >> 5) * 17 < 0:
            sign = sign + ((255 - sign) >> 3)
        else:
            sign = sign - (sign >> 3)
        counts[where] = sign
    if n >= 2:
        most_v = (means[at] >> 4) * 9 + 9
        most_i = (means[at + 1] >> 4) * 9
        while (vv >> 4) > most_v:
            vv = vv >> 1
            ii = ii >> 1
            re = re >> 1
            im = im >> 1
        while (ii >> 4) > most_i:
            vv = vv >> 1
            ii = ii >> 1
            re = re >> 1
            im = im >> 1
    if n < p[14]:
        n += 1
        counts[p[11]] = n
    half = n >> 1
    vv = means[at] + (vv - means[at] + half) // n
    ii = means[at + 1] + (ii - means[at + 1] + half) // n
    re = means[at + 2] + (re - means[at + 2] + half) // n
    im = means[at + 3] + (im - means[at + 3] + half) // n
    # Exponents fall when the mean has become small.
    if f > 0:
        if vv < 1048576:
            f -= 1
            vv = vv << 2
            re = re << 1
            im = im << 1
    if e > 0:
        if ii < 1048576:
            e -= 1
            ii = ii << 2
            re = re << 1
            im = im << 1
    means[at] = vv
    means[at + 1] = ii
    means[at + 2] = re
    means[at + 3] = im
    counts[place] = f
    counts[place + 1] = e
