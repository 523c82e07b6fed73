"""Half-period sums, for events and fast points: v v, i i and v i of two channels, exactly, over samples of the ring.

    sums(first, count, ring, params)         ring of int16: sums of products of 16-bit codes
    sums_wide(first, count, ring32, params)  ring of int32: of 20-bit codes (x >> 8), that is 16 times the 16-bit ones

params: array('i') of PARAMS words. V, I, LENGTH: start of the two planes in the ring (the same one for a channel by
itself) and the ring's length. The samples are those at `first`, `first` + 1, ... of the planes, `count` of them, going
on at the planes' start behind their end (0 <= first < LENGTH; count up to 8191, wide 2047). The results are left in
VV, II and VI: pairs of words (high, low), sum = high 2**28 + low, 0 <= low < 2**28.

No product of two 16-bit codes is beyond 2**30, so minus two of them and a rest of 14 bits fit a word; what is above the
14 bits goes to a sum of its own. 20-bit codes are split into h 2**10 + l, and the sums of h h, h l and l l kept apart.
The samples are as they were measured: the droop of the converter's filter is still in them.

Cost (viper on ARM, measured): 73 instructions a pair of samples, 9.6 k for half a period at 50 Hz; wide 138. No heap.
"""

import micropython
from micropython import const

V = const(0)
I = const(1)
LENGTH = const(2)
VV = const(3)
II = const(5)
VI = const(7)
PARAMS = const(9)


@micropython.viper
def sums(first: int, count: int, ring: ptr16, params: ptr32):
    """params[VV], [II], [VI] = sums over `count` samples from index `first` on."""
    # `first` and `count` hold the samples further on: the first two arguments live in registers
    v = ptr16(int(ring) + 2 * (params[V] + first))
    i = ptr16(int(ring) + 2 * (params[I] + first))
    room = params[LENGTH] - first
    left = count
    vv = ii = vi = 0
    vv_high = ii_high = vi_high = 0
    while left:
        n = left
        if n > room:
            n = room
        left -= n
        if n & 1:
            first = (v[0] ^ 0x8000) - 0x8000
            count = (i[0] ^ 0x8000) - 0x8000
            vv = (vv & 0x3FFF) - first * first
            ii = (ii & 0x3FFF) - count * count
            vi = (vi & 0x3FFF) - first * count
            vv_high = (vv >> 14) + vv_high
            ii_high = (ii >> 14) + ii_high
            vi_high = (vi >> 14) + vi_high
            v = ptr16(int(v) + 2)
            i = ptr16(int(i) + 2)
        n = n >> 1
        while n:
            first = (v[0] ^ 0x8000) - 0x8000
            count = (i[0] ^ 0x8000) - 0x8000
            vv = (vv & 0x3FFF) - first * first
            ii = (ii & 0x3FFF) - count * count
            vi = (vi & 0x3FFF) - first * count
            first = (v[1] ^ 0x8000) - 0x8000
            count = (i[1] ^ 0x8000) - 0x8000
            vv = vv - first * first
            ii = ii - count * count
            vi = vi - first * count
            vv_high = (vv >> 14) + vv_high
            ii_high = (ii >> 14) + ii_high
            vi_high = (vi >> 14) + vi_high
            v = ptr16(int(v) + 4)
            i = ptr16(int(i) + 4)
            n -= 1
        v = ptr16(int(ring) + 2 * params[V])
        i = ptr16(int(ring) + 2 * params[I])
        room = params[LENGTH]
    # minus (high 2**14 + low) in words of 28 bits
    low = (((0 - vv_high) & 0x3FFF) << 14) - (vv & 0x3FFF)
    params[VV] = ((0 - vv_high) >> 14) + (low >> 28)
    params[VV + 1] = low & 0xFFFFFFF
    low = (((0 - ii_high) & 0x3FFF) << 14) - (ii & 0x3FFF)
    params[II] = ((0 - ii_high) >> 14) + (low >> 28)
    params[II + 1] = low & 0xFFFFFFF
    low = (((0 - vi_high) & 0x3FFF) << 14) - (vi & 0x3FFF)
    params[VI] = ((0 - vi_high) >> 14) + (low >> 28)
    params[VI + 1] = low & 0xFFFFFFF


@micropython.viper
def sums_wide(first: int, count: int, ring: ptr32, params: ptr32):
    """`sums` for a ring of int32."""
    v = ptr32(int(ring) + 4 * (params[V] + first))
    i = ptr32(int(ring) + 4 * (params[I] + first))
    room = params[LENGTH] - first
    left = count
    vv_high = vv_middle = vv = 0
    ii_high = ii_middle = ii = 0
    vi_high = vi_middle = vi = 0
    while left:
        n = left
        if n > room:
            n = room
        left -= n
        while n:
            first = v[0] >> 18
            count = (v[0] >> 8) & 0x3FF
            i_high = i[0] >> 18
            i_low = (i[0] >> 8) & 0x3FF
            vi_high = first * i_high + vi_high
            vi_middle = first * i_low + vi_middle
            vv_high = first * first + vv_high
            vv_middle = first * count + vv_middle
            vv = count * count + vv
            vi_middle = count * i_high + vi_middle
            vi = count * i_low + vi
            first = i_high
            count = i_low
            ii_high = first * first + ii_high
            ii_middle = first * count + ii_middle
            ii = count * count + ii
            v = ptr32(int(v) + 4)
            i = ptr32(int(i) + 4)
            n -= 1
        v = ptr32(int(ring) + 4 * params[V])
        i = ptr32(int(ring) + 4 * params[I])
        room = params[LENGTH]
    # high 2**20 + middle 2**11 (of v i: 2**10) + low in words of 28 bits
    low = ((vv_high & 0xFF) << 20) + ((vv_middle & 0x1FFFF) << 11) + (vv & 0xFFFFFFF)
    params[VV] = (vv_high >> 8) + (vv_middle >> 17) + (vv >> 28) + (low >> 28)
    params[VV + 1] = low & 0xFFFFFFF
    low = ((ii_high & 0xFF) << 20) + ((ii_middle & 0x1FFFF) << 11) + (ii & 0xFFFFFFF)
    params[II] = (ii_high >> 8) + (ii_middle >> 17) + (ii >> 28) + (low >> 28)
    params[II + 1] = low & 0xFFFFFFF
    low = ((vi_high & 0xFF) << 20) + ((vi_middle & 0x3FFFF) << 10) + (vi & 0xFFFFFFF)
    params[VI] = (vi_high >> 8) + (vi_middle >> 18) + (vi >> 28) + (low >> 28)
    params[VI + 1] = low & 0xFFFFFFF
