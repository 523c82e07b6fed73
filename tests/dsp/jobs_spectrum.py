"""Golden jobs of dsp/spectrum.py, with the integers from the formulas of its header (numpy int64, Python's isqrt)."""

from math import isqrt

import numpy as np

from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(31)
OWN, UPPER_SIDE, LOWER_HALF, MIDDLE, UPPER_HALF, LOWER_SIDE = range(6)
BAND = 53
LARGEST = 2**29 - 1  # of a bin: alone, it has nearly all of the energy that there may be


def words(energy):
    """(high, low) of energy = high 2**28 + low."""
    return divmod(int(energy), 2**28)


def split(z, bins):
    """`z` (n x 2) with the two channels side by side, bins 0 to `bins` - 1 (`bins` too if that is even)."""
    n = len(z)
    out = z.copy()
    out[0] *= 2
    k = np.arange(1, bins // 2 * 2 + 1)
    (zr, zi), (wr, wi) = z[k].T, z[n - k].T
    out[k] = np.stack([zr + wr, zi - wi], axis=1)
    out[n - k] = np.stack([zi + wi, wr - zr], axis=1)
    return out


def channel(z, second, bins):
    """re, im of the bins of one channel of the split `z`."""
    n = len(z)
    found = z[(n - np.arange(bins)) % n if second else np.arange(bins)].copy()
    found[0] = z[0, second], 0
    return found


def energies(bins):
    """|bin|**2, Python integers."""
    return [int(re) ** 2 + int(im) ** 2 for re, im in bins]


def place(k, cycles):
    """The piece that the bin k = 0..cycles-1 above an order belongs to."""
    if k < 2:
        return OWN if k == 0 else UPPER_SIDE
    if k == cycles - 1:
        return LOWER_SIDE
    return MIDDLE if 2 * k == cycles else LOWER_HALF if 2 * k < cycles else UPPER_HALF


def pieces(energy, cycles):
    """51 x 6 energies."""
    out = [[0] * 6 for _ in range(51)]
    for k in range(51 * cycles):
        out[k // cycles][place(k % cycles, cycles)] += energy[k]
    return out


def summary(e):
    """61 words from 51 x 6 energies."""
    subgroup = [e[0][OWN]] + [e[h][OWN] + e[h][UPPER_SIDE] + e[h - 1][LOWER_SIDE] for h in range(1, 51)]
    twice = [0] + [
        2 * (subgroup[h] + e[h][LOWER_HALF] + e[h - 1][UPPER_HALF]) + e[h][MIDDLE] + e[h - 1][MIDDLE]
        for h in range(1, 51)
    ]
    sums = (subgroup[1], sum(subgroup[2:]), sum(subgroup[2:41]), twice[1], sum(twice[2:]))
    return [isqrt(x) for x in subgroup] + [word for x in sums for word in words(x)]


def packed(x, y=None):
    """`z` (n x 2) that `split` makes bins `x` (k x 2) of the first channel and `y` of the second of, where their parity
    lets it: halves are rounded down."""
    n = 2048
    y = np.zeros_like(x) if y is None else y
    z = np.zeros((n, 2), np.int64)
    z[0] = x[0, 0] // 2, y[0, 0] // 2
    k = np.arange(1, len(x))
    z[k] = np.stack([x[k, 0] - y[k, 1], x[k, 1] + y[k, 0]], axis=1) // 2
    z[n - k] = np.stack([x[k, 0] + y[k, 1], y[k, 0] - x[k, 1]], axis=1) // 2
    return z


def spectra():
    """(z, periods): random ones of all sizes, the largest bins and pieces, the edge of the small ones."""
    for n, cycles in ((2048, 10), (2048, 12), (2048, 5), (1024, 6), (512, 5)):
        yield RNG.integers(-(2**22), 2**22, (n, 2)), cycles
        yield RNG.integers(-(2**13), 2**13, (n, 2)), cycles
    for cycles in (10, 12):
        bins = np.zeros((620, 2), np.int64)
        for at in (0, cycles, 7 * cycles + 1, 50 * cycles + 4):
            alone = bins.copy()
            alone[at, 0] = -LARGEST - 1 if at else LARGEST - 1
            yield packed(alone), cycles
        yield packed(bins, alone[:, ::-1]), cycles
        for value in (189_812_530, -189_812_530):  # four bins of a piece full: eight squares just below 2**58
            full = bins.copy()
            full[3 * cycles + 2 : 3 * cycles + cycles // 2] = value
            yield packed(full), cycles
        edges = RNG.choice([-8194, -8192, -8190, 8190, 8192, 8194, 16382, 16384, -16384, -16386], (620, 2))
        yield packed(edges), cycles


def spectrum_jobs():
    for z, cycles in spectra():
        bins = 51 * cycles
        done = split(z, bins)
        expected = ints(done)
        for second in (0, 1):
            one = channel(done, second, bins)
            energy = energies(one)
            assert sum(energy) < 2**58 + 2**31
            expected += ints(one[::cycles])
            expected += [word for row in pieces(energy, cycles) for e in row for word in words(e)]
            expected += words(sum(energy[BAND : BAND + 4]))
        yield {"kernel": "spectrum", "z": ints(z), "cycles": cycles, "band": BAND}, expected


def piece_sets():
    """Energies that are hard for roots: squares and their neighbours of every length, all lengths at random, the
    largest, nothing."""
    for step in range(10):
        rows = []
        for h in range(51):
            root = int(RNG.integers(2 ** (h % 26), 2 ** (h % 26 + 1)))
            rows.append([max(0, (root << step % 3) ** 2 + (step - 1) % 3 - 1), 0, 0, 0, 0, 0])
        yield rows
    for r in (2**14, 2**15 - 51, *ints(RNG.integers(2**14, 2**15 - 51, 8))):  # the upper half of the root just missed
        yield [[((r + h) << 10) ** 2 - 1, 0, 0, 0, 0, 0] for h in range(51)]
    for bits in (1, 14, 27, 28, 29, 30, 31, 44, 50):
        yield [[int(e) for e in RNG.integers(0, 2**bits, 6)] for _ in range(51)]
    yield [[0] * 6 for _ in range(51)]
    for h in (0, 1, 2, 25, 40, 41, 50):
        for piece in range(6):
            yield [[(2**58 - 1) * ((row, i) == (h, piece)) for i in range(6)] for row in range(51)]
    for root in (2**29 - 1, 2**28, 2**28 - 1, 2**15, 2**15 - 1, 1, 2):
        for e in (root**2 - 1, root**2, root**2 + 2 * root):
            yield [[e * (row == 7), 0, 0, 0, 0, 0] for row in range(51)]


def summary_jobs():
    for rows in piece_sets():
        assert sum(map(sum, rows)) < 2**58
        yield {"kernel": "summary", "pieces": [w for row in rows for e in row for w in words(e)]}, summary(rows)


JOBS = [*spectrum_jobs(), *summary_jobs()]
