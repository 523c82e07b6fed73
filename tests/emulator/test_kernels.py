"""Every kernel of the firmware as the machine code that ships, on the emulated Cortex-M4: the golden jobs of tests/dsp,
equal to the numpy models to the last bit, and with the same instruction counts every time."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from host_tools.emulator import kernels, mpy_file
from host_tools.thumb_fill import fill
from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT
from tests.dsp.jobs_resample import JOBS
from tests.emulator.compiled import module

FOLDERS = ("host_tools/emulator/shim", "firmware", "")
# runs tests/dsp/run_points.py; on standard error, at the end, the instructions of each kernel
DRIVER = """
import json, runpy, sys
from collections import Counter
from host_tools.emulator import kernels

counts = Counter()
kernels.observers.append(lambda kernel, args, count: counts.update({kernel.native.name: count.instructions}))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
print(json.dumps(counts), file=sys.stderr)
"""


def run(job_file):
    """(results of the jobs, instructions by kernel)"""
    path = ":".join(str(ROOT / folder) for folder in FOLDERS)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, ROOT / "tests/dsp/run_points.py", job_file],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], json.loads(done.stderr.splitlines()[-1])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """What two processes, side by side, make of the jobs."""
    job_file = tmp_path_factory.mktemp("emulated") / "jobs"
    job_file.write_text("\n".join(json.dumps(job) for job, _ in JOBS))
    build("armv7emsp")
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, [job_file] * 2))


def test_every_kernel_equals_its_model(runs):
    results, _ = runs[0]
    assert len(results) == len(JOBS)
    different = [n for n, (got, (_, expected)) in enumerate(zip(results, JOBS, strict=True)) if got != expected]
    assert [(n, JOBS[n][0]["kernel"]) for n in different] == []


def test_no_kernel_was_left_out():
    """Every native function of capture and dsp stands in a runner of golden jobs or in those of the start."""
    tree = build("armv7emsp")
    called = "".join(path.read_text() for path in (ROOT / "tests/dsp").glob("run_*.py"))
    called += (ROOT / "firmware/wattless/selftest.py").read_text()
    for folder in ("tests/hardware", "tests/evidence"):  # the interrupt, in a model of its hardware; rings of records
        called += "".join(path.read_text() for path in (ROOT / folder).glob("*.py"))
    for path in [*(tree / "wattless/dsp").glob("*.mpy"), *(tree / "wattless/capture").glob("*.mpy")]:
        for name, function in mpy_file.read(path).functions().items():
            if function.kind in ("viper", "asm") and not name.startswith("_"):
                assert re.search(rf"\b{name}\b", called), f"{path.stem}.{name} has no golden job"


def test_instruction_counts_are_the_same_every_time(runs):
    assert runs[0][1] == runs[1][1]


TWIN = """
@micropython.asm_thumb
def half_product(r0, r1):
    smulwb(r0, r0, r1)
"""


def test_a_decorated_function_is_its_machine_code(tmp_path, monkeypatch):
    (tmp_path / "twin_thumb.mpy").write_bytes(module(fill(TWIN)))
    monkeypatch.setattr(kernels, "_tree", lambda: tmp_path)
    seen = []
    monkeypatch.setattr(kernels, "observers", [lambda kernel, args, count: seen.append((args, count.instructions))])

    def half_product(r0, r1):
        """Half of a product in Q15."""

    half_product.__module__ = "twin_thumb"
    half_product.__qualname__ = "half_product"
    kernel = kernels.asm_thumb(half_product)
    assert kernel(-100_000, 16384) == -25_000
    assert seen == [((-100_000, 16384), 3)]
    assert (kernel.__name__, kernel.__doc__) == ("half_product", "Half of a product in Q15.")
    half_product.__qualname__ = "other"
    with pytest.raises(mpy_file.MpyError, match="twin_thumb.mpy has no native code of other"):
        kernels.viper(half_product)
