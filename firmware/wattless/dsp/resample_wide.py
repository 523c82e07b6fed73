"""The resampler for "wide" rings: int32 samples of 20 bits, shifted left by 8 (capture/unpack_wide.py).

What dsp/resample.py says holds here, too (places, rows, taps, bit-reversed order, unit: 1/64 of a 16-bit LSB), but that
samples x = 4096 h + 256 l, 0 <= l < 16, have four bits more, and so have the sums:

    y         floor((sum(x c) + 2**19) / 2**20) = floor((sum(h c) + 2**7 + floor(sum(l c) / 2**4)) / 2**8)

Cursors are made by dsp/resample.py. Ring length and starts of channels count samples.
Cost (viper on ARM, measured): 754 instructions a pair of points, 465 where one channel is missing; at 10.24 kS/s 1129
and 740. No heap.
"""

import micropython
from micropython import const

# words of a cursor: see dsp/resample.py
_POS = const(0)
_PHASE = const(1)
_STEP = const(2)
_RING = const(3)
_X = const(4)
_Y = const(5)
_K = const(6)
_COUNT = const(7)
_A = const(8)
_B = const(9)
_C = const(10)
_D = const(11)
_SHIFT = const(12)
_MIXED = const(13)
_PLACES = const(16)


@micropython.viper
def resample_wide(ring: ptr32, cursor: ptr32, bank: ptr16, z: ptr32):
    """Stores the next cursor[COUNT] outputs of the pair described by `cursor` into `z` (4096 words) and advances the
    cursor. ring: int32; bank: dsp/taps_*.py"""
    words = ptr32(cursor)
    places = ptr16(int(cursor) + (_PLACES << 2))
    rows = int(bank) + 8
    stride = bank[0]
    more = bank[1]
    x = int(ring) + (words[_X] << 2)
    second = (words[_Y] - words[_X]) << 2
    two = 1 if words[_Y] >= 0 else 0
    round = words[_RING] << 2
    end = x + round
    step = words[_STEP] >> 3
    count = words[_COUNT]
    while count:
        first = x + (words[_POS] << 2)
        at = words[_PHASE] >> 3
        # the block's first place in z: its number, 5 bits, reversed
        k = words[_K] >> 6
        k = ((k & 1) << 4) | ((k & 2) << 2) | (k & 4) | ((k & 8) >> 2) | (k >> 4)
        block = int(z) + (k << 3)
        n = 64
        while n:
            cursor = ptr32(((at >> 19) & 31) * stride + rows)
            e = (at >> 11) & 0xFF
            k = ((at >> 24) << 2) + first
            if k >= end:
                k = k - round
            ring = ptr32(k)
            c5 = ((cursor[10] * e) >> 7) + cursor[2]
            c6 = ((cursor[11] * e) >> 7) + cursor[3]
            c7 = ((cursor[12] * e) >> 7) + cursor[4]
            c9 = ((cursor[13] * e) >> 7) + cursor[6]
            c10 = ((cursor[14] * e) >> 7) + cursor[7]
            c8 = cursor[5] - c5 - c6 - c7 - c9 - c10
            c4 = cursor[1]
            c11 = cursor[8]
            if more:
                outer = ptr16(int(cursor) + 60)
                c1 = (outer[0] ^ 0x8000) - 0x8000
                c2 = (outer[1] ^ 0x8000) - 0x8000
                c13 = (outer[2] ^ 0x8000) - 0x8000
                c14 = (outer[3] ^ 0x8000) - 0x8000
                h = (((outer[4] ^ 0x8000) - 0x8000) * e) >> 7
                low = (((outer[5] ^ 0x8000) - 0x8000) * e) >> 7
                c4 = c4 + h
                c11 = c11 + low
                c8 = c8 - h - low
            out = ptr32(places[n] + block)
            out[1] = 0
            channel = two
            while channel >= 0:
                if channel:
                    ring = ptr32(int(ring) + second)
                h = (
                    (ring[3] >> 12) * cursor[0]
                    + (ring[4] >> 12) * c4
                    + (ring[5] >> 12) * c5
                    + (ring[6] >> 12) * c6
                    + (ring[7] >> 12) * c7
                    + (ring[8] >> 12) * c8
                    + (ring[9] >> 12) * c9
                    + (ring[10] >> 12) * c10
                    + (ring[11] >> 12) * c11
                    + (ring[12] >> 12) * cursor[9]
                )
                low = (
                    ((ring[3] >> 8) & 15) * cursor[0]
                    + ((ring[4] >> 8) & 15) * c4
                    + ((ring[5] >> 8) & 15) * c5
                    + ((ring[6] >> 8) & 15) * c6
                    + ((ring[7] >> 8) & 15) * c7
                    + ((ring[8] >> 8) & 15) * c8
                    + ((ring[9] >> 8) & 15) * c9
                    + ((ring[10] >> 8) & 15) * c10
                    + ((ring[11] >> 8) & 15) * c11
                    + ((ring[12] >> 8) & 15) * cursor[9]
                )
                if more:
                    h = (ring[1] >> 12) * c1 + (ring[2] >> 12) * c2 + h
                    h = (ring[13] >> 12) * c13 + (ring[14] >> 12) * c14 + h
                    low = ((ring[1] >> 8) & 15) * c1 + ((ring[2] >> 8) & 15) * c2 + low
                    low = ((ring[13] >> 8) & 15) * c13 + ((ring[14] >> 8) & 15) * c14 + low
                h = ((low >> 4) + h + 128) >> 8
                if channel:
                    out[1] = h
                    ring = ptr32(int(ring) - second)
                else:
                    out[0] = h
                channel -= 1
            at = at + step
            n -= 1
        if words[_MIXED]:
            n = 64
            while n:
                out = ptr32(places[n] + block)
                c5 = out[0]
                c6 = out[1]
                out[0] = (c5 * words[_A] + c6 * words[_B]) >> words[_SHIFT]
                out[1] = (c5 * words[_C] + c6 * words[_D]) >> words[_SHIFT]
                n -= 1
        # 64 steps on, exactly
        k = words[_STEP]
        at = words[_PHASE] + ((k & 0x1FFFFF) << 6)
        pos = words[_POS] + (k >> 21) + (at >> 27)
        if pos >= words[_RING]:
            pos = pos - words[_RING]
        words[_POS] = pos
        words[_PHASE] = at & 0x7FFFFFF
        words[_K] = words[_K] + 64
        count -= 64
