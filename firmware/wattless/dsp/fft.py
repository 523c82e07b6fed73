"""Complex FFT of 16 to 2048 points in place: radix 4, decimation in time, int32 data, Q15 factors.

The data are interleaved (re, im) words in bit-reversed order; the spectrum comes out in natural order:

    n = 4 4 .. 4     first4, then radix4_pass for transforms of m = 4, 16, .. n / 4 points:    X / 2, 4, 8, 16
    n = 8 4 .. 4     first8, then radix4_pass for transforms of m = 8, 32, .. n / 4 points:    X / 4, 8, 16, 32

so X / 32 for 2048 points, X / 16 for 1024 and 512. Rounding, the same in every implementation: p(x, w) = floor(x w /
2**16), half a product with a factor in Q15. first4 is exact. radix4_pass, with the factors stored negated
(dsp/sine.py), rotates by

    re = -p(x, cos') - p(y, sin'),   im = p(x, sin') - p(y, cos')        (x + j y times cos - j sin, halved)

and the unrotated addend is floor(x / 2). first8 is first4 twice, A and B, and then, for k = 0..3, floor(A / 2) + B' and
floor(A / 2) - B', for each part of these numbers, with h = 23170 = 32768 sqrt(1/2):

    k   re B'              im B'                (B turned by k 45 degrees and halved)
    0   floor(x / 2)       floor(y / 2)
    1   p(x + y, h)        p(y - x, h)
    2   floor(y / 2)       -floor(x / 2)
    3   p(y - x, h)        -p(x + y, h)

Radix 4 and 8 are steps of radix 2 without rounding between, so plain bit reversal orders the input.

How to read the kernels: viper keeps the first two locals in registers. z is the pointer, and it walks; w takes every
factor or number that the next lines share, as their right operand, which is the cheapest place. What w is on entry
each kernel says. ptr16(z)[0] is the lower half of the word z[0].

Bounds: with |z| <= Z before, no value exceeds 128 Z on the way: Z < 2**24 is safe for 2048 points.
Cost (ARM instructions): 405 for eight points of first8, 106 for four of first4; radix4_pass 366 a butterfly and 102 a
bin. 2048 points: 0.92 M, 1024: 0.44 M, 512: 0.18 M; a slice is at most 256 butterflies, 120 k. Code: 2.5 KB. No heap
while it runs.
"""

from array import array

import micropython

SLICE = 256  # butterflies of a call


@micropython.viper
def first4(z: ptr32, w: int, stop: int):
    """Transforms of four points each, exactly. w: first group of four points, `stop`: behind the last one."""
    count = stop - w
    z = ptr32((w << 5) + int(z))
    while count:
        w = z[2]
        z[2] = z[0] - w
        z[0] = z[0] + w
        w = z[3]
        z[3] = z[1] - w
        z[1] = z[1] + w
        w = z[6]
        z[6] = z[4] - w
        w = z[4] + w
        z[4] = z[0] - w
        z[0] = z[0] + w
        w = z[7]
        z[7] = z[5] - w
        w = z[5] + w
        z[5] = z[1] - w
        z[1] = z[1] + w
        # second and fourth result: t - j v and t + j v
        w = z[7]
        x = z[2] - w
        z[2] = z[2] + w
        w = z[6]
        z[7] = z[3] + w
        z[3] = z[3] - w
        z[6] = x
        z = ptr32(int(z) + 32)
        count -= 1


@micropython.viper
def first8(z: ptr32, w: int, stop: int):
    """Transforms of eight points each, halved. w: first group of eight points, `stop`: behind the last one."""
    count = stop - w
    z = ptr32((w << 6) + int(z))
    while count:
        # A, as in first4
        w = z[2]
        z[2] = z[0] - w
        z[0] = z[0] + w
        w = z[3]
        z[3] = z[1] - w
        z[1] = z[1] + w
        w = z[6]
        z[6] = z[4] - w
        w = z[4] + w
        z[4] = z[0] - w
        z[0] = z[0] + w
        w = z[7]
        z[7] = z[5] - w
        w = z[5] + w
        z[5] = z[1] - w
        z[1] = z[1] + w
        w = z[7]
        x = z[2] - w
        z[2] = z[2] + w
        w = z[6]
        z[7] = z[3] + w
        z[3] = z[3] - w
        z[6] = x
        # B: sums and differences of its pairs, and as soon as both are known, k = 0 and 2
        w = z[10]
        z[10] = z[8] - w
        z[8] = z[8] + w
        w = z[11]
        z[11] = z[9] - w
        z[9] = z[9] + w
        w = z[14]
        z[14] = z[12] - w
        w = z[12] + w
        z[12] = z[8] - w
        w = (z[8] + w) >> 1
        z[8] = (z[0] >> 1) - w
        z[0] = (z[0] >> 1) + w
        w = z[15]
        z[15] = z[13] - w
        w = z[13] + w
        x = z[9] - w
        w = (z[9] + w) >> 1
        z[9] = (z[1] >> 1) - w
        z[1] = (z[1] >> 1) + w
        w = z[12] >> 1
        z[13] = (z[5] >> 1) + w
        z[5] = (z[5] >> 1) - w
        w = x >> 1
        z[12] = (z[4] >> 1) - w
        z[4] = (z[4] >> 1) + w
        # k = 1: z[10], z[11] = x + y, y - x of t - j v; t + j v waits in x, y
        w = z[15]
        x = z[10] - w
        z[10] = z[10] + w
        w = z[14]
        y = z[11] + w
        w = z[11] - w
        z[11] = w - z[10]
        z[10] = z[10] + w
        w = 23170
        w = ((ptr16(z)[22] * w) >> 16) + (z[11] >> 16) * w
        z[11] = (z[3] >> 1) - w
        z[3] = (z[3] >> 1) + w
        w = 23170
        w = ((ptr16(z)[20] * w) >> 16) + (z[10] >> 16) * w
        z[10] = (z[2] >> 1) - w
        z[2] = (z[2] >> 1) + w
        # k = 3
        w = x
        z[14] = y - w
        z[15] = y + w
        w = 23170
        w = ((ptr16(z)[30] * w) >> 16) + (z[15] >> 16) * w
        z[15] = (z[7] >> 1) + w
        z[7] = (z[7] >> 1) - w
        w = 23170
        w = ((ptr16(z)[28] * w) >> 16) + (z[14] >> 16) * w
        z[14] = (z[6] >> 1) - w
        z[6] = (z[6] >> 1) + w
        z = ptr32(int(z) + 64)
        count -= 1


@micropython.viper
def radix4_pass(z: ptr32, w: int, sine: ptr16, plan: ptr32):
    """Joins transforms of m points four by four. w: number of bins; plan: n, m, the first of the bins."""
    left = w
    m = plan[1]
    w = plan[2]
    q = m << 3  # bytes of a transform
    back = 0 - q
    q4 = q << 2
    blocks = plan[0] // (m << 2)
    step = 1024 // m  # bytes of the table a bin
    at = step * w
    home = (w << 3) + (q + q) + q + int(z)
    while left:
        w = at
        t = ptr16(int(sine) + w)
        s1 = (t[0] ^ 0x8000) - 0x8000
        c1 = (t[512] ^ 0x8000) - 0x8000
        t = ptr16(int(t) + w)
        s2 = (t[0] ^ 0x8000) - 0x8000
        c2 = (t[512] ^ 0x8000) - 0x8000
        t = ptr16(int(t) + w)
        s3 = (t[0] ^ 0x8000) - 0x8000
        c3 = (t[512] ^ 0x8000) - 0x8000
        z = ptr32(home)
        count = blocks
        while count:
            # the transforms lie as those of the samples 0, 2, 1, 3 modulo 4: a, c, b, d; from d backwards
            w = c3
            x = ((ptr16(z)[0] * w) >> 16) + (z[0] >> 16) * w
            y = ((ptr16(z)[2] * w) >> 16) + (z[1] >> 16) * w
            w = s3
            dr = ((ptr16(z)[2] * w) >> 16) + (z[1] >> 16) * w + x  # -re
            di = ((ptr16(z)[0] * w) >> 16) + (z[0] >> 16) * w - y
            z = ptr32(back + int(z))
            w = c1
            x = ((ptr16(z)[0] * w) >> 16) + (z[0] >> 16) * w
            y = ((ptr16(z)[2] * w) >> 16) + (z[1] >> 16) * w
            w = s1
            x = ((ptr16(z)[2] * w) >> 16) + (z[1] >> 16) * w + x  # -re b
            w = ((ptr16(z)[0] * w) >> 16) + (z[0] >> 16) * w - y  # im b
            ui = di + w
            vi = di - w  # -im v, where u = b + d, v = b - d
            w = x
            ur = dr + w  # -re u
            vr = dr - w
            z = ptr32(back + int(z))
            w = c2
            x = ((ptr16(z)[0] * w) >> 16) + (z[0] >> 16) * w
            y = ((ptr16(z)[2] * w) >> 16) + (z[1] >> 16) * w
            w = s2
            x = ((ptr16(z)[2] * w) >> 16) + (z[1] >> 16) * w + x  # -re c
            w = ((ptr16(z)[0] * w) >> 16) + (z[0] >> 16) * w - y  # im c
            z = ptr32(back + int(z))
            ti = (z[1] >> 1) - w  # s = a + c, t = a - c
            y = (z[1] >> 1) + w  # im s
            w = x
            tr = (z[0] >> 1) + w
            x = (z[0] >> 1) - w  # re s
            w = ui
            z[1] = y + w  # s + u
            y = y - w
            w = ur
            z[0] = x - w
            x = x + w
            z = ptr32(q + int(z))
            w = vr
            z[1] = ti - w  # t - j v
            ti = ti + w
            w = vi
            z[0] = tr - w
            tr = tr + w
            z = ptr32(q + int(z))
            z[0] = x  # s - u
            z[1] = y
            z = ptr32(q + int(z))
            z[0] = tr  # t + j v
            z[1] = ti
            z = ptr32(q4 + int(z))
            count -= 1
        home += 8
        at += step
        left -= 1


def steps(n=2048, kernels=None):
    """The calls that transform `n` points (16 to 2048, a power of 2): a list for `step`, made once, so that nothing is
    allocated while it is worked through.

    kernels: a module with the same kernels and a SLICE of its own (dsp/fft_thumb.py)"""
    k4, k8, radix4, length = first4, first8, radix4_pass, SLICE
    if kernels:
        k4, k8, radix4, length = kernels.first4, kernels.first8, kernels.radix4_pass, kernels.SLICE
    m, first = (8, k8) if n & 0xAAA else (4, k4)  # 0xAAA: the odd powers of 2
    calls = [(first, start, min(n // m, start + length), None) for start in range(0, n // m, length)]
    while m < n:
        bins = max(1, length * (m << 2) // n)
        for start in range(0, m, bins):
            calls.append((radix4, min(bins, m - start), 0, array("i", (n, m, start))))
        m <<= 2
    return calls


def step(call, z, sine):
    """One of `steps` on z, array('i') of 2 n words; sine: dsp.sine.table()."""
    kernel, w, stop, plan = call
    if plan:
        kernel(z, w, sine, plan)
    else:
        kernel(z, w, stop)


def transform(z, sine, n=2048, kernels=None):
    """All steps in one go."""
    for call in steps(n, kernels):
        step(call, z, sine)
