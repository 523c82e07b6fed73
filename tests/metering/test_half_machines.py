"""metering/half_cycle.py on every interpreter: the same integers, nothing allocated, what it costs."""

import json
import os
import struct
import subprocess
import sys
from array import array

import numpy as np
import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT, micropython
from tests.dsp.on_interpreters import NAMES, check
from tests.metering.half_cases import RUNNER, write_job
from wattless.dsp import half
from wattless.metering import half_cycle, half_values

CASES = ("short", "short, 24 bit")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Jobs and what CPython, arithmetic checked, makes of them."""
    folder = tmp_path_factory.mktemp("half_machines")
    jobs = [write_job(name, folder) for name in CASES]
    (folder / "jobs").write_text("\n".join(json.dumps(job) for job in jobs))
    paths = os.pathsep.join(str(ROOT / path) for path in ("host_tools/shim", "firmware"))
    done = subprocess.run(
        [sys.executable, ROOT / RUNNER, folder / "jobs"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": paths, "WATTLESS_CHECKED": "1"},
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(len(row) > 20 for row in rows)
    return list(zip(jobs, rows, strict=True))


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cpython"])
def test_the_same_on_every_interpreter(name, expected, tmp_path):
    check(name, "../metering/run_half_cycle.py", expected, tmp_path)


def test_words_have_the_same_places_everywhere():
    """Constants must stand in the module that uses them; they are private copies."""
    for module, places in ((half_values, vars(half)), (half_cycle, vars(half) | vars(half_values))):
        for name, place in places.items():
            if name.isupper() and name not in ("WORDS", "COMMON"):  # each module adds its own words
                assert getattr(module, "_" + name, place) == place, f"{module.__name__}._{name}"
    assert half_cycle._END == half.WEIGHT
    assert half_values.VV_BEFORE == half.PARAMS
    assert half_values.WORDS == half_cycle._NUMBER
    assert half_values.COMMON == half_cycle._COUNT


def test_singles_are_products_in_single_precision():
    """Within half a unit of the last place and 2**-28 of it."""
    rng = np.random.default_rng(9)
    c = array("i", bytes(4 * half_values.COMMON))
    c[half_values.ELEMENTS] = c[half_values.TOLD] = 7
    p = array("i", bytes(4 * half_values.WORDS))
    for _ in range(300):
        unit = float(np.float32(10.0 ** rng.uniform(-9, 3)))
        for family in range(4):
            factor = half_values.factor(unit)
            c[half_values.FACTORS + 2 * family], c[half_values.FACTORS + 2 * family + 1] = factor
        totals = np.zeros(2)
        for line in range(3):
            values = [int(x) for x in rng.integers(-(2**30), 2**30, 4) >> rng.integers(0, 31)]
            p[half_values.LINE] = line
            p[half_values.V], p[half_values.I], p[half_values.P], p[half_values.Q1] = values
            done = half_values.singles(p, c)
            bits = [c[half_values.BITS + 4 * family + line] for family in range(4)]
            got = struct.unpack("4f", struct.pack("4i", *bits))
            assert got == pytest.approx([unit * value for value in values], rel=2**-23.9)
            totals += [value >> 2 for value in values[2:]]
            assert done == (line == 2)
        assert half_values.stage(c, array("f", bytes(64))) == 0
        bits = c[half_values.BITS + 11], c[half_values.BITS + 15]
        assert struct.unpack("2f", struct.pack("2i", *bits)) == pytest.approx(4 * unit * totals, rel=2**-23.9)


HEAP = """
import gc, json, micropython, sys
from array import array
from wattless import config, kernels
from wattless.capture.stream import Stream
from wattless.dsp import sine
from wattless.metering.half_cycle import HalfCycles
from wattless.metering.wiring import wiring


class Source:
    file = open(sys.argv[1], "rb")

    def readinto(self, buffer):
        return self.file.readinto(buffer) // 24 * 24 or -1


class Points:
    def __init__(self):
        self.stage = array("f", bytes(64))
        self.published = 0

    def at(self, name):
        return 0

    def publish_interval(self, update, t_ms, flags):
        self.published += 1


class Sink:
    def __init__(self):
        self.count = 0

    def half(self, element, sample, v):
        self.count += 1


def used():
    gc.collect()
    return gc.mem_alloc()


k = kernels.viper("")
table = sine.table()
points, sink = Points(), Sink()
stream = Stream(Source(), bytearray(57344), (0,) * 8, kernels=k.unpack)
settings, wires = config.load({}), wiring("3p4w")
start = used()
halves = HalfCycles(stream, table, k, settings, wires, points, sink, None)
heap = used() - start
polls = 0
while not stream.ended:
    stream.drain()
    micropython.heap_lock()
    try:
        while halves.poll():
            polls += 1
    finally:
        micropython.heap_unlock()
    stream.keep = halves.needs
print(json.dumps([polls, points.published, sink.count, heap]))
"""


@pytest.mark.parametrize("case", ["interruption", "jump 80", "frequency step", "late voltage"])
def test_nothing_is_allocated(case, tmp_path):
    """On ARM; search, phase jumps and absent voltages included. The arrays take 1.5 KB."""
    job = write_job(case, tmp_path)
    (tmp_path / "script.py").write_text(HEAP)
    done = subprocess.run(
        [micropython("arm"), "-X", "heapsize=2m", "script.py", job["frames"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('armv7emsp')}:.frozen"},
    )
    assert done.returncode == 0, done.stderr
    polls, published, told, heap = json.loads(done.stdout)
    assert polls > 100 and published > 25 and told > 70, (polls, published, told)
    assert heap < 3000, heap


COST = """
import json, runpy, sys
from collections import Counter
from host_tools.emulator import kernels

counts = Counter()


def count(kernel, args, found):
    name = kernel.native.name.split(".")[-1]
    counts[name] += found.total
    counts["half periods"] += name == "sums"


kernels.observers.append(count)
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
print(json.dumps(counts), file=sys.stderr)
"""


@pytest.mark.parametrize("twins, most", [("", 21_500), ("_thumb", 10_000)])
def test_what_a_half_period_costs(twins, most, tmp_path):
    """ARM instructions of everything native: sums 12.3 k (twins 1.2 k), the rest 8.4 k."""
    (tmp_path / "jobs").write_text(json.dumps(write_job("steady 12800 50 50.0", tmp_path)))
    folders = os.pathsep.join(str(ROOT / folder) for folder in ("host_tools/emulator/shim", "firmware", ""))
    done = subprocess.run(
        [sys.executable, "-c", COST, ROOT / RUNNER, tmp_path / "jobs", twins],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": folders},
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stderr.splitlines()[-1])
    own = ("sums", "aim", "edge", "evaluate", "singles", "stage", "_steer", "_plan")
    assert set(own) <= set(counts)
    assert sum(counts[name] for name in own) / counts["half periods"] < most, counts
