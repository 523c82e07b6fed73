"""The dsp kernels again, in numpy int64, from the formulas in their headers: where golden integers come from.

Nothing here imports firmware code but the generated tables, which tests/dsp/test_tables.py makes again from their
definition.
"""

import numpy as np

TURN = 1 << 26


def s16(values):
    """Words of 16 bits as signed integers."""
    return ((np.asarray(values, dtype=np.int64) & 0xFFFF) ^ 0x8000) - 0x8000


def negated_sine():
    """-32768 sin(2 pi k / 2048), k = 0..2559, rounded, at most 32767."""
    exact = -32768 * np.sin(2 * np.pi * np.arange(2560) / 2048)
    return np.minimum(np.where(exact < 0, np.ceil(exact - 0.5), np.floor(exact + 0.5)), 32767).astype(np.int64)


def bit_reversed(n):
    bits = n.bit_length() - 1
    return np.array([int(format(i, f"0{bits}b")[::-1], 2) for i in range(n)])


def p(x, w):
    """floor(x w / 2**16) (dsp/fft.py)."""
    return (x * w) >> 16


def rotated(x, y, cos, sin):
    """Half of (x + j y)(cos - j sin) with negated factors."""
    return -p(x, cos) - p(y, sin), p(x, sin) - p(y, cos)


def fft(re, im):
    """dsp/fft.py on natural-order input of n points: decimation in time, radix 4, radix 2 where one is left."""
    n = len(re)
    sine = negated_sine()
    order = bit_reversed(n)
    re, im = np.asarray(re, np.int64)[order], np.asarray(im, np.int64)[order]
    re, im = re.reshape(-1, 4), im.reshape(-1, 4)
    a, b, c, d = (re[:, i] + 1j * im[:, i] for i in range(4))
    out = np.stack([a + b + c + d, a - b - 1j * (c - d), a + b - c - d, a - b + 1j * (c - d)], axis=1)
    re, im = out.real.astype(np.int64).ravel(), out.imag.astype(np.int64).ravel()
    m = 4
    while 4 * m <= n:
        k = np.arange(m) * (2048 // (4 * m))
        # in bit-reversed order the four sub-transforms are those of the samples 0, 2, 1, 3 modulo 4
        xr, xi = re.reshape(-1, 4, m), im.reshape(-1, 4, m)
        ar, ai = xr[:, 0] >> 1, xi[:, 0] >> 1
        cr, ci = rotated(xr[:, 1], xi[:, 1], sine[2 * k + 512], sine[2 * k])
        br, bi = rotated(xr[:, 2], xi[:, 2], sine[k + 512], sine[k])
        dr, di = rotated(xr[:, 3], xi[:, 3], sine[3 * k + 512], sine[3 * k])
        yr = [ar + br + cr + dr, ar + bi - cr - di, ar - br + cr - dr, ar - bi - cr + di]
        yi = [ai + bi + ci + di, ai - br - ci + dr, ai - bi + ci - di, ai + br - ci - dr]
        re, im = np.stack(yr, axis=1).ravel(), np.stack(yi, axis=1).ravel()
        m *= 4
    if m < n:
        k = np.arange(m) * (2048 // n)
        ar, ai = re[:m] >> 1, im[:m] >> 1
        br, bi = rotated(re[m:], im[m:], sine[k + 512], sine[k])
        re, im = np.concatenate([ar + br, ar - br]), np.concatenate([ai + bi, ai - bi])
    return re, im


def interleaved(re, im):
    return np.stack([re, im], axis=1).ravel()


def resample(samples, first, frac, length, bank):
    """2048 outputs of one channel in natural order (dsp/resample.py). `samples`: the record, sample 0 first; bank:
    (65, 16)."""
    k = np.arange(2048, dtype=np.int64)
    at = (np.int64(first) << 27) + (np.int64(frac) << 11) + k * length
    base, phase = at >> 27, at & (2**27 - 1)
    row, r = phase >> 21, (phase >> 10) & 0x7FF
    windows = np.asarray(samples, np.int64)[base[:, None] + np.arange(-7, 9)]
    s0 = ((windows * bank[row]).sum(axis=1) + 128) >> 8
    s1 = ((windows * bank[row + 1]).sum(axis=1) + 128) >> 8
    return s0 + (((s1 - s0) * r + 1024) >> 11)


def split_words(value):
    """(high, low) of value = high 2**28 + low."""
    value = int(value)
    return value >> 28, value & (2**28 - 1)


def dot(a, b):
    return split_words(sum(int(x) * int(y) for x, y in zip(a, b, strict=True)))


def channels(re, im):
    """2 X and 2 Y of the packed transform: two arrays of complex bins 0..n/2-1."""
    n = len(re)
    k = np.arange(n // 2)
    zr, zi, wr, wi = re[k], im[k], re[-k % n], im[-k % n]
    return (zr + wr, zi - wi), (zi + wi, wr - zr)


def pieces(re, im, cycles):
    """Energies of the six pieces above each order 0..50 of one channel."""
    energy = [int(x) ** 2 + int(y) ** 2 for x, y in zip(re, im, strict=True)]
    words = []
    for h in range(51):
        above = energy[h * cycles : (h + 1) * cycles]
        half = cycles / 2
        inner = [(k, e) for k, e in enumerate(above) if 2 <= k <= cycles - 2]
        six = [
            above[0],
            above[1],
            sum(e for k, e in inner if k < half),
            sum(e for k, e in inner if k == half),
            sum(e for k, e in inner if k > half),
            above[cycles - 1],
        ]
        for piece in six:
            words += split_words(piece)
    return words


def correlate(samples, centre, half, step):
    """(re, im) of dsp/phase.py around sample `centre` of the record."""
    sine = negated_sine()
    i = np.arange(-half, half + 1)
    t = (i * step + 16384) >> 15
    weight = 32768 - sine[((t >> 1) & 2047) + 512]
    x = (np.asarray(samples, np.int64)[centre + i] * (weight >> 1)) >> 15
    t &= 2047
    return -int(((x * sine[t + 512]) >> 10).sum()), -int(((x * sine[t]) >> 10).sum())


def polar(x, y):
    """CORDIC of dsp/phase.py: (magnitude, angle)."""
    atans = [round(np.arctan(2.0**-i) / (2 * np.pi) * TURN) for i in range(24)]
    x, y, angle = x >> 2, y >> 2, 0
    if x < 0:
        x, y, angle = (-y, x, -(1 << 24)) if y < 0 else (y, -x, 1 << 24)
    for i, a in enumerate(atans):
        x, y, angle = (x + (y >> i), y - (x >> i), angle + a) if y > 0 else (x - (y >> i), y + (x >> i), angle - a)
    return x, angle


def crc_ccitt(data):
    """CRC-16/CCITT, start 0xFFFF, most significant bit first, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc
