"""Golden jobs of dsp/tone.py, with the integers from the formula of its header."""

import numpy as np

from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(32)
CHANNEL, LENGTH = 30, 2570
TURN = 2**26


def negated_sine(t):
    """-32768 sin(2 pi t / 2048), rounded away from zero, at most 32767."""
    exact = -32768 * np.sin(2 * np.pi * (np.asarray(t) % 2048) / 2048)
    return np.minimum(np.where(exact < 0, np.ceil(exact - 0.5), np.floor(exact + 0.5)), 32767).astype(np.int64)


def tone(samples, angle, step):
    """The sums with cos and sin, and the angle behind the last sample."""
    t = ((angle + np.arange(len(samples)) * step + 2**14) >> 15) & 2047
    sums = [-int((samples * negated_sine(t + quarter)).sum()) for quarter in (512, 0)]
    return sums, (angle + len(samples) * step) % TURN


def cases():
    """samples, position, counts of the calls, angle, step, sums before"""
    noise = RNG.integers(-32768, 32768, LENGTH)
    full = np.full(LENGTH, -32768)
    for samples in (noise, full, np.where(np.arange(LENGTH) // 128 % 2, 32767, -32768)):
        yield samples, 100, [2048], 0, TURN // 2048, (0, 0)
        yield samples, LENGTH - 1, [1, 0, 1000, 1559], TURN - 1, 262144, (-1, 1)
        yield samples, 2000, [570], 12345, 1_440_000, (2**55, -(2**55))
        yield samples, 0, [LENGTH, LENGTH], 2**25, TURN - 262144, (2**28 - 1, -(2**28))
    yield full, 0, [2560], 2**25, 0, (0, 0)
    yield full, 0, [2560], 2**24, 0, (0, 0)
    for _ in range(6):
        counts = ints(RNG.integers(0, 900, 3))
        before = ints(RNG.integers(-(2**50), 2**50, 2))
        yield noise, int(RNG.integers(LENGTH)), counts, int(RNG.integers(TURN)), int(RNG.integers(TURN)), before


def jobs():
    for samples, position, counts, angle, step, before in cases():
        ring = np.concatenate([RNG.integers(-9, 9, CHANNEL), samples, RNG.integers(-9, 9, 16)])
        total = sum(counts)
        found, end = tone(samples[(position + np.arange(total)) % LENGTH], angle, step)
        sums = [a + b for a, b in zip(before, found, strict=True)]
        params = [CHANNEL, LENGTH, position, 0, angle, step]
        out = [word for value in before for word in divmod(value, 2**28)]
        job = {"kernel": "tone", "ring": ints(ring), "params": params, "counts": counts, "out": out}
        expected = [word for value in sums for word in divmod(value, 2**28)]
        yield job, [*expected, (position + total) % LENGTH, end]


JOBS = list(jobs())
