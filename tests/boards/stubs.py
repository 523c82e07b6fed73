"""What the board modules of MicroPython's ports have in common when they are played on a PC: time, pins, imports.

A `Hardware` is one power-on of a board. It keeps the pins taken and by whom, an account of calls, and a clock that only
moves when somebody waits, so that a test sees how long a call blocked. `loaded` imports a board's modules with the
played ones in sys.modules and forgets both afterwards.
"""

import calendar
import contextlib
import importlib
import sys
import time as real_time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BOARDS = ROOT / "boards"
TICKS_PERIOD = 1 << 30
SET_SINCE = 1_700_000_000  # any time that a clock may show


class Reset(BaseException):
    """machine.reset(): the program ends here."""


class Hardware:
    """A board's pins, peripherals and time. Subclasses add the port's modules to `modules`."""

    epoch_year = 1970
    pin_names: frozenset[str] = frozenset()  # CPU pins that the board leads out
    used: Mapping[str, str] = {}  # CPU pins that the board itself needs: what for

    def __init__(self) -> None:
        self.now_us = 12_345_678
        self.waited_us = 0
        self.pins: dict[str, str] = {}  # CPU pin: who took it
        self.levels: dict[str, int] = {}  # what drives an input from outside
        self.pulls: dict[str, str] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.modules: dict[str, ModuleType] = {"time": self._time(), "micropython": _shim()}

    def call(self, *what: Any) -> None:
        self.calls.append(what)

    def wait(self, us: float) -> None:
        """Somebody waits: time goes on."""
        self.now_us += int(us)
        self.waited_us += int(us)

    def go_on(self, ms: int) -> None:
        """Time goes on by itself."""
        self.now_us += 1000 * ms

    def started(self) -> None:
        """board.py was imported."""

    def streaming(self, board: Any) -> None:
        """Frames come, as far as board.py can see."""

    def console(self) -> bytearray:
        """All that the program has said."""
        raise NotImplementedError

    def take(self, pin: str, by: str) -> str:
        """`by` takes a pin. ValueError for one that the board does not lead out, needs itself, or has given away."""
        pin = self.cpu_name(pin)
        if pin in self.used:
            raise ValueError(f"{pin} belongs to the board's {self.used[pin]}")
        if self.pins.setdefault(pin, by) != by:
            raise ValueError(f"{pin} is taken by {self.pins[pin]}, cannot be {by}")
        return pin

    def cpu_name(self, pin: str) -> str:
        if pin not in self.pin_names:
            raise ValueError(f"Pin({pin!r}) doesn't exist")
        return pin

    def drive(self, pin: str, level: int | None) -> None:
        """Drives an input from outside; None: leaves it open."""
        if level is None:
            self.levels.pop(pin, None)
        else:
            self.levels[pin] = level

    def level(self, pin: str) -> int:
        """The level of an input; an open one follows its pull."""
        if pin in self.levels:
            return self.levels[pin]
        if pin not in self.pulls:
            raise AssertionError(f"{pin} floats: nothing drives it, and no pull was set")
        return {"up": 1, "down": 0}[self.pulls[pin]]

    def _time(self) -> ModuleType:
        """The `time` module of a port: ticks of 30 bits, mktime and gmtime without zones, the port's epoch."""
        module = ModuleType("time")
        offset = calendar.timegm((self.epoch_year, 1, 1, 0, 0, 0))
        half = TICKS_PERIOD // 2

        def gmtime(seconds: int | None = None) -> tuple[int, ...]:
            if not isinstance(seconds, int):
                raise TypeError("want an int")
            t = real_time.gmtime(seconds + offset)
            return (t.tm_year, t.tm_mon, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_wday, t.tm_yday)

        def mktime(t: tuple[int, ...]) -> int:
            if len(t) not in (8, 9):
                raise TypeError("mktime needs a tuple of length 8 or 9")
            return calendar.timegm((*t[:6], 0, 0, 0)) - offset

        entries = {
            "ticks_ms": lambda: self.now_us // 1000 % TICKS_PERIOD,
            "ticks_us": lambda: self.now_us % TICKS_PERIOD,
            "ticks_diff": lambda a, b: (a - b + half) % TICKS_PERIOD - half,
            "sleep_ms": lambda ms: self.wait(1000 * ms),
            "sleep_us": self.wait,
            "sleep": lambda s: self.wait(1_000_000 * s),
            "gmtime": gmtime,
            "mktime": mktime,
        }
        for name, value in entries.items():
            setattr(module, name, value)
        return module


def _shim() -> ModuleType:
    """The project's own `micropython` for CPython."""
    module = importlib.import_module("micropython")
    for name in ("alloc_emergency_exception_buf", "schedule"):
        if not hasattr(module, name):
            setattr(module, name, lambda *arguments: None)
    return module


@contextlib.contextmanager
def loaded(folder: Path, hardware: Hardware | None) -> Iterator[ModuleType]:
    """boards/<name>/board.py, imported with the modules beside it and the played ones; all are forgotten afterwards."""
    names = {path.stem for path in folder.glob("*.py")} | (set(hardware.modules) if hardware else set()) | {"socket"}
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    for name in names:
        sys.modules.pop(name, None)
    if hardware:
        sys.modules.update(hardware.modules)
    else:
        sys.modules.update({name: module for name, module in before.items() if not (folder / f"{name}.py").exists()})
    if "socket" in before:
        sys.modules["socket"] = before["socket"]
    sys.path.insert(0, str(folder))
    try:
        board = importlib.import_module("board")
        if hardware:
            hardware.started()
        yield board
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def module(name: str, **entries: Any) -> ModuleType:
    made = ModuleType(name)
    for key, value in entries.items():
        setattr(made, key, value)
    return made
