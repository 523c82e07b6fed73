"""Functions for the emulated Cortex-M4, compiled on the fly."""

import subprocess

from host_tools.emulator import mpy_file
from host_tools.emulator.cortex import Cortex
from host_tools.toolchain.build_mpy import mpy_cross

HEAD = "import micropython\nfrom micropython import const\n"


def module(source, arch="armv7emsp"):
    """The bytes of a .mpy."""
    command = [mpy_cross(), "-O2", f"-march={arch}", "-s", "test.py", "-o", "-", "-"]
    return subprocess.run(command, input=(HEAD + source).encode(), check=True, capture_output=True).stdout


class Board:
    """A machine with the functions of one source: board.name(arguments)."""

    def __init__(self, source):
        self.machine = Cortex()
        self.functions = self.machine.load(mpy_file.parse(module(source)))

    def __getattr__(self, name):
        return lambda *args: self.machine.call(self.functions[name], *args)
