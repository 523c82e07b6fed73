"""From the sums of dsp/half.py over a period, two half periods, to rms values, P, Q1 and the voltage's phase, in
integers; and from integers to IEEE singles, in integers too, because a float is an allocation.

    evaluate(p)         V, I, P, Q1 over the period, V over the last half period, size and angle of V's phasor
    singles(p, c)       V, I, P, Q1 and totals times their factors, as the bits of singles
    stage(c, singles)   all of them to the stage of the points

p: array('i') of WORDS, of an element, a voltage and its current: the words of dsp/half.py, and behind them the half
period before: its sums (from VV_BEFORE on, as VV to IS), the `edge` at its start (FIRST, as EVV to EIS) and at its end
(MIDDLE), and the lengths of both half periods (NOW, BEFORE, in 1/4096 sample; together 148 to 511 samples). HALVES
below 1: there is none before, so there are no values. c: array('i') of COMMON, of all elements.

A period need not be a whole number of samples: the sums over whole groups of four, minus the edge at the start, plus
the edge at the end, are divided by its true length. The difference between sum and integral is below 3e-5 of the
fundamental's square up to 69 Hz at 12.8 kS/s. The rest of the arithmetic is good to 1e-6 of full scale. Numbers of more
than 31 bits are pairs of words, or 28 to 30 bits and an exponent.

Cost (viper on ARM, measured): evaluate 3.3 k instructions, singles 1.9 k, stage 0.8 k. No heap.
"""

from math import frexp

import micropython
from micropython import const

# words of p: those of dsp/half.py that are used here
_ROTATION = const(8)
_VV = const(9)
_VC = const(15)
_EVV = const(19)
_EVC = const(22)
_WIDE = const(26)
# and more
VV_BEFORE = const(29)
_VC_BEFORE = const(35)
FIRST = const(39)
MIDDLE = const(46)
NOW = const(53)
BEFORE = const(54)
HALVES = const(55)
COIL = const(56)  # 1: the current is that of a Rogowski coil
LINE = const(57)  # 0 to 2, of the points' rows
# values; codes are those of 16 bits
V = const(58)  # rms over the period, 1/1024 code
I = const(59)
P = const(60)  # squared codes
V_HALF = const(61)  # rms over the last half period, 1/1024 code
Q1 = const(62)  # squared codes; of a coil: times 2**21 / (4096 samples a period)
PHASE = const(63)  # of the voltage's fundamental, 2**26 a turn, -2**25..2**25: cosine 0, sine -2**24. Within 1e-4 rad
MAGNITUDE = const(64)  # 8 a sample of the period for one code of amplitude, within 7 %
_RECIPROCAL = const(65)  # of the period: 2**37 / samples
FLAGS = const(66)  # of the last half period's samples
FLAGS_BEFORE = const(67)
WORDS = const(68)

# words of c. Rows of four: V of L1 to L3 and a spare, I, P with its total, Q1 with its total
ROWS = const(16)
BITS = const(0)  # singles, a row each
SLOTS = const(16)  # where in the stage they go, -1: nowhere
FACTORS = const(32)  # of V, I, P, Q1: a pair each, 2**29 <= m < 2**30 and e: m 2**(e - 186) a unit; m = 0: not known
_POWERS = const(40)  # P and Q1 of three lines, in units of 4
ELEMENTS = const(46)  # a bit each
TOLD = const(47)  # those that have values
FRESH = const(48)  # those with values that were not staged
ALL_FLAGS = const(49)  # of those values
COMMON = const(50)


@micropython.viper
def evaluate(p: ptr32):
    """p[V] to [MAGNITUDE]."""
    if p[HALVES] < 1:
        return
    shift = 2 + 8 * p[_WIDE]  # to units of 4 squared codes
    length = p[NOW] + p[BEFORE]
    j = V
    while j <= V_HALF:
        if j < V_HALF:
            high = p[_VV - 2 * V + 2 * j] + p[VV_BEFORE - 2 * V + 2 * j]
            low = p[_VV + 1 - 2 * V + 2 * j] + p[VV_BEFORE + 1 - 2 * V + 2 * j]
            t = p[_EVV - V + j] - p[FIRST - V + j]
        else:
            high = p[_VV]
            low = p[_VV + 1]
            t = p[_EVV] - p[MIDDLE]
            length = 2 * p[NOW]
        # the sum = high 2**26 + t
        t = ((high & ((1 << (shift - 2)) - 1)) << (28 - shift)) + (low >> shift) + t
        high = (high >> (shift - 2)) + (t >> 26)
        t = t & 0x3FFFFFF
        if j == V_HALF:
            t = t << 1
            high = 2 * high + (t >> 26)
            t = t & 0x3FFFFFF
        negative = 0
        if high < 0:
            t = 0 - t
            high = (t >> 26) - high
            t = t & 0x3FFFFFF
            negative = 1
            if j != P:  # of squares: what rounding of the edges left of nothing
                t = high = 0
        # = t 2**exponent, 2**28 <= t < 2**30, exponent even
        exponent = 0
        while high > 3:
            t = (t >> 2) + ((high & 3) << 24)
            high = high >> 2
            exponent += 2
        t = (high << 26) + t
        if t:
            while t < 0x10000000:
                t = t << 2
                exponent = exponent - 2
        if j == V or j == V_HALF:  # 2**49 / length, which is 2**37 / samples
            a = 0x3FFFFFFF // length
            b = (0x3FFFFFFF - a * length) << 10
            c = b // length
            reciprocal = (a << 19) + (c << 9) + ((b - c * length) << 9) // length
            if j == V:
                p[_RECIPROCAL] = reciprocal
        a = t >> 15
        b = reciprocal >> 15
        t = a * b + ((a * (reciprocal & 0x7FFF)) >> 15) + (((t & 0x7FFF) * b) >> 15)
        # the mean square = t 2**(exponent - 5)
        if j == P:
            exponent = 5 - exponent
            if exponent < 0:
                t = t << (0 - exponent)
            else:
                t = t >> (exponent if exponent < 31 else 31)
            if negative:
                t = 0 - t
            p[P] = t
        elif t:
            t = t + t
            a = 11000 + (t >> 16)  # 18 % too small at most: three steps of Newton's
            a = (a + t // a) >> 1
            a = (a + t // a) >> 1
            a = (a + t // a) >> 1
            b = (a << 11) + ((t - a * a) << 10) // a
            exponent = (8 - exponent) >> 1
            p[j] = (b + ((1 << exponent) >> 1)) >> exponent
        else:
            p[j] = 0
        j += 1
    # correlations
    rotation = p[_ROTATION]
    square = (rotation * rotation) >> 15  # half the square of half a group's angle, times 2**20
    exponents = 0
    v_cos = v_sin = 0
    i_cos = i_sin = 0
    j = 0
    while j < 4:
        a = p[_VC + j] + p[_VC_BEFORE + j] + p[_EVC + j] - p[FIRST + 3 + j]
        b = p[_VC + 1 + j] + p[_VC_BEFORE + 1 + j] + p[_EVC + 1 + j] - p[FIRST + 4 + j]
        t = (a if a > 0 else 0 - a) | (b if b > 0 else 0 - b)
        n = 0
        if t:
            while t < 0x200000:
                t = t << 7
                n += 7
            while t < 0x10000000:
                t = t << 1
                n += 1
        a = a << n
        b = b << n
        # the sine half a group late is sine cos(x) - cosine sin(x)
        b = b + (((a >> 15) * rotation) >> 2)
        b = b + (((b >> 12) * square) >> 8)
        exponents = exponents + n
        i_cos = a
        i_sin = b
        if j == 0:
            v_cos = a
            v_sin = b
            # the angle from the nearer axis: a polynomial (Abramowitz and Stegun 4.4.49), all in 2**-15
            a = a if a > 0 else 0 - a
            b = b if b > 0 else 0 - b
            t = a if a > b else b
            if t:
                x = (((a + b - t) >> 14) << 15) // (t >> 14)
                p[MAGNITUDE] = (t + ((x * (t >> 16) * 3) >> 2)) >> n
                n = (x * x) >> 15
                t = ((683 * n) >> 15) - 2790
                t = ((t * n) >> 15) + 5903
                t = ((t * n) >> 15) - 10823
                t = ((((t * n) >> 15) + 32764) * x) >> 15
                t = (t * 20861) >> 6
            else:
                p[MAGNITUDE] = 0
            if b > a:
                t = (1 << 24) - t
            if v_cos < 0:
                t = (1 << 25) - t
            p[PHASE] = 0 - t if v_sin > 0 else t
        j += 2
    # v times the conjugate of i: of a coil, whose phasor leads the current by a quarter turn, its real part, else its
    # imaginary part
    if p[COIL] == 0:
        t = i_cos
        i_cos = i_sin
        i_sin = 0 - t
    a = v_cos >> 15
    b = i_cos >> 15
    t = a * b + ((a * (i_cos & 0x7FFF)) >> 15) + (((v_cos & 0x7FFF) * b) >> 15)
    a = v_sin >> 15
    b = i_sin >> 15
    t = a * b + ((a * (i_sin & 0x7FFF)) >> 15) + (((v_sin & 0x7FFF) * b) >> 15) + t
    # the gain of four samples as one, squared; the oscillator's amplitude
    t = t + (((t >> 12) * ((square * 5) >> 3)) >> 8)
    t = t + (t >> 11)
    # divided by the square of the period's samples; a coil's signal grows with the frequency
    n = 2 + p[COIL]
    while n:
        x = p[_RECIPROCAL]
        if n == 3:
            x = (p[NOW] + p[BEFORE]) << 9
        a = t >> 15
        b = x >> 15
        t = a * b + ((a * (x & 0x7FFF)) >> 15) + (((t & 0x7FFF) * b) >> 15)
        n -= 1
    n = 9 - exponents
    if n < 0:
        n = 0 - n
        t = t >> (n if n < 31 else 31)
    else:
        t = t << n
    p[Q1] = t


@micropython.viper
def singles(p: ptr32, c: ptr32) -> int:
    """The values of an element become singles. Returns whether all elements that have values have new ones (or this one
    has twice); then the totals become singles, too, if all elements have values."""
    bit = 1 << p[LINE]
    done = c[FRESH] & bit
    c[FRESH] = c[FRESH] | bit
    c[TOLD] = c[TOLD] | bit
    c[ALL_FLAGS] = c[ALL_FLAGS] | p[FLAGS] | p[FLAGS_BEFORE]
    last = 4
    if done or c[FRESH] == c[TOLD]:
        done = 1
        last = 6
    nan = 0x7FC0  # and 16 zeros: too large a literal
    nan = nan << 16
    n = 0
    while n < last:
        if n < 4:
            family = n
            row = 4 * n + p[LINE]
            x = p[V + n] if n < 3 else p[Q1]
            if n >= 2:
                c[_POWERS - 6 + 3 * n + p[LINE]] = x >> 2
            exponent = 0
        else:
            family = n - 2
            row = 4 * n - 5
            x = c[_POWERS - 12 + 3 * n] + c[_POWERS - 11 + 3 * n] + c[_POWERS - 10 + 3 * n]
            exponent = 2
        m = c[FACTORS + 2 * family]
        exponent = exponent + c[FACTORS + 1 + 2 * family]
        if m == 0 or (n >= 4 and c[TOLD] != c[ELEMENTS]):
            c[BITS + row] = nan
        elif x == 0:
            c[BITS + row] = 0
        else:
            negative = x < 0
            if negative:
                x = 0 - x
            while x < 0x400000:
                x = x << 7
                exponent = exponent - 7
            while x < 0x20000000:
                x = x << 1
                exponent = exponent - 1
            a = x >> 15
            b = m >> 15
            x = a * b + ((a * (m & 0x7FFF)) >> 15) + (((x & 0x7FFF) * b) >> 15)
            if x < 0x20000000:
                x = x << 1
                exponent = exponent - 1
            x = (exponent << 23) + ((x + 32) >> 6) - 0x800000
            if negative:
                x = x - 0x3FFFFFFF - 0x3FFFFFFF - 2  # its highest bit
            c[BITS + row] = x
        n += 1
    return done


@micropython.viper
def forget(p: ptr32, c: ptr32) -> int:
    """The element's values are not known any more, nor the totals. Returns whether they were."""
    nan = 0x7FC0
    nan = nan << 16
    n = 0
    while n < 4:
        c[BITS + 4 * n + p[LINE]] = nan
        c[BITS + 4 * n + 3] = nan
        n += 1
    n = 1 << p[LINE]
    known = c[TOLD] & n
    c[TOLD] = c[TOLD] - known
    c[FRESH] = c[FRESH] & (7 - n)
    return known


@micropython.viper
def stage(c: ptr32, singles: ptr32) -> int:
    """All rows to their slots in `singles`, the points' stage. Returns the flags of the new ones."""
    n = 0
    while n < ROWS:
        slot = c[SLOTS + n]
        if slot >= 0:
            singles[slot] = c[BITS + n]
        n += 1
    n = c[ALL_FLAGS]
    c[ALL_FLAGS] = 0
    c[FRESH] = 0
    return n


def factor(unit):
    """m and e of a unit's size (a positive float); 0, 0 for None."""
    if unit is None:
        return 0, 0
    mantissa, exponent = frexp(unit)
    return int(mantissa * (1 << 30)), exponent + 156
