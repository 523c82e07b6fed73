"""Phase of the fundamental at one instant: correlation over two periods with a Hann weight, and an exact-enough
arctangent.

    correlate(ring, sine, params, out)         ring of int16
    correlate_wide(ring32, sine, params, out)  ring of int32: the upper 16 bits of its samples, x >> 12
    polar(z, arctangents)

The weight falls to zero one period away on either side, so that dc, harmonics and their images, all whole numbers of
periods away, drop out; the frequency assumed may be wrong by a few tenths of a percent without harm. Phases are binary
angles, 2**26 a turn.

params: array('i') of PARAMS words. CHANNEL: start of the channel's plane in the ring; LENGTH: the ring's; POSITION: the
index in the plane that is the centre; HALF: samples taken on either side, at most `half(step)`; STEP: angle a sample.
With x(k) the samples around the centre, s(t) = -32768 sin(2 pi t / 2048) the table `sine`, and for k = 1..HALF
    t = (k STEP + 2**14) >> 15,   w = 32768 - s(t / 2 + 512), from 65536 down to 0
    out[0] = 32 x(0) - sum of (((s(t + 512) w) >> 17) (x(k) + x(-k))) >> 9
    out[1] =         - sum of (((s(t) w) >> 17) (x(k) - x(-k))) >> 9
that is, w x cos and w x sin, a pair at a time. A sine of amplitude a gives a * 2**4 * period, full scale at most 2**29;
nothing on the way leaves 32 bits.

Cost (viper on ARM, measured): 69 instructions a sample and channel (511 samples at 50 Hz: 35 k), wide 67; 1.5 k for the
angle. No heap.
"""

from array import array

import micropython
from micropython import const

TURN = 1 << 26

# words of `params`
CHANNEL = const(0)
LENGTH = const(1)
POSITION = const(2)
HALF = const(3)
STEP = const(4)
PARAMS = const(5)

# atan(2**-i) in 1 / 2**26 turn
ARCTANGENTS = array(
    "i",
    (8388608, 4952084, 2616545, 1328199, 666677, 333664, 166872, 83441, 41721, 20861, 10430, 5215, 2608, 1304, 652,
    326, 163)
    + (81, 41, 20, 10, 5, 3, 1),
)


def half(step):
    """Samples on either side of the centre that lie within a period of `step` a sample (and 2**14 short of a turn, so
    that no index into the sine table exceeds 2047)."""
    return (TURN - (1 << 14) - 1) // step


@micropython.viper
def correlate(ring: ptr16, sine: ptr16, params: ptr32, out: ptr32):
    """out[0], out[1] = sums of w x cos, w x sin around the index POSITION."""
    length = params[LENGTH]
    step = params[STEP]
    up = params[POSITION]
    down = up
    left = params[HALF]
    place = 2 * (params[CHANNEL] + up)
    ring = ptr16(int(ring) + place)
    re = (0x8000 - (ring[0] ^ 0x8000)) << 5  # the sums with the sign of the table, until the end
    ring = ptr16(int(ring) - place)
    im = 0
    angle = step + 0x4000
    while left:
        # as many pairs as there are until one of the two indices must wrap
        up += 1
        if up == length:
            up = 0
        down -= 1
        if down < 0:
            down = length - 1
        n = left
        if n > length - up:
            n = length - up
        if n > down + 1:
            n = down + 1
        left -= n
        before = ptr16(int(ring) + 2 * (params[CHANNEL] + down))
        place = 2 * (params[CHANNEL] + up)
        ring = ptr16(int(ring) + place)
        place = place + 2 * n
        up = up + n - 1
        down = down - n + 1
        while n:
            t = angle >> 15
            w = 65536 - (sine[(t >> 1) + 512] ^ 0x8000)
            a = (ring[0] ^ 0x8000) - 0x8000
            b = (before[0] ^ 0x8000) - 0x8000
            re = ((((((sine[(t + 512) & 2047] ^ 0x8000) - 0x8000) * w) >> 17) * (a + b)) >> 9) + re
            im = ((((((sine[t] ^ 0x8000) - 0x8000) * w) >> 17) * (a - b)) >> 9) + im
            angle = angle + step
            ring = ptr16(int(ring) + 2)
            before = ptr16(int(before) - 2)
            n -= 1
        ring = ptr16(int(ring) - place)
    out[0] = 0 - re
    out[1] = 0 - im


@micropython.viper
def correlate_wide(ring: ptr32, sine: ptr16, params: ptr32, out: ptr32):
    """`correlate` for a ring of int32."""
    length = params[LENGTH]
    step = params[STEP]
    up = params[POSITION]
    down = up
    left = params[HALF]
    place = 4 * (params[CHANNEL] + up)
    ring = ptr32(int(ring) + place)
    re = (0 - (ring[0] >> 12)) << 5
    ring = ptr32(int(ring) - place)
    im = 0
    angle = step + 0x4000
    while left:
        up += 1
        if up == length:
            up = 0
        down -= 1
        if down < 0:
            down = length - 1
        n = left
        if n > length - up:
            n = length - up
        if n > down + 1:
            n = down + 1
        left -= n
        before = ptr32(int(ring) + 4 * (params[CHANNEL] + down))
        place = 4 * (params[CHANNEL] + up)
        ring = ptr32(int(ring) + place)
        place = place + 4 * n
        up = up + n - 1
        down = down - n + 1
        while n:
            t = angle >> 15
            w = 65536 - (sine[(t >> 1) + 512] ^ 0x8000)
            a = ring[0] >> 12
            b = before[0] >> 12
            re = ((((((sine[(t + 512) & 2047] ^ 0x8000) - 0x8000) * w) >> 17) * (a + b)) >> 9) + re
            im = ((((((sine[t] ^ 0x8000) - 0x8000) * w) >> 17) * (a - b)) >> 9) + im
            angle = angle + step
            ring = ptr32(int(ring) + 4)
            before = ptr32(int(before) - 4)
            n -= 1
        ring = ptr32(int(ring) - place)
    out[0] = 0 - re
    out[1] = 0 - im


@micropython.viper
def polar(z: ptr32, arctangents: ptr32):
    """z[0], z[1] = magnitude, angle of the vector (z[0], z[1]); angle -2**25..2**25, error below 30 units. CORDIC
    (Volder 1959): the magnitude comes out times 0.41169 (a quarter of the CORDIC gain 1.64676)."""
    x = z[0] >> 2
    y = z[1] >> 2
    angle = 0
    if x < 0:
        t = x
        if y < 0:
            x = 0 - y
            y = t
            angle = 0 - (1 << 24)
        else:
            x = y
            y = 0 - t
            angle = 1 << 24
    i = 0
    while i < 24:
        t = x
        if y > 0:
            x = x + (y >> i)
            y = y - (t >> i)
            angle = angle + arctangents[i]
        else:
            x = x - (y >> i)
            y = y + (t >> i)
            angle = angle - arctangents[i]
        i += 1
    z[0] = x
    z[1] = angle
