"""Where things are. `make setup` puts the tools in build/bin; asking for one that is missing names that command."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
BIN = BUILD / "bin"
TOOLS = BUILD / "toolchain"
VENV = BUILD / "venv"
LOG = BUILD / "log"

INTERPRETERS = {"x64": "micropython", "arm": "micropython-arm"}  # what runs it -> wrapper in build/bin


class ToolMissing(Exception):
    """A tool that `make setup` provides is not there. The message says how to get it."""


def micropython(machine: str) -> Path:
    """The MicroPython of "x64" (this PC) or "arm" (32-bit ARM under qemu-user)."""
    if machine not in INTERPRETERS:
        raise ValueError(f"no MicroPython for {machine!r}: choose one of {', '.join(INTERPRETERS)}")
    return tool(INTERPRETERS[machine])


def mbpoll() -> Path:
    """The Modbus master that the tests read the meter with."""
    return tool("mbpoll")


def tool(name: str, folder: Path = BIN) -> Path:
    path = folder / name
    if not path.exists():
        raise ToolMissing(f"{name} is missing ({path}): run `make setup`, and read what it says about {name}")
    return path
