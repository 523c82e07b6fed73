"""Golden jobs of dsp/correction.py, with the integers from the formulas of its header."""

import numpy as np

from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(33)


def place(k, n, second):
    """Index of bin k of a channel in the split spectrum, n x 2."""
    return n - k if second else k


def p(x, w):
    return (x * w) >> 16


def correct(z, factors, cycles, second, start, stop):
    """`z` (n x 2), `factors` (51 x 2), orders start..stop-1."""
    out = z.copy()
    for k in range(1, 51 * cycles):
        h = min((k + cycles // 2) // cycles, 50)
        if start <= h < stop:
            at = place(k, len(z), second)
            (re, im), (c, d) = z[at], factors[h]
            out[at] = re + 2 * (p(re, c) - p(im, d)), im + 2 * (p(re, d) + p(im, c))
    if start == 0:
        out[0, second] += 2 * p(z[0, second], factors[0, 0])
    return out


def rogowski(z, cycles, second, start, stop):
    """`z` (n x 2), bins start..stop-1."""
    out = z.copy()
    if start == 0:
        out[0, second] = 0
    for k in range(max(start, 1), stop):
        at = place(k, len(z), second)
        if k < cycles:
            most = 2**26 // cycles * k
            x, y = (np.clip(z[at], -most, most) * cycles + k // 2) // k
        else:
            e = (k // cycles).bit_length() - 1
            w = (2 ** (15 + e) * cycles + k // 2) // k
            x, y = (((z[at] * w) >> 15) + 2**e // 2) >> e
        out[at] = y, -x
    return out


def cases(largest):
    """z, periods, channel"""
    for n, cycles in ((2048, 10), (2048, 12), (1024, 5), (1024, 6), (512, 5)):
        yield RNG.integers(-largest, largest + 1, (n, 2)), cycles, cycles % 2
    yield np.full((2048, 2), -largest), 10, 0
    yield RNG.integers(-1000, 1000, (2048, 2)), 10, 1


def jobs():
    for z, cycles, second in cases(2**28):
        whole = RNG.integers(-32768, 32768, (51, 2))
        whole[RNG.integers(0, 51, 10)] = 0
        whole[RNG.integers(0, 51, 10), 0] = 0
        for factors, start, stop in ((whole, 0, 51), (whole // 10, 7, 51), (whole // 10, 0, 1), (whole, 49, 50)):
            job = {"kernel": "correct", "z": ints(z), "factors": ints(factors)}
            job["params"] = [len(z), cycles, second, start, stop]
            yield job, ints(correct(z, factors, cycles, second, start, stop))
    for z, cycles, second in cases(2**29 - 1):
        last = 51 * cycles
        for start, stop in ((0, last), (1, 3), (cycles, last), (0, cycles), (7 * cycles + 3, 8 * cycles + 1)):
            job = {"kernel": "rogowski", "z": ints(z), "params": [len(z), cycles, second, start, stop]}
            yield job, ints(rogowski(z, cycles, second, start, stop))


JOBS = list(jobs())
