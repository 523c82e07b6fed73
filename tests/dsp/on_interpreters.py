"""Golden jobs on every interpreter: a runner (tests/dsp/run_*.py) works through them in a process of its own, and what
it prints must equal the models to the last bit.

    cpython   viper kernels on the checked shim       x64, arm   viper kernels, compiled, on MicroPython
    viper, thumb    the shipped .mpy in the emulated Cortex-M4: viper kernels, their Thumb-2 twins
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT, micropython

NAMES = ("cpython", "x64", "arm", "viper", "thumb")


def ints(values):
    """A flat list of Python integers."""
    return [int(v) for v in np.ravel(values)]


def _command(name):
    """(command, environment) for a runner."""
    if name in ("x64", "arm"):
        machine, arch = {"x64": ("x64", "x64"), "arm": ("arm", "armv7emsp")}[name]
        return [micropython(machine), "-X", "heapsize=32m"], {"MICROPYPATH": f"{build(arch)}:.frozen"}
    shim = "host_tools/shim" if name == "cpython" else "host_tools/emulator/shim"
    paths = f"{ROOT / shim}:{ROOT / 'firmware'}:{ROOT}"
    return [sys.executable], {"PYTHONPATH": paths, "WATTLESS_CHECKED": "1"}


def check(name, runner, jobs, tmp_path):
    """Runs `jobs`, pairs (job, expected), on interpreter `name` with tests/dsp/`runner`; fails the test at the first
    that differs."""
    path = Path(tmp_path) / "jobs"
    path.write_text("\n".join(json.dumps(job) for job, _ in jobs))
    command, environment = _command(name)
    suffix = "_thumb" if name == "thumb" else ""
    done = subprocess.run(
        [*command, ROOT / "tests/dsp" / runner, path, suffix],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(jobs)
    for line, (job, expected) in zip(lines, jobs, strict=True):
        got = json.loads(line)
        if got != expected:
            got, expected = np.array(got), np.array(expected)
            wrong = np.nonzero(got != expected)[0]
            what = f"{job['kernel']}: {len(wrong)} of {len(got)} words differ, first {wrong[0]}"
            pytest.fail(f"{what}: {got[wrong[0]]} instead of {expected[wrong[0]]}")
