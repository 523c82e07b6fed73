"""Phase of the fundamental at one instant: correlation over two periods with a Hann weight, and an exact-enough
arctangent.

The weight falls to zero one period away on either side, so that dc, harmonics and their images, all whole numbers of
periods away, drop out; the frequency assumed may be wrong by a few tenths of a percent without harm. Phases are binary
angles, 2**26 a turn. Cost (viper on ARM): about 80 instructions a sample and channel (512 samples at 50 Hz), 1.5 k for
the angle, no heap.
"""

from array import array

import micropython

TURN = 1 << 26

# atan(2**-i) in 1 / 2**26 turn
ARCTANGENTS = array(
    "i",
    (8388608, 4952084, 2616545, 1328199, 666677, 333664, 166872, 83441, 41721, 20861, 10430, 5215, 2608, 1304, 652,
    326, 163)
    + (81, 41, 20, 10, 5, 3, 1),
)


@micropython.viper
def correlate(ring: ptr16, channel: int, length: int, position: int, half: int, step: int, sine: ptr16, out: ptr32):
    """out[0], out[1] = sums over i = -half..half of w x cos, w x sin at the angle i `step` around ring index
    `position`.

    `channel` is the start of the channel in the ring, `length` the ring's, `step` the angle per sample; half step <=
    one turn. A full-scale sine gives about 2**28.
    """
    re = 0
    im = 0
    pos = position - half
    if pos < 0:
        pos = pos + length
    angle = 0 - half * step
    i = half + half + 1
    while i:
        t = (angle + 16384) >> 15
        x = (ring[channel + pos] ^ 0x8000) - 0x8000
        # 1 + cos of half the angle, from the table of -32768 cos: 0..65536
        w = 32768 - ((sine[((t >> 1) & 2047) + 512] ^ 0x8000) - 0x8000)
        x = (x * (w >> 1)) >> 15
        t = t & 2047
        re = re - ((x * ((sine[t + 512] ^ 0x8000) - 0x8000)) >> 10)
        im = im - ((x * ((sine[t] ^ 0x8000) - 0x8000)) >> 10)
        angle = angle + step
        pos += 1
        if pos >= length:
            pos = 0
        i -= 1
    out[0] = re
    out[1] = im


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
