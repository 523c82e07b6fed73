"""The transform again, in numpy int64 from the header of dsp/fft.py, and the inputs to try it on."""

import numpy as np

from tests.dsp.models import bit_reversed, interleaved

LARGEST = 2**24 - 1  # of an input
SIZES = (16, 32, 64, 512, 1024, 2048)
HALF_SQRT = 23170


def negated_sine():
    """-32768 sin(2 pi k / 2048), rounded away from zero, at most 32767."""
    exact = -32768 * np.sin(2 * np.pi * np.arange(2048) / 2048)
    return np.minimum(np.where(exact < 0, np.ceil(exact - 0.5), np.floor(exact + 0.5)), 32767).astype(np.int64)


SINE = negated_sine()


def p(x, w):
    return (x * w) >> 16


def rotated(x, y, angle):
    """Half of (x + j y)(cos - j sin), by the negated factors."""
    sin, cos = SINE[angle], SINE[(angle + 512) % 2048]
    return -p(x, cos) - p(y, sin), p(x, sin) - p(y, cos)


def four(ar, ai, cr, ci, br, bi, dr, di):
    """Radix 4 on a, c, b, d (the samples 0, 2, 1, 3 modulo 4, as bit reversal leaves them): four (re, im)."""
    return [
        (ar + br + cr + dr, ai + bi + ci + di),
        (ar + bi - cr - di, ai - br - ci + dr),
        (ar - br + cr - dr, ai - bi + ci - di),
        (ar - bi - cr + di, ai + br - ci - dr),
    ]


def eight(words):
    """first8 on a row of 16 arrays."""
    first, second = four(*words[:8]), four(*words[8:])
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = second
    turned = [
        (x0 >> 1, y0 >> 1),
        (p(x1 + y1, HALF_SQRT), p(y1 - x1, HALF_SQRT)),
        (y2 >> 1, -(x2 >> 1)),
        (p(y3 - x3, HALF_SQRT), -p(x3 + y3, HALF_SQRT)),
    ]
    pairs = list(zip(first, turned, strict=True))
    plus = [((a >> 1) + c, (b >> 1) + d) for (a, b), (c, d) in pairs]
    return plus + [((a >> 1) - c, (b >> 1) - d) for (a, b), (c, d) in pairs]


def model(re, im):
    """The transform of n points in natural order, as the header of dsp/fft.py has it."""
    n = len(re)
    m = 8 if n.bit_length() % 2 == 0 else 4
    order = bit_reversed(n)
    words = np.stack([re[order], im[order]], axis=1).reshape(-1, 2 * m).T
    z = np.array(eight(words) if m == 8 else four(*words))  # [m, re or im, n / m]
    re, im = (z[:, part].T.ravel() for part in (0, 1))
    while m < n:
        k = np.arange(m) * (512 // m)
        x, y = re.reshape(-1, 4, m), im.reshape(-1, 4, m)
        c, b, d = (rotated(x[:, i], y[:, i], j * k) for i, j in ((1, 2), (2, 1), (3, 3)))
        z = np.array(four(x[:, 0] >> 1, y[:, 0] >> 1, *c, *b, *d))  # [4, re or im, blocks, m]
        re, im = (z[:, part].transpose(1, 0, 2).ravel() for part in (0, 1))
        m *= 4
    return re, im


def signals(n):
    rng = np.random.default_rng(n)
    k = np.arange(n)
    yield rng.integers(-LARGEST // 2, LARGEST // 2, n) + 1j * rng.integers(-LARGEST // 2, LARGEST // 2, n)
    yield np.full(n, -LARGEST * (1 + 1j) / 2)
    yield LARGEST * np.exp(2j * np.pi * 3 * k / n)
    yield np.where(k % 2, -1, 1) * (LARGEST - 1j * LARGEST) / 2
    yield (k == 5) * -1.0
    yield rng.integers(-2, 3, n) + 1j * rng.integers(-2, 3, n)


def parts(z):
    return np.round(z.real).astype(np.int64), np.round(z.imag).astype(np.int64)


def fft_jobs(sizes, **how):
    """(job, expected)"""
    for n in sizes:
        for z in signals(n):
            re, im = parts(z)
            order = bit_reversed(n)
            yield (
                {"kernel": "fft", "z": interleaved(re[order], im[order]).tolist()} | how,
                interleaved(*model(re, im)).tolist(),
            )


JOBS = [
    ({"kernel": "sine"}, SINE.tolist()),
    *fft_jobs(SIZES),
    *fft_jobs((32, 64), slice=1),
    *fft_jobs((512,), slice=50),
]
