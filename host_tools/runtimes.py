"""How the firmware is started on this PC: the same main on three interpreters.

A child reads frame records from its standard input, writes a JSON line per window to standard output with --json, and
ends when the frames end. MicroPython looks for modules in the current folder first: start it where there are none
(replay uses a temporary folder).
"""

import os
import sys
from collections.abc import Sequence

from host_tools.toolchain import build_mpy, paths

RUNTIMES = ("micropython", "cpython", "arm")
MACHINES = {
    "micropython": ("x64", "x64"),
    "arm": ("arm", "armv7emsp"),
}  # runtime -> interpreter, architecture of the .mpy files
HEAP = "8m"


def command(runtime: str, args: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """(argv, environment) that runs the firmware's main with args, its .mpy files brought up to date.

    Raises ValueError for an unknown runtime, ToolMissing and CompileError (host_tools.toolchain) where it cannot be
    had."""
    if runtime == "cpython":
        path = os.pathsep.join(filter(None, (str(paths.ROOT), os.environ.get("PYTHONPATH"))))
        return [sys.executable, "-m", "host_tools.shim", "main", *args], {**os.environ, "PYTHONPATH": path}
    if runtime not in MACHINES:
        raise ValueError(f"unknown runtime {runtime!r}: allowed are {', '.join(RUNTIMES)}")
    machine, arch = MACHINES[runtime]
    tree = build_mpy.build(arch)
    argv = [str(paths.micropython(machine)), "-X", f"heapsize={HEAP}", "-m", "main", *args]
    return argv, {**os.environ, "MICROPYPATH": f"{tree}:{tree / 'boards/virtual'}:.frozen"}
