"""What the DRDY interrupt's handler takes: ARM instructions of the shipped machine code, with those of the runtime.

The way to the handler, through MicroPython's interrupt, is not in them: about 200 (an estimate from its sources).
"""

import hashlib
from collections.abc import Callable
from types import SimpleNamespace

from host_tools.emulator.stm32f405.board import Board
from host_tools.emulator.stm32f405.chip import CYCLES_PER_US, Chip
from host_tools.emulator.stm32f405.converter import PERIOD, Converter


class _Driver:
    tx = bytearray(20)

    def open(self, *args) -> None:
        """There is nothing to set up."""

    def sync(self) -> None:
        """Nor to put in step."""


def _frame(number: int) -> bytes:
    return b"\x80\xff" + hashlib.blake2b(number.to_bytes(4, "big"), digest_size=18).digest()


class _Meter:
    def __init__(self):
        self.chip = Chip()
        self.board = Board(self.chip, _Driver())
        self.converter = Converter(self.chip, _frame)
        settings = SimpleNamespace(adc_rate=12800, adc_bits=16, gain_v=1, gain_i=1)
        self.board.frames.open(settings, None)
        self.board.port.init(115200, "E")
        self.buffer = bytearray(64 * 24)
        self.run(20)

    def run(self, periods: int) -> list[int]:
        """Instructions of each interrupt in so many periods, the first one of which is quiet."""
        before = len(self.chip.entries)
        for _ in range(periods):
            self.chip.advance(PERIOD)
            self.board.frames.readinto(self.buffer)
        return [instructions for _, instructions in self.chip.entries[before:]]

    def worst(self, disturb: Callable[[], None]) -> int:
        disturb()
        return max(self.run(10))


def handler_cost() -> dict[str, int]:
    """Instructions of one interrupt: "frame": the rule; "wrap": the ring's end; "byte": with a byte for RS-485;
    "worst": two DRDYs missed, which has two frames read. "window": of 2560 frames as a rule."""
    meter = _Meter()
    rounds = meter.run(400)
    frame = min(rounds)
    meter.board.port.write(bytes(40))
    byte = max(meter.run(40))

    def miss() -> None:
        meter.chip.latency = lambda: 2 * PERIOD + 20 * CYCLES_PER_US

    worst = meter.worst(miss)
    return {"frame": frame, "wrap": max(rounds), "byte": byte, "worst": worst, "window": 2560 * frame}


if __name__ == "__main__":
    for name, instructions in handler_cost().items():
        print(f"{name:<8}{instructions:>10,}")
