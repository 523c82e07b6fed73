"""Runs metering/half_cycle.py on frame records under any interpreter. Arguments: a file with a JSON object a line, and
"_thumb" for the twins of the kernels. An object has

    frames: file of records; settings: of the meter
    follow: [[sample, step], ...], what `follow` is told when so many samples have come
    slice: frames that come while the meter does something else, between two calls of `poll`; they are read in blocks
    of 64. Without it every half period is worked through as soon as a block is read.

Prints for each a JSON list of what was told, in order:

    ["points", frames that have come, flags, half_v x 3, half_i x 3, half_p x 4, half_q1 x 4], as the bits of singles
    ["event", element, sample, v]   ["flicker", element, v]
"""

import json
import sys
from array import array

from wattless import config, kernels
from wattless.capture.stream import Stream
from wattless.dsp import sine
from wattless.metering.half_cycle import HalfCycles
from wattless.metering.wiring import wiring

BLOCK = 64
ROWS = {"half_v_l1": 1, "half_i_l1": 5, "half_p_l1": 8, "half_q1_l1": 12}  # slots
NAN = float("nan")


class Source:
    """Blocks of frames, when all of their frames have come."""

    def __init__(self, path, record_bytes):
        self.file = open(path, "rb")
        self.record_bytes = record_bytes
        self.come = self.read = 0

    def readinto(self, buffer):
        if self.come - self.read < BLOCK:
            return 0
        n = self.file.readinto(memoryview(buffer)[: BLOCK * self.record_bytes]) // self.record_bytes
        self.read += n
        return n * self.record_bytes or -1


class Points:
    def __init__(self, told):
        self.stage = array("f", [NAN] * 16)
        self.told = told
        self.source = None

    def at(self, name):
        return ROWS[name]

    def publish_interval(self, update, t_ms, flags):
        bits = list(array("I", bytes(self.stage)))
        self.told.append(["points", self.source.come, flags] + bits[1:4] + bits[5:16])
        for i in range(16):
            self.stage[i] = NAN


class Sink:
    def __init__(self, name, told):
        self.name = name
        self.told = told

    def half(self, *what):
        self.told.append([self.name] + list(what))


def run(job, twins):
    settings = config.load(job["settings"])
    told = []
    points = Points(told)
    wide = settings.adc_bits == 24
    k = kernels.thumb() if twins else kernels.viper("")
    points.source = source = Source(job["frames"], 36 if wide else 24)
    stream = Stream(source, bytearray(57344), (0,) * 8, wide=wide, kernels=k.unpack)
    sinks = Sink("event", told), Sink("flicker", told)
    halves = HalfCycles(stream, sine.table(), k, settings, wiring(settings.wiring), points, *sinks)
    follow = job.get("follow", [])
    step = job.get("slice", BLOCK)
    while not stream.ended:
        source.come += step
        stream.drain()
        while follow and follow[0][0] <= stream.count:
            halves.follow(follow.pop(0)[1])
        while halves.poll() and "slice" not in job:
            pass
        stream.keep = halves.needs
        if stream.broken:
            stream.resume()
            halves.restart(stream.count)
    return told


def main():
    with open(sys.argv[1]) as jobs:
        for line in jobs:
            print(json.dumps(run(json.loads(line), len(sys.argv) > 2 and sys.argv[2] == "_thumb")))


if __name__ == "__main__":
    main()
