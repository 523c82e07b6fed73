"""Golden jobs of dsp/flicker.py, with Python's integers by the formulas of its header."""

import numpy as np

from tests.dsp.on_interpreters import ints
from wattless.dsp.flicker_filter import FILTERS

RNG = np.random.default_rng(61)
MOST = 2**21 - 1
SETTLE, GAP = 20, 10  # shorter than the meter's
CLASSES, PER_OCTAVE, FIRST = 333, 17, 7
TABLES = [(*row, SETTLE, GAP) for row in FILTERS.values()]
NOTHING = [0] * 13
COUNT = 3  # of the state


def class_of(level):
    if level < 2**FIRST:
        return 0
    n = level.bit_length() - 1
    f = (level << 12 >> n) - 2**12
    return min(CLASSES - 1, 1 + PER_OCTAVE * (n - FIRST) + (f * (23396 - (5988 * f >> 12)) >> 22))


class Model:
    """The flickermeter on Python's integers. state: those of dsp/flicker.py, in its order."""

    def __init__(self, factors, state):
        self.factors = factors
        self.classes = [0] * CLASSES
        self.set(state)

    def set(self, state):
        self.mean, self.last, self.wait, self.count = state[:4]
        self.slow, self.h, self.b, self.a, self.a2, self.c, self.c2, self.c3, self.level = state[4:]

    def state(self):
        head = [self.mean, self.last, self.wait, self.count]
        return head + [self.slow, self.h, self.b, self.a, self.a2, self.c, self.c2, self.c3, self.level]

    def step(self, v):
        """Returns y."""
        mean, gain, high_pass, zero, pole, lamp1, lamp2, edge1, edge2, edge3, smooth, settle, gap = self.factors
        if v < 0:
            v = self.last
            self.wait = max(self.wait, gap)
        self.last = v = min(v, MOST)
        m = self.mean // 512
        if v // 2 >= m:
            self.set([512 * v, v, settle, self.count] + [0] * 9)
            return 0
        self.mean += (512 * v - self.mean) // 32 * mean // 2**11
        e = 2**20 * v // m - 2**20
        h = (64 * e + (e // 32) ** 2 // 32) * gain // 2**16 - self.slow
        self.slow += h // 32 * high_pass // 2**11
        d, self.h = h - self.h, h
        b = d + self.b
        self.b = d * zero // 2**16 - d + b + b * pole // 2**16
        a = b + self.a
        self.a = a * lamp1 // 2**16 + a + self.a2
        self.a2 = a * lamp2 // 2**16 - a
        y = a + self.c
        self.c = 2 * a + y * edge1 // 2**16 + self.c2
        self.c2 = a + y * edge2 // 2**16 + self.c3
        self.c3 = y * edge3 // 2**16
        w = y // 2**10
        w = w if -(2**15) <= w < 2**15 else 2**15
        self.level += ((w * w - self.level) * smooth + 2**15) // 2**16
        if self.wait:
            self.wait -= 1
        else:
            self.wait = 1
            if m >= 4096 and self.count < 2**16 - 1:
                self.count += 1
                self.classes[class_of(self.level)] += 1
        return y


def largest(factors, signs):
    """Values for which the filters' output gets as large as it can: 0 and (almost) twice the mean, by the sign of the
    pulse response backwards."""
    quiet = [2**20 * 512, 2**20] + [0] * 11
    one, two = Model(factors, quiet), Model(factors, quiet)
    response = []
    for n in range(150):
        response.append(one.step(2**20 + (2**14 if n == 0 else 0)) - two.step(2**20))
    swing = np.array(response[::-1])
    return [2**20] + [2**20 * 19 // 10 if up else 0 for up in ints(signs * swing > 0)]


def cases():
    """factors, values, state before"""
    t = np.arange(120)
    for k, factors in enumerate(TABLES):
        for amplitude, size in ((1_200_000, 0.003), (1_500_000, 0.05), (40_000, 0.5), (4200, 0.2)):
            noise = RNG.normal(0, size / 5, len(t))
            v = amplitude * (1 + size * np.sin(2 * np.pi * RNG.uniform(0.005, 0.4) * t) + noise)
            yield factors, np.rint(np.maximum(v, 0)), NOTHING
        for signs in (1, -1):
            yield factors, largest(factors, signs), NOTHING
        yield factors, RNG.integers(0, MOST + 1, 100), NOTHING
        yield factors, np.where(RNG.random(100) < 0.5, 0, 2**20 - 1), [2**20 * 512, 0, k % 2, 10] + [0] * 9
        yield factors, np.where(RNG.random(100) < 0.05, -1, 10**6 + RNG.integers(0, 5000, 100)), NOTHING
    factors = TABLES[0]
    yield factors, [4095] * 50 + [4096] * 5 + [8189, 8190, 0, 0, 2**21, 2**30 - 1, MOST, -1, -5, 0, -1], NOTHING
    yield factors, [4096] * 50, NOTHING
    yield factors, [0, 0, 1, 0, 1, 2, 3, 0], NOTHING
    yield factors, [1, 0] * 15, [511] + [0] * 12
    yield factors, [-1, -1, 500_000, -1], NOTHING
    yield factors, [10**6] * 9, [10**6 * 512, 0, 0, 2**16 - 3] + [0] * 9
    yield factors, [10**6] * 2, [10**6 * 512, 0, 0, 2**16 - 1] + [0] * 9
    for below in range(-2, 3):  # a value about twice the mean
        yield factors, [2 * 700_000 + below, 700_000], [700_000 * 512 + 511] + [0] * 12
    # levels about the boundaries of the classes: the last step of a decay
    for n in range(30):
        for level in (2**n - 1, 2**n, 2**n + 2**n // 17, 2**n * 3 // 2, *ints(RNG.integers(2**n, 2 ** (n + 1), 2))):
            yield factors, [10**6], [10**6 * 512, 0, 0, 0] + [0] * 8 + [level]


def edge(j):
    """Where class `j` = 1.. begins: the first level of it, in 2048 to the octave."""
    octave, rest = divmod(j - 1, PER_OCTAVE)
    first = next(f for f in range(4096) if f * (23396 - (5988 * f >> 12)) >> 22 == rest)
    return (4096 + first + 1) // 2 * 2**octave // 16


def taken(classes, count):
    """The levels that are exceeded by shares of those counted."""
    levels = []
    for share in (1, 7, 10, 15, 22, 30, 40, 60, 80, 100, 130, 170, 300, 500, 800):
        j, above = CLASSES - 1, 0
        while 1000 * (above + classes[j]) < share * count:
            above += classes[j]
            j -= 1
        x, n, high = share * count - 1000 * above, classes[j], edge(j + 1)
        beside = sum(classes[max(j - 1, 0) : j + 2]) - n
        if j == 0:
            octaves, rest = divmod(min(7999, x // (PER_OCTAVE * beside)) if beside else 1000, 1000)
            levels.append((high - rest * high // 2000) >> octaves)
        else:
            part = 500 if 10 * beside < n else x // n
            levels.append(high - ((high - edge(j)) * (131 * part // 512) >> 8))
    return levels


def distributions():
    """Counts by class."""
    for scale, shape in ((0.01, 3), (0.3, 1), (3, 0.05), (50, 2), (4000, 0.5)):
        levels = 32768 * scale * RNG.lognormal(0, shape, 3000)
        yield np.bincount([class_of(int(min(level, 2**30 - 1))) for level in levels], minlength=CLASSES)
    for j in (0, 1, 2, 17, 18, 200, CLASSES - 2, CLASSES - 1):
        for beside in (0, 1, 6000, 65535 - 60000):
            counts = np.zeros(CLASSES, int)
            counts[j] = 60000
            counts[j - 1 if j else 1] += beside
            yield counts
    yield np.where(np.arange(CLASSES) % 9 == 2, 1, 0)
    yield np.where(np.arange(CLASSES) == 33, 1, 0)
    yield np.where(np.arange(CLASSES) == 33, 65535, 0)
    yield np.where(np.arange(CLASSES) < 321, 204, 0)


def jobs():
    factors = TABLES[0]
    for table, values, state in cases():
        model = Model(table, state)
        levels = []
        values = ints(values)
        for v in values:
            model.step(v)
            levels.append(model.level)
        counted = [word for j, n in enumerate(model.classes) if n for word in (j, n)]
        job = {"kernel": "step", "words": [*table, *state], "values": values}
        yield job, levels + model.state() + counted
    for counts in distributions():
        counts = ints(counts)
        words = [*factors, *range(1, 14)]
        words[13 + COUNT] = sum(counts)
        job = {"kernel": "take", "words": words, "counts": counts}
        words = words.copy()
        words[13 + COUNT] = 0
        yield job, taken(counts, sum(counts)) + words + [0] * CLASSES


JOBS = list(jobs())
