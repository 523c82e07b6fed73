"""A whole meter on the shipped machine code: viper kernels and Thumb-2 twins leave the integers of the checked shim,
from frames to spectra."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT
from tests.simulate import meter, records_of

SETTINGS = {"full_scale_v": 500.0, "full_scale_i": 20.0, "signalling_frequency": 275.0}
SITE = [
    (f"{q}{n}", 50.07 * h, rms / h, -120 * h * n - lag)
    for n in (1, 2, 3)
    for h in (1, 5, 49)
    for q, rms, lag in (("v", 200, 0), ("i", 6, 40))
] + [("in", 150.21, 0.7, 10), ("v1", 275.0, 2, 0)]
SCRIPT = """
import asyncio, json, sys
from virtual_board import ByteFrames, HostClock, VirtualBoard
from wattless import config
from wattless.meter import Meter
from wattless.points import Points

thumb, path, settings = sys.argv[1] == "thumb", sys.argv[2], json.loads(sys.argv[3])
board = VirtualBoard(ByteFrames(open(path, "rb").read()), HostClock())
board.thumb = thumb
meter = Meter(board, config.load(settings), Points())
found = []
meter.on_window.append(lambda points: found.append([meter.fingerprint(), points.get("q1"), points.flag_names()]))
asyncio.run(meter.run())
print(json.dumps([meter.kernels.name, meter.kernels.reason, found]))
"""


WIDE = {"adc_bits": 24, "window": "5/6", "current_sensor": "rogowski"}
REASONS = {"viper": "this board runs no Thumb-2 kernels", "thumb": "self-test passed"}


@pytest.mark.parametrize("kernels, reason", REASONS.items())
@pytest.mark.parametrize("more", [{}, WIDE], ids=["16", "24"])
def test_the_same_integers(kernels, reason, more, tmp_path):
    settings = {**SETTINGS, **more}
    records = records_of(SITE, 0.65, settings)
    (tmp_path / "frames").write_bytes(records)
    build("armv7emsp")
    path = os.pathsep.join(str(ROOT / f) for f in ("host_tools/emulator/shim", "firmware", "boards/virtual", ""))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, kernels, tmp_path / "frames", json.dumps(settings)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    name, said, found = json.loads(done.stdout)
    assert (name, said) == (kernels, reason)

    expected = []
    made = meter(records, settings)
    made.on_window.append(lambda points: expected.append([made.fingerprint(), points.get("q1"), points.flag_names()]))
    asyncio.run(made.run())
    assert len(expected) >= 2
    assert found == expected
