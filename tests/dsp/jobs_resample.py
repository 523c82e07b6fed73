"""Golden jobs of dsp/resample.py and dsp/resample_wide.py, and their model in numpy int64, from the formulas in their
headers and the generated banks, which tests/dsp/test_tables.py makes again from their definition."""

import importlib

import numpy as np

from tests.dsp.models import bit_reversed, interleaved
from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(20)
LENGTH = 3300  # of the ring
WORDS = [*range(3, 13)]
SLOPES = [5, 6, 7, 9, 10]
REST = 8


def bank_of(data):
    """(taps, slopes): integers (32, 16) of a bank as the kernels read it; the tap REST is not among them."""
    stride, more = np.frombuffer(data, "<u2", 2)
    taps, slopes = np.zeros((32, 16), np.int64), np.zeros((32, 16), np.int64)
    for d in range(32):
        row = data[8 + d * stride : 8 + (d + 1) * stride]
        words = np.frombuffer(row, "<i4", 15)
        taps[d, WORDS], slopes[d, SLOPES] = words[:10], words[10:]
        if more:
            halfwords = np.frombuffer(row, "<i2")[30:]
            taps[d, [1, 2, 13, 14]], slopes[d, [4, 11]] = halfwords[:4], halfwords[4:]
    taps[:, REST] = 0
    return taps, slopes


def taps_at(bank, row, e):
    """The 16 taps at places of the rows `row` and steps `e`."""
    taps = bank[0][row] + (bank[1][row] * np.asarray(e)[:, None] >> 7)
    taps[:, REST] = 16384 - taps.sum(axis=1)
    return taps


def resample(samples, first, frac, length, bank, wide):
    """2048 outputs of one channel in natural order. `samples`: the record, sample 0 first."""
    k = np.arange(2048, dtype=np.int64)
    block = (np.int64(first) << 27) + (np.int64(frac) << 11) + (k - k % 64) * length
    at = (block >> 3) + k % 64 * (length >> 3)
    taps = taps_at(bank, at >> 19 & 31, at >> 11 & 255)
    sums = (np.asarray(samples, np.int64)[(at >> 24)[:, None] + np.arange(-7, 9)] * taps).sum(axis=1)
    return (sums + 2**19) >> 20 if wide else (sums + 2**7) >> 8


def jobs():
    cases = [
        ("taps_12800_sinc3", 2560 << 16, 100, 0, (0, 1), (1, 0, 0, 1), 0),
        ("taps_12800_sinc3", 3011 * 65536 + 12345, 200, 65535, (1, 0), (1, 0, 0, 1), 0),
        ("taps_12800_ideal", 2226 * 65536 + 77, 64, 31000, (1, None), (1, 0, 0, 1), 0),
        ("taps_12800_sinc3", 1100 * 65536 + 7, 100, 0, (0, 1), (2, -1, -1, -1), 1),
        ("taps_10240_sinc3", 1781 * 65536 + 999, 64, 1, (0, 1), (2, -1, -1, -1), 1),
        ("taps_10240_ideal", 2048 << 16, 64, 40000, (None, 0), (1, 0, 0, 1), 0),
    ]
    order = bit_reversed(2048)
    for wide in (False, True):
        peak = 2**19 if wide else 2**15
        noise = RNG.integers(-peak, peak, LENGTH - 5)
        square = np.where(np.arange(LENGTH - 5) // 50 % 2, -peak, peak - 1)
        records = [noise * 256, square * 256] if wide else [noise, square]
        for name, span, first, frac, pair, mix, shift in cases:
            bank = bank_of(importlib.import_module(f"wattless.dsp.{name}").TAPS)
            out = [
                np.zeros(2048, np.int64) if c is None else resample(records[c], first, frac, span, bank, wide)
                for c in pair
            ]
            a, b, c, d = mix
            mixed = [(a * out[0] + b * out[1]) >> shift, (c * out[0] + d * out[1]) >> shift]
            expected = ints(interleaved(mixed[0][order], mixed[1][order]))
            for start in (0, LENGTH - 701):
                job = {"kernel": "resample", "wide": wide, "length": LENGTH, "start": start, "bank": name}
                job |= {"pair": pair, "first": first, "frac": frac, "span": span, "mix": mix, "shift": shift}
                yield job | {"channels": [ints(record) for record in records]}, expected


JOBS = list(jobs())
