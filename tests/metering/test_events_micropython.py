"""Events on MicroPython: the same as under CPython, and no heap while the voltages are quiet."""

import json
import subprocess

import numpy as np
import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython
from tests.metering.halves import SETTINGS, UDIN, built

SCRIPT = """
import gc, json, micropython, sys
from wattless import config as settings
from wattless.event_log import EventLog
from wattless.metering.events import Events
from wattless.metering.wiring import wiring

def used():
    gc.collect()
    return gc.mem_alloc()

config = settings.load(json.loads(sys.argv[1]))
wires = wiring(config.wiring)
n = len(wires.references)
sizes = [used()]
log = EventLog(rate=config.adc_rate)
sizes.append(used())
events = Events(config, wires, log)
sizes.append(used())
far = 2000000000
samples = [far, far + 128]  # beyond 2**30: an object each
quiet = (1048576, 1048000, 1050000, 1048576 + 9000)
sizes.append(0)
sizes[3] = used()
micropython.heap_lock()
for k in range(20000):
    for element in range(n):
        events.half(element, samples[k & 1], quiet[(k + element) & 3])
    if k % 20 == 0:
        events.touched(far, far)
micropython.heap_unlock()
sizes.append(used())
events.restart(far)
lines = []
log.listeners.append(lambda entry: lines.append(entry.as_dict()))
k = 0
for line in open(sys.argv[2]):
    for element, v in enumerate(line.split()):
        events.half(element, far + 128 * k, int(v))
    k += 1
events.restart(far + 128 * k)
print(json.dumps([sizes, lines]))
"""


def scenario():
    """Rows of three values: steps of all depths, ramps and noise for 30 s, seen by a fixed seed."""
    random = np.random.default_rng(4)
    rows = []
    levels = np.full(3, 100.0)
    for _ in range(40):
        kind = random.integers(4)
        if kind == 0:
            levels = np.full(3, 100.0)
        elif kind == 1:
            levels = levels + random.normal(0, 3, 3)
        elif kind == 2:
            levels[random.integers(3)] = random.choice([0, 3, 60, 88, 112, 96])
        else:
            levels = random.choice([0, 2, 70, 93, 115]) + random.normal(0, 1, 3)
        rows.append(np.maximum(0, levels + random.normal(0, 0.05, (random.choice([1, 3, 20, 110, 250]), 3))))
    return np.round(np.concatenate(rows) * UDIN / 100).astype(int)


@pytest.mark.parametrize("machine, arch", [("arm", "armv7emsp"), ("x64", "x64")])
def test_on_micropython(machine, arch, tmp_path):
    """The events of CPython, and not a byte of heap while nothing happens, however large sample numbers are."""
    rows = scenario()
    settings = {**SETTINGS, "wiring": "3p4w"}
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "values").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    done = subprocess.run(
        [micropython(machine), "-X", "heapsize=2m", "script.py", json.dumps(settings), "values"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build(arch)}:.frozen"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (start, log, whole, before, after), lines = json.loads(done.stdout)
    assert after - before < 64  # the list of sizes
    if machine == "arm":
        assert log - start <= 1_600 and whole - log <= 2_000, (log - start, whole - log)

    events, here = built(wiring="3p4w")
    expected = []
    here.listeners.append(lambda entry: expected.append(entry.as_dict()))
    for k, row in enumerate(rows):
        for element, v in enumerate(row):
            events.half(element, 2_000_000_000 + 128 * k, int(v))
    events.restart(2_000_000_000 + 128 * len(rows))
    assert {line["event"] for line in expected} == {"dip", "swell", "interruption", "rvc"}
    assert len(lines) == len(expected) > 30
    for got, wanted in zip(lines, expected, strict=True):
        assert got.keys() == wanted.keys()
        for key, value in wanted.items():
            assert got[key] == (pytest.approx(value, rel=1e-6, abs=2e-4) if isinstance(value, float) else value), key
