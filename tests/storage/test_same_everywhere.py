"""The same bytes on CPython, MicroPython x86-64 and ARM; what storage takes of a board's heap."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT, micropython

SCRIPT = Path(__file__).with_name("same_everywhere.py")


def run(machine, folder):
    if machine == "cpython":
        path = os.pathsep.join(str(ROOT / part) for part in ("host_tools/shim", "firmware"))
        command, env = [sys.executable, str(SCRIPT)], {**os.environ, "PYTHONPATH": path}
    else:
        tree = build("x64" if machine == "x64" else "armv7emsp")
        command = [micropython(machine), "-X", "heapsize=1m", SCRIPT]
        env = {"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{tree}:.frozen"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return {machine: run(machine, tmp_path_factory.mktemp(machine)) for machine in ("cpython", "x64", "arm")}


@pytest.mark.parametrize("machine", ["x64", "arm"])
def test_the_same_bytes(results, machine):
    want = results["cpython"]
    got = dict(results[machine])
    got.pop("heap")
    assert got == want
    assert len(want["events"]) == 2 * (12 + 8 * 24 + 4 * 8) and len(want["files"]) == 4


LIMITS = {
    "media, store, log: modules and objects": 18_000,
    "spi_memory: module": 3_200,
    "persistence with a kind": 400,
    "garbage of a save of 688 bytes": 2_700,
    "garbage of event_log.state() with 8 entries": 1_600,
}


def test_what_it_takes_on_the_board(results):
    """32-bit ARM, from .mpy files; the polls with nothing due ran under heap_lock()."""
    heap = results["arm"]["heap"]
    print(heap)
    assert {name: heap[name] for name, limit in LIMITS.items() if heap[name] > limit} == {}
