"""What all peripherals of the model have: registers behind a clock gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from host_tools.emulator.stm32f405.chip import Chip


class ModelError(Exception):
    """The firmware did what the model has not, or the hardware does not do. The message says what."""


class Peripheral:
    """base: its address; gate: (offset of its register in RCC, bit), None: always on. registers: offset -> value of
    those that are plain memory."""

    def __init__(self, chip: Chip, base: int, gate: tuple[int, int] | None, plain: tuple[int, ...] = ()):
        self.chip = chip
        self.base = base
        self.gate = gate
        self.registers = dict.fromkeys(plain, 0)

    def clocked(self) -> bool:
        return self.gate is None or bool(self.chip.rcc.registers[self.gate[0]] >> self.gate[1] & 1)

    def bus_read(self, offset: int) -> int:
        """Without its clock a peripheral reads 0 and takes nothing (RM0090 6.3.10 and the like)."""
        return self.read(offset) & 0xFFFFFFFF if self.clocked() else 0

    def bus_write(self, offset: int, value: int) -> None:
        if self.clocked():
            self.write(offset, value)

    def read(self, offset: int) -> int:
        if offset not in self.registers:
            raise ModelError(f"{type(self).__name__} at 0x{self.base:08x} has no register at offset 0x{offset:02x}")
        return self.registers[offset]

    def write(self, offset: int, value: int) -> None:
        self.read(offset)
        self.registers[offset] = value
