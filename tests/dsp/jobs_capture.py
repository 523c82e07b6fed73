"""Golden jobs of capture/unpack.py and unpack_wide.py, with the samples that their headers promise; frames made here,
CRC bit by bit."""

import numpy as np

from tests.dsp.on_interpreters import ints

RNG = np.random.default_rng(41)
GUARD = 16
BEFORE = 12345  # in the ring at the start
NUMBERS = 1 << 30
STATUS, RESYNC, RESET = 0x00FF, 0x40FF, 0x04FF


def crc_ccitt(data):
    """CRC-16/CCITT, start 0xFFFF, most significant bit first, bit by bit."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def record(number, codes, bits, status=STATUS, spoil=0):
    """A frame of words of 16 or 24 bits as a record. spoil: an exclusive or on the CRC."""
    size = bits // 8
    body = (status << bits - 16).to_bytes(size, "big")
    body += b"".join((int(code) % (1 << bits)).to_bytes(size, "big") for code in codes)
    crc = (crc_ccitt(body) ^ spoil) << bits - 16
    padding = b"" if bits == 16 else b"\xa5\x5a"
    return (number % (1 << 32)).to_bytes(4, "little") + body + crc.to_bytes(size, "big") + padding


def sample(codes, offsets, bits):
    """What frames of codes put into the ring."""
    x = np.asarray(codes, np.int64) - np.asarray(offsets, np.int64)
    return np.clip(x, -(2**15), 2**15 - 1) if bits == 16 else np.clip((x + 8) // 16, -(2**19), 2**19 - 1) * 256


def job(bits, codes, offsets, length, head, first=0, status=None, spoil=None, gap=None):
    """status, spoil: by frame. gap: (frame, frames missing before it); nothing from there on is taken."""
    status, spoil = status or {}, spoil or {}
    channels = len(offsets)
    peak = 1 << bits - 1
    taken = gap[0] if gap else len(codes)
    records, ring = b"", np.full((channels, length + GUARD), BEFORE, np.int64)
    clipped, at = 0, head
    for n, row in enumerate(codes):
        number = first + n + (gap[1] if gap and n >= gap[0] else 0)
        records += record(number, row, bits, status.get(n, STATUS), spoil.get(n, 0))
        if n >= taken:
            continue
        if n in spoil:
            ring[:, at] = ring[:, at - 1 if at else length - 1]
        else:
            ring[:, at] = sample(row[:channels], offsets, bits)
            for k, code in enumerate(row[:channels]):
                clipped |= (code in (-peak, peak - 1)) << k
        if at < GUARD:
            ring[:, length + at] = ring[:, at]
        at = (at + 1) % length
    half = taken // 2
    ranges = [(0, half), (half, half), (half, len(codes))]
    disturbed = sum(n < taken and n not in spoil for n in status)
    bad = sum(n < taken for n in spoil)
    state = [at, (first + taken) % NUMBERS, gap[1] if gap else 0, bad, disturbed, clipped, half, len(codes), taken]
    job = {"kernel": "unpack", "wide": bits == 24, "channels": channels, "length": length, "before": BEFORE}
    job |= {"head": head, "expected": first % NUMBERS, "offsets": offsets, "ranges": ranges, "records": list(records)}
    return job, state + ints(ring)


def jobs():
    for bits, channels in ((16, 7), (24, 7), (24, 2)):
        peak = 1 << bits - 1
        unit = 1 << bits - 16
        small = [unit * k for k in (0, 100, -100, 1, -1, 30, -30)][:channels]
        large = [0, peak - 1, -peak, unit, -unit, peak // 2, -peak // 2][:channels]
        quiet = RNG.integers(-peak // 2, peak // 2, (40, 8))
        yield job(bits, quiet, [0] * channels, 100, 20)
        faults = {"status": {20: RESYNC, 31: RESET}, "spoil": {0: 1, 15: 0x8000}}
        yield job(bits, quiet, small, 32, 0, first=NUMBERS - 5, **faults)
        loud = RNG.integers(-peak, peak, (40, 8))
        near = RNG.integers(-12, 12, (40, 8))
        loud[:20] = np.where(near[:20] < 0, peak + near[:20], near[:20] - peak)
        for offsets in (small, large, [8 - k for k in range(channels)]):
            faults = {"status": {3: RESYNC, 4: RESET}, "spoil": {4: 0xFFFF, 5: 2}}
            yield job(bits, loud, offsets, 33, 32, first=2**32 - 7, **faults)
        for edge in (-peak, peak - 1):
            yield job(bits, np.full((3, 8), edge), small, 40, 39, spoil={1: 0x0100})
        for channel in range(channels):
            alone = quiet[:2].copy()
            alone[:, channel] = peak - 1, -peak
            yield job(bits, alone, [0] * channels, 40, 20)
            alone[:, channel] = peak - 5 * unit, 3 * unit - peak
            yield job(bits, alone, [-20 * unit] * channels, 40, 20)
            yield job(bits, alone, [20 * unit] * channels, 40, 20)
        for frame, missing in ((0, 1), (1, 3), (39, NUMBERS - 1)):
            yield job(bits, quiet, small, 32, 31, first=7, spoil={38: 4}, gap=(frame, missing))


JOBS = list(jobs())
