"""Aggregation on MicroPython: two hours of windows, and what it takes."""

import json
import subprocess

import numpy as np
import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython
from tests.metering.aggregation_site import GAP, PHASOR, TEN_MIN, TICK, rms

LONG_RUN = """
import json
from array import array
from wattless import config
from wattless.metering.aggregation import Aggregation
from wattless.metering.wiring import wiring
from wattless.points import Points
from wattless.time_base import TimeBase


class Spectra:
    summaries = [array("i", [0] * 61) for _ in range(7)]
    phasors = [array("i", [0] * 102) for _ in range(7)]


class Quantities:
    volts = 1.0
    amperes = 1.0


points = Points()
points.wait_in(bytearray(points.waiting_bytes()), points.waiting_bytes())  # as a meter's window does
time_base = TimeBase(12800)
time_base.set(0, START)
out = []
publish = points.publish_interval


def observed(update, end, flags):
    publish(update, end, flags)
    prefix = {"3 s": "t3s_", "10 min": "t10min_", "2 h": "t2h_"}.get(update)
    if prefix and (prefix != "t3s_" or len(out) < 3):
        names = ["windows", "v_l1", "i_n", "p", "v_u2", "v_over_l1"]
        lists = [] if prefix == "t2h_" else [points.get(prefix + "ih_l3")[h] for h in (3, 50)]
        out.append([update, end, flags] + [points.get(prefix + name) for name in names] + lists)


points.publish_interval = observed
meter = Aggregation(config.load({"full_scale_v": 800.0}), wiring("3p4w"), 10, 12800, points, time_base)
slots = [points.at(name) for name in ("v_l1", "i_n", "p", "v_u2")]
stage = points.stage
state = 1
at = 0
for n in range(WINDOWS):
    tick = meter.tick_in(at, at + 2560)
    for k in range(4):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        stage[slots[k]] = state / 16777216 + (200.0, 0.0, -64.0, 0.5)[k]
    Spectra.summaries[5][3] = state >> 4
    Spectra.summaries[5][50] = 1000 + n % 3
    meter.window(Spectra, Quantities, at, at + 2560, 10, 2560 << 16, 0, True)
    while meter.step():
        pass
    points.publish(0.0, None, 0)
    at = at + 2560 if tick is None else tick
print(json.dumps(out))
"""


def run(folder, script, machine, arch):
    """What a script prints as JSON."""
    (folder / "script.py").write_text(script)
    done = subprocess.run(
        [micropython(machine), "-X", "heapsize=2m", "script.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build(arch)}:.frozen"},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_two_hours_of_windows(tmp_path):
    """36 000 windows on MicroPython: every interval to 1e-7 of float64, harmonics to 2e-6 and a magnitude."""
    start, count = TICK - 70, 36_012
    script = LONG_RUN.replace("START", str(start)).replace("WINDOWS", str(count))
    found = run(tmp_path, script, "x64", "x64")
    state, values, m = 1, np.empty((count, 4)), np.empty((count, 2))
    for n in range(count):
        for k in range(4):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            values[n, k] = np.float32(state / 16777216 + (200.0, 0.0, -64.0, 0.5)[k])
        m[n] = state >> 4, 1000 + n % 3
    values = values.astype(float)

    def expected(part):
        over = np.maximum(part[:, 0], 230)
        return [len(part), rms(part[:, 0]), rms(part[:, 1]), part[:, 2].mean(), rms(part[:, 3]), rms(over)]

    def in_percent(row):
        return row[:5] + [100 * (row[5] / 230 - 1)]

    # window 0 crosses the tick: 10 min end with it; from then on 3000 windows each; the 3 s that it began goes on
    ends = [0, 1, *range(3001, 36_002, 3000)]
    tens = [expected(values[a:b]) for a, b in zip(ends, ends[1:], strict=False)]
    lists = [[rms(m[a:b, k]) / PHASOR for k in (0, 1)] for a, b in zip(ends, ends[1:], strict=False)]
    twos = [rms([row[k] for row in tens[1:]]) for k in range(6)]
    twos[0], twos[3] = 36_000, np.mean([row[3] for row in tens[1:]])
    wanted = [["10 min", TICK, GAP, *in_percent(tens[0]), *lists[0]]]
    wanted += [["2 h", TICK, GAP, *in_percent(tens[0])]]
    wanted += [["3 s", TICK + 2800, 0, *in_percent(expected(values[:15])), *[rms(m[:15, k]) / PHASOR for k in (0, 1)]]]
    for k in range(1, 13):
        wanted += [["10 min", TICK + k * TEN_MIN, 0, *in_percent(tens[k]), *lists[k]]]
    wanted += [["2 h", TICK + 12 * TEN_MIN, 0, *in_percent(twos)]]
    assert [row[:4] for row in found] == [row[:4] for row in wanted]
    for got, want in zip(found, wanted, strict=True):
        assert got[4:8] == pytest.approx(want[4:8], rel=1e-7)
        assert got[8] == pytest.approx(want[8], abs=2e-5)
        assert got[9:] == pytest.approx(want[9:], rel=2e-6, abs=1 / PHASOR)  # of whole magnitudes


COSTS = """
import gc, json
from array import array
from wattless import config
from wattless.metering import aggregation, interval, interval_sums
from wattless.metering.wiring import wiring
from wattless.points import Points
from wattless.time_base import TimeBase


def used():
    gc.collect()
    return gc.mem_alloc()


class Spectra:
    summaries = [array("i", [1000] * 61) for _ in range(7)]
    phasors = [array("i", [0] * 102) for _ in range(7)]


class Quantities:
    volts = 1.0
    amperes = 1.0


points = Points()
points.wait_in(bytearray(points.waiting_bytes()), points.waiting_bytes())  # as a meter's window does
time_base = TimeBase(12800)
time_base.set(0, 1767261600000 - 5100)
settings = config.load({})
wires = wiring("3p4w")
before = used()
meter = aggregation.Aggregation(settings, wires, 10, 12800, points, time_base)
heap = used() - before
published = []
publish = points.publish_interval
stage = points.stage


def observed(update, end, flags):
    publish(update, end, flags)
    published.append(update)


points.publish_interval = observed
slots = [points.at(name + "_l1") for name in ("v", "i", "p", "q1", "thd_v", "thd_i")]
at = 0
garbage = []
for n in range(45):
    for slot in slots:
        for k in range(3):
            stage[slot + k] = 5.0
    published = []
    gc.collect()
    gc.disable()
    start = gc.mem_alloc()
    tick = meter.tick_in(at, at + 2560)
    meter.window(Spectra, Quantities, at, at + 2560, 10, 2560 << 16, 0, True)
    while meter.step():
        pass
    garbage.append((gc.mem_alloc() - start, sorted(published)))
    gc.enable()
    points.publish(0.0, None, 0)
    at = at + 2560 if tick is None else tick
print(json.dumps([heap, garbage]))
"""


def test_heap_and_garbage(tmp_path):
    heap, garbage = run(tmp_path, COSTS, "arm", "armv7emsp")
    assert heap <= 6500
    plain = [size for size, published in garbage if not published]
    assert len(plain) > 30 and max(plain) <= 500, garbage
    assert max(size for size, published in garbage) <= 3500, garbage
    assert ["10 min", "10 s", "2 h"] in [published for size, published in garbage]
