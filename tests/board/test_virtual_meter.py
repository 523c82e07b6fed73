"""host_tools/virtual_meter.py, its child a program that counts frames: pacing, what it says, every way to end it."""

import itertools
import os
import sys
import time

import pytest

from host_tools import virtual_meter
from host_tools.virtual_meter import VirtualMeter

BLOCK = bytes(6144)  # 256 records
BLOCK_S = 0.02
CHILD = """
import json, os, signal, sys, time
print(json.dumps({"announce": "modbus_tcp", "port": 1502}), file=sys.stderr)
print("a complaint", file=sys.stderr, flush=True)
{prelude}
received = 0
while data := os.read(0, 65536):
    received += len(data)
    print(json.dumps({"window": 0, "received": received}), flush=True)
    print(json.dumps({"event": "dip", "number": received}), flush=True)
"""


@pytest.fixture
def start(tmp_path):
    started = []

    def start(prelude="", blocks=None):
        argv = [sys.executable, "-c", CHILD.replace("{prelude}", prelude)]
        blocks = itertools.repeat(BLOCK) if blocks is None else blocks
        started.append(VirtualMeter(argv, dict(os.environ), str(tmp_path), blocks, BLOCK_S))
        return started[-1]

    yield start
    for meter in started:
        meter.stop()


def wait_for(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def gone(pid):
    """No such process any more, nor anything in its group."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_frames_come_when_they_are_due(start):
    begin = time.monotonic()
    meter = start()
    wait_for(lambda: meter.values.get("received", 0) >= 20 * len(BLOCK))
    assert len(meter.events) == 20 and meter.events[-1]["event"] == "dip"
    assert time.monotonic() - begin >= 20 * BLOCK_S  # not before they could have been sampled
    assert meter.behind_s < 1


def test_a_meter_that_was_busy_gets_all_frames(start):
    meter = start("time.sleep(0.8)")
    begin = time.monotonic()
    wait_for(lambda: meter.values)
    wait_for(lambda: meter.values["received"] >= (time.monotonic() - begin - 0.1) / BLOCK_S * len(BLOCK))


def test_what_it_says(start):
    meter = start()
    wait_for(lambda: meter.announcements and meter.complaints)
    assert meter.announcements == {"modbus_tcp": {"port": 1502}}
    assert list(meter.complaints) == ["a complaint"]


def test_stop(start):
    meter = start()
    wait_for(lambda: meter.values)
    assert meter.exit_code() is None
    meter.stop()
    assert gone(meter.pid) and not meter.died


def test_stop_of_a_meter_that_does_not_listen(start, monkeypatch):
    monkeypatch.setattr(virtual_meter, "STOP_S", 0.2)
    meter = start("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    wait_for(lambda: meter.values)
    meter.stop()
    assert gone(meter.pid) and not meter.died


def test_stop_of_a_meter_that_does_not_read(start):
    meter = start("print('null', flush=True); time.sleep(60)")
    time.sleep(0.4)  # the pipe is full by now
    meter.stop()
    assert gone(meter.pid)


def test_meter_that_dies(start):
    meter = start("print('the reason', file=sys.stderr); sys.exit(3)")
    wait_for(lambda: meter.exit_code() is not None)
    meter.stop()
    assert meter.died and meter.exit_code() == 3
    assert "the reason" in meter.complaints


def test_end_of_the_frames(start):
    meter = start(blocks=[BLOCK, BLOCK])
    wait_for(lambda: meter.exit_code() == 0)
    wait_for(lambda: meter.values.get("received") == 2 * len(BLOCK))
