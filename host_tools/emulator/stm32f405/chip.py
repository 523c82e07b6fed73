"""Time, memory map and the interrupt of the modelled STM32F405."""

import heapq
from collections.abc import Callable
from itertools import count

from host_tools.emulator.stm32f405 import cpu, dma, gpio, serial, timers
from host_tools.emulator.stm32f405.memory_map import BIT_BAND, BLOCK, CYCLES_PER_US, ENTRY_CYCLES, PERIPHERALS, RAM
from host_tools.emulator.stm32f405.peripheral import ModelError, Peripheral

__all__ = ["CYCLES_PER_US", "Chip", "ModelError"]


class Chip:
    """latency: cycles from an interrupt becoming pending to the handler's first instruction, asked anew each time;
    MicroPython's entry, ENTRY_CYCLES, is the least.

    now: cycles of 168 MHz. entries: (when, the handler's instructions) of each interrupt. handles: whether the
    interrupt runs the handler (else it stays pending, as while interrupts are off)."""

    def __init__(self, latency: Callable[[], int] = lambda: 0):
        self.now = 0
        self.latency = latency
        self.handles = True
        self.entries: list[tuple[int, int]] = []
        self.block = None  # the firmware's, by Board
        self._events: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()
        self._buffers: list[tuple[int, int, memoryview, object]] = []
        self._free = RAM
        self._in_handler = self._asked = False
        self.rcc = gpio.Rcc(self)
        self.gpioa, self.gpiob, self.gpioc = (gpio.Port(self, 0x40020000 + 0x400 * n, n) for n in range(3))
        self.syscfg = gpio.Syscfg(self)
        self.exti = gpio.Exti(self)
        self.tim2 = timers.Timer(self, 0x40000000, 0)
        self.tim5 = timers.Timer(self, 0x40000C00, 3)
        self.spi2 = serial.Spi(self)
        self.usart2 = serial.Usart(self)
        self.dma1 = dma.Dma1(self)
        everything = [value for value in vars(self).values() if isinstance(value, Peripheral)]
        self._map = {p.base >> 10: p for p in everything}
        self.cpu = cpu.Cpu(self)

    # time

    def at(self, time: int, function: Callable[[], None]) -> None:
        heapq.heappush(self._events, (time, next(self._order), function))

    def advance(self, cycles: int) -> None:
        self.run_to(self.now + cycles)

    def run_to(self, time: int) -> None:
        while self._events and self._events[0][0] <= time:
            when, _, function = heapq.heappop(self._events)
            self.now = max(self.now, when)
            function()
        self.now = max(self.now, time)

    # the interrupt: EXTI0

    def ask_interrupt(self) -> None:
        """EXTI line 0 is pending."""
        if not self._in_handler and not self._asked:
            self._asked = True
            self.at(self.now + max(0, self.latency() - ENTRY_CYCLES), self._interrupt)

    def _interrupt(self) -> None:
        self._asked = False
        if not (self.handles and self.exti.pending()):
            return
        self.exti.acknowledge()  # MicroPython does, before it calls the handler
        self._in_handler = True
        self.run_to(self.now + ENTRY_CYCLES)
        start = self.now
        self.entries.append((start, self.cpu.interrupt()))
        self._in_handler = False
        if self.exti.pending():
            self.ask_interrupt()

    # memory

    def address_of(self, buffer) -> int:
        """Where a buffer of the firmware lies; it is there from now on."""
        view = memoryview(buffer).cast("B")
        for start, _, _, kept in self._buffers:
            if kept is buffer:
                return start
        start = BLOCK if buffer is self.block else self._free
        if start != BLOCK:
            self._free += len(view) + 63 & ~31
        self._buffers.append((start, start + len(view), view, buffer))
        return start

    def _place(self, address: int, what: str) -> tuple[memoryview, int]:
        for start, end, view, _ in self._buffers:
            if start <= address < end:
                return view, address - start
        raise ModelError(f"{what} at 0x{address:08x}, where no buffer is")

    def load(self, address: int, size: int = 1) -> int:
        view, at = self._place(address, "a read")
        return int.from_bytes(view[at : at + size], "little")

    def store(self, address: int, value: int, size: int = 1) -> None:
        view, at = self._place(address, "a write")
        view[at : at + size] = value.to_bytes(size, "little")

    @staticmethod
    def _alias(address: int) -> tuple[int, int]:
        """Word and bit of an address in the bit-band alias (RM0090 2.3.3)."""
        byte, bit = divmod((address - BIT_BAND) // 4, 8)
        return PERIPHERALS + (byte & ~3), 8 * (byte & 3) + bit

    def peripheral(self, address: int) -> Peripheral:
        found = self._map.get(address >> 10)
        if found is None:
            raise ModelError(f"an access to 0x{address:08x}, where the model has nothing")
        return found

    def read(self, address: int) -> int:
        if address >= BIT_BAND:
            word, bit = self._alias(address)
            return self.read(word) >> bit & 1
        return self.peripheral(address).bus_read(address & 0x3FF)

    def write(self, address: int, value: int) -> None:
        if address >= BIT_BAND:
            word, bit = self._alias(address)
            value = self.read(word) & ~(1 << bit) | (value & 1) << bit
            address = word
        self.peripheral(address).bus_write(address & 0x3FF, value & 0xFFFFFFFF)
