"""What every board package must be: `problems` says, in a line for each, where one is not.

The names, types and manners of boards/README.md, checked on a board module that was imported with played hardware
(tests/boards/stubs.py), and the package's files beside it.
"""

import inspect
import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.boards.packages import file_problems
from tests.boards.stubs import Hardware

ROOMS = ("aggregation", "flicker", "source", "diagnosis", "tcp", "mqtt", "web", "evidence")
FLAGS = ("realtime", "thumb", "serve_json", "serve_half_cycle", "serve_modbus")
FUNCTIONS = {  # name: positional arguments
    "fast_ram": 1, "evidence_buffer": 0, "start_watchdog": 1, "leave": 1, "reset": 0, "announce": 2, "complain": 1,
}  # fmt: skip
VALUES = (
    "NAME", "frames", "clock", "epoch_ms", "evidence_ram", "uarts", "host", "link", "console", "shell", "store",
    "watchdog", "tamper", "seal", "config_path", "rooms",
)  # fmt: skip
SLICE_MS = 5  # nothing may wait longer (DESIGN.md 7)
RAM_BYTES = 65536
FIRST_MS, NEXT_MS = 1_750_000_000_000, 1_750_000_003_250  # 2025-06-15


SETTINGS = SimpleNamespace(
    adc_rate=12800, adc_bits=16, gain_v=1, gain_i=1, wifi_ssid="nowhere", wifi_password="wrong"
)  # fmt: skip


def problems(board: Any, folder: Path, hardware: Hardware | None) -> list[str]:
    """What is wrong with the package in `folder`, whose board.py was imported as `board`; empty: nothing."""
    wrong = [f"board.py lacks the name {name}" for name in (*VALUES, *FLAGS, *FUNCTIONS) if not hasattr(board, name)]
    if wrong:
        return wrong + file_problems(folder, None)
    for check in CHECKS:
        before = hardware.waited_us if hardware else 0
        try:
            wrong += check(board, folder, hardware)
        except Exception as error:  # a board may fail in any way; it is told with the rule that it met
            wrong.append(f"{check.__name__.strip('_')}: {type(error).__name__}: {error}")
        waited = (hardware.waited_us - before) / 1000 if hardware else 0
        if waited > SLICE_MS and check not in (_link, _messages):  # joining may wait, and what is said at the start
            wrong.append(f"{check.__name__.strip('_')}: waited {waited:.1f} ms: nothing may wait above {SLICE_MS} ms")
    return wrong + file_problems(folder, hardware)  # at the end: by now all pins are taken


def _kinds(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    if board.NAME != folder.name:
        yield f"NAME is {board.NAME!r}, the folder is {folder.name!r}"
    for name in FLAGS:
        if not isinstance(getattr(board, name), bool):
            yield f"{name} is {getattr(board, name)!r}: want True or False"
    for name, kind in (("epoch_ms", int), ("host", str), ("config_path", str)):
        value = getattr(board, name)
        if value is not None and not isinstance(value, kind):
            yield f"{name} is {value!r}: want None or {kind.__name__}"
    if hardware and board.epoch_ms is not None:
        yield f"epoch_ms is {board.epoch_ms}: want None on hardware, whose clock tells"
    for name, count in FUNCTIONS.items():
        yield from _signature(name, getattr(board, name), count)
    for name in ("tamper", "seal"):
        if getattr(board, name) is not None:
            yield from _signature(name, getattr(board, name), 0)
            if not isinstance(getattr(board, name)(), bool):
                yield f"{name}() gives {getattr(board, name)()!r}: want True or False"


def _signature(name: str, function: Any, count: int) -> Iterator[str]:
    if not callable(function):
        yield f"{name} is {function!r}: want a function of {count} arguments"
        return
    if isinstance(function, type):
        return  # a class that is called with one argument, as bytearray
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        yield f"{name}{inspect.signature(function)}: want a function of {count} arguments"


def _rooms(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    if not isinstance(board.rooms, tuple) or len(set(board.rooms)) != len(board.rooms):
        yield f"rooms is {board.rooms!r}: want a tuple of different names"
        return
    for room in board.rooms:
        if room not in ROOMS:
            yield f"rooms: {room!r} is none of {', '.join(ROOMS)}"
    if "evidence" in board.rooms and not board.evidence_ram and board.realtime:
        yield "rooms: evidence without evidence_ram"
    if board.host is None and {"tcp", "web"} & set(board.rooms):
        yield "rooms: tcp and web want a host to serve at"
    if hardware and "mqtt" in board.rooms and board.link is None:
        yield "rooms: mqtt wants a link"


def _memory(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    if not isinstance(board.evidence_ram, int) or isinstance(board.evidence_ram, bool) or board.evidence_ram < 0:
        yield f"evidence_ram is {board.evidence_ram!r}: want a number of bytes"
    elif len(board.evidence_buffer()) != board.evidence_ram:
        yield f"evidence_buffer() has {len(board.evidence_buffer())} bytes, evidence_ram says {board.evidence_ram}"
    small = board.fast_ram(1001)
    large = board.fast_ram(RAM_BYTES - 1100)
    for memory, size in ((small, 1001), (large, RAM_BYTES - 1100)):
        if len(memory) != size or bytes(memory) != bytes(size):
            yield f"fast_ram({size}) gives {len(memory)} bytes, {size - bytes(memory).count(0)} of them not 0"
    small[:] = b"\x55" * len(small)
    large[:] = b"\xaa" * len(large)
    if bytes(small) != b"\x55" * len(small) or bytes(large) != b"\xaa" * len(large):
        yield "fast_ram gives the same memory twice"


def _frames(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    frames = board.frames
    if frames is None:
        reason = getattr(board, "CAPTURE_REASON", "")
        if not isinstance(reason, str) or len(reason.split()) < 10:
            yield f"frames is None, and CAPTURE_REASON is {reason!r}: want a text that says why"
        return
    for name, count in (("open", 2), ("calibrate", 1), ("readinto", 1), ("counters", 0)):
        if not hasattr(frames, name):
            yield f"frames lacks {name}"
        else:
            yield from _signature(f"frames.{name}", getattr(frames, name), count)
    if getattr(frames, "record_bytes", None) not in (24, 36):
        yield f"frames.record_bytes is {getattr(frames, 'record_bytes', None)}: want 24 or 36"
    if hardware and hasattr(frames, "open"):
        try:
            frames.open(SETTINGS, None)
            yield "frames.open does not mind that no converter answers: want OSError"
        except OSError as error:
            if len(str(error).split()) < 3:
                yield f"frames.open does not say what is wrong: {error}"
    if hasattr(frames, "counters"):
        counts = frames.counters()
        if not isinstance(counts, dict) or not all(isinstance(value, int) for value in counts.values()):
            yield f"frames.counters() gives {counts!r}: want a dict of counts"


def _clock(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    clock = board.clock
    first_ms, first_us = clock.ticks_ms(), clock.ticks_us()
    if hardware:
        hardware.go_on(300)
        passed = clock.diff(clock.ticks_ms(), first_ms), clock.diff(clock.ticks_us(), first_us)
        if passed != (300, 300_000):
            yield f"clock: {passed[0]} ms and {passed[1]} us by its ticks, when 300 ms passed"
        wrapped = clock.diff(5, (1 << 30) - 5)
        if wrapped != 10:
            yield f"clock.diff over the wrap of the ticks gives {wrapped}, want 10"
    now = clock.unix_ms()
    if now is not None and not isinstance(now, int):
        yield f"clock.unix_ms() gives {now!r}: want whole ms, or None"
    if hardware and now is not None:
        yield f"clock.unix_ms() gives {now} after a power-on without a battery: want None, nobody has set it"
    if hasattr(clock, "set"):
        yield from _setting(clock, hardware)


def _setting(clock: Any, hardware: Hardware | None) -> Iterator[str]:
    try:
        clock.set(0)
        yield "clock.set(0) takes 1970: want ValueError"
    except ValueError as error:
        if "want" not in str(error):
            yield f"clock.set(0) does not say what it wants: {error}"
    if not hardware:
        return
    clock.set(FIRST_MS)
    if abs(clock.unix_ms() - FIRST_MS) > 4:
        yield f"clock.unix_ms() gives {clock.unix_ms()} just after it was set to {FIRST_MS}"
    for _ in range(13):
        hardware.go_on(250)
        clock.unix_ms()
    if abs(clock.unix_ms() - NEXT_MS) > 5:
        yield f"clock.unix_ms() is {clock.unix_ms() - NEXT_MS} ms off 3.25 s after it was set"


def _uarts(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    if not isinstance(board.uarts, list):
        yield f"uarts is {board.uarts!r}: want a list"
        return
    if hardware:
        hardware.streaming(board)
    for uart in board.uarts:
        if not isinstance(getattr(uart, "path", None), str):
            yield "uarts: a port without path, its name"
        for baud, parity in ((19200, "E"), (2400, "N"), (230400, "O"), (9600, "E")):
            uart.init(baud, parity)
            if (uart.baud, uart.parity) != (baud, parity):
                yield f"uart.init({baud}, {parity!r}) leaves baud {uart.baud}, parity {uart.parity!r}"
        got = uart.readinto(bytearray(16))
        if got != 0:
            yield f"uart.readinto gives {got!r} when nothing has come: want 0"
        for data in (b"reply", memoryview(bytearray(255))):
            sent = uart.write(data)
            if sent != len(data):
                yield f"uart.write of {len(data)} bytes gives {sent!r}"


def _streams(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    for name, stream in (("console", board.console), ("shell", board.shell)):
        if stream is None and name == "shell":
            continue
        for method, count in (("write", 1), ("flush", 0) if name == "console" else ("readinto", 1)):
            if not hasattr(stream, method):
                yield f"{name} lacks {method}"
            else:
                yield from _signature(f"{name}.{method}", getattr(stream, method), count)
    if board.shell is not None and hasattr(board.shell, "readinto"):
        got = board.shell.readinto(bytearray(8))
        if got != 0:
            yield f"shell.readinto gives {got!r} when nothing was typed: want 0"


def _messages(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    for function, arguments, wanted in (
        (board.announce, ("modbus_rtu", {"baud": 19200}), {"announce": "modbus_rtu", "baud": 19200}),
        (board.complain, ("what is wrong",), "what is wrong"),
    ):
        heard = _heard(hardware, lambda f=function, a=arguments: f(*a))
        lines = heard.decode().splitlines()
        try:
            said = json.loads(lines[-1]) if isinstance(wanted, dict) else lines[-1]
        except (ValueError, IndexError):
            said = None
        if len(lines) != 1 or said != wanted:
            yield f"{function.__name__}{arguments} says {heard!r}: want one line, {wanted!r}"


def _heard(hardware: Hardware | None, function: Callable[[], None]) -> bytes:
    """What the console, or standard error, got."""
    if hardware is None:
        heard = io.StringIO()
        with redirect_stderr(heard):
            function()
        return heard.getvalue().encode()
    output = hardware.console()
    before = len(output)
    function()
    return bytes(output[before:])


def _link(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    link = board.link
    if link is None:
        return
    if not isinstance(getattr(link, "name", None), str):
        yield "link lacks its name"
    if link.connected() is not False:
        yield f"link.connected() gives {link.connected()!r} before connect: want False"
    status = link.status()
    if not isinstance(status, dict) or not {"name", "state", "reason"} <= set(status):
        yield f"link.status() gives {status!r}: want a dict with name, state and reason"
    for settings in (SimpleNamespace(), SimpleNamespace(wifi_ssid=None, wifi_password=None)):
        try:
            link.connect(settings)
            yield "link.connect without a name of a network: want ValueError"
        except ValueError as error:
            if "wifi_ssid" not in str(error):
                yield f"link.connect does not say which setting it lacks: {error}"
    link.connect(SETTINGS)
    if link.connected() or not link.status()["reason"]:
        yield f"link.status() gives {link.status()!r} where there is no such network"


def _store(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    store = board.store
    if store is None:
        return
    for name in ("name", "endurance"):
        if not getattr(store, name, None):
            yield f"store lacks {name}"
    wanted = ("names", "read", "write", "make") if getattr(store, "files", False) else ("readinto", "write", "erase")
    for name in wanted:
        if not callable(getattr(store, name, None)):
            yield f"store lacks {name}"


def _watchdog(board: Any, folder: Path, hardware: Hardware | None) -> Iterator[str]:
    dog = board.watchdog
    if dog is None:
        board.start_watchdog(2000)
        if board.watchdog is not None:
            yield "watchdog is None until it is started: nobody who asked before will feed it"
        return
    dog.feed()
    try:
        board.start_watchdog(0)
        yield "start_watchdog(0): want ValueError"
    except ValueError as error:
        if "want" not in str(error):
            yield f"start_watchdog(0) does not say what it wants: {error}"
    started = board.start_watchdog(8000)
    if not isinstance(started, int) or not 0 < started <= 8000:
        yield f"start_watchdog(8000) gives {started!r}: want the ms that it took, not more"
    dog.feed()
    if hardware and [call[0] for call in hardware.calls if call[0] in ("wdt", "feed")] != ["wdt", "feed"]:
        yield f"watchdog: want it started once and then fed, not {hardware.calls[-3:]}"


CHECKS: tuple[Callable[[Any, Path, Hardware | None], Iterator[str]], ...] = (
    _kinds, _rooms, _memory, _frames, _clock, _uarts, _streams, _messages, _link, _store, _watchdog,
)  # fmt: skip
