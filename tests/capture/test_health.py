"""Sample diagnostics of windows made up: flags, counters, events that begin and end once; what they cost."""

import json
import math
import subprocess
from array import array

import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython
from tests.capture.health_bench import FLAT, LENGTH, NAN, NOISE, OFFSET, SUPPLY, UNSYNC, Bench
from wattless import config
from wattless.capture import health as health_module
from wattless.capture.health import COUNTERS, Health
from wattless.capture.stream import CLIP, CRC, GAP, JITTER
from wattless.event_log import EventLog
from wattless.points import FLAGS, Points

QUIET = 16  # windows of 0.2 s: more than 3 s


def test_a_healthy_window_costs_nothing_to_say():
    bench = Bench()
    bench.code = 24000
    before = bench.points.puts
    assert bench.points.counters == dict.fromkeys(COUNTERS, 0)
    assert set(bench.windows(30)) == {0}
    assert bench.log.lines == [] and bench.points.puts == before
    assert bench.points.stage[0] == pytest.approx(24000 / 32768 * 16.5)


COUNTED = [
    # flag, code, counter, the stream's attribute
    (GAP, 10, "lost_frames", "lost"),
    (CRC, 11, "crc_errors", "crc_errors"),
    (JITTER, 14, "jitter_frames", "jitter_frames"),
]


@pytest.mark.parametrize("flag, code, counter, attribute", COUNTED)
def test_an_event_of_frames_begins_and_ends_once(flag, code, counter, attribute):
    """Three windows have it, then a pause of 1 s, then one more; the frames are taken ahead of the window they flag."""
    bench = Bench()
    bench.window()
    begin = bench.first
    setattr(bench.stream, attribute, 4)
    bench.windows(3, flag)
    setattr(bench.stream, attribute, 6)
    bench.windows(5)
    bench.window(flag)
    end = bench.first
    assert bench.log.lines == [("begin", 1, code, 0, begin, 0)]
    bench.windows(QUIET)
    kind, number, *rest, duration, value, detail = bench.log.lines[1]
    assert (kind, number, rest) == ("end", 1, [code, 0, begin, 0])
    assert duration == pytest.approx((end - begin) / 12800) and value == 6 and math.isnan(detail)
    bench.windows(QUIET)
    assert len(bench.log.lines) == 2
    assert bench.health.count(counter) == bench.points.counters[counter] == 6


def test_clipping_names_its_inputs():
    bench = Bench()
    bench.stream.clipped, bench.stream.clipped_frames = 0x48, 7
    bench.window(CLIP)
    bench.stream.clipped_frames = 9
    bench.window(CLIP)
    bench.windows(QUIET)
    began = [line[2:] for line in bench.log.lines if line[0] == "begin"]
    assert began == [(12, 1, 1000, 1), (12, 4, 1000, 8)]  # i1, in
    ended = [line[2:] for line in bench.log.lines if line[0] == "end"]
    assert ended == [(12, 1, 1000, 1, 0.4, 9, 3), (12, 4, 1000, 8, 0.4, 9, 6)]
    assert bench.points.counters["clipped_frames"] == 9


def test_lost_frames_without_a_window():
    """A break of the stream: said at once, and over when frames came for 3 s."""
    bench = Bench()
    bench.window()
    bench.stream.lost, bench.stream.gaps = 5000, 1
    begin = bench.first
    bench.health.broken(begin, begin + 5000)
    assert bench.log.lines == [("begin", 1, 10, 0, begin, 0)]
    assert (bench.points.counters["lost_frames"], bench.points.counters["gaps"]) == (5000, 1)
    bench.first += 5000
    assert set(bench.windows(QUIET)) == {0}
    assert bench.log.lines[1][:-1] == ("end", 1, 10, 0, begin, 0, 5000 / 12800, 5000)


def test_frames_that_stay_out():
    bench = Bench()
    bench.window()
    bench.health.broken(bench.first, bench.first - 300)  # the ring holds less than a window
    bench.windows(QUIET)
    assert bench.log.lines[1][6:8] == (0, 0)


def test_flat_line():
    bench = Bench(wiring="1p3w")
    for channel in (2, 3, 4, 5, 6):  # not wired, and currents: a current may be 0
        bench.data.extremes[2 * channel] = bench.data.extremes[2 * channel + 1] = 0
    assert set(bench.windows(3)) == {0}
    bench.data.extremes[2] = bench.data.extremes[3] = 64 * 3277
    assert bench.windows(4, UNSYNC) == [FLAT] * 4
    bench.data.extremes[3] += 1
    assert set(bench.windows(QUIET)) == {0}
    begin = 1000 + 3 * LENGTH
    assert bench.log.lines[0] == ("begin", 1, 13, 2, begin, 2)
    assert bench.log.lines[1] == ("end", 1, 13, 2, begin, 2, 0.8, pytest.approx(10.0, abs=0.01), 1)
    assert bench.points.counters["flat_windows"] == 4


@pytest.mark.parametrize("channel, line", [(0, 1), (2, 3), (4, 2), (6, 4)])
@pytest.mark.parametrize("sign", [1, -1])
def test_offset(channel, line, sign):
    """Of voltages and currents; from the third window on; the event has the largest and the input."""
    bench = Bench(offset_limit=2.0)
    word = sign * 8192 * 32768 // 100  # 1 %
    bench.data.phasors[channel][0] = 2 * word - sign * 8192
    assert set(bench.windows(5)) == {0}
    bench.data.phasors[channel][0] = 3 * word
    assert bench.windows(2) == [0, 0]
    bench.data.phasors[channel][0] = 0
    bench.window()
    bench.data.phasors[channel][0] = 3 * word
    assert bench.windows(4) == [0, 0, OFFSET, OFFSET]
    assert bench.windows(20, UNSYNC) == [0] * 20  # not seen, and not over
    bench.data.phasors[channel][0] = -5 * word
    assert bench.window() == OFFSET
    bench.data.phasors[channel][0] = 0
    bench.windows(QUIET)
    begin = 1000 + 10 * LENGTH
    assert bench.log.lines[0] == ("begin", 1, 15, line, begin, 1 << line - 1)
    value = pytest.approx(-5 * sign, rel=1e-4)
    assert bench.log.lines[1] == ("end", 1, 15, line, begin, 1 << line - 1, pytest.approx(23 * 0.2), value, channel)
    assert bench.points.counters["offset_alarms"] == 1


def test_a_neutral_without_a_sensor_is_not_watched():
    for settings in ({"neutral_current": "computed"}, {"wiring": "3p3w"}):
        bench = Bench(**settings)
        assert not bench.stream.watched & 0x40
        bench.data.phasors[6][0] = 1 << 28
        assert set(bench.windows(4)) == {0}


WATCHED = {"1p2w": {0, 3, 6}, "1p3w": {0, 1, 3, 4, 6}, "3p4w": set(range(7)), "3p3w": {0, 2, 3, 5}}


@pytest.mark.parametrize("wires", WATCHED)
def test_what_is_not_wired_is_not_watched(wires):
    bench = Bench(wiring=wires)
    assert {k for k in range(7) if bench.stream.watched >> k & 1} == WATCHED[wires]
    bench.stream.clipped = 0b101
    bench.window(CLIP)
    lines = (5, 6) if wires == "3p3w" else (1, 3)
    assert [line[3] for line in bench.log.lines] == list(lines)


def test_noise_in_three_windows():
    bench = Bench(noise_limit=1.0)
    loud, quiet = array("i", [3000] * 51), bench.data.between[1]
    # n = 7 bins between two orders: a magnitude is 5792.6 a code rms in them, of 1280 bins in all
    percent = 3000 / 5792.6 * (1280 / 7) ** 0.5 / 0.638 / 1.13 / 327.68
    loud[26], loud[12] = 60000, 1  # the least of 26 to 49 counts
    bench.data.between[1] = loud
    assert set(bench.windows(4)) == {0}
    assert bench.points.stage[1] == pytest.approx(percent, rel=0.01)
    assert percent < 1
    for k in range(51):
        loud[k] *= 40
    assert bench.windows(4) == [0, 0, NOISE, NOISE]
    assert set(bench.windows(3, CLIP) + bench.windows(3, GAP) + bench.windows(3, UNSYNC)) == {0}  # not looked at
    bench.data.between[1] = quiet
    bench.windows(QUIET)
    ours = [line for line in bench.log.lines if line[2] == 16]
    assert ours[0][2:] == (16, 2, 1000 + 6 * LENGTH, 2)
    assert ours[1][6:] == (pytest.approx(0.4), pytest.approx(40 * percent, rel=0.01), 1)
    assert bench.points.counters["noise_alarms"] == 1


def test_auxiliary_supply():
    """Below 10 V, and over at 10.2 V."""
    bench = Bench(aux_minimum=10.0, aux_full_scale=20.0, offsets=[0] * 7 + [-100])
    told = []
    for volts in (12.0, 9.9, 9.0, 10.1, 10.3, 12.0):
        bench.code = round(volts / 20 * 32768) - 100
        told.append(bench.window())
        assert bench.points.stage[0] == pytest.approx(volts, abs=0.001)
    assert told == [0, SUPPLY, SUPPLY, SUPPLY, 0, 0]
    bench.code, bench.points.stage[0] = None, NAN
    assert bench.window() == 0 and math.isnan(bench.points.stage[0])
    bench.windows(QUIET)
    begin = 1000 + LENGTH
    assert bench.log.lines[0] == ("begin", 1, 17, 0, begin, 0)
    assert bench.log.lines[1] == ("end", 1, 17, 0, begin, 0, pytest.approx(0.6), pytest.approx(9.0, abs=0.001), 7)
    assert bench.points.counters["supply_alarms"] == 1


def test_a_supply_that_nobody_watches():
    bench = Bench()
    assert bench.window() == 0 and bench.points.stage[0] == 0 and bench.log.lines == []


def test_the_real_log_and_points_take_it():
    points, log = Points(), EventLog(4)
    bench = Bench()
    health = Health(config.load({}), bench.stream, log, points)
    assert [points.get(name) for name in COUNTERS] == [0] * len(COUNTERS)
    bench.stream.lost = 3
    health.window(bench.data, 0, 2559, GAP)
    assert points.get("lost_frames") == 3 and points.stage[points.at("aux_v")] == 0
    for first in range(2560, 20 * 2560, 2560):
        health.window(bench.data, first, first + 2559, 0)
    entry = next(log.entries())
    assert (log.total, entry.name, entry.duration, entry.value) == (1, "gap", pytest.approx(0.2), 3)


def test_codes_are_those_of_the_interface():
    names = {10: "GAP", 11: "CRC", 12: "CLIP", 13: "FLAT", 14: "JITTER", 15: "OFFSET", 16: "NOISE", 17: "SUPPLY"}
    assert {getattr(health_module, name + "_CODE"): name for name in names.values()} == names
    for name in names.values():
        if hasattr(health_module, name):
            assert getattr(health_module, name) == 1 << FLAGS.index(name.lower())


SCRIPT = """
import gc, json
from array import array
from wattless import config
from wattless.capture.health import Health


class Stream:
    lost = crc_errors = clipped_frames = jitter_frames = gaps = clipped = 0

    def aux(self):
        return 24000


class Points:
    stage = array("f", [0] * 3)

    def at(self, name):
        return ("aux_v", "noise_v", "noise_i").index(name)

    def put(self, name, value):
        pass


class Log:
    lines = []

    def begin(self, code, channel, sample, mask):
        self.lines.append([code, channel, sample])
        return len(self.lines)

    def end(self, number, code, channel, sample, duration, value, detail, mask):
        self.lines.append([code, channel, sample, duration, value])


class Window:
    extremes = array("i", [-1000, 1000] * 7)
    phasors = [array("i", [0] * 102) for _ in range(7)]
    between = [array("i", [100 + k for k in range(51)]) for _ in range(6)]


def used():
    gc.collect()
    return gc.mem_alloc()


stream, points, log, window = Stream(), Points(), Log(), Window()
settings = config.load({"aux_minimum": 10.0})
before = used()
health = Health(settings, stream, log, points)
heap = used() - before


def garbage(flags):
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    health.window(window, 0, 2559, flags)
    done = gc.mem_alloc() - before
    gc.enable()
    return done


garbage(0)
quiet = garbage(0)
window.phasors[4][0] = 1 << 25
for k in range(51):
    window.between[2][k] = 60000
for _ in range(3):
    garbage(0)
stream.lost += 2
garbage(1)
loud = garbage(1)
window.phasors[4][0] = 0
for k in range(51):
    window.between[2][k] = 0
for n in range(18):
    health.window(window, 2560 * n, 2560 * n + 2559, 0)
print(json.dumps({"heap": heap, "quiet": quiet, "loud": loud, "log": log.lines}))
"""


def test_what_it_costs(tmp_path):
    """On MicroPython for ARM, whose words are those of the board."""
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [micropython("arm"), "-X", "heapsize=256k", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('armv7emsp')}:.frozen"},
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert sorted(line[0] for line in got["log"]) == [10, 10, 15, 15, 16, 16]
    assert got["heap"] <= 1200 and got["quiet"] <= 200 and got["loud"] <= 600, got
