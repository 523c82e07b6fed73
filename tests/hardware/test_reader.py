"""Capture, the side of the main loop: a slow reader, a converter that falls silent or loses its settings."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT, micropython
from tests.hardware.bench import PERIOD, Bench, frame
from wattless.calibration import Calibration

SCRIPT = Path(__file__).with_name("run_capture.py")

OTHER = Calibration()


def test_a_slow_reader_loses_the_newest_frames_and_learns_which():
    bench = Bench()
    bench.run(100)
    before = len(bench.records())
    bench.run(500, every=0)
    bench.read()
    bench.run(100)
    counters = bench.frames.counters()
    assert 175 <= bench.lost() == counters["overruns"] <= 185  # 320 slots hold 25 ms
    numbers = [number for number, _, _ in bench.records()]
    assert numbers[before : before + 320] == list(range(numbers[before], numbers[before] + 320))
    assert counters["drdy_missed"] == counters["spi_errors"] == counters["resyncs"] == 0


def test_the_ring_holds_25_ms():
    bench = Bench()
    bench.run(20)
    bench.run(320, every=0)
    bench.read()
    bench.run(20)
    assert bench.lost() == 0 and bench.frames.counters()["overruns"] == 0


def test_one_record_at_a_time_and_a_buffer_too_small():
    bench = Bench()
    with pytest.raises(ValueError, match="frame buffer of 23 bytes; a record takes 24"):
        bench.frames.readinto(bytearray(23))
    bench._buffer = bytearray(30)
    bench.run(40)
    assert bench.lost() == 0 and len(bench.records()) > 35


def test_before_it_is_opened_there_is_nothing():
    bench = Bench()
    other = type(bench.frames).__mro__[1](bench.frames.hardware, bench.driver, bench.frames.clock)
    assert other.readinto(bytearray(24)) == 0 and other.counters()["resyncs"] == 0


def test_a_converter_that_pauses_is_set_up_anew_and_numbers_follow_the_time():
    bench = Bench()
    bench.run(100)
    bench.converter.on = False
    bench.run(300)
    bench.converter.on = True
    bench.run(300)
    numbers = [number for number, _, _ in bench.records()]
    jumps = [b - a for a, b in zip(numbers, numbers[1:], strict=False) if b - a > 1]
    # it fell silent for 300 periods; the model's numbers stand still meanwhile, the meter's do not
    assert len(jumps) == 1 and 301 <= jumps[0] <= 304
    assert bench.frames.counters()["resyncs"] >= 1 and bench.frames.fault is None
    assert len(bench.driver.opened) == 1 + bench.frames.counters()["resyncs"]


def wake(bench):
    """The converter answers again, and then it converts."""
    bench.driver.fails = 0
    while not bench.frames.streaming:
        bench.chip.advance(PERIOD * 64)
        bench.read()
    bench.converter.on = True
    bench.run(100)
    assert bench.frames.fault is None and bench.frames.streaming
    return bench.records()[-1][0] - bench.chip.now / PERIOD


def test_a_converter_that_does_not_answer_is_asked_once_a_second():
    bench = Bench()
    bench.run(100)
    bench.converter.on = False
    bench.driver.fails = 100
    for _ in range(50):
        bench.chip.advance(PERIOD * 640)  # 50 ms
        bench.read()
    assert bench.frames.fault.startswith("ID: read 0x0000") and not bench.frames.streaming
    assert 3 <= len(bench.driver.opened) <= 4
    assert abs(wake(bench)) <= 25  # numbered by the timer all the while; looked at every 20 periods


def test_a_silence_longer_than_the_timer_is_measured_by_the_clock(monkeypatch):
    monkeypatch.setattr("wattless.capture.stm32f4._BLIND_MS", 1500)
    bench = Bench()
    bench.run(100)
    bench.converter.on = False
    bench.driver.fails = 3
    for _ in range(60):
        bench.chip.advance(PERIOD * 640)
        bench.read()
    bench.chip.tim5.write(0x24, 123456)  # CNT: it came round
    assert abs(wake(bench)) <= 25 + 2 * 13  # by milliseconds, twice


def test_a_converter_that_lost_its_settings_is_set_up_anew():
    """After a dip of its supply it streams words of 24 bits from default registers: STATUS is another one."""
    bench = Bench()
    bench.run(100)
    opened = len(bench.driver.opened)
    bench.converter.frame = lambda k: b"\x05\xff" + frame(k)[2:]
    bench.run(400)
    assert len(bench.driver.opened) > opened
    bench.converter.frame = frame
    bench.got.clear()
    bench.run(200)
    opened = len(bench.driver.opened)
    bench.run(200)
    assert len(bench.driver.opened) == opened and len(bench.records()) > 390


def test_a_wrong_frame_now_and_then_is_no_reason():
    bench = Bench()
    bench.converter.frame = lambda k: b"\0\xff" + frame(k)[2:] if k % 7 == 0 else frame(k)
    bench.run(400)
    assert bench.frames.counters()["resyncs"] == 0


def test_another_calibration_while_it_runs():
    bench = Bench()
    bench.run(100)
    bench.frames.calibrate(OTHER)
    bench.run(100)
    assert bench.driver.calibrations == [None, OTHER] and bench.frames.counters()["resyncs"] == 0
    assert bench.lost() <= 3
    bench.converter.on = False
    bench.run(100)
    assert bench.driver.calibrations[-1] == OTHER


def test_opening_again_with_other_words():
    bench = Bench()
    bench.run(50)
    bench.bits = 24
    bench.driver.tx = bytearray(30)
    bench.converter.frame = lambda k: frame(k, 24)
    bench.frames.open(SimpleNamespace(adc_rate=12800, adc_bits=24, gain_v=1, gain_i=4), None)
    bench._buffer = bytearray(36 * 64)
    bench.got.clear()
    bench.run(100)
    assert bench.frames.record_bytes == 36 and bench.lost() == 0 and len(bench.records()) > 90
    assert bench.driver.opened[-1] == (12800, 24, 1, 4)


def script(command, env):
    done = subprocess.run(
        [*command, str(SCRIPT)], cwd="/tmp", env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_same_on_cpython_and_micropython():
    """Reader and port (their kernels take and copy) with a pretended interrupt; on MicroPython under heap_lock, and on
    32-bit ARM the real handler, drdy, on memory in place of registers."""
    path = f"{ROOT / 'host_tools/shim'}{os.pathsep}{ROOT / 'firmware'}"
    here = script([sys.executable], {"PYTHONPATH": path, "PATH": os.environ["PATH"]})
    assert here[0] == {"read": 10 + 321 + 5, "jumps": [180], "restarts": 1, "full": 179}
    for machine, arch in (("x64", "x64"), ("arm", "armv7emsp")):
        tree = build(arch)
        there = script([micropython(machine)], {"MICROPYPATH": f"{tree}:.frozen", "PATH": os.environ["PATH"]})
        assert there[0] == here[0]
        if machine == "arm":
            assert there[1]["handler"] == [24, [6, 7, 8], 100]
