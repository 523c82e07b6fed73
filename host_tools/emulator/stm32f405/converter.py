"""What hangs on SPI2 and DRDY: frames of a converter that behaves as an ADS131M08 does on these pins, SBAS950B 8.5.1.

DRDY falls when a conversion is complete and rises when a frame was read; unread, it rises just before the next fall.
No fall comes while a frame is being read (8.5.1.5). Two conversions fit into the FIFO, a frame takes the older one
(8.5.1.9.1); with an empty FIFO the last one comes again, without the bits that say that it is new. SYNC (a short low
pulse at PC4) empties it and starts anew, three periods later.
"""

from collections.abc import Callable

CS_PIN, SYNC_PIN = 12, 4
PERIOD = 13125  # cycles: 12 800 samples/s
_NEW = 1  # byte of a frame with the DRDY bits


class Converter:
    """frame(k): the bytes of conversion k. period: cycles. blocks: whether reading holds back a fall of DRDY.
    offsets: conversion -> cycles by which its DRDY is off its time; missing: conversions without DRDY.

    converted: number of the last one; read: which conversions the frames read had, in order; commands: what came in
    on MOSI, other than zeros; blocked: conversions whose DRDY was held back; cut: frames not read to the end."""

    def __init__(self, chip, frame: Callable[[int], bytes], period: int = PERIOD, blocks: bool = True):
        self.chip = chip
        self.frame = frame
        self.period = period
        self.blocks = blocks
        self.offsets: dict[int, int] = {}
        self.missing: set[int] = set()
        self.converted = -1
        self.read: list[int] = []
        self.commands: list[int] = []
        self.blocked: list[int] = []
        self.cut: list[int] = []
        self.syncs = 0
        self.on = True
        self._fifo: list[int] = []
        self._selected = False
        self._out = b""
        self._at = 0
        self._level = 1
        self._low = False  # SYNC/RESET
        self._due = chip.now + period
        chip.spi2.slave = self
        chip.gpiob.watchers[CS_PIN] = self._select
        chip.gpioc.watchers[SYNC_PIN] = self._sync
        self._next()

    def _next(self) -> None:
        due, number = self._due, self.converted + 1
        self.chip.at(due + self.offsets.get(number, 0), lambda: self._convert(due, number))

    def _convert(self, due: int, number: int) -> None:
        if due != self._due:
            return  # SYNC came
        if self.on:
            self.converted = number
            self._fifo = [*self._fifo[-1:], number]
            if self.blocks and self._selected and 0 < self._at < len(self._out):
                self.blocked.append(number)
            elif number not in self.missing:
                self._drdy(1)
                self._drdy(0)
        self._due += self.period
        self._next()

    def clear(self) -> None:
        """What SYNC does to the FIFO, without a conversion beginning anew."""
        self._fifo.clear()
        self._drdy(1)

    def spike(self) -> None:
        """A disturbance on DRDY."""
        level = self._level
        self._drdy(1 - level)
        self._drdy(level)

    def _drdy(self, level: int) -> None:
        if level == self._level:
            return
        self._level = level
        for timer in (self.chip.tim2, self.chip.tim5):
            if timer is self.chip.tim2:
                timer.pin(falling=not level)
        self.chip.exti.edge(falling=not level)

    def _select(self, level) -> None:
        selected = level == 0
        if self._selected and not selected and 0 < self._at < len(self._out):
            self.cut.append(self.read[-1])
        if selected and not self._selected:
            self._at = 0
            self._out = b"?"
        self._selected = selected

    def exchange(self, byte: int) -> int:
        """A byte over SPI, both ways."""
        if not self._selected:
            return 0xFF
        if byte:
            self.commands.append(byte)
        if self._at == 0:
            fresh = bool(self._fifo)
            number = self._fifo.pop(0) if fresh else self.converted
            self.read.append(number)
            out = bytearray(self.frame(number))
            if not fresh:
                out[_NEW] = 0
            self._out = bytes(out)
        self._at += 1
        if self._at == len(self._out):
            self._drdy(1)
        return self._out[self._at - 1] if self._at <= len(self._out) else 0

    def _sync(self, level) -> None:
        self._low, low = level == 0, self._low
        if level == 1 and low:
            self.syncs += 1
            self._fifo = []
            self._drdy(1)
            self._due = self.chip.now + 3 * self.period
            self._next()
