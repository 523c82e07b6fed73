"""The processor of the modelled STM32F405: runs functions of capture/stm32f4_irq.mpy on the chip's registers."""

from collections.abc import Callable
from functools import cache

from unicorn import UcError
from unicorn.arm_const import UC_ARM_REG_PC

from host_tools.emulator import cortex, mpy_file
from host_tools.emulator.stm32f405 import memory_map as c
from host_tools.emulator.stm32f405.peripheral import ModelError
from host_tools.toolchain import build_mpy

MOST_INSTRUCTIONS = 1_000_000  # of one run: it hangs
MODULE = "wattless/capture/stm32f4_irq.mpy"


@cache
def shipped() -> mpy_file.Module:
    return mpy_file.read(build_mpy.build("armv7emsp") / MODULE)


class Cpu(cortex.Cortex):
    """The block is copied to its place before a run and back after it; all other memory is the chip's."""

    def __init__(self, chip, module: mpy_file.Module | None = None):
        super().__init__()
        self.chip = chip
        self.functions = self.load(module or shipped())
        self._block_at = c.BLOCK
        self._cycles = c.CYCLES_AN_INSTRUCTION
        self._executed = self._start = 0
        self._error: BaseException | None = None
        self._uc.mem_map(c.BLOCK & ~0xFFF, 0x1000)
        alias = (c.BIT_BAND, 32 * c.PERIPHERAL_BYTES)
        for base, size in ((c.PERIPHERALS, c.PERIPHERAL_BYTES), alias, (c.RAM, c.RAM_BYTES)):
            self._uc.mmio_map(base, size, self._on_read, base, self._on_write, base)

    def interrupt(self) -> int:
        """Runs the handler; instructions that it took, with those of the runtime."""
        self.run("drdy", None)
        return self.count.total

    def run(self, name: str, *args):
        """A function of the module on integers. Time goes on while it runs."""
        block = self.chip.block
        self._uc.mem_write(self._block_at, bytes(memoryview(block).cast("B")))
        self._executed, self._start = 0, self.chip.now
        try:
            result = self.call(self.functions[name], *args)
        finally:
            if self._error:
                error, self._error = self._error, None
                raise error
        self._now()
        memoryview(block).cast("B")[:] = self._uc.mem_read(self._block_at, 4 * len(block))
        return result

    def _run(self, function) -> None:
        """As Cortex does it, without its thread that watches the time: five times as fast."""
        try:
            self._uc.emu_start(function.address | 1, cortex._STOP)
        except UcError as error:
            raise ModelError(f"{function.name}{self._where} ends in a fault: {self._fault or error}") from None
        if self._error is None and self._uc.reg_read(UC_ARM_REG_PC) != cortex._STOP:
            raise cortex.MachineError(f"{function.name} does not come back")

    def _on_block(self, uc, address, size, data) -> None:
        super()._on_block(uc, address, size, data)
        self._executed += self._length((address, size))
        if self._executed > MOST_INSTRUCTIONS:
            uc.emu_stop()

    def _now(self) -> None:
        self.chip.run_to(self._start + self._cycles * self._executed)

    def _on_read(self, uc, offset, size, base) -> int:
        return self._try(lambda: self._access(base, offset, size, None))

    def _on_write(self, uc, offset, size, value, base) -> None:
        self._try(lambda: self._access(base, offset, size, value))

    def _access(self, base: int, offset: int, size: int, value: int | None) -> int:
        self._now()
        chip, address = self.chip, base + offset
        if base != c.RAM:
            if value is None:
                return chip.read(address)
            chip.write(address, value)
        elif value is None:
            return chip.load(address, size)
        else:
            chip.store(address, value, size)
        return 0

    def _try(self, access: Callable[[], int]) -> int:
        if self._error is None:
            try:
                return access()
            except Exception as error:  # in a callback of C: it goes on when the machine has stopped
                self._error = error
                self._uc.emu_stop()
        return 0
