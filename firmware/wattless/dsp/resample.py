"""Fractional resampler: a window of any length becomes exactly 2048 points of each of two channels, in bit-reversed
order.

Output k of a window that starts at `first` + `frac` / 2**16 and is `length` / 2**16 samples long lies at first + (frac
+ k length / 2048) / 2**16. Its value is interpolated between the outputs of two neighbouring filters of the bank (65
delays of 16 taps, Q14, dsp/taps_*.py, which also flatten the converter's sinc3), r the next 11 bits of the delay:

    s0 = floor((sum(x c0) + 2**7) / 2**8),  s1 likewise,  y = s0 + floor(((s1 - s0) r + 2**10) / 2**11)

so y is in 1/64 of a least significant bit. A pair (x, y) can be mixed by small integers before it is stored, which
makes the virtual neutral of three-wire systems exact (metering/wiring.py). Cost (viper on ARM): about 1.5 k
instructions a point and pair, no heap.
"""

from array import array

import micropython
from micropython import const

POINTS = 2048
LOOK_BACK = 7  # samples before the point that the filter needs
LOOK_AHEAD = 9  # and after it
FRACTION_BITS = 6

# words of a cursor
_POS = const(0)  # ring index of the first sample under the filter
_PHASE = const(1)  # fraction of a sample, 2**27 a sample
_STEP = const(2)  # of _PHASE an output
_RING = const(3)  # ring length
_X = const(4)  # where the channels start in the ring; -1: none, zeros
_Y = const(5)
_K = const(6)  # next output
_A = const(7)  # (x, y) -> (a x + b y, c x + d y) >> shift
_B = const(8)
_C = const(9)
_D = const(10)
_SHIFT = const(11)
_WORDS = const(12)


@micropython.viper
def resample(ring: ptr16, cursor: ptr32, bank: ptr16, reversed8: ptr8, out: ptr32, count: int):
    """Stores the next `count` outputs of the pair described by `cursor` into `out` (4096 words) and advances the
    cursor."""
    pos = cursor[_POS]
    phase = cursor[_PHASE]
    step = cursor[_STEP]
    length = cursor[_RING]
    x = cursor[_X]
    y = cursor[_Y]
    k = cursor[_K]
    shift = cursor[_SHIFT]
    while count:
        count -= 1
        row = (phase >> 21) << 4
        r = (phase >> 10) & 0x7FF
        i = 0
        x0 = 0
        x1 = 0
        y0 = 0
        y1 = 0
        while i < 16:
            c = (bank[row] ^ 0x8000) - 0x8000
            d = (bank[row + 16] ^ 0x8000) - 0x8000
            row += 1
            if x >= 0:
                v = (ring[x + pos + i] ^ 0x8000) - 0x8000
                x0 = x0 + v * c
                x1 = x1 + v * d
            if y >= 0:
                v = (ring[y + pos + i] ^ 0x8000) - 0x8000
                y0 = y0 + v * c
                y1 = y1 + v * d
            i += 1
        x0 = (x0 + 128) >> 8
        y0 = (y0 + 128) >> 8
        x1 = ((x1 + 128) >> 8) - x0
        y1 = ((y1 + 128) >> 8) - y0
        x0 = x0 + ((x1 * r + 1024) >> 11)
        y0 = y0 + ((y1 * r + 1024) >> 11)
        i = ((reversed8[k & 255] << 3) | (reversed8[k >> 8] >> 5)) << 1
        out[i] = (x0 * cursor[_A] + y0 * cursor[_B]) >> shift
        out[i + 1] = (x0 * cursor[_C] + y0 * cursor[_D]) >> shift
        k += 1
        phase = phase + step
        pos = pos + (phase >> 27)
        phase = phase & 0x7FFFFFF
        if pos >= length:
            pos = pos - length
    cursor[_POS] = pos
    cursor[_PHASE] = phase
    cursor[_K] = k


def reversed_bytes():
    """bytes: entry b is b with its 8 bits in reverse order."""
    return bytes(sum(((b >> i) & 1) << (7 - i) for i in range(8)) for b in range(256))


def new_cursor():
    return array("i", bytes(4 * _WORDS))


def aim(cursor, position, frac, length, ring_length, x, y, mix=(1, 0, 0, 1), shift=0):
    """Points `cursor` at a window: `position` is the ring index of its first sample, `frac` (0..65535) the fraction of
    a sample after it, `length` its length in 1/65536 sample (below 4 samples an output), `x`, `y` the starts of the
    channels in the ring or None."""
    pos = position - LOOK_BACK
    cursor[_POS] = pos + ring_length if pos < 0 else pos
    cursor[_PHASE] = frac << 11
    cursor[_STEP] = length
    cursor[_RING] = ring_length
    cursor[_X] = -1 if x is None else x
    cursor[_Y] = -1 if y is None else y
    cursor[_K] = 0
    cursor[_A], cursor[_B], cursor[_C], cursor[_D] = mix
    cursor[_SHIFT] = shift
