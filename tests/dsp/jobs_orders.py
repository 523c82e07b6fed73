"""Golden jobs of dsp/orders.py, with Python's integers."""

from math import isqrt

import numpy as np

from tests.dsp.jobs_spectrum import piece_sets, summary, words
from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(44)
OWN, UPPER_SIDE, LOWER_HALF, MIDDLE, UPPER_HALF, LOWER_SIDE = range(6)


def between(rows, kind):
    """IEC 61000-4-7: A.3, A.2, 5.5.1 (twice) and 3.2.1, from the energies of the pieces."""
    for h, row in enumerate(rows):
        below = rows[h - 1] if h else [0] * 6
        inner = row[LOWER_HALF] + row[MIDDLE] + row[UPPER_HALF]
        if kind == 0:
            yield inner
        elif kind == 1:
            yield inner + row[UPPER_SIDE] + row[LOWER_SIDE]
        elif kind == 3:
            yield row[OWN]
        elif h == 0:
            yield 2 * row[OWN]
        else:
            subgroup = row[OWN] + row[UPPER_SIDE] + below[LOWER_SIDE]
            halves = row[MIDDLE] + below[MIDDLE]
            yield 2 * subgroup + 2 * row[LOWER_HALF] + 2 * below[UPPER_HALF] + halves


def flat(values):
    return [word for value in values for word in words(value)]


def weighted(m):
    m = [value >> 6 for value in m]
    square = sum(h * h * m[h] ** 2 for h in range(1, 51))
    return flat([square, sum(x * x for x in m[1:]), sum(h * m[h] ** 2 for h in range(14, 41))])


def smoothed(state, m, share):
    done = []
    for s, x in zip(state, m, strict=True):
        d = x - s
        done.append(s + (d >> 16) * share + ((d & 0xFFFF) * share >> 16))
    return done


def magnitudes():
    for bits in (3, 10, 20, 25, 26):
        yield ints(RNG.integers(0, 2**bits, 51))
    for h in (1, 13, 14, 40, 41, 50):
        yield [(2**29 - 1) * (k == h) for k in range(51)]
    yield [0] * 51


def phasors():
    for bits in (4, 15, 16, 20, 27, 28):
        yield ints(RNG.integers(-(2**bits), 2**bits, 102))
    for value in (2**28 - 1, -(2**28), 2**15, -(2**15), 2**15 - 1, -1, 0):
        yield [value] * 102
    yield [(2**29 - 1) * (k % 2) for k in range(102)]
    yield [(1 - 2**29) * (k % 2) for k in range(102)]


def jobs():
    for rows in piece_sets():
        pieces = [w for row in rows for e in row for w in words(e)]
        for kind in range(4):
            energies = list(between(rows, kind))
            inner = sum(between(rows, 0))
            expected = flat([*energies, inner]) + [isqrt(e) for e in energies]
            yield {"kernel": "between", "pieces": pieces, "kind": kind}, expected
        rest = sum(map(sum, rows)) - rows[0][OWN] - rows[1][OWN]
        sums = list(summary(rows))[51:61]
        job = {"kernel": "single_bins", "pieces": pieces, "summary": [0] * 51 + sums, "inner": flat([inner])}
        yield job, flat([rows[1][OWN], sum(row[OWN] for row in rows[2:]), rest])
    first, own, sums = (ints(RNG.integers(0, 2**28, n)) for n in (61, 6, 6))
    yield {"kernel": "gather", "summary": first, "own": own, "sums": sums}, first[51:] + own[:4] + sums
    before = [0] * 51
    for m in magnitudes():
        yield {"kernel": "weighted", "magnitudes": m}, weighted(m)
        for share in (8180, 4227, 32767):
            expected = smoothed(before, m, share)
            yield {"kernel": "smooth", "state": before, "magnitudes": m, "share": share}, 2 * expected
        before = m
    sets = list(phasors())
    for k, v in enumerate(sets):
        for i in (v, sets[k - 1]):
            expected = flat([v[2 * h] * i[2 * h] + v[2 * h + 1] * i[2 * h + 1] for h in range(51)])
            yield {"kernel": "products", "v": v, "i": i}, expected
            small = [x >> 2 for x in v]
            sums = [a + b + c for a, b, c in zip(small, i, small[::-1], strict=True)]
            if max(map(abs, sums)) < 2**31:
                yield {"kernel": "add_phasors", "a": small, "b": i, "c": small[::-1]}, sums
    for bits in (3, 28, 40, 52):
        values = ints(RNG.integers(-(2**bits), 2**bits, 51))
        for first in (0, 2, 50):
            yield {"kernel": "add", "pairs": flat(values), "first": first}, flat([sum(values[first:])])


def rests():
    for bits in (10, 28, 40, 54):
        for dc in (0, 1, -1, 2**15, -(2**15) + 1, 2**26 + 12345, -(2**27)):
            own1, rest = ints(RNG.integers(0, 2**bits, 2))
            inside = rest + dc * dc // 2
            square = (own1 + inside) // 4
            for total in (square, square + square // 90000, square + square // 3, square // 2):
                four = 4 * total
                beyond = four - (four >> 17) - (four >> 19) - own1 - inside
                own = flat([own1, 0, rest])
                job = {"kernel": "rest", "own": own, "sums": flat([7, total]), "slot": 1, "dc": dc}
                yield job, flat([inside + max(0, beyond)])
                yield job | {"slot": -1}, flat([inside])


JOBS = [*jobs(), *rests()]
