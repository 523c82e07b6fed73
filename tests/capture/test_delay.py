"""Delays of whole samples: the kernel on every interpreter against a plain shift, and in the stream."""

import numpy as np
import pytest

from host_tools.adc_model import frames
from tests.capture.test_stream import codes, samples, stream_of, without
from tests.dsp.on_interpreters import check, ints
from wattless.capture import delay
from wattless.capture.stream import GAP

RNG = np.random.default_rng(5)
LENGTH, GUARD, CHANNELS = 100, 16, 7


def job(wide, channel, delay, counts, swaps=0):
    """(job, the ring afterwards): blocks of `counts` new samples, the first of them at index 90; then so many swaps."""
    most = 2**27 if wide else 2**15
    ring = RNG.integers(-most, most, CHANNELS * (LENGTH + GUARD))
    plane = slice(channel * (LENGTH + GUARD), (channel + 1) * (LENGTH + GUARD))
    given = RNG.integers(-most, most, sum(counts))
    shifted = np.concatenate([[given[0]] * delay, given])[: len(given)]
    expected, mine = ring.copy(), ring[plane].copy()
    at = 90
    for x in shifted:
        mine[at] = x
        if at < GUARD:
            mine[LENGTH + at] = x
        at = (at + 1) % LENGTH
    if swaps & 1:
        mine[at - 1 if at else LENGTH - 1] = given[-1]
    expected[plane] = mine
    blocks, at, done = [], 90, 0
    for count in counts:
        blocks.append([at, ints(given[done : done + count])])
        done, at = done + count, (at + count) % LENGTH
    words = {"kernel": "delay", "length": LENGTH, "stride": LENGTH + GUARD, "wide": wide, "ring": ints(ring)}
    return words | {"channel": channel, "delay": delay, "blocks": blocks, "swaps": swaps}, ints(expected)


JOBS = [
    job(wide, channel, delay, counts)
    for wide in (False, True)
    for channel, delay in ((0, 1), (3, 3), (6, 7))
    for counts in ([64], [1] * 20, [5, 64, 64, 3, 50])
] + [
    job(wide, 4, delay, counts, swaps)
    for wide in (False, True)
    for delay in (1, 4, 7)
    for counts in ([30], [3, 7])  # the second ends at the ring's end
    for swaps in (1, 2)
]


@pytest.mark.parametrize("name", ("cpython", "x64", "arm", "viper"))
def test_a_channel_is_shifted(name, tmp_path):
    check(name, "run_delay.py", JOBS, tmp_path)


@pytest.mark.parametrize("wanted", (0, 8, -1))
def test_other_delays_are_refused(wanted):
    with pytest.raises(ValueError, match=r"1\.\.7"):
        delay.lines(wanted, 0, stream_of(b""))


def test_a_stream_delays_what_it_is_told():
    given = codes(5000)
    stream = stream_of(frames(given).tobytes())
    delays = (0, 3, 0, 7, 1, 0, 2, 5)
    stream.delay(delays)
    stream.keep = 1000
    stream.drain()
    for channel in range(7):
        d = delays[channel]
        assert (samples(stream, 2000, 4900)[channel] == given[2000 - d : 4901 - d, channel]).all()


@pytest.mark.parametrize("wide", (False, True))
@pytest.mark.parametrize("block", (1, 3, 64))
def test_what_is_repeated_is_what_came_whatever_the_blocks(block, wide):
    """Frames with wrong CRCs and lost ones repeat the sample before them; then everything is delayed."""
    given = codes(400).astype(np.int32) * 256 if wide else codes(400)
    records = frames(given)
    bad, lost = (63, 64, 65, 128, 200, 201), (70, 71, 192)
    words = records["words"].view("u1").reshape(len(records), -1)
    words[list(bad), 5] ^= 1  # of the first channel's code
    channels = 3 if wide else 7
    stream = stream_of(without(records, lost), block=block, wide=wide, channels=channels)
    stream.source.record_bytes = stream.record_bytes
    delays = (2, 0, 5, 7, 1, 0, 3, 0)
    stream.delay(delays)
    stream.drain()
    came = given.copy()
    for n in range(len(came)):
        if n in bad or n in lost:
            came[n] = came[n - 1]
    ring = np.frombuffer(stream.data, np.int32 if wide else np.int16)
    for channel in range(channels):
        got = [ring[channel * stream.stride + stream.index(n)] for n in range(10, 400)]
        expected = came[10 - delays[channel] : 400 - delays[channel], channel]
        assert got == list(expected * 16 if wide else expected)  # 20 bits in the upper part of 28


def test_a_mark_covers_the_delayed_channels_too():
    stream = stream_of(without(frames(codes(300)), {100, 101}))
    stream.delay((0, 0, 0, 4, 0, 0, 0, 0))
    stream.drain()
    assert [stream.marked(n, n) for n in (99, 100, 101, 105, 106)] == [0, GAP, GAP, GAP, 0]


def test_nothing_from_before_a_break_comes_out_behind_it():
    given = codes(400)
    stream = stream_of(without(frames(given), set(range(100, 200))))
    stream.delay((0, 0, 0, 4, 0, 0, 0, 0))
    stream.drain()
    assert stream.broken == 100
    stream.resume()
    stream.drain()
    first = stream.count - 200
    assert (samples(stream, first, first + 3)[3] == given[200, 3]).all()
    assert (samples(stream, first + 4, first + 100)[3] == given[200:297, 3]).all()
