"""Computes a window of an evidence file anew, from its frames and its configuration alone: a line of JSON on standard
output. Run by `wattless replay FILE.evidence` on the interpreter of one's choice; what it finds is compared there.

    replay_evidence FILE

The file was checked by who starts us; a meter is built as on the board it came from, and gets the frames one by one.
"""

import json
import struct
import sys
from binascii import crc32, hexlify

from virtual_board import ByteFrames, HostClock, VirtualBoard
from wattless import config
from wattless.capture.evidence import HASH_BYTES, HEAD_BYTES
from wattless.dsp import resample
from wattless.meter import Meter
from wattless.points import Points

_NUMBERS = (1 << 30) - 1
_FLAT = 4
_NAMES = ("sums", "extremes", "bands", "phasors", "summaries", "between", "own")
_CHANNELS = ("v1", "v2", "v3", "i1", "i2", "i3", "in")


class OneByOne(ByteFrames):
    """A record a read, so that what is wrong with it is marked for it alone."""

    def readinto(self, buf):
        return ByteFrames.readinto(self, memoryview(buf)[: self.record_bytes])


def named(window):
    """(name, array) of all integers, in the order of Window.results."""
    for array in window.results():
        for name in _NAMES:
            made = getattr(window, name)
            if made is array:
                yield name, array
            elif isinstance(made, list):
                for k in range(len(made)):
                    if made[k] is array:
                        yield "{} of {}".format(name, _CHANNELS[k]), array


def measure(facts, frames):
    """A dict of what the frames give."""
    settings = config.load(facts["config"])
    points = Points()
    meter = Meter(VirtualBoard(OneByOne(frames), HostClock()), settings, points)
    stream, window, quantities = meter.stream, meter.window, meter.quantities
    stream.delay(facts["delays"])
    stream.drain()
    first = (facts["number"] - (struct.unpack("<I", frames[:4])[0] & _NUMBERS)) & _NUMBERS
    length, frac = facts["length"], facts["frac"]
    end = first + ((frac + length) >> 16)
    if stream.broken or not resample.LOOK_BACK <= first <= end + resample.LOOK_AHEAD < stream.count:
        return {"error": "the frames do not hold the window: {} samples of {}..{}".format(stream.count, first, end)}
    found = {"stream": {"lost": stream.lost, "crc": stream.crc_errors, "jitter": stream.jitter_frames}}
    found["stream"]["clip"] = stream.clipped_frames
    found["flags"] = flags = stream.flags(first - resample.LOOK_BACK, end + resample.LOOK_AHEAD)
    found["length"] = tracked(meter, first, frac) if facts["synced"] else None
    meter._watch_signalling(length)
    window.begin(first, frac, length)
    while window.step():
        pass
    quantities.update(window, length, facts["synced"])
    added = meter.health.window(window, first, end - 1, facts["flags"])  # noise depends on the flags
    points.publish(0.0, None, flags)
    found["flags"] = flags | added & _FLAT
    found["fingerprint"] = 0
    for array in window.results():
        found["fingerprint"] = crc32(array, found["fingerprint"])
    found["integers"] = [[name, hexlify(memoryview(array)).decode()] for name, array in named(window)]
    registers = bytearray(2 * sum([count for _, count in facts["registers"]]))
    at = 0
    for address, count in facts["registers"]:
        if points.read(address, count, registers, at):
            return {"error": "registers {}..{} do not exist here".format(address, address + count - 1)}
        at += 2 * count
    found["registers"] = hexlify(registers).decode()
    found["floats"] = 32 if 1.0 + 1e-10 == 1.0 else 64
    found["kernels"] = meter.kernels.name
    return found


def tracked(meter, first, frac):
    """The window's length as a tracker finds it that knows nothing but these frames; None: it finds no period."""
    tracker = meter.frequency
    tracker.restart(first)
    tracker.next_frac = frac
    while not tracker.window():
        if not tracker.seeking:
            return None
    return tracker.length if tracker.synced else None


def main(path):
    with open(path, "rb") as file:
        data = file.read()
    sizes = struct.unpack("<4I", data[HEAD_BYTES - 16 : HEAD_BYTES])
    facts = json.loads(data[HEAD_BYTES : HEAD_BYTES + sizes[0]])
    frames = data[len(data) - HASH_BYTES - sizes[3] : len(data) - HASH_BYTES]
    try:
        found = measure(facts, frames)
    except config.ConfigError as error:
        found = {"error": "configuration: {}".format(error)}
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
