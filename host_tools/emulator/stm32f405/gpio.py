"""Clocks, pins and the external interrupt: RM0090 6.3, 8.4, 9.2, 12.3."""

from host_tools.emulator.stm32f405.peripheral import Peripheral

MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR, AFRL, AFRH = range(0, 0x28, 4)
IMR, EMR, RTSR, FTSR, SWIER, PR = range(0, 0x18, 4)
AHB1ENR, APB1ENR, APB2ENR = 0x30, 0x40, 0x44


class Rcc(Peripheral):
    def __init__(self, chip):
        super().__init__(chip, 0x40023800, None, (AHB1ENR, APB1ENR, APB2ENR))
        self.registers[AHB1ENR] = 0x001001FF  # as MicroPython leaves it: the ports and CCM

    def write(self, offset, value):
        super().write(offset, value)
        self.chip.dma1.serve()  # a clock that comes back finds the requests waiting


class Port(Peripheral):
    """pins: level of each as it drives it; watchers: pin -> function(level), called when an output changes."""

    def __init__(self, chip, base, number):
        super().__init__(chip, base, (AHB1ENR, number), (MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, LCKR, AFRL, AFRH))
        self.watchers = {}

    def mode(self, pin: int) -> int:
        return self.registers[MODER] >> 2 * pin & 3

    def function(self, pin: int) -> int | None:
        """The alternate function of a pin; None: it has none now."""
        return self.registers[AFRH if pin > 7 else AFRL] >> 4 * (pin & 7) & 15 if self.mode(pin) == 2 else None

    def drives(self, pin: int) -> int | None:
        """The level that the port gives to a pin, None: none."""
        return self.registers[ODR] >> pin & 1 if self.mode(pin) == 1 else None

    def write(self, offset, value):
        before = {pin: self.drives(pin) for pin in self.watchers}
        if offset == BSRR:  # setting wins over resetting (8.4.7)
            self.registers[ODR] = self.registers[ODR] & ~(value >> 16) & 0xFFFF | value & 0xFFFF
        else:
            super().write(offset, value)
        for pin, level in before.items():
            if self.drives(pin) != level:
                self.watchers[pin](self.drives(pin))


class Syscfg(Peripheral):
    def __init__(self, chip):
        super().__init__(chip, 0x40013800, None, (0x08, 0x0C, 0x10, 0x14))


class Exti(Peripheral):
    """Line 0 of it, on PA0 when SYSCFG says so."""

    def __init__(self, chip):
        super().__init__(chip, 0x40013C00, None, (IMR, EMR, RTSR, FTSR, SWIER, PR))

    def edge(self, falling: bool) -> None:
        if self.chip.syscfg.registers[0x08] & 15 == 0 and self.registers[FTSR if falling else RTSR] & 1:
            self.registers[PR] |= 1
            if self.pending():
                self.chip.ask_interrupt()

    def pending(self) -> bool:
        return bool(self.registers[PR] & self.registers[IMR] & 1)

    def acknowledge(self) -> None:
        self.registers[PR] &= ~1

    def write(self, offset, value):
        if offset == PR:
            self.registers[PR] &= ~value
        else:
            super().write(offset, value)
            if self.pending():
                self.chip.ask_interrupt()
