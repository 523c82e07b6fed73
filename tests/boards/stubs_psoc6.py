"""Infineon's CY8CPROTO-062-4343W with its PSoC 6 port of MicroPython: machine, network, select, psoc6's console.

From ports/psoc6 (machine_uart.c, machine_rtc.c, machine_wdt.c, network_ifx_wcm.c, mpconfigport.h) and the board support
package's pins: what the sources refuse is refused here.
"""

from collections import deque
from typing import Any

from tests.boards.stubs import Hardware, Reset, module

# SCB: (RX, TX) pins of CY8C62xA that the kit leads out and needs for nothing else
UART_PINS = {"P9_0": ("SCB2", "RX"), "P9_1": ("SCB2", "TX"), "P10_0": ("SCB1", "RX"), "P10_1": ("SCB1", "TX")}
FIFO_BYTES = 128
USED = {f"P2_{i}": "WiFi" for i in range(7)} | {"P0_4": "WiFi wake-up and user button", "P5_0": "console",
        "P5_1": "console", "P13_7": "LED", "P6_4": "SWO", "P6_6": "SWD", "P6_7": "SWD"}  # fmt: skip
USED |= {f"P3_{i}": "Bluetooth" for i in range(6)} | {"P4_0": "Bluetooth"} | {f"P11_{i}": "flash" for i in range(2, 8)}
USED |= dict.fromkeys(("P12_4", "P12_5", "P13_0", "P13_1", "P13_2", "P13_3", "P13_5"), "SD card")


class Kit(Hardware):
    """network: names of access points and their passwords. typed: what comes in on the console."""

    pin_names = frozenset(f"P{port}_{i}" for port in (5, 6, 8, 9, 10, 12) for i in range(8)) | frozenset(USED)
    used = USED

    def __init__(self) -> None:
        super().__init__()
        self.network = {"site": "secret"}
        self.joined: str | None = None
        self.typed = bytearray()
        self.printed = bytearray()
        self.rtc = (2015, 1, 1, 0, 0, 0, 0, 0)
        self.rtc_us = self.now_us
        self.uarts: list[Any] = []
        self.modules.update(
            machine=module("machine", Pin=_pin(self), UART=_uart(self), WDT=_wdt(self), RTC=_rtc(self),
                           reset=self._reset),
            network=module("network", WLAN=_wlan(self), STA_IF=0, AP_IF=1),
            select=module("select", POLLIN=1, POLLOUT=4, poll=_poll(self)),
            sys=_sys(self),
        )  # fmt: skip

    def console(self) -> bytearray:
        return self.printed

    def _reset(self) -> None:
        raise Reset


def _sys(board: Kit) -> Any:
    """`sys` with the console of the port: stdin waits for all that it is asked for."""
    import sys

    class Input:
        def readinto(self, buffer: Any) -> int:
            if len(board.typed) < len(buffer):
                raise AssertionError("stdin.buffer.readinto waits until the buffer is full")
            buffer[:] = board.typed[: len(buffer)]
            del board.typed[: len(buffer)]
            return len(buffer)

    class Output:
        def write(self, data: Any) -> int:
            board.wait(len(data) * 1e7 / 115200)
            board.printed += bytes(data)
            return len(data)

    stdin, stdout = module("stdin", buffer=Input()), module("stdout", buffer=Output())
    return module("sys", **{**vars(sys), "stdin": stdin, "stdout": stdout})


def _poll(board: Kit) -> type:
    class Poll:
        def register(self, stream: Any, events: int) -> None:
            self.stream = stream

        def poll(self, timeout: int = -1) -> list[tuple[Any, int]]:
            if timeout:
                raise AssertionError("a poll that waits")
            return [(self.stream, 1)] if board.typed else []

    return Poll


def _pin(board: Kit) -> type:
    class Pin:
        IN, OUT, OPEN_DRAIN = 0, 1, 2
        PULL_UP, PULL_DOWN = 1, 2

        def __init__(self, name: str, mode: int | None = None, pull: int | None = None, *, value: int | None = None):
            self.pin = board.take(name, {0: "input", 1: "output", 2: "output"}[mode or 0])
            if pull is not None:
                board.pulls[self.pin] = {1: "up", 2: "down"}[pull]

        def value(self, level: int | None = None) -> int | None:
            if level is None:
                return board.level(self.pin)
            board.call("pin", self.pin, level)
            return None

    return Pin


def _uart(board: Kit) -> type:
    class UART:
        def __init__(self, id: int = -1):  # the port takes nothing else here
            self.rx: deque[int] = deque()
            self.fifo = 0  # bytes in it at fifo_us
            self.fifo_us = board.now_us
            self.sent = bytearray()
            self.pins: dict[str, str] = {}
            board.uarts.append(self)

        def init(self, baudrate: int = -1, bits: int = -1, parity: Any = -1, stop: int = -1, *, tx: Any = None,
                 rx: Any = None, timeout: int = -1, rxbuf: int = -1, flow: int = -1):  # fmt: skip
            first = not self.pins
            if first and (baudrate <= 0 or bits <= 0 or stop <= 0 or tx is None or rx is None):
                raise TypeError("baudrate, bits, stop bits and pins must be provided")
            if not first and (tx or rx):
                raise AssertionError("pins cannot be set again")
            if rxbuf > 0:
                raise AssertionError("a receive buffer takes the bytes that read does not see")
            legal = bits in (8, 9) and parity in (-1, None, 0, 1) and stop in (1, 2) and 1 <= baudrate <= 1_000_000
            if not legal:
                raise ValueError("UART configuration failed")
            for pin, signal in ((tx, "TX"), (rx, "RX")):
                if first:
                    if UART_PINS.get(pin, ("", ""))[1] != signal:
                        raise ValueError(f"UART initialisation failed: {pin} is no {signal}")
                    self.pins[signal] = board.take(pin, f"{UART_PINS[pin][0]} {signal}")
            self.character_us = 1e6 * (1 + bits + (parity in (0, 1)) + stop) / baudrate
            board.call("uart", baudrate, bits, parity, stop)

        def any(self) -> int:
            return len(self.rx)

        def readinto(self, buffer: Any) -> int | None:
            n = min(len(buffer), len(self.rx))
            for i in range(n):
                buffer[i] = self.rx.popleft()
            return n or None

        def write(self, data: Any) -> int:
            left = (board.now_us - self.fifo_us) / self.character_us
            self.fifo = max(0, self.fifo - int(left))
            self.fifo_us = board.now_us
            n = min(len(data), FIFO_BYTES - self.fifo)
            self.fifo += n
            self.sent += bytes(data[:n])
            return n

        def irq(self, *arguments: Any, **keywords: Any) -> None:
            raise AssertionError("with an interrupt, this port's read no longer tells how much it read")

    return UART


def _wdt(board: Kit) -> type:
    class WDT:
        def __init__(self, id: int = 0, timeout: int = 5000):
            if timeout <= 0:
                raise ValueError("WDT timeout too low")
            if timeout > 6000:
                raise ValueError("WDT timeout too high")
            board.call("wdt", timeout)

        def feed(self) -> None:
            board.call("feed")

    return WDT


def _rtc(board: Kit) -> type:
    class RTC:
        """Whole seconds; writing it starts one. Its week begins with Sunday, 0."""

        def datetime(self, t: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
            time = board.modules["time"]
            if t is not None:
                if len(t) != 8 or not 0 <= t[3] <= 6:
                    raise ValueError("cyhal_rtc_write failed")
                board.rtc, board.rtc_us = t, board.now_us
                return None
            began = time.mktime((*board.rtc[:3], *board.rtc[4:7], 0, 0))
            now = time.gmtime(began + (board.now_us - board.rtc_us) // 1_000_000)
            return (*now[:3], (now[6] + 1) % 7, *now[3:6], 0)

    return RTC


def _wlan(board: Kit) -> type:
    class WLAN:
        def __init__(self, interface: int):
            if interface not in (0, 1):
                raise ValueError("interface")
            self.on = False

        def active(self, on: bool) -> None:
            self.on = on

        def connect(self, ssid: str, key: str | None = None) -> None:
            board.wait(4_000_000)
            if not self.on or board.network.get(ssid, None) != key:
                raise ValueError("network sta connect error (with code: 33555456)")
            board.joined = ssid

        def isconnected(self) -> bool:
            return board.joined is not None

        def ifconfig(self) -> tuple[str, ...]:
            if board.joined is None:
                raise ValueError("network ifconfig error")
            return ("192.168.1.7", "255.255.255.0", "192.168.1.1", "192.168.1.1")

        def status(self, what: str) -> int:
            if what != "rssi":
                raise ValueError("network status unknown param")
            return -60

    return WLAN
