"""Golden jobs of dsp/half.py, with Python's integers."""

from itertools import product

import numpy as np

from tests.dsp.jobs_tone import negated_sine
from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(43)
LENGTH, V, I = 300, 6, 400
GUARD = 16
TURN = 2**26
STEP = 262_469  # 50.06 Hz at 12.8 kS/s
OSCILLATOR = [15000 << 16, -(1 << 28) + 77, 6438]  # COS, SIN, ROTATION
SPANS = ((0, 0), (0, 1), (10, 33), (250, 40), (298, 3), (296, 64), (2, 75))


def words(value):
    """[high, low] of value = high 2**28 + low."""
    return list(divmod(value, 2**28))


def guarded(samples):
    """Two planes of `samples` in a ring, their first samples repeated behind them."""
    ring = np.array(samples)
    for start in (V, I):
        ring[start + LENGTH : start + LENGTH + GUARD] = ring[start : start + GUARD]
    return ring


def correlations(x, oscillator):
    """Of the sums x of four samples: with cosine and sine."""
    c, s, k = oscillator
    with_cos = with_sin = 0
    for value in x:
        with_cos += (c >> 16) * value >> 10
        with_sin += (s >> 16) * value >> 10
        s += (c >> 16) * k
        c -= (s >> 16) * k
    return [with_cos, with_sin]


def sums(samples, v, i, first, groups, wide, oscillator, length=LENGTH):
    """The words VV to IS. Wide samples have 28 bits."""
    at = (first + np.arange(4 * groups)) % length
    a, b = ints(samples[v + at]), ints(samples[i + at])
    x, y = ([value >> 8 for value in values] if wide else values for values in (a, b))
    found = []
    for p, q in ((x, x), (y, y), (x, y)):
        found += words(sum(m * n for m, n in zip(p, q, strict=True)))
    for values in (a, b):
        fours = [sum(values[n : n + 4]) >> (12 if wide else 0) for n in range(0, len(values), 4)]
        found += correlations(fours, oscillator)
    return found


def sums_jobs():
    for wide in (False, True):
        peak = 2**19 if wide else 2**15
        noise = RNG.integers(-peak, peak, 2 * LENGTH + 150)
        low, high = np.full(len(noise), -peak), np.full(len(noise), peak - 1)
        opposite = np.where(np.arange(len(noise)) < I, -peak, peak - 1)
        for samples in (noise, low, high, opposite):
            ring = guarded(samples * 256 + RNG.integers(0, 256, len(samples)) if wide else samples)
            for (first, groups), (v, i) in product(SPANS, ((V, I), (I, V))):
                params = [v, i, LENGTH, 0, 0, 0, *OSCILLATOR]
                job = {"kernel": "sums", "wide": wide, "first": first, "groups": groups, "params": params}
                yield job | {"ring": ints(ring)}, params + sums(ring, v, i, first, groups, wide, OSCILLATOR)
        # sums a little below a multiple of 2**28
        for pairs in ([(16383, 181), (181, 16383)], [(16383, 16385)], [(16385, -16384), (1, 1)]):
            pairs = pairs + [(0, 0)] * (4 - len(pairs))
            ring = np.array([value * 256 if wide else value for plane in zip(*pairs, strict=True) for value in plane])
            params = [0, 4, 4, 0, 0, 0, *OSCILLATOR]
            job = {"kernel": "sums", "wide": wide, "first": 0, "groups": 1, "params": params, "ring": ints(ring)}
            yield job, params + sums(ring, 0, 4, 0, 1, wide, OSCILLATOR, 4)
        # as many as there may be, and a fast oscillator
        for value in (-peak, peak - 1):
            ring = np.full(2044, value * 256 if wide else value)
            params = [0, 0, 2044, 0, 0, 0, 1 << 28, 14_000 << 16, 25_000]
            job = {"kernel": "sums", "wide": wide, "first": 0, "groups": 511, "params": params, "ring": ints(ring)}
            yield job, params + sums(ring, 0, 0, 0, 511, wide, params[6:9], 2044)


def interpolated(angle):
    """-sin of a binary angle, times 2**29, from the table of 2048 places."""
    place, rest = angle >> 15, angle & 0x7FFF
    one, two = ints(negated_sine([place, place + 1]))
    return (one << 14) + ((two - one) * rest >> 1)


def aimed(angle, step, groups):
    """ANGLE, COS, SIN and ROTATION."""
    state = []
    for back in (-(TURN // 4), 2 * step):
        value = interpolated((angle + step + step // 2 - back) % TURN)
        state.append((value >> 11) - 2 * value + 2**15)
    t = ((step >> 2) * 3217) >> 15
    return [(angle + 4 * groups * step) % TURN, *state, t - (((t * t >> 14) * t >> 14) * 10923 >> 22)]


def aim_jobs():
    angles = (0, 1, TURN - 1, TURN // 4, TURN // 2 - STEP, 3 * TURN // 4, *ints(RNG.integers(0, TURN, 4)))
    turns = ((STEP, 32, 0), (226_000, 38, LENGTH - 152), (452_199, 18, LENGTH - 2), (2**20, 0, 10))
    for angle, (step, groups, position) in product(angles, turns):
        params = [0, 0, LENGTH, angle, step, groups]
        after, cos, sin, rotation = aimed(angle, step, groups)
        found = [0, 0, LENGTH, after, step, groups, cos, sin, rotation, (position + 4 * groups) % LENGTH]
        yield {"kernel": "aim", "params": params, "position": position}, found


def edge(samples, v, i, first, weight, wide, angle, step):
    """The words EVV to EIS."""
    found = [0] * 7
    for n in range(-(-weight // 4096)):
        w = min(4096, weight - 4096 * n)
        a, b = (int(samples[plane + first + n]) >> (12 if wide else 0) for plane in (v, i))
        place = ((angle + n * step + 2**14) >> 15, (angle + n * step + 2**14 - 2 * step) >> 15)
        cos, sin = int(negated_sine(place[0] + 512)), int(negated_sine(place[1]))
        for at, value in enumerate((a * a, b * b, a * b)):
            found[at] += (value >> 14) * w + ((value & 0x3FFF) * w >> 14)
        for at, value in enumerate((cos * a, sin * a, cos * b, sin * b)):
            found[3 + at] -= (value >> 13) * w >> 10
    return found


def edge_jobs():
    spans = ((0, 0), (0, 1), (7, 4095), (8, 4096), (298, 9000), (299, 16383), (151, 12288))
    turns = ((0, STEP), (TURN - 1, 452_199), (TURN // 4, 226_000))
    for wide in (False, True):
        peak = 2**27 if wide else 2**15
        noise = RNG.integers(-peak, peak, 2 * LENGTH + 150)
        for samples, angles in ((noise, turns), (np.full(len(noise), -peak), turns[:1])):
            ring = guarded(samples)
            for (first, weight), (angle, step) in product(spans, angles):
                job = {"kernel": "edge", "wide": wide, "first": first, "weight": weight, "ring": ints(ring)}
                found = edge(ring, V, I, first, weight, wide, angle, step)
                yield job | {"params": [V, I, LENGTH, angle, step]}, found


JOBS = [*sums_jobs(), *aim_jobs(), *edge_jobs()]
