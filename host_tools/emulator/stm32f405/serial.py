"""SPI2 as a master and the sender of USART2: RM0090 28.3 and 28.5, 30.3 and 30.6.

SPI2: a byte waits in the buffer (TXE) while one is shifted (BSY); what comes back is lost if the last byte was not read
(OVR). Pins PB13 to PB15 in AF5. In another mode than the converter's, 1, bytes come out shifted by a bit.
USART2: PA2 in AF7, 11 bits a character. TC falls when SR was read and DR is written then (30.6.1).
"""

from dataclasses import dataclass

from host_tools.emulator.stm32f405.gpio import AFRH, APB1ENR, MODER
from host_tools.emulator.stm32f405.peripheral import Peripheral

SPI_CR1, SPI_CR2, SPI_SR, SPI_DR = 0, 4, 8, 12
_RXNE, _TXE, _OVR, _BSY = 1, 2, 1 << 6, 1 << 7
_APB1_CYCLES = 4  # cycles of PCLK1, 42 MHz
USART_SR, USART_DR, USART_BRR, USART_CR1, USART_CR2, USART_CR3 = range(0, 0x18, 4)
_TC, _UTXE = 1 << 6, 1 << 7
_DE_PIN = 5


class Spi(Peripheral):
    """slave: what exchange(byte) -> byte is asked of, by Converter."""

    def __init__(self, chip):
        super().__init__(chip, 0x40003800, (APB1ENR, 14), (SPI_CR1, SPI_CR2))
        self.slave = None
        self._waiting: int | None = None  # byte in the transmit buffer
        self._shifting = False
        self._status = 0  # RXNE, OVR
        self._received = 0
        self._seen_overrun = False

    def byte_cycles(self) -> int:
        return 8 * _APB1_CYCLES * (2 << (self.registers[SPI_CR1] >> 3 & 7))

    def asks(self, request: str) -> bool:
        """Whether the DMA is to serve it."""
        if request == "rx":
            return bool(self.registers[SPI_CR2] & 1 and self._status & _RXNE)
        return bool(self.registers[SPI_CR2] & 2 and self._waiting is None and self._enabled())

    def _enabled(self) -> bool:
        """SPE, as a master of its own (SSM, SSI, MSTR), 8 bits, high bit first, without CRC."""
        cr1 = self.registers[SPI_CR1]
        return self.clocked() and cr1 & 0x344 == 0x344 and not cr1 & 0xBC80 | self.registers[SPI_CR2] & 0x10

    def read(self, offset):
        if offset == SPI_SR:
            if self._seen_overrun:
                self._seen_overrun = False
                self._status &= ~_OVR
            busy = _BSY if self._shifting else 0
            return self._status | busy | (_TXE if self._waiting is None else 0)
        if offset == SPI_DR:
            self._seen_overrun = bool(self._status & _OVR)
            self._status &= ~_RXNE
            return self._received
        return super().read(offset)

    def write(self, offset, value):
        if offset == SPI_DR:
            if self._waiting is None and self._enabled():
                self._waiting = value & 0xFF
                self._shift()
            return
        super().write(offset, value)
        self.chip.dma1.serve()

    def _shift(self) -> None:
        if self._shifting or self._waiting is None:
            return
        byte, self._waiting = self._waiting, None
        self._shifting = True
        self.chip.at(self.chip.now + self.byte_cycles(), lambda: self._shifted(byte))

    def _shifted(self, byte: int) -> None:
        self._shifting = False
        pins = self.chip.gpiob.registers
        wired = pins[MODER] >> 26 == 0b101010 and pins[AFRH] >> 20 == 0x555  # PB13 to PB15
        back = self.slave.exchange(byte) if self.slave and wired else 0xFF
        if self.registers[SPI_CR1] & 3 != 1:
            back = back << 1 & 0xFF
        if self._status & _RXNE:
            self._status |= _OVR
        else:
            self._received = back
            self._status |= _RXNE
        self._shift()
        self.chip.dma1.serve()


@dataclass
class Character:
    """On the line: when it began and ended, in cycles; whole: whether the driver was on all the while."""

    start: int
    end: int
    byte: int
    whole: bool


class Usart(Peripheral):
    """sent: all characters. driver: (when, level) of its pin, PC5. Parity is not formed, its bit takes its time."""

    def __init__(self, chip):
        super().__init__(chip, 0x40004400, (APB1ENR, 17), (USART_BRR, USART_CR1, USART_CR2, USART_CR3))
        self.sent: list[Character] = []
        self.driver: list[tuple[int, int]] = []
        self._waiting: int | None = None
        self._shifting = False
        self._complete = True
        self._seen = False  # SR was read while TC
        chip.gpioc.watchers[_DE_PIN] = self._drive

    def _drive(self, level) -> None:
        self.driver.append((self.chip.now, level))
        if self._shifting and not level:
            self.sent[-1].whole = False

    def character_cycles(self) -> int:
        return 11 * 4 * self.registers[USART_BRR]  # BRR: cycles of PCLK1, 42 MHz, a bit (30.3.4)

    def read(self, offset):
        if offset == USART_SR:
            self._seen = self._complete
            return (_TC if self._complete else 0) | (_UTXE if self._waiting is None else 0)
        return 0 if offset == USART_DR else super().read(offset)

    def write(self, offset, value):
        if offset != USART_DR:
            super().write(offset, value)
        elif self.registers[USART_CR1] & 0x2008 == 0x2008:  # UE, TE
            if self._seen:
                self._complete = self._seen = False
            self._waiting = value & 0xFF
            self._shift()

    def _shift(self) -> None:
        if self._shifting or self._waiting is None:
            return
        byte, self._waiting = self._waiting, None
        self._shifting = True
        now = self.chip.now
        whole = self.chip.gpioc.drives(_DE_PIN) == 1 and self.chip.gpioa.function(2) == 7
        self.sent.append(Character(now, now + self.character_cycles(), byte, whole))
        self.chip.at(self.sent[-1].end, self._shifted)

    def _shifted(self) -> None:
        self._shifting = False
        if self._waiting is None:
            self._complete = True
        self._shift()
