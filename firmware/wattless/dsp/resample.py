"""Fractional resampler: a window of any length becomes exactly 2048 points of each of two channels, in bit-reversed
order, in 1/64 of a least significant bit.

Output k of a window that starts at `first` + `frac` / 2**16 and is `length` / 2**16 samples long lies at first + (frac
+ k length / 2048) / 2**16. It is a sum over ten samples (14 at 10.24 kS/s) before and behind that place:

    place     blocks of 64 outputs start exactly (27 bits of fraction); inside, place and step lose their last 3 bits
    row, e    the next 5 and 8 bits after the point of the place: one of 32 filters, and a step between two of them
    taps      c[i] = bank[row][i] + floor(slope[row][i] e / 2**7), Q14, for the inner taps; the outer ones stay as they
              are, and tap 8 is 2**14 less all others: dc passes exactly, with the same rounding at every place
    y         floor((sum(x c) + 2**7) / 2**8)

The filters also flatten the converter's sinc3; how, and how well: host_tools/make_tables.py, tests/dsp/test_tables.py.
A pair (x, y) can be mixed by small integers before it is stored, which makes the virtual neutral of three-wire systems
exact (metering/wiring.py). |y| < 2**23, with a mix of three-wire systems 2**24.

What makes it fast in viper: a block's samples are copied once into the cursor, as unsigned 16-bit words (sign bit
inverted, two at a time), so that no load needs its sign extended; the 32768 this adds to each are taken off again as
2**29, since taps sum to 2**14. Taps are 32-bit words. The two pointers of the inner loop take over the parameters
`ring` and `cursor`, the only locals that viper keeps in registers.
Cost (viper on ARM, measured): 389 instructions a pair of points, 278 where one channel is missing; at 10.24 kS/s 676
and 569. Heap: cursor 0.7 KB, bank 1.9 KB (2.3 KB at 10.24 kS/s), no allocation.
"""

from array import array

import micropython
from micropython import const

POINTS = 2048
LOOK_BACK = 7  # samples before the point that the filter needs
LOOK_AHEAD = 9  # and after it
FRACTION_BITS = 6
SLICE = 256  # outputs a call, to stay well below 5 ms
LONGEST = 7 * POINTS << 14  # window in 1/65536 samples: 1.75 samples an output

# words of a cursor
COUNT = 7  # outputs that a call does, a multiple of 64: SLICE, or what the caller writes here
_POS = const(0)  # ring index of the first sample under the filter
_PHASE = const(1)  # fraction of a sample, 2**27 a sample
_STEP = const(2)  # of _PHASE an output
_RING = const(3)  # ring length
_X = const(4)  # where the channels start in the ring
_Y = const(5)  # -1: none, zeros
_K = const(6)  # next output
_COUNT = const(7)
_A = const(8)  # (x, y) -> (a x + b y, c x + d y) >> shift
_B = const(9)
_C = const(10)
_D = const(11)
_SHIFT = const(12)
_MIXED = const(13)  # whether that changes anything
_SIGNS = const(14)  # 0x80008000: inverts the signs of two samples
_PLACES = const(16)  # 65 halfwords: where output k, k + 64 = n mod 64, is stored after the first of its block, in bytes
_SAMPLES = const(49)  # a block's samples: 128 halfwords of x, then 128 of y
_WORDS = const(177)

_BIAS = const(128 - (1 << 29))


@micropython.viper
def resample(ring: ptr16, cursor: ptr32, bank: ptr16, z: ptr32):
    """Stores the next cursor[COUNT] outputs of the pair described by `cursor` into `z` (4096 words) and advances the
    cursor. ring: int16; bank: dsp/taps_*.py"""
    words = ptr32(cursor)
    samples = int(cursor) + (_SAMPLES << 2)
    places = ptr16(int(cursor) + (_PLACES << 2))
    rows = int(bank) + 8
    stride = bank[0]
    more = bank[1]
    length = words[_RING]
    round = length << 1  # in bytes, like pos while samples are copied
    x = int(ring) + (words[_X] << 1)
    y = int(ring) + (words[_Y] << 1)
    two = 1 if words[_Y] >= 0 else 0
    signs = words[_SIGNS]
    mixed = words[_MIXED]
    step = words[_STEP] >> 3
    sx = _BIAS
    sy = _BIAS
    count = words[_COUNT]
    while count:
        # samples of the block, from an even index on
        pos = words[_POS]
        at = (words[_PHASE] >> 3) + ((pos & 1) << 24)
        pos = (pos - (pos & 1)) << 1
        n = (((at + 63 * step) >> 24) + 23) >> 3
        out = ptr32(samples)
        while n:
            cursor = ptr32(pos + x)
            out[0] = cursor[0] ^ signs
            out[1] = cursor[1] ^ signs
            out[2] = cursor[2] ^ signs
            out[3] = cursor[3] ^ signs
            if two:
                cursor = ptr32(pos + y)
                out[64] = cursor[0] ^ signs
                out[65] = cursor[1] ^ signs
                out[66] = cursor[2] ^ signs
                out[67] = cursor[3] ^ signs
            out = ptr32(int(out) + 16)
            pos += 16
            if pos >= round:
                pos = pos - round
            n -= 1
        # the block's first place in z: its number, 5 bits, reversed
        k = words[_K] >> 6
        k = ((k & 1) << 4) | ((k & 2) << 2) | (k & 4) | ((k & 8) >> 2) | (k >> 4)
        block = int(z) + (k << 3)
        n = 64
        while n:
            cursor = ptr32(((at >> 19) & 31) * stride + rows)
            e = (at >> 11) & 0xFF
            ring = ptr16(((at >> 24) << 1) + samples)
            c5 = ((cursor[10] * e) >> 7) + cursor[2]
            c6 = ((cursor[11] * e) >> 7) + cursor[3]
            c7 = ((cursor[12] * e) >> 7) + cursor[4]
            c9 = ((cursor[13] * e) >> 7) + cursor[6]
            c10 = ((cursor[14] * e) >> 7) + cursor[7]
            c8 = cursor[5] - c5 - c6 - c7 - c9 - c10
            if more:
                # four taps outside the ten, and slopes of the taps 4 and 11, which tap 8 gives
                outer = ptr16(int(cursor) + 60)
                c = (outer[0] ^ 0x8000) - 0x8000
                sx = ring[1] * c + _BIAS
                sy = ring[129] * c + _BIAS
                c = (outer[1] ^ 0x8000) - 0x8000
                sx = ring[2] * c + sx
                sy = ring[130] * c + sy
                c = (outer[2] ^ 0x8000) - 0x8000
                sx = ring[13] * c + sx
                sy = ring[141] * c + sy
                c = (outer[3] ^ 0x8000) - 0x8000
                sx = ring[14] * c + sx
                sy = ring[142] * c + sy
                c = (((outer[4] ^ 0x8000) - 0x8000) * e) >> 7
                sx = (ring[4] - ring[8]) * c + sx
                sy = (ring[132] - ring[136]) * c + sy
                c = (((outer[5] ^ 0x8000) - 0x8000) * e) >> 7
                sx = (ring[11] - ring[8]) * c + sx
                sy = (ring[139] - ring[136]) * c + sy
            out = ptr32(places[n] + block)
            out[0] = (
                ring[3] * cursor[0]
                + sx
                + ring[4] * cursor[1]
                + ring[5] * c5
                + ring[6] * c6
                + ring[7] * c7
                + ring[8] * c8
                + ring[9] * c9
                + ring[10] * c10
                + ring[11] * cursor[8]
                + ring[12] * cursor[9]
            ) >> 8
            if two:
                out[1] = (
                    ring[131] * cursor[0]
                    + sy
                    + ring[132] * cursor[1]
                    + ring[133] * c5
                    + ring[134] * c6
                    + ring[135] * c7
                    + ring[136] * c8
                    + ring[137] * c9
                    + ring[138] * c10
                    + ring[139] * cursor[8]
                    + ring[140] * cursor[9]
                ) >> 8
            else:
                out[1] = 0
            at = at + step
            n -= 1
        if mixed:
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
        if pos >= length:
            pos = pos - length
        words[_POS] = pos
        words[_PHASE] = at & 0x7FFFFFF
        words[_K] = words[_K] + 64
        count -= 64


def new_cursor():
    """Cursor for the kernels here, in dsp/resample_wide.py and in their Thumb-2 twins."""
    cursor = array("i", bytes(4 * _WORDS))
    cursor[COUNT] = SLICE
    cursor[_SIGNS] = -0x7FFF8000
    for n in range(65):
        place = sum((((64 - n) >> i) & 1) << (13 - i) for i in range(6))
        cursor[_PLACES + (n >> 1)] |= place << 16 if n & 1 else place
    return cursor


def aim(cursor, position, frac, length, ring_length, x, y, mix=(1, 0, 0, 1), shift=0):
    """Points `cursor` at a window: `position` is the ring index of its first sample, `frac` (0..65535) the fraction of
    a sample after it, `length` its length in 1/65536 sample (at most LONGEST), `x`, `y` the starts of the channels in
    the ring or None, but not both. In rings of int16, they and `ring_length` are even, so that words are aligned."""
    if length > LONGEST:
        raise ValueError("window of {} samples: at most {}".format(length >> 16, LONGEST >> 16))
    if x is None:
        x, y = y, None
        mix = (mix[1], 0, mix[3], 0)
    pos = position - LOOK_BACK
    cursor[_POS] = pos + ring_length if pos < 0 else pos
    cursor[_PHASE] = frac << 11
    cursor[_STEP] = length
    cursor[_RING] = ring_length
    cursor[_X] = x
    cursor[_Y] = -1 if y is None else y
    cursor[_K] = 0
    cursor[_A], cursor[_B], cursor[_C], cursor[_D] = mix
    cursor[_SHIFT] = shift
    cursor[_MIXED] = 1 if shift or tuple(mix) != (1, 0, 0, 1) else 0
