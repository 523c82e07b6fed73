"""Complex FFT of 16 to 2048 points in place: radix 4, decimation in time, int32 data, Q15 factors.

The data are interleaved (re, im) words in bit-reversed order; the spectrum comes out in natural order, divided by 2
for every
pass that multiplies: X / 32 for 2048 points. Rounding, the same in every implementation: with the factor stored negated
(w' = -w, see dsp/sine.py) a product is p(x, w') = floor(x w' / 2**16), half the true one; a rotated value is

    re = -p(x, cos') - p(y, sin'),   im = p(x, sin') - p(y, cos')        (x + j y times cos - j sin)

and the unrotated addend is floor(x / 2). The first pass has no factors and is exact. Radix 4 is two steps of radix 2
without intermediate rounding, so plain bit reversal orders the input.

Bounds: with |z| <= Z before, no value exceeds 128 Z on the way: Z < 2**24 is safe for 2048 points.
Cost (viper on ARM, 2048 points): about 1.4 M instructions, no heap; a slice is at most 256 butterflies.
"""

import micropython


@micropython.viper
def first_pass(z: ptr32, start: int, stop: int):
    """Radix-4 butterflies without factors on the groups of four points `start`..`stop`-1."""
    i = start << 3
    end = stop << 3
    while i < end:
        ar = z[i]
        ai = z[i + 1]
        br = z[i + 2]
        bi = z[i + 3]
        cr = z[i + 4]
        ci = z[i + 5]
        dr = z[i + 6]
        di = z[i + 7]
        sr = ar + br
        si = ai + bi
        tr = ar - br
        ti = ai - bi
        ur = cr + dr
        ui = ci + di
        vr = cr - dr
        vi = ci - di
        z[i] = sr + ur
        z[i + 1] = si + ui
        z[i + 2] = tr + vi
        z[i + 3] = ti - vr
        z[i + 4] = sr - ur
        z[i + 5] = si - ui
        z[i + 6] = tr - vi
        z[i + 7] = ti + vr
        i += 8


@micropython.viper
def radix4_pass(z: ptr32, sine: ptr16, n: int, m: int, start: int, stop: int):
    """Joins the transforms of length `m` four by four, for the bins k = `start`..`stop`-1 of each."""
    step = 2048 // (m << 2)
    q = m << 1
    k = start
    while k < stop:
        t = k * step
        s1 = (sine[t] ^ 0x8000) - 0x8000
        c1 = (sine[t + 512] ^ 0x8000) - 0x8000
        t = t << 1
        s2 = (sine[t] ^ 0x8000) - 0x8000
        c2 = (sine[t + 512] ^ 0x8000) - 0x8000
        t = t + k * step
        s3 = (sine[t] ^ 0x8000) - 0x8000
        c3 = (sine[t + 512] ^ 0x8000) - 0x8000
        i = k << 1
        end = n << 1
        while i < end:
            j = i + q
            x = z[j]
            y = z[j + 1]
            xh = x >> 16
            xl = x & 0xFFFF
            yh = y >> 16
            yl = y & 0xFFFF
            cr = 0 - (xh * c2 + ((xl * c2) >> 16)) - (yh * s2 + ((yl * s2) >> 16))
            ci = (xh * s2 + ((xl * s2) >> 16)) - (yh * c2 + ((yl * c2) >> 16))
            x = z[j + q]
            y = z[j + q + 1]
            xh = x >> 16
            xl = x & 0xFFFF
            yh = y >> 16
            yl = y & 0xFFFF
            br = 0 - (xh * c1 + ((xl * c1) >> 16)) - (yh * s1 + ((yl * s1) >> 16))
            bi = (xh * s1 + ((xl * s1) >> 16)) - (yh * c1 + ((yl * c1) >> 16))
            x = z[j + q + q]
            y = z[j + q + q + 1]
            xh = x >> 16
            xl = x & 0xFFFF
            yh = y >> 16
            yl = y & 0xFFFF
            dr = 0 - (xh * c3 + ((xl * c3) >> 16)) - (yh * s3 + ((yl * s3) >> 16))
            di = (xh * s3 + ((xl * s3) >> 16)) - (yh * c3 + ((yl * c3) >> 16))
            ar = z[i] >> 1
            ai = z[i + 1] >> 1
            sr = ar + cr
            si = ai + ci
            tr = ar - cr
            ti = ai - ci
            ur = br + dr
            ui = bi + di
            vr = br - dr
            vi = bi - di
            z[i] = sr + ur
            z[i + 1] = si + ui
            z[j] = tr + vi
            z[j + 1] = ti - vr
            j += q
            z[j] = sr - ur
            z[j + 1] = si - ui
            j += q
            z[j] = tr - vi
            z[j + 1] = ti + vr
            i += q << 2
        k += 1


@micropython.viper
def radix2_pass(z: ptr32, sine: ptr16, n: int, start: int, stop: int):
    """Joins the two transforms of length n/2, for the bins `start`..`stop`-1."""
    step = 2048 // n
    i = start << 1
    end = stop << 1
    while i < end:
        t = (i >> 1) * step
        s = (sine[t] ^ 0x8000) - 0x8000
        c = (sine[t + 512] ^ 0x8000) - 0x8000
        j = i + n
        x = z[j]
        y = z[j + 1]
        xh = x >> 16
        xl = x & 0xFFFF
        yh = y >> 16
        yl = y & 0xFFFF
        br = 0 - (xh * c + ((xl * c) >> 16)) - (yh * s + ((yl * s) >> 16))
        bi = (xh * s + ((xl * s) >> 16)) - (yh * c + ((yl * c) >> 16))
        ar = z[i] >> 1
        ai = z[i + 1] >> 1
        z[i] = ar + br
        z[i + 1] = ai + bi
        z[j] = ar - br
        z[j + 1] = ai - bi
        i += 2


_SLICE = 256  # butterflies without yielding


def slices(z, sine, n=2048):
    """Generator: transforms the `n` points (16 to 2048, a power of 2) in `z`, array('i') of 2 n words, a slice a
    step."""
    for start in range(0, n >> 2, _SLICE):
        first_pass(z, start, min(n >> 2, start + _SLICE))
        yield
    m = 4
    while m << 2 <= n:
        bins = max(1, _SLICE * (m << 2) // n)
        for start in range(0, m, bins):
            radix4_pass(z, sine, n, m, start, min(m, start + bins))
            yield
        m <<= 2
    if m < n:
        for start in range(0, m, _SLICE):
            radix2_pass(z, sine, n, start, min(m, start + _SLICE))
            yield


def transform(z, sine, n=2048):
    """The same in one go."""
    for _ in slices(z, sine, n):
        pass
