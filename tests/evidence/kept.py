"""Evidence for the tests: a simulated site measured on MicroPython, and what the meter kept of it."""

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

from host_tools.evidence import container
from host_tools.evidence.reproduce import compute
from host_tools.toolchain import build_mpy, paths
from tests.simulate import records_of

SCRIPT = Path(__file__).with_name("run_kept.py")
MACHINES = {"micropython": ("x64", "x64"), "arm": ("arm", "armv7emsp")}
SITE = tuple(
    (f"{q}{n}", 50.07 * h, rms / h**2, -120 * h * n - lag)
    for n in (1, 2, 3)
    for h in (1, 5, 49)
    for q, rms, lag in (("v", 200 + n, 0), ("i", 6 + n, 40))
) + (("in", 150.21, 0.7, 10), ("v1", 275.0, 2, 0))
BASE = {"full_scale_v": 500.0, "full_scale_i": 20.0, "signalling_frequency": 275.0}


def at(f):
    """The site at another frequency."""
    return tuple((name, hz * f / 50.07, rms, angle) for name, hz, rms, angle in SITE)


def records(settings=None, components=SITE, seconds=0.72, **faults):
    """Frames of a site, three windows of 10/12 periods."""
    return records_of(components, seconds, {**BASE, **(settings or {})}, **faults)


def run(frames, settings=None, runtime="micropython", **options):
    """kept: the bytes of each evidence; windows, status, lost: see run_kept.py, whose options these are."""
    machine, arch = MACHINES[runtime]
    tree = build_mpy.build(arch)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "frames").write_bytes(frames)
        options = {"settings": {**BASE, **(settings or {})}, **options}
        done = subprocess.run(
            [paths.micropython(machine), "-X", "heapsize=4m", SCRIPT, "frames", json.dumps(options), "kept"],
            cwd=folder,
            env={**os.environ, "MICROPYPATH": f"{tree}:{tree / 'boards/virtual'}:.frozen"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        said = json.loads(done.stdout)
        said["kept"] = [Path(folder, f"kept{k + 1}").read_bytes() for k in range(said["kept"])]
    return SimpleNamespace(**said)


_found = {}


def compute_once(path, runtime):
    """reproduce.compute, which the same frames, configuration and place of the window need only once."""
    evidence = container.load(path)
    inputs = ("config", "number", "frac", "length", "synced", "delays", "registers", "flags")
    key = json.dumps([runtime, [evidence.facts[name] for name in inputs]]), evidence.frames.tobytes()
    if key not in _found:
        _found[key] = compute(path, runtime)
    return _found[key]


def packed(evidence, registers=None, integers=None, frames=None, **facts):
    """The bytes of evidence with parts of it changed, hashed anew, as a forger would."""
    integers = evidence.integers if integers is None else integers
    frames = evidence.frames if frames is None else frames
    text = json.dumps({**evidence.facts, **facts, "frames": len(frames)}).encode()
    parts = (text, registers or evidence.registers, integers.tobytes(), frames.tobytes())
    data = container.HEAD.pack(container.MAGIC, *map(len, parts)) + b"".join(parts)
    return data + hashlib.sha256(data).digest()
