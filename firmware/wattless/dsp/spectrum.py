"""From a transform of two packed channels to what metering asks for: phasors of the orders 0 to 50, the energies
between them, and from these harmonics and the sums for their distortion.

With z = x + j y packed, 2 X[k] = Z[k] + conj Z[n-k] and 2j Y[k] = Z[k] - conj Z[n-k]; the factor 2 stays in. A sine of
amplitude a LSB has the bin 4096 a, a dc of a LSB the bin 8192 a.

Energies are exact integers, two words (high, low) = high 2**28 + low. Bound: the energies of a channel's bins together
below 2**58. By Parseval they are at most 2**13 rms**2 (dc: 2**14), rms in 1/64 LSB: 2**56 for a dc or a square wave
of full scale, 2**57.2 with the mix of 3p3w (1.5 times that). It follows that |re|, |im| < 2**29, that what is twice a
sum of groups is below 2**59, and that no word leaves 32 bits.

IEC 61000-4-7 groups are sums of disjoint pieces of the space from an order h to the next one, N bins of 1/N of the
fundamental (N = 10, 12, or 5, 6): the order's own bin, its upper side bin, the lower half, the middle bin (none for
odd N), the upper half, the lower side bin of h + 1. With E the energies of pieces above h, E' of those above h - 1:

    subgroup(h) = E[own] + E[upper side] + E'[lower side]                                           (5.6)
    2 group(h) = 2 subgroup(h) + 2 E[lower half] + E[middle] + 2 E'[upper half] + E'[middle]        (5.5.1)

Square roots are floor(sqrt(energy)): the energy is shifted left by an even number until its top 30 of 60 bits begin
with a one; their root by two steps of Newton, the other 15 bits by one division (Zimmermann, Karatsuba Square Root,
INRIA 3805, 1999), shifted back.

Cost (ARM instructions, viper / Thumb-2): split 43 / 10 a bin; a channel of 10 cycles: phasors 1.7 k / 0.3 k, pieces
49 k (80 k if all bins are above 2 LSB) / 6.6 k, summary 27 k to 29 k / 4.8 k; a window of seven channels 640 k / 103 k.
No heap. The same functions for Thumb-2: spectrum_thumb.py.
"""

from array import array

import micropython

ORDERS = 51
PIECES = 6
OWN, UPPER_SIDE, LOWER_HALF, MIDDLE, UPPER_HALF, LOWER_SIDE = range(PIECES)

# params of phasors and pieces, array('i'): points of the transform; periods in it; 0: first channel, 1: second; orders
# that a call does; number of bins of the six pieces
N_POINTS, CYCLES, SECOND, COUNT, LENGTHS = range(5)
# params of band: points, not used, channel, first bin, number of bins, pair of `out` for the result
BAND_START, BAND_BINS, BAND_SLOT = range(3, 6)

# what summary writes: magnitudes of 51 orders, then energies (high, low): subgroup 1; sums of the subgroups 2 to 50,
# 2 to 40; twice group 1; twice the sum of the groups 2 to 50
MAGNITUDES = 0
SG1, THDS, THDS40, G1, THDG = range(ORDERS, ORDERS + 10, 2)
SUMMARY = ORDERS + 10


def new_params(n, cycles, count=ORDERS):
    """array('i'): parameters of phasors and pieces for the first channel, `count` orders a call (pieces)."""
    half = (cycles - 1) // 2 - 1
    return array("i", (n, cycles, 0, count, 1, 1, half, 1 - cycles % 2, half, 1))


@micropython.viper
def split(z: ptr32, n: int, bins: int):
    """In place: z[k] becomes 2 X[k], z[n-k] becomes 2 Y[k], 0 < k < bins; z[0] becomes (2 X[0], 2 Y[0]).

    `z`: 2 n words. Pairs of bins: with an even `bins`, k = bins is done as well. bins < n/2."""
    z[0] = z[0] << 1
    z[1] = z[1] << 1
    q = ptr32(int(z) + (n << 3) - 16)
    z = ptr32(int(z) + 8)
    pairs = bins >> 1
    # two bins a turn, z -> z[k], q -> z[n - k - 1]; n, which has a register, holds one word after the other
    while pairs:
        n = q[2]
        t = n - z[0]
        z[0] = z[0] + n
        n = q[3]
        q[2] = z[1] + n
        z[1] = z[1] - n
        q[3] = t
        n = q[0]
        t = n - z[2]
        z[2] = z[2] + n
        n = q[1]
        q[0] = z[3] + n
        z[3] = z[3] - n
        q[1] = t
        z = ptr32(int(z) + 16)
        q = ptr32(int(q) - 16)
        pairs -= 1


@micropython.viper
def phasors(z: ptr32, params: ptr32, out: ptr32):
    """out[2 h], out[2 h + 1] = re, im of order h = 0..50 of the channel in the split `z`; dc has no im."""
    cycles = params[1]
    step = cycles << 3
    out[0] = z[params[2]]
    out[1] = 0
    if params[2]:
        z = ptr32(int(z) + (params[0] << 3))
        step = 0 - step
    h = 50
    while h:
        z = ptr32(int(z) + step)
        out = ptr32(int(out) + 8)
        out[0] = z[0]
        out[1] = z[1]
        h -= 1


@micropython.viper
def pieces(start: int, z: ptr32, params: ptr32, out: ptr32):
    """Energies |bin|**2 of the pieces above params[COUNT] orders from `start` on: words (high, low) at
    out[2 (6 h + piece)].

    With x = 2**14 a + b, 0 <= b < 2**14, high, mid and low are the sums of a a, a b and b b over a piece (at most 4
    bins); from -2**13 to 2**13 - 1, x x goes to low."""
    # `start` has a register: after its own work it is x, then a
    orders = params[3]
    second = params[2]
    step = 8
    k = start * params[1]
    if second:
        step = 0 - 8
        k = params[0] - k
    out = ptr32(int(out) + 48 * start)
    i = 4
    if start == 0:
        start = z[second]
        y = start & 0x3FFF
        start = start >> 14
        low = y * y
        mid = start * y + (low >> 15)
        out[0] = start * start + (mid >> 13)
        out[1] = ((mid & 0x1FFF) << 15) | (low & 0x7FFF)
        out = ptr32(int(out) + 8)
        z = ptr32(int(z) + step)
        i = 5
    z = ptr32(int(z) + (k << 3))
    while orders:
        while i < 10:
            bins = params[i]
            high = 0
            mid = 0
            low = 0
            while bins:
                start = z[0]
                if (start + 8192) >> 14:
                    y = start & 0x3FFF
                    start = start >> 14
                    high = start * start + high
                    mid = start * y + mid
                    low = y * y + low
                else:
                    low = start * start + low
                start = z[1]
                if (start + 8192) >> 14:
                    y = start & 0x3FFF
                    start = start >> 14
                    high = start * start + high
                    mid = start * y + mid
                    low = y * y + low
                else:
                    low = start * start + low
                z = ptr32(int(z) + step)
                bins -= 1
            start = (low >> 15) + mid
            out[0] = (start >> 13) + high
            out[1] = ((start & 0x1FFF) << 15) | (low & 0x7FFF)
            out = ptr32(int(out) + 8)
            i += 1
        i = 4
        orders -= 1


@micropython.viper
def summary(pieces: ptr32, out: ptr32):
    """From the `pieces` of one channel: out[h] = floor(sqrt(subgroup(h))), h = 0..50 (0: of its own bin), and sums from
    SG1 on, see above."""
    to = ptr32(out)
    below_high = 0
    below_low = 0
    half_high = 0
    half_low = 0
    sum_high = 0
    sum_low = 0
    group_high = 0
    group_low = 0
    h = 0
    while h < 51:
        high = pieces[0]
        low = pieces[1]
        if h:
            low = pieces[3] + low
            low = low + below_low
            high = pieces[2] + high
            high = high + below_high
            high = (low >> 28) + high
            low = low & 0xFFFFFFF
            # twice the group: with whole instead of half middle bins it stays an integer
            t = pieces[5] + low
            half_low = (t << 1) + half_low
            half_low = pieces[7] + half_low
            t = pieces[4] + high
            half_high = (t << 1) + half_high
            half_high = pieces[6] + half_high
            if h > 1:
                sum_low = sum_low + low
                sum_high = sum_high + high
                sum_high = (sum_low >> 28) + sum_high
                sum_low = sum_low & 0xFFFFFFF
                group_high = (half_low >> 28) + group_high
                group_low = (half_low & 0xFFFFFFF) + group_low
                group_high = group_high + half_high
                group_high = (group_low >> 28) + group_high
                group_low = group_low & 0xFFFFFFF
                if h == 40:
                    out[55] = sum_high
                    out[56] = sum_low
            else:
                out[51] = high
                out[52] = low
                out[57] = (half_low >> 28) + half_high
                out[58] = half_low & 0xFFFFFFF
        half_high = (pieces[8] << 1) + pieces[6]
        half_low = (pieces[9] << 1) + pieces[7]
        below_high = pieces[10]
        below_low = pieces[11]
        # floor of the square root
        shift = 0
        top = high >> 2
        if top:
            low = ((high & 3) << 28) | low
        else:
            top = ((high & 3) << 28) | low
            low = 0
            shift = 15
        root = 0
        if top:
            if top < 16384:
                top = (top << 16) | (low >> 14)
                low = (low & 0x3FFF) << 16
                shift += 8
            if top < 4194304:
                top = (top << 8) | (low >> 22)
                low = (low & 0x3FFFFF) << 8
                shift += 4
            if top < 67108864:
                top = (top << 4) | (low >> 26)
                low = (low & 0x3FFFFFF) << 4
                shift += 2
            if top < 268435456:
                top = (top << 2) | (low >> 28)
                low = (low & 0xFFFFFFF) << 2
                shift += 1
            root = ((top >> 15) * 5 >> 3) + 11960
            root = (top // root + root) >> 1
            root = (top // root + root) >> 1
            # one too large at most: then remainder and quotient are negative, and the root comes out right all the same
            high = top - root * root
            high = (high << 15) | (low >> 15)
            t = root << 1
            top = high // t
            high = high - top * t
            root = (root << 15) + top
            if (high << 15) + (low & 0x7FFF) < top * top:
                root -= 1
            root = root >> shift
        to[0] = root
        to = ptr32(int(to) + 4)
        pieces = ptr32(int(pieces) + 48)
        h += 1
    out[53] = sum_high
    out[54] = sum_low
    out[59] = group_high
    out[60] = group_low


@micropython.viper
def band(z: ptr32, params: ptr32, out: ptr32):
    """Energy (high, low) of params[BAND_BINS] bins from params[BAND_START] > 0 on, to pair params[BAND_SLOT] of `out`.
    `split` must have done them."""
    step = 8
    k = params[3]
    if params[2]:
        step = 0 - 8
        k = params[0] - k
    z = ptr32(int(z) + (k << 3))
    high = 0
    low = 0
    bins = params[4]
    while bins:
        i = 0
        while i < 2:
            a = z[i]
            b = a & 0x3FFF
            a = a >> 14
            mid = a * b
            low = low + ((mid & 0x1FFF) << 15) + b * b
            high = high + a * a + (mid >> 13) + (low >> 28)
            low = low & 0xFFFFFFF
            i += 1
        z = ptr32(int(z) + step)
        bins -= 1
    out = ptr32(int(out) + (params[5] << 3))
    out[0] = high
    out[1] = low
