"""What the stream counts of its frames: clipping, jitter, gaps, and the auxiliary input."""

import numpy as np
import pytest

from host_tools.adc_model import frames
from tests.simulate import ByteFrames
from wattless.capture.stream import CLIP, JITTER, Stream

RNG = np.random.default_rng(12)


def codes(count, bits=16):
    peak = 1 << bits - 1
    return RNG.integers(-peak // 2, peak // 2, (count, 8)).astype(np.int16 if bits == 16 else np.int32)


def stream_of(records, **more):
    return Stream(ByteFrames(records), bytearray(65536), (0,) * 8, **more)


def drained(records, **more):
    stream = stream_of(records, **more)
    stream.drain()
    return stream


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("watched", [0x7F, 0x29, 0])
def test_clipped_frames_are_counted_one_by_one(bits, watched):
    given = codes(1000, bits)
    peak = 1 << bits - 1
    ends = np.array([peak - 1, -peak, peak - 2, 1 - peak, 0xFF, -1, peak - 1 - 0xFF, 0xFF - peak])
    where = RNG.random((300, 8)) < 0.1
    given[500:800] = np.where(where, RNG.choice(ends, (300, 8)), given[500:800])
    stream = stream_of(frames(given).tobytes(), wide=bits == 24)
    stream.watched = watched
    stream.drain()
    clipped = ((given == peak - 1) | (given == -peak))[:, :7] & (watched >> np.arange(7) & 1 == 1)
    assert stream.clipped_frames == clipped.any(1).sum()
    assert [stream.clipped >> k & 1 for k in range(7)] == clipped.any(0).tolist()
    assert stream.flags(0, 999) == (CLIP if watched else 0)
    assert stream.flags(850, 999) == 0


@pytest.mark.parametrize("bits", [16, 24])
def test_the_mark_of_jitter(bits):
    """Bit 31 of the number: a flag of its own, and the number stays the number."""
    records = frames(codes(1000, bits), first=(1 << 30) - 700)
    records["number"] &= (1 << 30) - 1
    records["number"][[5, 640, 641, 642, 700]] |= 1 << 31
    stream = drained(records.tobytes(), wide=bits == 24)
    assert (stream.count, stream.lost, stream.jitter_frames) == (1000, 0, 5)
    assert [stream.flags(n, n) for n in (5, 200, 641, 900)] == [JITTER, 0, JITTER, 0]


def test_gaps_are_counted_however_long():
    records = frames(codes(1500))
    keep = np.ones(1500, bool)
    for first, last in ((100, 101), (300, 320), (700, 900)):
        keep[first:last] = False
    stream = drained(records[keep].tobytes())
    stream.resume()
    stream.drain()
    assert (stream.gaps, stream.lost) == (3, 1 + 20 + 200)


@pytest.mark.parametrize("bits, code", [(16, 23831), (16, -5), (24, 6100000), (24, -8388608)])
def test_the_eighth_input_of_the_newest_frame(bits, code):
    given = codes(100, bits)
    given[99, 7] = code
    records = frames(given)
    assert stream_of(records.tobytes(), wide=bits == 24).aux() is None
    stream = drained(records.tobytes(), wide=bits == 24)
    stream.drain()  # nothing there any more: it stays
    assert stream.aux() == code


def test_a_wrong_checksum_hides_the_eighth_input():
    records = frames(codes(64))
    records["words"][20, 9] ^= 1
    stream = drained(records.tobytes() + frames(codes(64), first=64).tobytes(), block=64)
    assert stream.aux() is not None
    assert drained(records.tobytes()).aux() is None
