"""The firmware's tables for host tools: puts firmware/ on the import path, and offers what host tools read there."""

import sys

from host_tools.toolchain.paths import ROOT

FIRMWARE = str(ROOT / "firmware")
if FIRMWARE not in sys.path:
    sys.path.insert(0, FIRMWARE)
SHIM = str(ROOT / "host_tools/shim")  # `micropython` for the firmware's modules
if SHIM not in sys.path:
    sys.path.append(SHIM)

from wattless import codes, points_table  # noqa: E402, F401
