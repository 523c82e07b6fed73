"""A pyboard v1.1 with MicroPython's stm32 port: machine, pyb, stm, uctypes as far as a meter may use them.

Pins, alternate functions and bus pins from ports/stm32/boards (PYBV11/pins.csv, PYBV11/mpconfigboard.h,
stm32f405_af.csv); arguments as the port's C sources refuse them. UART.write waits until the last bit has left, as
uart.c does; reads wait for the characters that were asked for, up to timeout_char.
"""

import calendar
import sys
from collections import deque
from typing import Any

from tests.boards.chips import Fram
from tests.boards.stubs import Hardware, Reset, module

HEADER = {
    "X1": "A0", "X2": "A1", "X3": "A2", "X4": "A3", "X5": "A4", "X6": "A5", "X7": "A6", "X8": "A7", "X9": "B6",
    "X10": "B7", "X11": "C4", "X12": "C5", "X17": "B3", "X18": "C13", "X19": "C0", "X20": "C1", "X21": "C2",
    "X22": "C3", "Y1": "C6", "Y2": "C7", "Y3": "B8", "Y4": "B9", "Y5": "B12", "Y6": "B13", "Y7": "B14", "Y8": "B15",
    "Y9": "B10", "Y10": "B11", "Y11": "B0", "Y12": "B1",
}  # fmt: skip
# (alternate function, pin) -> what it is there
FUNCTIONS = {
    (1, "A0"): "TIM2 ETR", (5, "B12"): "SPI2 NSS", (5, "B13"): "SPI2 SCK", (5, "B14"): "SPI2 MISO",
    (5, "B15"): "SPI2 MOSI", (8, "C6"): "USART6 TX", (8, "C7"): "USART6 RX", (7, "A2"): "USART2 TX",
    (7, "A3"): "USART2 RX", (5, "A4"): "SPI1 NSS", (5, "A5"): "SPI1 SCK", (5, "A6"): "SPI1 MISO",
    (5, "A7"): "SPI1 MOSI", (2, "A0"): "TIM5 CH1",
}  # fmt: skip
UARTS = {1: ("B6", "B7"), 2: ("A2", "A3"), 3: ("B10", "B11"), 4: ("A0", "A1"), 6: ("C6", "C7")}
SPIS = {1: ("A5", "A6", "A7"), 2: ("B13", "B14", "B15")}
UART_CLOCK = {1: 84_000_000, 2: 42_000_000, 3: 42_000_000, 4: 42_000_000, 6: 84_000_000}
SPI_CLOCK = {1: 84_000_000, 2: 42_000_000}
CCM = range(0x10000000, 0x10010000)


class Pyboard(Hardware):
    """memory: the chip on SPI1 with select(on) and clock(bytes) -> bytes, or None; left
    out: a FRAM. usb: what the host's end does."""

    epoch_year = 2000
    used = {"B3": "USR switch", "A13": "LED", "A14": "LED", "A15": "LED", "B4": "LED", "A9": "USB", "A11": "USB",
            "A12": "USB"}  # fmt: skip

    def __init__(self, memory: Any = True) -> None:
        super().__init__()
        self.memory = Fram() if memory is True else memory
        self.rtc = (2015, 1, 1, 4, 0, 0, 0, 255)
        self.rtc_us = self.now_us  # when its second began
        self.switch = False
        self.usb = Usb()
        self.uarts: dict[int, Any] = {}
        self.ccm = bytearray(b"\xaa" * len(CCM))
        self.ccm_given = 0
        self.modules.update(
            machine=module(
                "machine", Pin=_pin(self), SPI=_spi(self), UART=_uart(self), WDT=_wdt(self), RTC=_rtc(self),
                reset=self._reset, disable_irq=lambda: 1, enable_irq=lambda state: None, mem8=Registers(),
                mem16=Registers(), mem32=Registers(), freq=lambda: 168_000_000,
            ),
            pyb=module("pyb", USB_VCP=_vcp(self), Switch=_switch(self), usb_mode=lambda mode: self.call("usb", mode)),
            stm=module("stm", mem8=Registers(), mem16=Registers(), mem32=Registers(), **CONSTANTS),
            uctypes=module("uctypes", bytearray_at=self._bytearray_at, addressof=lambda buffer: id(buffer) & 0x3FFFFFC),
        )  # fmt: skip

    def cpu_name(self, pin: str) -> str:
        name = HEADER.get(pin, pin)
        if name not in HEADER.values() and name not in self.used:
            raise ValueError(f"Pin({pin}) doesn't exist")
        return name

    def started(self) -> None:
        """The converter is not there, and the registers are not played here (tests/hardware): SPI2 is dead."""
        sys.modules["front_end"].exchange = lambda block, sent, got, size: size

    def streaming(self, board: Any) -> None:
        """Replies are sent by the frames' interrupt."""
        board.frames.streaming = True

    def console(self) -> bytearray:
        return self.usb.received

    def _reset(self) -> None:
        raise Reset

    def _bytearray_at(self, address: int, size: int) -> memoryview:
        first = address - CCM.start
        if address not in CCM or first + size > len(CCM):
            raise AssertionError(f"bytearray_at({address:#x}, {size}) is outside the CCM: the board would crash")
        return memoryview(self.ccm)[first : first + size]


class Registers(dict):
    """mem32 and the like: remembers what was written, reads 0 elsewhere."""

    def __missing__(self, address: int) -> int:
        return 0


class Usb:
    """The host's end of the USB port. room: bytes that it takes now; fetches: bytes that it fetches each ms."""

    def __init__(self) -> None:
        self.connected = True
        self.room: float = 1024
        self.fetched_us = 0
        self.fetches = 1024
        self.received = bytearray()
        self.typed = bytearray()


CONSTANTS = {
    "RCC": 0x40023800, "RCC_AHB1ENR": 0x30, "RCC_APB1ENR": 0x40, "RCC_APB2ENR": 0x44, "EXTI": 0x40013C00,
    "SYSCFG": 0x40013800, "GPIOA": 0x40020000, "GPIOB": 0x40020400, "GPIOC": 0x40020800, "SPI1": 0x40013000,
    "SPI2": 0x40003800, "USART2": 0x40004400, "USART6": 0x40011400, "TIM2": 0x40000000, "TIM5": 0x40000C00,
    "DMA1": 0x40026000, "DMA2": 0x40026400, "FLASH": 0x40023C00,
}  # fmt: skip


def _pin(board: Pyboard) -> type:
    class Pin:
        IN, OUT, OPEN_DRAIN, ALT, ALT_OPEN_DRAIN, ANALOG = 0, 1, 17, 2, 18, 3
        PULL_UP, PULL_DOWN = 1, 2
        IRQ_RISING, IRQ_FALLING = 0x10110000, 0x10210000
        AF_PP = 2

        def __init__(self, name: Any, mode: int = -1, pull: int | None = None, *, value: Any = None, alt: int = -1,
                     af: int = -1, hard: bool = False):  # fmt: skip
            self.pin = name.pin if isinstance(name, Pin) else board.cpu_name(name)
            self.mode = mode
            if mode == -1:
                return
            if mode not in (0, 1, 2, 3, 17, 18):
                raise ValueError(f"invalid pin mode: {mode}")
            by = {0: "input", 1: "output", 17: "output", 3: "analog"}.get(mode, "")
            if not by:
                alt = alt if alt >= 0 else af
                if (alt, self.pin) not in FUNCTIONS:
                    raise ValueError(f"invalid pin af: {alt} on {self.pin}")
                by = FUNCTIONS[alt, self.pin]
            board.take(self.pin, by)
            if pull is not None:
                board.pulls[self.pin] = {1: "up", 2: "down"}[pull]
            if value is not None:
                self.value(value)

        init = __init__

        def value(self, level: int | None = None) -> int | None:
            if level is None:
                return board.level(self.pin)
            if self.mode not in (1, 17):
                raise AssertionError(f"{self.pin} is no output")
            board.call("pin", self.pin, level)
            if self.pin == "A4" and board.memory:
                board.memory.select(not level)
            return None

        __call__ = value

        def irq(self, handler: Any = None, trigger: int = 0, hard: bool = False) -> None:
            board.call("irq", self.pin, trigger, hard)

    return Pin


def _spi(board: Pyboard) -> type:
    class SPI:
        MSB, LSB = 0, 1

        def __init__(self, number: int, baudrate: int = 328125, *, polarity: int = 1, phase: int = 0, bits: int = 8,
                     firstbit: int = 0):  # fmt: skip
            if number not in SPIS:
                raise ValueError(f"SPI({number}) doesn't exist")
            if bits != 8 or polarity not in (0, 1) or phase not in (0, 1):
                raise ValueError("unsupported SPI format")
            for pin, signal in zip(SPIS[number], ("SCK", "MISO", "MOSI"), strict=True):
                board.take(pin, f"SPI{number} {signal}")
            divider = next((d for d in (2, 4, 8, 16, 32, 64, 128, 256) if SPI_CLOCK[number] / d <= baudrate), 256)
            self.byte_us = 8e6 * divider / SPI_CLOCK[number]
            self.selected = bytearray()

        def _clock(self, data: bytes) -> bytes:
            board.wait(len(data) * self.byte_us)
            return board.memory.clock(data) if board.memory else b"\xff" * len(data)

        def write(self, data: Any) -> None:
            self._clock(bytes(data))

        def readinto(self, buffer: Any, fill: int = 0) -> None:
            buffer[:] = self._clock(bytes([fill]) * len(buffer))

    return SPI


def _uart(board: Pyboard) -> type:
    class UART:
        def __init__(self, number: int, *arguments: Any, **keywords: Any):
            if number not in UARTS:
                raise ValueError(f"UART({number}) doesn't exist")
            self.number = number
            self.rx: deque[int] = deque()
            self.sent = bytearray()
            board.uarts[number] = self
            for pin, signal in zip(UARTS[number], ("TX", "RX"), strict=True):
                name = f"USART{number}" if number != 4 else "UART4"
                board.take(pin, f"{name} {signal}")
            if arguments or keywords:
                self.init(*arguments, **keywords)

        def init(self, baudrate: int, bits: int = 8, parity: int | None = None, stop: int = 1, *, timeout: int = 0,
                 flow: int = 0, timeout_char: int = 0, rxbuf: int = 64, read_buf_len: int = 64):  # fmt: skip
            if bits not in (7, 8, 9) or (bits + (parity is not None)) not in (7, 8, 9):
                raise ValueError("unsupported combination of bits and parity")
            if parity not in (None, 0, 1) or stop not in (1, 2):
                raise ValueError("parity or stop bits")
            divisor = round(UART_CLOCK[self.number] / baudrate) if baudrate > 0 else 0
            if not 16 <= divisor <= 65535 or abs(UART_CLOCK[self.number] / divisor - baudrate) > baudrate / 20:
                raise ValueError(f"set baudrate {baudrate} is not within 5% of desired value")
            self.character_us = 1e6 * (1 + bits + (parity is not None) + stop) / baudrate
            self.timeout = timeout
            self.timeout_char = max(timeout_char, 13000 // baudrate + 2)
            board.call("uart", self.number, baudrate, bits, parity, stop)

        def deinit(self) -> None:
            pass

        def any(self) -> int:
            return len(self.rx)

        def readinto(self, buffer: Any, size: int | None = None) -> int | None:
            wanted = len(buffer) if size is None else size
            if not self.rx:
                board.wait(1000 * self.timeout)
                return None
            n = min(wanted, len(self.rx))
            for i in range(n):
                buffer[i] = self.rx.popleft()
            if n < wanted:
                board.wait(1000 * self.timeout_char)
            return n

        def write(self, data: Any) -> int:
            board.wait(len(data) * self.character_us)
            self.sent += bytes(data)
            return len(data)

    return UART


def _wdt(board: Pyboard) -> type:
    class WDT:
        def __init__(self, id: int = 0, timeout: int = 5000):
            if id != 0:
                raise ValueError(f"WDT({id}) doesn't exist")
            ticks = timeout
            for _ in range(6):
                ticks = ticks // 2 if ticks >= 512 else ticks
            if ticks <= 0:
                raise ValueError("WDT timeout too short")
            if 8 * ticks > 0xFFF:
                raise ValueError("WDT timeout too long")
            board.call("wdt", timeout)

        def feed(self) -> None:
            board.call("feed")

    return WDT


def _rtc(board: Pyboard) -> type:
    class RTC:
        """Counts 1/256 s down; writing it starts a second."""

        def datetime(self, t: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
            time = board.modules["time"]
            if t is not None:
                if len(t) != 8 or not 2000 <= t[0] <= 2099 or t[3] != calendar.weekday(*t[:3]) + 1:
                    raise ValueError(f"datetime{t}")
                board.rtc, board.rtc_us = t, board.now_us
                return None
            began = time.mktime((*board.rtc[:3], *board.rtc[4:7], 0, 0))
            passed = board.now_us - board.rtc_us
            now = time.gmtime(began + passed // 1_000_000)
            return (*now[:3], now[6] + 1, *now[3:6], 255 - passed % 1_000_000 * 256 // 1_000_000)

    return RTC


def _switch(board: Pyboard) -> type:
    class Switch:
        def value(self) -> bool:
            return board.switch

    return Switch


def _vcp(board: Pyboard) -> type:
    class UsbVcp:
        def isconnected(self) -> bool:
            return board.usb.connected

        def any(self) -> bool:
            return bool(board.usb.typed)

        def recv(self, buffer: Any, *, timeout: int = 5000) -> int:
            n = min(len(buffer), len(board.usb.typed))
            buffer[:n] = board.usb.typed[:n]
            del board.usb.typed[:n]
            if n < len(buffer):
                board.wait(1000 * timeout)
            return n

        def send(self, data: Any, *, timeout: int = 5000) -> int:
            usb = board.usb
            if timeout:
                raise AssertionError("USB_VCP.send without timeout=0 waits for a host that does not fetch")
            board.wait(20)  # what the call takes
            usb.room = min(1024, usb.room + usb.fetches * (board.now_us - usb.fetched_us) / 1000)
            usb.fetched_us = board.now_us
            n = min(int(usb.room), len(data))
            usb.received += bytes(data[:n])
            usb.room -= n
            return n

        def write(self, data: Any) -> int:
            raise AssertionError("USB_VCP.write waits up to 500 ms for each byte")

    return UsbVcp
