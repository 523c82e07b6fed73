"""The pyboard v1.1 (STM32F405, 168 MHz) as a meter's board: pins and peripherals. wiring.md: what is soldered where.

The converter streams over SPI2 and DMA1, the RS-485 port over USART2: front_end.py. What must survive lies in a FRAM or
flash chip on SPI1: internal flash is never written while measuring, as that stalls the processor, and its cache is the
memory that fast_ram gives away. Every name is explained in boards/README.md.

Heap: 6.9 KB from .mpy with the modules beside it, without front_end, storage and link. Not yet run on hardware.
"""

import json
import os
import time

import front_end
import machine
import pyb
import rtc_stm32
import spi_stm32
import uctypes
import usb_stm32

from micropython import const
from wattless.storage.spi_memory import SpiFlash, SpiFram

NAME = "pybv11"

_CCM = const(0x10000000)  # RM0090 2.3.1: 64 KB that only the processor reaches
_CCM_BYTES = const(65536)
_WATCHDOG_MOST_MS = const(32767)  # the IWDG counts 12 bits of 256 / 32 kHz; MicroPython's driver takes no more
_CONFIG = "/flash/meter.json"

# The optional rooms that fit into 106,160 bytes of heap beside the measurement, with the frozen build: `make memory`
# has the table. From .mpy files there is no room even for the measurement.
rooms = ()


class _Watchdog:
    """Fed from the start, so that nobody has to ask; it bites only once start_watchdog has started it."""

    def __init__(self):
        self.timer = None

    def feed(self):
        if self.timer:
            self.timer.feed()


def _config_path():
    try:
        os.stat(_CONFIG)
        return _CONFIG
    except OSError:
        return None


def announce(what, details):
    """One JSON line on the console: {"announce": what, ...}."""
    line = {"announce": what}
    line.update(details)
    console.write(json.dumps(line).encode() + b"\n")
    console.flush()


def complain(text):
    """One plain line on the console."""
    console.write(text.encode() + b"\n")
    console.flush()


clock = rtc_stm32.RtcClock(machine.RTC())
console = shell = usb_stm32.UsbPort(pyb.USB_VCP(), clock)
frames = front_end.FrontEnd()
uarts = [frames.uart]
realtime = True
epoch_ms = None
thumb = True
host = None  # sockets come from the link's module: it connects, it does not serve
config_path = _config_path()
serve_json = False  # the shell turns the lines on
serve_half_cycle = False
serve_modbus = True
evidence_ram = 0
watchdog = _Watchdog()
_given = 0  # bytes of CCM


def fast_ram(n):
    """n zero bytes of CCM. MemoryError when less is left of its 64 KB."""
    global _given
    if not 0 <= n <= _CCM_BYTES - _given:
        raise MemoryError("fast_ram(%d): %d bytes of %d are left" % (n, _CCM_BYTES - _given, _CCM_BYTES))
    memory = uctypes.bytearray_at(_CCM + _given, n)
    _given += (n + 3) // 4 * 4
    zeros = bytes(256)
    for at in range(0, n - n % 256, 256):
        memory[at : at + 256] = zeros
    for at in range(n - n % 256, n):
        memory[at] = 0
    return memory


def evidence_buffer():
    """Memory for raw frames: a window's 61 KB do not fit beside the meter."""
    return bytearray(evidence_ram)


def start_watchdog(timeout_ms):
    """Starts the independent watchdog, which only a reset stops: call it from main, never at the REPL. Returns its time
    in ms, the longest it has where more was asked for; 0: not started, as the USR switch is pressed, for work on a
    bench. ValueError below 1 ms."""
    if timeout_ms < 1:
        raise ValueError("watchdog: %d ms is not legal: want 1 ms or more" % timeout_ms)
    if pyb.Switch().value():
        return 0
    timeout_ms = min(timeout_ms, _WATCHDOG_MOST_MS)
    watchdog.timer = machine.WDT(timeout=timeout_ms)
    return timeout_ms


_tamper_pin = machine.Pin("B0", machine.Pin.IN, machine.Pin.PULL_UP)
_seal_pin = machine.Pin("B1", machine.Pin.IN, machine.Pin.PULL_UP)


def tamper():
    """Is the cover's loop broken? It pulls the pin to ground."""
    return _tamper_pin.value() == 1


def seal():
    """Is the jumper of the write protection set? It pulls the pin to ground."""
    return _seal_pin.value() == 0


def leave(code):
    """The program has come to its end: MicroPython's prompt takes over, and nothing starts it again."""


def reset():
    machine.reset()


def _link_uart():
    return machine.UART(6, 115200, bits=8, parity=None, stop=1, timeout=0, rxbuf=512)


class _Link:
    """The WiFi module; its code takes memory from the first connect on. tls: see link_esp_at, set it before connect."""

    name = "esp_at"
    tls = False

    def __init__(self):
        self._esp = None

    def connect(self, settings):
        if self._esp is None:
            from link_esp_at import EspAt

            self._esp = EspAt(_link_uart, clock)
        self._esp.tls = self.tls
        self._esp.connect(settings)

    def connected(self):
        return self._esp is not None and self._esp.connected()

    def poll(self):
        if self._esp:
            self._esp.poll()

    def status(self):
        return self._esp.status() if self._esp else {"name": self.name, "state": "off", "reason": "not started"}


def _medium():
    """The memory chip on SPI1, FRAM or else flash; None: neither answers, and this is told."""
    spi = machine.SPI(1, baudrate=10500000, polarity=0, phase=0)  # APB2's 84 MHz / 8
    command = spi_stm32.transfer(spi, machine.Pin("A4", machine.Pin.OUT, value=1))
    try:
        return SpiFram(command)
    except OSError as fram:
        try:
            return SpiFlash(command, wait=time.sleep_ms)
        except OSError as flash:
            complain("what is stored ends with the supply, there is no memory chip on SPI1: %s; %s" % (fram, flash))
            return None


store = _medium()

link = _Link()
