"""The session of README.md, command by command, against a virtual device: flash, diag, evidence."""

import os
import signal
import subprocess
import time

import pytest

from host_tools.toolchain.paths import VENV

START_S = 30.0


def wattless(*words, folder=None):
    command = [VENV / "bin/wattless", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The link to the serial port of an empty virtual device."""
    folder = tmp_path_factory.mktemp("device")
    link = folder / "port"
    command = [VENV / "bin/wattless", "virtual-device", "--folder", folder / "disk", "--link", link]
    device = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert "virtual board on" in device.stdout.readline()
    yield link
    device.send_signal(signal.SIGINT)
    assert device.wait(10) == 0
    assert not os.path.lexists(link)


def until_it_measures(port):
    end = time.monotonic() + START_S
    while "number" not in wattless("diag", "--port", port).stdout:
        assert time.monotonic() < end
        time.sleep(0.5)


def test_the_session(port, tmp_path):
    flash = ("flash", "--board", "virtual", "--port", port)
    asked = wattless(*flash, "--check")
    assert asked.returncode == 2 and "wattless/meter.mpy" in asked.stdout
    done = wattless(*flash)
    assert done.returncode == 0 and "metering paused for" in done.stdout
    assert wattless(*flash).stdout == "No changes applied\n"
    same = wattless(*flash, "--check")
    assert same.returncode == 0 and "add 0 files" in same.stdout

    until_it_measures(port)
    page = wattless("diag", "--port", port)
    assert page.returncode in (0, 3, 4)
    for topic in ("firmware", "processor", "memory", "window", "store", "access"):
        assert topic in page.stdout

    kept = wattless("capture", "--port", port, folder=tmp_path)
    assert kept.returncode == 0, kept.stderr
    again = wattless("replay", tmp_path / kept.stdout.strip())
    assert again.returncode == 0 and again.stdout.endswith("reproduced\n")


def test_a_board_that_there_is_not(port):
    done = wattless("flash", "--board", "pybv12", "--port", port)
    assert done.returncode != 0 and "pybv11" in done.stderr + done.stdout


def test_another_board_than_it_is_told(port):
    done = wattless("flash", "--board", "pybv11", "--port", port)
    assert done.returncode == 1 and "PYBv1.1" in done.stderr + done.stdout
