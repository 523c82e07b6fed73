"""Frames to samples: numbers, gaps, errors, offsets, back-pressure."""

import numpy as np
import pytest

from host_tools.adc_model import frames
from tests.simulate import ByteFrames
from wattless.capture import stream as stream_module
from wattless.capture import unpack
from wattless.capture.stream import CLIP, CRC, FILL_LIMIT, GAP, Stream

RNG = np.random.default_rng(2)
RING = 65536


def codes(count):
    return RNG.integers(-30000, 30000, (count, 8)).astype(np.int16)


def stream_of(records, offsets=(0,) * 8, memory=RING, **settings):
    return Stream(ByteFrames(records), bytearray(memory), offsets, **settings)


def samples(stream, first, last):
    """Channels x samples `first`..`last` out of the ring."""
    ring = np.frombuffer(stream.data, np.int16)
    at = [stream.index(n) for n in range(first, last + 1)]
    return np.array([[ring[c * stream.stride + i] for i in at] for c in range(7)])


def without(records, lost):
    keep = np.ones(len(records), bool)
    keep[list(lost)] = False
    return records[keep].tobytes()


def test_samples_are_the_codes_less_their_offsets():
    given = codes(200)
    offsets = [1, -2, 300, 0, 5, -6, 7, 0]
    stream = stream_of(frames(given).tobytes(), offsets)
    assert stream.drain() == 200
    assert (samples(stream, 0, 199) == (given[:, :7] - np.array(offsets[:7])).T).all()
    assert stream.flags(0, 199) == 0


def test_the_ring_keeps_what_is_needed_and_takes_no_more():
    given = codes(9000)
    stream = stream_of(frames(given).tobytes())
    stream.drain()
    assert stream.count == stream.length  # full: nothing was given back yet
    stream.keep = 2000
    stream.drain()
    assert stream.count == stream.length + 2000
    first = stream.count - stream.length
    assert (samples(stream, first, stream.count - 1) == given[first : stream.count, :7].T).all()


def test_the_guard_repeats_the_start_of_the_ring():
    stream = stream_of(frames(codes(5000)).tobytes())
    stream.keep = 1000
    stream.drain()
    ring = np.frombuffer(stream.data, np.int16)
    for c in range(7):
        start = c * stream.stride
        guard = ring[start + stream.length : start + stream.stride]
        assert (guard == ring[start : start + stream_module.GUARD]).all()


def test_a_few_lost_frames_are_held_and_marked():
    given = codes(300)
    stream = stream_of(without(frames(given), range(100, 104)))
    stream.drain()
    assert (stream.count, stream.lost, stream.broken) == (300, 4, 0)
    got = samples(stream, 0, 299)
    assert (got[:, 100:104] == given[99, :7][:, None]).all()
    assert (got[:, 104:] == given[104:, :7].T).all()


@pytest.mark.parametrize("first, last, expected", [(0, 99, 0), (0, 100, GAP), (103, 200, GAP), (104, 299, 0)])
def test_marks_cover_the_lost_samples_only(first, last, expected):
    stream = stream_of(without(frames(codes(300)), range(100, 104)))
    stream.drain()
    assert stream.flags(first, last) == expected


def test_many_lost_frames_break_the_stream_until_it_is_resumed():
    lost = FILL_LIMIT + 1
    given = codes(400)
    stream = stream_of(without(frames(given), range(150, 150 + lost)))
    stream.drain()
    assert (stream.count, stream.broken) == (150, lost)
    stream.resume()
    assert stream.count == 150 + lost  # time goes on
    stream.drain()
    assert stream.count == 400 and stream.lost == lost
    assert (samples(stream, 150 + lost, 399) == given[150 + lost :, :7].T).all()


def test_a_bad_crc_repeats_the_sample_before_and_is_counted():
    given = codes(100)
    records = frames(given)
    records["words"][40, 9] ^= 0x0100
    stream = stream_of(records.tobytes())
    stream.drain()
    got = samples(stream, 0, 99)
    assert (got[:, 40] == given[39, :7]).all() and (got[:, 41] == given[41, :7]).all()
    assert stream.crc_errors == 1 and stream.flags(0, 99) & CRC


def test_any_first_frame_number_will_do_and_the_count_may_wrap():
    given = codes(50)
    stream = stream_of(frames(given, first=2**32 - 20).tobytes())
    stream.drain()
    assert (stream.count, stream.lost) == (50, 0)


def test_a_counter_that_was_reset_breaks_the_stream():
    stream = stream_of(frames(codes(50), first=1000).tobytes() + frames(codes(50), first=0).tobytes())
    stream.drain()
    assert stream.broken
    stream.resume()
    stream.drain()
    assert (stream.count, stream.lost) == (101, 1)


def test_many_marks_are_merged_not_lost():
    records = frames(codes(3000))
    records["words"][::100, 9] ^= 1
    stream = stream_of(records.tobytes())
    stream.drain()
    assert stream.flags(2890, 2910) & CRC
    assert stream.crc_errors == 30


def wide_codes(count):
    return RNG.integers(-(2**22), 2**22, (count, 8)).astype(np.int32)


def wide_samples(stream, first, last, channels):
    ring = np.frombuffer(stream.data, np.int32)
    at = [stream.index(n) for n in range(first, last + 1)]
    return np.array([[ring[c * stream.stride + i] for i in at] for c in range(channels)])


@pytest.mark.parametrize("channels", [1, 3, 7])
def test_words_of_24_bits_are_kept_as_20(channels):
    given = wide_codes(200)
    offsets = np.array([1, -2, 300, 0, 5, -60000, 7])
    stream = stream_of(frames(given).tobytes(), offsets.tolist(), wide=True, channels=channels)
    assert stream.stride == RING // 4 // channels
    assert stream.drain() == 200
    exact = (given[:, :7] - offsets).T[:channels] * 16
    got = wide_samples(stream, 0, 199, channels)
    assert (got % 256 == 0).all() and np.abs(got - exact).max() <= 128


def test_lost_frames_of_24_bits_are_held():
    given = wide_codes(100)
    stream = stream_of(without(frames(given), range(40, 44)), wide=True, channels=2)
    stream.drain()
    assert (stream.count, stream.lost, stream.crc_errors, stream.flags(0, 99)) == (100, 4, 0, GAP)
    got = wide_samples(stream, 38, 45, 2)
    assert (got[:, 2:6] == got[:, 1:2]).all() and (got[:, 6] != got[:, 5]).all()


@pytest.mark.parametrize("settings", [{"channels": 6}, {"wide": True, "channels": 0}, {"wide": True, "channels": 8}])
def test_channels_that_cannot_be_kept(settings):
    with pytest.raises(ValueError, match="1 to 7"):
        stream_of(b"", **settings)


def test_clipping_is_marked():
    given = codes(200)
    given[150, 3] = 32767
    stream = stream_of(frames(given).tobytes())
    stream.drain()
    assert [stream.flags(n, n) for n in (0, 150)] == [0, CLIP]  # a block at a time


def test_kernels_may_be_chosen():
    class Kernels:
        calls = 0

        @staticmethod
        def crc_tables():
            return unpack.crc_tables()

        @classmethod
        def unpack(cls, *args):
            cls.calls += 1
            unpack.unpack(*args)

        unpack_wide = None

    stream = stream_of(frames(codes(200)).tobytes(), kernels=Kernels)
    assert stream.drain() == 200 and Kernels.calls == 4
