"""The services under MicroPython: the .mpy files that the board gets, compiled for this PC."""

import os
import subprocess
import sys

import pytest

from host_tools.toolchain import build_mpy, paths

BOARD = str(paths.ROOT / "boards/virtual")
if BOARD not in sys.path:
    sys.path.insert(0, BOARD)


@pytest.fixture(scope="session")
def micropython():
    """micropython(script, *args, **options of Popen): starts the script, with the .mpy files of `tree` on its path."""
    tree = build_mpy.build("x64")
    path = f"{tree}:{BOARD}:.frozen"

    def start(script, *args, **options):
        argv = [paths.micropython("x64"), script, *map(str, args)]
        environment = {**os.environ, "MICROPYPATH": path}
        return subprocess.Popen(argv, env=environment, text=True, stdout=subprocess.PIPE, **options)

    start.tree = tree
    return start
