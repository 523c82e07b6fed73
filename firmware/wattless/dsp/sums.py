"""Exact sums of products of resampled channels, and their smallest and largest values.

`own` works on one transform buffer z (a point: re, im), `cross` on z and a `packed` copy of another one, which holds a
point in one word: low half re, high half im, each floor((value + 32) / 2**6), saturated to 16 bits (`pack`). Results
are added to `out`, so that any number of calls makes up a window; call clear(own's, cross's) before the first:

    own    out[0..5]: re re, im im, re im; out[6..9]: smallest re, largest re, smallest im, largest im; out[10]: skip
    cross  out[0..5]: low re, high im, high re; out[6]: skip

skip: what is not wanted takes no time and stays as it is: SKIP_SECOND (the second sum and the extremes of im) and
SKIP_THIRD, or their sum. params: array('i') of start, stop: points, both multiples of 32.

A sum is two words (high, low) = high 2**28 + low, 0 <= low < 2**28, exact while below 2**59. |re|, |im| <= 15 000 000.

How: a value is 2**12 h + l with 0 <= l < 2**12, so that products of halves fit in 25 bits and 32 of them can be added;
16-bit halves of packed words need no split, but take 27 bits: 16 of them.
Cost (viper on ARM, measured), instructions a point: own 208 (141 without the third sum, 138 without the second, 71 for
squares of re alone), cross 121 (82 or 43 where one or two are skipped), pack 64. No heap.
"""

import micropython

SLICE = 512  # points a call, to stay well below 5 ms
OWN_WORDS = 11
CROSS_WORDS = 7
RE_LEAST = 6  # then the largest
IM_LEAST = 8
OWN_SKIP = 10
CROSS_SKIP = 6
SKIP_SECOND = 1
SKIP_THIRD = 2
_FAR = (1 << 30) - 1  # a small integer on 32-bit boards


def clear(own, cross):
    """Empties both for the first calls of a window; what they skip stays."""
    for i in range(6):
        own[i] = cross[i] = 0
    own[RE_LEAST] = own[IM_LEAST] = _FAR
    own[RE_LEAST + 1] = own[IM_LEAST + 1] = -_FAR


@micropython.viper
def own(z: ptr32, params: ptr32, out: ptr32):
    """Adds the points params[0] <= k < params[1] of z to `out`."""
    first = int(z) + (params[0] << 3)
    points = params[1] - params[0]
    channel = 0
    while channel < 2:
        # squares and extremes of re, then of im
        sum = ptr32(int(out) + (channel << 3))
        extremes = ptr32(int(out) + (channel << 3) + 24)
        low = extremes[0]
        high = extremes[1]
        z = ptr32(first + (channel << 2))
        blocks = points >> 5
        while blocks:
            h = 0
            m = 0
            s = 0
            n = 16
            while n:
                a = z[0] >> 12
                b = z[0] & 0xFFF
                c = z[2] >> 12
                d = z[2] & 0xFFF
                h = a * a + c * c + h
                m = a * b + c * d + m
                s = b * b + d * d + s
                if z[0] < z[2]:
                    if z[0] < low:
                        low = z[0]
                    if z[2] > high:
                        high = z[2]
                else:
                    if z[2] < low:
                        low = z[2]
                    if z[0] > high:
                        high = z[0]
                z = ptr32(int(z) + 16)
                n -= 1
            m = m + m + (s >> 12)
            h = h + (m >> 12)
            s = sum[1] + ((h & 15) << 24) + ((m & 0xFFF) << 12) + (s & 0xFFF)
            sum[0] = sum[0] + (h >> 4) + (s >> 28)
            sum[1] = s & 0xFFFFFFF
            blocks -= 1
        extremes[0] = low
        extremes[1] = high
        channel += 1 + (out[10] & 1)
    if (out[10] & 2) == 0:
        z = ptr32(first)
        blocks = points >> 5
        while blocks:
            h = 0
            m = 0
            s = 0
            n = 16
            while n:
                a = z[0] >> 12
                b = z[0] & 0xFFF
                c = z[2] >> 12
                d = z[2] & 0xFFF
                h = (z[1] >> 12) * a + (z[3] >> 12) * c + h
                m = (z[1] & 0xFFF) * a + (z[1] >> 12) * b + (z[3] & 0xFFF) * c + (z[3] >> 12) * d + m
                s = (z[1] & 0xFFF) * b + (z[3] & 0xFFF) * d + s
                z = ptr32(int(z) + 16)
                n -= 1
            m = m + (s >> 12)
            h = h + (m >> 12)
            s = out[5] + ((h & 15) << 24) + ((m & 0xFFF) << 12) + (s & 0xFFF)
            out[4] = out[4] + (h >> 4) + (s >> 28)
            out[5] = s & 0xFFFFFFF
            blocks -= 1


@micropython.viper
def cross(z: ptr32, packed: ptr32, params: ptr32, out: ptr32):
    """Adds the points params[0] <= k < params[1] of z and `packed` to `out`."""
    first = int(z) + (params[0] << 3)
    first_packed = int(packed) + (params[0] << 2)
    which = 0
    while which < 3:
        # low re, high im, high re: one after the other
        sum = ptr32(int(out) + (which << 3))
        z = ptr32(first + ((which & 1) << 2))
        packed = ptr32(first_packed)
        blocks = (params[1] - params[0]) >> 4
        while blocks:
            h = 0
            s = 0
            n = 4
            while n:
                if which:
                    a = packed[0] >> 16
                    b = packed[1] >> 16
                    c = packed[2] >> 16
                    d = packed[3] >> 16
                else:
                    a = ((packed[0] & 0xFFFF) ^ 0x8000) - 0x8000
                    b = ((packed[1] & 0xFFFF) ^ 0x8000) - 0x8000
                    c = ((packed[2] & 0xFFFF) ^ 0x8000) - 0x8000
                    d = ((packed[3] & 0xFFFF) ^ 0x8000) - 0x8000
                h = (z[0] >> 12) * a + (z[2] >> 12) * b + (z[4] >> 12) * c + (z[6] >> 12) * d + h
                s = (z[0] & 0xFFF) * a + (z[2] & 0xFFF) * b + (z[4] & 0xFFF) * c + (z[6] & 0xFFF) * d + s
                z = ptr32(int(z) + 32)
                packed = ptr32(int(packed) + 16)
                n -= 1
            h = h + (s >> 12)
            s = sum[1] + ((h & 0xFFFF) << 12) + (s & 0xFFF)
            sum[0] = sum[0] + (h >> 16) + (s >> 28)
            sum[1] = s & 0xFFFFFFF
            blocks -= 1
        which += 1
        if which == 1:
            which += out[6] & 1
        if which == 2:
            which += (out[6] & 2) >> 1


@micropython.viper
def pack(z: ptr32, packed: ptr32, params: ptr32):
    """Packs the points params[0] <= k < params[1] of z."""
    n = params[1] - params[0]
    z = ptr32(int(z) + (params[0] << 3))
    packed = ptr32(int(packed) + (params[0] << 2))
    while n:
        a = (z[0] + 32) >> 6
        b = (z[1] + 32) >> 6
        if ((a + 0x8000) | (b + 0x8000)) >> 16:
            if a > 0x7FFF:
                a = 0x7FFF
            if a < -0x8000:
                a = -0x8000
            if b > 0x7FFF:
                b = 0x7FFF
            if b < -0x8000:
                b = -0x8000
        packed[0] = (b << 16) | (a & 0xFFFF)
        z = ptr32(int(z) + 8)
        packed = ptr32(int(packed) + 4)
        n -= 1
