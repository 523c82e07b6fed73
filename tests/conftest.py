"""Puts the firmware and the CPython shim of MicroPython's modules on the path of the tests."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for folder in ("host_tools/shim", "firmware"):
    sys.path.insert(0, str(ROOT / folder))
