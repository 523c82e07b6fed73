"""A Health on windows made up, with a log and points that keep what they are told."""

import math
from array import array
from types import SimpleNamespace

from wattless import config
from wattless.capture.health import Health
from wattless.points import FLAGS

FLAT, UNSYNC, OFFSET, NOISE, SUPPLY = (
    1 << FLAGS.index(name) for name in ("flat", "unsync", "offset", "noise", "supply")
)
LENGTH = 2560  # samples of a window
NAN = math.nan


class Log:
    """Begins and ends as they come."""

    def __init__(self):
        self.lines = []
        self.total = 0

    def begin(self, code, channel=0, sample=None, mask=0):
        self.total += 1
        self.lines.append(("begin", self.total, code, channel, sample, mask))
        return self.total

    def end(self, number, code, channel=0, sample=None, duration=NAN, value=NAN, detail=NAN, mask=0):
        self.lines.append(("end", number, code, channel, sample, mask, duration, value, detail))
        return number


class FakePoints:
    ROWS = ("aux_v", "noise_v", "noise_i")

    def __init__(self):
        self.stage = array("f", [NAN] * 3)
        self.counters = {}
        self.puts = 0

    def at(self, name):
        return self.ROWS.index(name)

    def put(self, name, value):
        self.counters[name] = value
        self.puts += 1


class Bench:
    """A Health on windows made up."""

    def __init__(self, **settings):
        self.stream = SimpleNamespace(lost=0, crc_errors=0, clipped_frames=0, jitter_frames=0, gaps=0, clipped=0)
        self.code = 0
        self.stream.aux = lambda: self.code
        self.log = Log()
        self.points = FakePoints()
        self.health = Health(config.load(settings), self.stream, self.log, self.points)
        self.first = 1000
        quiet = array("i", [100] * 51)
        self.data = SimpleNamespace(
            extremes=array("i", [-1000, 1000] * 7),
            phasors=[array("i", [0] * 102) for _ in range(7)],
            between=[array("i", quiet) for _ in range(6)],
        )

    def window(self, flags=0):
        self.first += LENGTH
        return self.health.window(self.data, self.first - LENGTH, self.first - 1, flags)

    def windows(self, count, flags=0):
        return [self.window(flags) for _ in range(count)]
