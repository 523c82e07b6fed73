"""`python -m host_tools.shim MODULE [ARGUMENT...]`: a module of the firmware, with the virtual board, under CPython."""

import runpy
import sys

from host_tools.toolchain.paths import ROOT

FOLDERS = ("host_tools/shim", "firmware", "boards/virtual")

if len(sys.argv) < 2:
    sys.exit("usage: python -m host_tools.shim MODULE [ARGUMENT...], for instance: main --config meter.json --json")
sys.path[:0] = [str(ROOT / folder) for folder in FOLDERS]
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=False)
