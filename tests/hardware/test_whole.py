"""Everything that is shipped at once: the board's front end, the converter's driver and the handler, on the models of
the STM32F405 and of the ADS131M08."""

import struct
from array import array
from types import SimpleNamespace

import numpy as np
import pytest

from host_tools.adc_model import crc16
from host_tools.ads131m08_model import registers as r
from host_tools.emulator.stm32f405 import Board, Chip
from tests.hardware.bench import up_to
from tests.hardware.chip_on_pins import ChipOnPins
from wattless.calibration import Calibration

PERIODS = {12800: 13125, 10240: 168_000_000 / 10240}
CLOCKS = {12800: 6553600, 10240: 5242880}


def meter(rate=12800, bits=16, latency=None, gain_i=1, calibration=None):
    chip = Chip(*([latency] if latency else []))
    board = Board(chip)
    adc = ChipOnPins(chip, CLOCKS[rate])
    board.frames.open(SimpleNamespace(adc_rate=rate, adc_bits=bits, gain_v=1, gain_i=gain_i), calibration)
    return chip, board, adc


def collect(chip, frames, rate, periods):
    got, buffer = bytearray(), bytearray(64 * frames.record_bytes)
    for _ in range(periods // 20):
        chip.advance(int(PERIODS[rate] * 20))
        while n := frames.readinto(buffer):
            got += buffer[:n]
    size = frames.record_bytes
    return [bytes(got[at : at + size]) for at in range(0, len(got), size)]


@pytest.mark.parametrize("rate, bits", [(12800, 16), (12800, 24), (10240, 16)])
def test_samples_come_from_the_converter_to_the_ring(rate, bits):
    chip, board, adc = meter(rate, bits, up_to(50), gain_i=4)
    assert adc.complaints == [] and adc.regs.gain(0) == 1 and adc.regs.gain(3) == 4
    codes = np.random.default_rng(bits).integers(-(2**23), 2**23, (400, 8))
    adc.feed(codes)
    records = collect(chip, board.frames, rate, 240)
    width = bits // 8
    numbers = [struct.unpack_from("<I", record)[0] for record in records]
    assert len(records) > 230 and numbers == list(range(numbers[0], numbers[0] + len(records)))
    words = [[record[4 + k * width : 6 + k * width] for k in range(10)] for record in records]
    assert words[0][0][0] & 0x40  # F_RESYNC: the last thing at the start
    assert {w[0] for w in words[1:]} <= {b"\x80\xff", b"\x81\xff"}
    samples = [
        [int.from_bytes(record[4 + k * width : 4 + k * width + width], "big", signed=True) for k in range(1, 9)]
        for record in records
    ]
    expected = (codes >> (24 - bits)).tolist()
    first = samples.index(expected[5])
    assert samples[first : first + 200] == expected[5:205]
    if bits == 16:
        data = np.array([np.frombuffer(record[4:24], ">u2") for record in records])
        assert (crc16(data[:, :9]) == data[:, 9]).all()
    assert board.frames.counters()["spi_errors"] == board.frames.counters()["drdy_missed"] == 0


PHASES = (-127, 128, 40, 0, 100, -60, 3)
SLOPE = 50  # codes a sample


def out_of_step(records):
    """By how many samples the channels of a ramp are away from where their phases put them: all that is found."""
    found = set()
    for record in records:
        codes = [int.from_bytes(record[6 + 2 * k : 8 + 2 * k], "big", signed=True) for k in range(7)]
        found |= {round((codes[3] - codes[k]) / SLOPE - PHASES[k] / 256) for k in range(7)}
    return found


@pytest.mark.parametrize("latency_us", range(0, 56, 7))
def test_channels_are_in_step_whatever_their_phases(latency_us):
    """From the start on, and again behind DRDYs that were missed."""
    calibration = Calibration()
    calibration.phase[:7] = array("h", PHASES)
    chip, board, adc = meter(latency=lambda: latency_us * 168, calibration=calibration)
    adc.sources = [lambda t: t * 12800 * SLOPE / 32768 * 1.2 - 1.1] * 8
    assert out_of_step(collect(chip, board.frames, 12800, 200)[5:]) == {0}
    chip.latency = lambda: 200 * 168
    collect(chip, board.frames, 12800, 40)
    chip.latency = lambda: latency_us * 168
    collect(chip, board.frames, 12800, 100)
    records = collect(chip, board.frames, 12800, 200)
    assert len(records) > 90 and out_of_step(records) == {0}
    assert board.frames.counters()["drdy_missed"] > 0


def test_a_dip_of_the_supply_is_mended():
    chip, board, adc = meter()
    collect(chip, board.frames, 12800, 100)
    adc.brown_out()
    adc._catch_up()
    collect(chip, board.frames, 12800, 300)
    assert board.frames.restarts >= 1 and board.frames.fault is None
    assert adc.regs[r.MODE] & r.WLENGTH == 0  # words of 16 bits again
    restarts = board.frames.restarts
    records = collect(chip, board.frames, 12800, 200)
    assert len(records) > 190 and all(record[4:6] == b"\x80\xff" for record in records)
    assert board.frames.restarts == restarts


def test_a_converter_that_is_not_there():
    chip = Chip()
    board = Board(chip)
    settings = SimpleNamespace(adc_rate=12800, adc_bits=16, gain_v=1, gain_i=1)
    with pytest.raises(OSError, match="ID: read 0xFFFF, wanted 0x28xx: MISO does not move"):
        board.frames.open(settings, None)
    assert board.frames.readinto(bytearray(24)) == 0


def test_an_spi_without_clock_is_said():
    chip, board, adc = meter()
    board.frames._stop()
    chip.rcc.write(0x40, 0)
    with pytest.raises(OSError, match="SPI2 stands still"):
        board.frames.adc.frame()


def test_calibration_reaches_the_converter_while_it_runs():
    chip, board, adc = meter()
    collect(chip, board.frames, 12800, 60)
    calibration = Calibration()
    calibration.gain[2] = 0x810000
    board.frames.calibrate(calibration)
    records = collect(chip, board.frames, 12800, 100)
    assert adc.regs.gcal(2) == 0x810000 and len(records) > 90
    assert board.frames.restarts == 0
