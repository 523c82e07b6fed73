"""Golden jobs of dsp/sums.py, with Python's integers."""

import numpy as np

from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(21)
LARGEST = 15_000_000
FAR = 2**30 - 1


def words(value):
    """[high, low] of value = high 2**28 + low."""
    return list(divmod(value, 2**28))


def packed(z):
    """(low, high): 16-bit values of the points of z."""
    rounded = np.clip((np.array(z) + 32) >> 6, -32768, 32767)
    return rounded[0::2], rounded[1::2]


def total(a, b):
    return words(sum(x * y for x, y in zip(ints(a), ints(b), strict=True)))


def expected(z, other, start, stop, skip):
    re, im = np.array(z[2 * start : 2 * stop]).reshape(-1, 2).T
    low, high = packed(other)
    taken = slice(start, stop)
    second, third = not skip & 1, not skip & 2
    own = total(re, re) + (total(im, im) if second else [0, 0]) + (total(re, im) if third else [0, 0])
    own += [int(re.min()), int(re.max())] + ([int(im.min()), int(im.max())] if second else [FAR, -FAR])
    cross = total(low[taken], re) + (total(high[taken], im) if second else [0, 0])
    cross += total(high[taken], re) if third else [0, 0]
    pairs = np.zeros(len(low), np.int64)
    pairs[taken] = (high[taken] << 16) | (low[taken] & 0xFFFF)
    return [*own, skip, *cross, skip, *ints(pairs)]


def jobs():
    n = 2048
    turn = np.exp(2j * np.pi * 10 * np.arange(n) / n)
    sine = ints(np.stack([1_300_000 * turn.real, 900 * turn.imag], axis=1).round())
    noise = ints(RNG.integers(-LARGEST, LARGEST + 1, 2 * n))
    small = ints(RNG.integers(-(2**21), 2**21, 2 * n))
    signs = [[-LARGEST, LARGEST][k % 4 > 1] for k in range(2 * n)]
    tiny = [-1, 0] * n
    for z, other in (
        (noise, small),
        (sine, noise),
        ([-LARGEST] * 2 * n, [-LARGEST] * 2 * n),
        ([LARGEST] * 2 * n, signs),
        (signs, [LARGEST] * 2 * n),
        (tiny, sine),
    ):
        for skip in (0, 1, 2, 3):
            job = {"kernel": "sums", "z": z, "other": other, "skip": skip, "ranges": [[0, 512], [512, 2048]]}
            yield job, expected(z, other, 0, n, skip)
    for start, stop in ((32, 64), (0, 32), (2016, 2048)):
        job = {"kernel": "sums", "z": noise, "other": sine, "skip": 0, "ranges": [[start, stop]]}
        yield job, expected(noise, sine, start, stop, 0)
    # sums a little below a multiple of 2**28
    z = [16383, 16384, 181, 1] + [0] * 60
    yield {"kernel": "sums", "z": z, "other": z, "skip": 0, "ranges": [[0, 32]]}, expected(z, z, 0, 32, 0)


JOBS = list(jobs())
