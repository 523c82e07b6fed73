"""Infineon's CY8CPROTO-062-4343W (PSoC 62, Cortex-M4F at 150 MHz, WiFi) as a meter's board: everything but the capture.

For MicroPython's PSoC 6 port, which Infineon keeps (github.com/Infineon/micropython, branch ports-psoc6-main). What
this file says of the port was read in its sources and its page `quickref`. boards/README.md explains every name.

Heap: 9.0 KB from .mpy with the modules beside it, without storage. Not yet run on hardware.
"""

import json
import os
import sys

import console_psoc6
import link_wlan
import machine
import rtc_psoc6
import uart_psoc6

from micropython import const
from wattless.storage.media import FileMedium

NAME = "cy8cproto_062_4343w"

CAPTURE_REASON = (
    "this board has no capture front end: 12,800 frames/s need a SPI block, DMA descriptors and the trigger that "
    "starts them at DRDY, set up in registers by the clauses of Infineon's PSoC 6 Technical Reference Manual, which "
    "was not at hand when this was written; machine.SPI cannot do it (every transfer waits), and the port has no "
    "machine.disable_irq. Use boards/pybv11 to measure"
)

_CONFIG = "/flash/meter.json"
_STORE = "/flash/store"
_WATCHDOG_MOST_MS = const(6000)

# 256 KB of heap, most of which the ring and the window do not need as long as there is no capture: `make memory`.
rooms = ("aggregation", "flicker", "source", "diagnosis", "tcp", "mqtt")


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


frames = None
realtime = True
clock = rtc_psoc6.RtcClock(machine.RTC())
epoch_ms = None
console = shell = console_psoc6.Console(sys.stdin, sys.stdout)
uarts = [uart_psoc6.Rs485(machine.UART(), tx="P9_1", rx="P9_0")]
link = link_wlan.Wlan(clock)
host = "0.0.0.0"
thumb = True
fast_ram = bytearray  # all of its SRAM is reached by DMA, too
evidence_ram = 0
store = FileMedium(_STORE, block=262144)  # erase sectors of the S25FL512S: 256 KB
watchdog = _Watchdog()
config_path = _config_path()
serve_json = False  # at 115200 bit/s a window's line takes 1.7 s
serve_half_cycle = False
serve_modbus = True

_tamper_pin = machine.Pin("P9_2", machine.Pin.IN, machine.Pin.PULL_UP)
_seal_pin = machine.Pin("P9_3", machine.Pin.IN, machine.Pin.PULL_UP)


def evidence_buffer():
    """Memory for raw frames: none without a capture."""
    return bytearray(evidence_ram)


def start_watchdog(timeout_ms):
    """Starts the watchdog: call it from main, never at the REPL. Returns its time in ms, the longest it has where more
    was asked for. ValueError below 1 ms."""
    if timeout_ms < 1:
        raise ValueError("watchdog: %d ms is not legal: want 1 ms or more" % timeout_ms)
    timeout_ms = min(timeout_ms, _WATCHDOG_MOST_MS)
    watchdog.timer = machine.WDT(timeout=timeout_ms)
    return timeout_ms


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
