"""Bytes of machine code (native, viper, inline assembler) in .mpy files. On a board it lies in the heap."""

from collections.abc import Iterable
from pathlib import Path

from host_tools.emulator import mpy_file

BLOCK = 16  # bytes of a heap block: every function begins a new one


def code_bytes(path: Path) -> int:
    """Machine code of a module's functions. MpyError (emulator.mpy_file) for what is no .mpy file for ARM."""
    return sum(len(unit.code) for unit in _native(mpy_file.read(path).code))


def heap_bytes(path: Path) -> int:
    """The same as a board's heap holds it: whole blocks."""
    return sum(-(-len(unit.code) // BLOCK) * BLOCK for unit in _native(mpy_file.read(path).code))


def heap_bytes_of(tree: Path, modules: Iterable[str]) -> int:
    """heap_bytes of those of the modules ("wattless.dsp.fft") that have a .mpy file in the tree."""
    paths = [tree / (name.replace(".", "/") + ".mpy") for name in modules]
    return sum(heap_bytes(path) for path in paths if path.exists())


def _native(unit: mpy_file.Unit) -> list[mpy_file.Unit]:
    own = [] if unit.kind == mpy_file.BYTECODE else [unit]
    return own + [inner for child in unit.children for inner in _native(child)]
