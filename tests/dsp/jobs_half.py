"""Golden jobs of dsp/half.py, with Python's integers."""

import numpy as np

from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(43)
LENGTH, V, I = 600, 5, 700


def words(value):
    """[high, low] of value = high 2**28 + low."""
    return list(divmod(value, 2**28))


def jobs():
    spans = ((0, 0), (0, 1), (0, 256), (10, 257), (500, 300), (599, 3), (599, 512), (300, 300), (3, 597))
    for wide in (False, True):
        peak = 2**19 if wide else 2**15
        noise = RNG.integers(-peak, peak, 2 * LENGTH + 200)
        low, high = np.full(len(noise), -peak), np.full(len(noise), peak - 1)
        opposite = np.where(np.arange(len(noise)) < I, -peak, peak - 1)
        for samples in (noise, low, high, opposite):
            ring = samples * 256 + RNG.integers(0, 256, len(samples)) if wide else samples
            for first, count in spans:
                for v, i in ((V, I), (I, V)):
                    at = (first + np.arange(count)) % LENGTH
                    a, b = ints(samples[v + at]), ints(samples[i + at])
                    sums = [sum(x * y for x, y in zip(p, q, strict=True)) for p, q in ((a, a), (b, b), (a, b))]
                    job = {"kernel": "sums", "wide": wide, "first": first, "count": count, "params": [v, i, LENGTH]}
                    yield job | {"ring": ints(ring)}, [v, i, LENGTH, *words(sums[0]), *words(sums[1]), *words(sums[2])]
        # sums a little below a multiple of 2**28
        for pairs in ([(16383, 181), (181, 16383)], [(16383, 16385)], [(16385, -16384), (1, 1)]):
            v, i = zip(*pairs, strict=True)
            ring = [value * 256 if wide else value for value in v + i]
            sums = [sum(x * y for x, y in zip(p, q, strict=True)) for p, q in ((v, v), (i, i), (v, i))]
            job = {"kernel": "sums", "wide": wide, "first": 0, "count": len(v), "params": [0, len(v), len(v)]}
            yield job | {"ring": ring}, [0, len(v), len(v), *words(sums[0]), *words(sums[1]), *words(sums[2])]
        # as many as there may be
        most = 2047 if wide else 8191
        for value in (-peak, peak - 1):
            job = {"kernel": "sums", "wide": wide, "first": 0, "count": most, "params": [0, 0, most]}
            total = words(most * value * value)
            yield job | {"ring": [value * 256 if wide else value] * most}, [0, 0, most, *total, *total, *total]


JOBS = list(jobs())
