"""Golden jobs of dsp/phase.py, with the integers from the formulas of its header."""

import numpy as np

from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(42)
TURN = 1 << 26
LENGTH, CHANNEL = 720, 11


def negated_sine(t):
    """-32768 sin(2 pi t / 2048), rounded away from zero, at most 32767."""
    exact = -32768 * np.sin(2 * np.pi * np.asarray(t) / 2048)
    return np.minimum(np.where(exact < 0, np.ceil(exact - 0.5), np.floor(exact + 0.5)), 32767).astype(np.int64)


def correlate(samples, centre, half, step):
    """(re, im) around sample `centre` of a ring of samples."""
    k = np.arange(1, half + 1)
    t = (k * step + 2**14) >> 15
    weight = 32768 - negated_sine((t >> 1) + 512)
    behind, before = samples[(centre + k) % len(samples)], samples[(centre - k) % len(samples)]
    re = 32 * samples[centre] - ((((negated_sine(t + 512) * weight) >> 17) * (behind + before)) >> 9).sum()
    im = -((((negated_sine(t) * weight) >> 17) * (behind - before)) >> 9).sum()
    return [int(re), int(im)]


def polar(x, y):
    """CORDIC: [magnitude, angle]."""
    atans = [round(np.arctan(2.0**-i) / (2 * np.pi) * TURN) for i in range(24)]
    x, y, angle = x >> 2, y >> 2, 0
    if x < 0:
        x, y, angle = (-y, x, -(1 << 24)) if y < 0 else (y, -x, 1 << 24)
    for i, a in enumerate(atans):
        x, y, angle = (x + (y >> i), y - (x >> i), angle + a) if y > 0 else (x - (y >> i), y + (x >> i), angle - a)
    return [x, angle]


def half(step):
    return (TURN - 2**14 - 1) // step


def correlate_jobs():
    n = np.arange(LENGTH)
    cases = [(262144, centre) for centre in (1, 340, 600, LENGTH - 2)]
    cases += [(300001, 0), (222822, LENGTH - 1), (491520, 90), (220202, 400)]
    for step, centre in cases:
        k = (n - centre + LENGTH // 2) % LENGTH - LENGTH // 2
        cos, sin = np.cos(2 * np.pi * k * step / TURN), np.sin(2 * np.pi * k * step / TURN)
        for samples in (
            RNG.integers(-32768, 32768, LENGTH),
            np.where(cos < 0, -32768, 32767),  # all that can add up
            np.where(sin < 0, 32767, -32768),
            np.full(LENGTH, -32768),
        ):
            for wide in (False, True):
                ring = np.concatenate([RNG.integers(-9, 9, CHANNEL), samples, RNG.integers(-9, 9, 16)])
                if wide:
                    ring = ring * 4096 + RNG.integers(0, 4096, len(ring))
                params = [CHANNEL, LENGTH, centre, half(step), step]
                job = {"kernel": "correlate", "wide": wide, "ring": ints(ring), "params": params}
                yield job, correlate(samples, centre, half(step), step)


def polar_jobs():
    vectors = ints(RNG.integers(-(2**29), 2**29, 80))
    vectors += [0, 0, 2**29, 0, 0, 2**29, 0, -(2**29), -(2**29), 0, -(2**29), -(2**29), 5, -3, -(2**29), 4]
    pairs = [vectors[i : i + 2] for i in range(0, len(vectors), 2)]
    yield {"kernel": "polar", "vectors": pairs}, [word for x, y in pairs for word in polar(x, y)]


CORRELATIONS = list(correlate_jobs())
ANGLES = list(polar_jobs())
