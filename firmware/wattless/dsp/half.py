"""Sums over half a period of two channels, for events and fast points: v v, i i and v i exactly, and the correlations
of v and i with the fundamental.

    aim(sine, params)                          sets the oscillator for the sums that follow
    sums(first, groups, ring, params)          ring of int16: sums over 4 * groups samples of 16 bits
    sums_wide(first, groups, ring32, params)   ring of int32: of 20 bits (x >> 8): v v, i i, v i 256 times as large
    edge(ring, sine, params)                   the same of the samples from there to the true end of the half period

params: array('i') of PARAMS words. V, I, LENGTH: start of the two planes in the ring (even; the same one for a channel
by itself) and the ring's length, even, its first samples repeated behind it (capture/stream.py). `first`: index in a
plane, even, 0 <= first < LENGTH; groups: 0 to 511, of four samples each, at most LENGTH in all, going on at the planes'
start behind their end.

VV, II, VI: pairs of words (high, low), sum = high 2**28 + low, 0 <= low < 2**28. No product of two 16-bit codes is
beyond 2**30, so two of them and a rest of 14 bits fit a word; what is above the 14 bits goes to a sum of its own.
20-bit codes are split into h 2**10 + l, and the sums of h h, h l and l l kept apart.

VC, VS, IC, IS: correlations with cosine and sine. Four adjacent samples count as one, x = their sum (wide: of all 28
bits, >> 12, which is the scale of 16-bit codes):
    VC += (x c) >> 10;   VS += (x s) >> 10        c, s = COS >> 16, SIN >> 16
    SIN += c ROTATION;   COS -= s ROTATION        with s of the new SIN
where |c|, |s| < 16384: an oscillator of constant amplitude, 16380, whose cosine is that of a group's centre and whose
sine that of half a group before it; its angle a group is 2 asin(ROTATION / 2**17). `aim` sets it from ANGLE, of the
sample at POSITION, and STEP, a sample's (2**26 a turn; up to 2**20, GROUPS times it below 2**28), and moves ANGLE and
POSITION on by GROUPS groups. A sine of amplitude a gives 8 a a sample. Four samples as one have at order h the gain
sin(4 x) / (4 sin x), x = pi h / T with T samples a period: 0.9996 at the fundamental of 50 Hz at 12.8 kS/s. Orders near
a quarter of the rate, where that gain has its zero, fold onto the fundamental: over a period up to 3.4 % of one within
twice the fundamental of 3200 Hz (2560 Hz at 10.24 kS/s); of all others up to 50, 1.1 %, and of those below 20, 0.2 %
(tests/dsp/test_half.py).

edge: of WEIGHT / 4096 samples (0 to 16383, the last one as a fraction) from POSITION on, with ANGLE: EVV, EII, EVI in
units of 4 squared 16-bit codes, EVC to EIS in those of VC, with the sine half a group late as well. WIDE: 1 for a ring
of int32.

The samples are as they were measured: the droop of the converter's filter is still in them.
Cost (viper on ARM, measured): 94 instructions a pair of samples, 12 k for half a period at 50 Hz; wide 171. No heap.
"""

import micropython
from micropython import const

V = const(0)
I = const(1)
LENGTH = const(2)
ANGLE = const(3)
STEP = const(4)
GROUPS = const(5)
COS = const(6)
SIN = const(7)
ROTATION = const(8)
VV = const(9)
II = const(11)
VI = const(13)
VC = const(15)
VS = const(16)
IC = const(17)
IS = const(18)
EVV = const(19)
EII = const(20)
EVI = const(21)
EVC = const(22)
EVS = const(23)
EIC = const(24)
EIS = const(25)
WIDE = const(26)
POSITION = const(27)
WEIGHT = const(28)
PARAMS = const(29)


@micropython.viper
def sums(first: int, groups: int, ring: ptr16, params: ptr32):
    """params[VV]..[IS] = sums over 4 * `groups` samples from index `first` on."""
    # `first` and `groups` hold the samples further on: the first two arguments live in registers
    v = ptr16(int(ring) + 2 * (params[V] + first))
    i = ptr16(int(ring) + 2 * (params[I] + first))
    room = (params[LENGTH] - first + 3) >> 2
    left = groups
    splits = groups << 1
    c = params[COS]
    s = params[SIN]
    k = params[ROTATION]
    # rests of 14 bits minus 2**14: two squares of -2**15 more are below 2**31
    vv = ii = vi = 0 - 0x4000
    vv_high = ii_high = vi_high = 0
    vc = vs = 0
    ic = i_s = 0
    while left:
        n = left
        if n > room:
            n = room
        left -= n
        while n:
            first = (v[0] ^ 0x8000) - 0x8000
            groups = (i[0] ^ 0x8000) - 0x8000
            x = first
            y = groups
            vv = first * first + vv
            vi = first * groups + vi
            ii = groups * groups + ii
            first = ptr32(v)[0] >> 16
            groups = ptr32(i)[0] >> 16
            x = first + x
            y = groups + y
            vv = first * first + vv
            vi = first * groups + vi
            ii = groups * groups + ii
            vv_high = (vv >> 14) + vv_high
            vi_high = (vi >> 14) + vi_high
            ii_high = (ii >> 14) + ii_high
            vv = vv | -0x4000
            vi = vi | -0x4000
            ii = ii | -0x4000
            first = (v[2] ^ 0x8000) - 0x8000
            groups = (i[2] ^ 0x8000) - 0x8000
            x = first + x
            y = groups + y
            vv = first * first + vv
            vi = first * groups + vi
            ii = groups * groups + ii
            first = ptr32(v)[1] >> 16
            groups = ptr32(i)[1] >> 16
            vv = first * first + vv
            vi = first * groups + vi
            ii = groups * groups + ii
            vv_high = (vv >> 14) + vv_high
            vi_high = (vi >> 14) + vi_high
            ii_high = (ii >> 14) + ii_high
            vv = vv | -0x4000
            vi = vi | -0x4000
            ii = ii | -0x4000
            first = first + x
            groups = groups + y
            vc = ((c >> 16) * first >> 10) + vc
            vs = ((s >> 16) * first >> 10) + vs
            ic = ((c >> 16) * groups >> 10) + ic
            i_s = ((s >> 16) * groups >> 10) + i_s
            s = (c >> 16) * k + s
            c = c - (s >> 16) * k
            v = ptr16(int(v) + 8)
            i = ptr16(int(i) + 8)
            n -= 1
        v = ptr16(int(v) - 2 * params[LENGTH])
        i = ptr16(int(i) - 2 * params[LENGTH])
        room = params[LENGTH]
    params[VC] = vc
    params[VS] = vs
    params[IC] = ic
    params[IS] = i_s
    vv_high = vv_high + splits
    params[VV] = vv_high >> 14
    params[VV + 1] = ((vv_high & 0x3FFF) << 14) + (vv & 0x3FFF)
    ii_high = ii_high + splits
    params[II] = ii_high >> 14
    params[II + 1] = ((ii_high & 0x3FFF) << 14) + (ii & 0x3FFF)
    vi_high = vi_high + splits
    params[VI] = vi_high >> 14
    params[VI + 1] = ((vi_high & 0x3FFF) << 14) + (vi & 0x3FFF)


@micropython.viper
def sums_wide(first: int, groups: int, ring: ptr32, params: ptr32):
    """`sums` for a ring of int32."""
    v = ptr32(int(ring) + 4 * (params[V] + first))
    i = ptr32(int(ring) + 4 * (params[I] + first))
    room = (params[LENGTH] - first + 3) >> 2
    left = groups
    c = params[COS]
    s = params[SIN]
    k = params[ROTATION]
    vv_high = vv_middle = vv = 0
    ii_high = ii_middle = ii = 0
    vi_high = vi_middle = vi = 0
    vc = vs = 0
    ic = i_s = 0
    while left:
        n = left
        if n > room:
            n = room
        left -= n
        while n:
            x = v[0] + v[1] + v[2] + v[3]
            y = i[0] + i[1] + i[2] + i[3]
            m = 4
            while m:
                first = v[0] >> 18
                groups = (v[0] >> 8) & 0x3FF
                i_high = i[0] >> 18
                i_low = (i[0] >> 8) & 0x3FF
                vi_high = first * i_high + vi_high
                vi_middle = first * i_low + vi_middle
                vv_high = first * first + vv_high
                vv_middle = first * groups + vv_middle
                vv = groups * groups + vv
                vi_middle = groups * i_high + vi_middle
                vi = groups * i_low + vi
                first = i_high
                groups = i_low
                ii_high = first * first + ii_high
                ii_middle = first * groups + ii_middle
                ii = groups * groups + ii
                v = ptr32(int(v) + 4)
                i = ptr32(int(i) + 4)
                m -= 1
            first = x >> 12
            groups = y >> 12
            vc = ((c >> 16) * first >> 10) + vc
            vs = ((s >> 16) * first >> 10) + vs
            ic = ((c >> 16) * groups >> 10) + ic
            i_s = ((s >> 16) * groups >> 10) + i_s
            s = (c >> 16) * k + s
            c = c - (s >> 16) * k
            n -= 1
        v = ptr32(int(v) - 4 * params[LENGTH])
        i = ptr32(int(i) - 4 * params[LENGTH])
        room = params[LENGTH]
    params[VC] = vc
    params[VS] = vs
    params[IC] = ic
    params[IS] = i_s
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


@micropython.viper
def aim(sine: ptr16, params: ptr32):
    """Sets COS, SIN, ROTATION for the groups that begin at ANGLE; ANGLE and POSITION move on to the end of GROUPS."""
    step = params[STEP]
    angle = params[ANGLE]
    t = 4 * params[GROUPS]
    params[ANGLE] = (angle + t * step) & 0x3FFFFFF
    t = t + params[POSITION]
    if t >= params[LENGTH]:
        t = t - params[LENGTH]
    params[POSITION] = t
    angle = angle + step + (step >> 1) + (1 << 24)  # of the cosine: a quarter turn before the table's sine
    word = COS
    while word <= SIN:
        t = (angle >> 15) & 2047
        x = (sine[t] ^ 0x8000) - 0x8000
        t = (sine[(t + 1) & 2047] ^ 0x8000) - 0x8000 - x
        x = (x << 14) + ((t * (angle & 0x7FFF)) >> 1)
        params[word] = (x >> 11) - x - x + 0x8000  # the table is negated; times 2 - 2**-11, and half a unit of c
        angle = angle + 0x3000000 - 2 * step
        word += 1
    t = ((step >> 2) * 3217) >> 15  # half a group's angle in radians, times 2**17
    params[ROTATION] = t - ((((((t * t) >> 14) * t) >> 14) * 10923) >> 22)  # its sine, to the third power


@micropython.viper
def edge(ring: ptr16, sine: ptr16, params: ptr32):
    """params[EVV]..[EIS] = sums over WEIGHT / 4096 samples from index POSITION on."""
    first = params[POSITION]
    weight = params[WEIGHT]
    angle = params[ANGLE] + 0x4000
    vv = ii = vi = 0
    vc = vs = 0
    ic = i_s = 0
    while weight > 0:
        w = weight
        if w > 4096:
            w = 4096
        t = params[V] + first
        u = params[I] + first
        if params[WIDE]:
            x = ptr32(ring)[t] >> 12
            y = ptr32(ring)[u] >> 12
        else:
            x = (ring[t] ^ 0x8000) - 0x8000
            y = (ring[u] ^ 0x8000) - 0x8000
        t = x * x
        vv = (t >> 14) * w + (((t & 0x3FFF) * w) >> 14) + vv
        t = y * y
        ii = (t >> 14) * w + (((t & 0x3FFF) * w) >> 14) + ii
        t = x * y
        vi = (t >> 14) * w + (((t & 0x3FFF) * w) >> 14) + vi
        t = ((angle >> 15) + 512) & 2047
        t = (sine[t] ^ 0x8000) - 0x8000
        vc = vc - ((((t * x) >> 13) * w) >> 10)
        ic = ic - ((((t * y) >> 13) * w) >> 10)
        t = ((angle - 2 * params[STEP]) >> 15) & 2047
        t = (sine[t] ^ 0x8000) - 0x8000
        vs = vs - ((((t * x) >> 13) * w) >> 10)
        i_s = i_s - ((((t * y) >> 13) * w) >> 10)
        angle = angle + params[STEP]
        first += 1
        weight = weight - 4096
    params[EVV] = vv
    params[EII] = ii
    params[EVI] = vi
    params[EVC] = vc
    params[EVS] = vs
    params[EIC] = ic
    params[EIS] = i_s
