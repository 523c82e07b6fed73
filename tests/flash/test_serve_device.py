"""`wattless virtual-device` and `wattless flash`, as a user has them: two processes and a port."""

import os
import re
import signal
import subprocess
import sys

from host_tools.board import flash

SERVE = (
    "import sys; from host_tools.board.serve_device import serve; sys.exit(serve(sys.argv[1], 'ev-site', sys.argv[2]))"
)


def test_served_and_flashed(tmp_path):
    link = tmp_path / "port"
    command = [sys.executable, "-u", "-c", SERVE, str(tmp_path / "device"), str(link)]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert re.match(r"virtual board on .*/port: ", served.stdout.readline())
        assert str(link) in served.stdout.readline()
        said = []
        assert flash.run("virtual", str(link), True, said.append) == 2, said
        assert any(line.startswith("add ") and line.endswith("  board.mpy") for line in said)
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(10) == 0
    assert not os.path.lexists(link)
    assert (tmp_path / "device/disk.lfs").stat().st_size == 4 << 20
