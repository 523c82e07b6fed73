"""Corrections of a split spectrum (dsp/spectrum.py) in place, before its energies are taken: gain and phase of every
order, and the integration that a Rogowski coil leaves to the meter.

correct: every bin times 1 + (c + j d) / 2**15, (c, d) of the nearest order: what remains of the droop after the
resampler's filter, and the phase of a current transformer. With p(x, w) = floor(x w / 2**16)

    re' = re + 2 (p(re, c) - p(im, d)),    im' = im + 2 (p(re, d) + p(im, c))

The factor reaches from 0 to 2 in steps of 2**-15 (0.0017 degrees); a result is off by less than 4 units (of which 4096
make one LSB). Order h has the bins from h N - N/2 on, up to that of h + 1 (a middle bin goes with the order above it);
order 50 goes on to the last bin below order 51. Orders whose c and d are 0 cost next to nothing.

rogowski: bin k times -j N / k: integrates a derivative, so that the fundamental keeps its magnitude and turns by -90
degrees. The dc bin is cleared. For k >= N, with 2**e <= k / N < 2**(e + 1), w = (2**(15 + e) N + k // 2) // k

    F(x) = (floor(x w / 2**15) + 2**e // 2) >> e,    re' = F(im), im' = -F(re)

off by less than 31 ppm and 1 unit. Below the fundamental (k < N) noise grows by N / k, up to N times in bin 1; there
F(x) = (N x + k // 2) // k of x limited to +-(2**26 // N) k, so that no part of such a bin exceeds 2**26, a sine of half
of full scale.

Bound: |re|, |im| < 2**29 before and after; energies as in spectrum.py's header, so the gain of `correct` must leave
them below 2**58, and they must be below 2**57 before rogowski.
Cost (ARM instructions, viper / Thumb-2): correct 165 / 12 a bin, rogowski 127 / 22, so 85 k / 6.2 k and 65 k / 11 k a
channel of 10 cycles; no heap. The same functions for Thumb-2: correction_thumb.py.
"""

import micropython

# params, array('i'): points of the transform; periods in them; 0: first channel, 1: second; range of orders (correct)
# or of bins (rogowski) from START to STOP - 1
N_POINTS, CYCLES, SECOND, START, STOP = range(5)
PARAMS = 5
ORDERS = 51


@micropython.viper
def correct(z: ptr32, factors: ptr16, params: ptr32):
    """Multiplies the bins of the orders START..STOP-1. factors: array('h') of 51 pairs (c, d)."""
    cycles = params[1]
    h = params[3]
    k = h * cycles - (cycles >> 1)
    if h == 0:
        q = ptr32(int(z) + (params[2] << 2))
        x = q[0]
        c = (factors[0] ^ 0x8000) - 0x8000
        q[0] = x + (((x >> 16) * c + (((x & 0xFFFF) * c) >> 16)) << 1)
        k = 1
    step = 8
    if params[2]:
        step = 0 - 8
        z = ptr32(int(z) + ((params[0] - k) << 3))
    else:
        z = ptr32(int(z) + (k << 3))
    while h < params[4]:
        end = h * cycles + ((cycles + 1) >> 1)
        if h == 50:
            end = cycles * 51
        c = (factors[h << 1] ^ 0x8000) - 0x8000
        d = (factors[(h << 1) + 1] ^ 0x8000) - 0x8000
        if c | d:
            while k < end:
                x = z[0]
                y = z[1]
                a = x >> 16
                x = x & 0xFFFF
                b = y >> 16
                y = y & 0xFFFF
                t = a * c - b * d + ((x * c) >> 16) - ((y * d) >> 16)
                z[0] = z[0] + (t << 1)
                t = a * d + b * c + ((x * d) >> 16) + ((y * c) >> 16)
                z[1] = z[1] + (t << 1)
                z = ptr32(int(z) + step)
                k += 1
        else:
            z = ptr32(int(z) + (end - k) * step)
            k = end
        h += 1


@micropython.viper
def rogowski(z: ptr32, params: ptr32):
    """Integrates the bins START..STOP-1."""
    cycles = params[1]
    k = params[3]
    stop = params[4]
    if k == 0:
        z[params[2]] = 0
        k = 1
    step = 8
    if params[2]:
        step = 0 - 8
        z = ptr32(int(z) + ((params[0] - k) << 3))
    else:
        z = ptr32(int(z) + (k << 3))
    largest = 67108864 // cycles * k
    below = cycles
    if stop < below:
        below = stop
    while k < below:
        part = 0
        while part < 2:
            x = z[part]
            if x > largest:
                x = largest
            if x < 0 - largest:
                x = 0 - largest
            z[part] = (x * cycles + (k >> 1)) // k
            part += 1
        x = z[0]
        z[0] = z[1]
        z[1] = 0 - x
        z = ptr32(int(z) + step)
        largest = largest + 67108864 // cycles
        k += 1
    e = 0
    w = cycles << 15
    octave = cycles << 1
    half = 0
    while k < stop:
        while k >= octave:
            octave = octave << 1
            w = w << 1
            half = 1 << e
            e += 1
        factor = (w + (k >> 1)) // k
        x = z[0]
        y = z[1]
        z[0] = ((y >> 15) * factor + (((y & 0x7FFF) * factor) >> 15) + half) >> e
        z[1] = 0 - (((x >> 15) * factor + (((x & 0x7FFF) * factor) >> 15) + half) >> e)
        z = ptr32(int(z) + step)
        k += 1
