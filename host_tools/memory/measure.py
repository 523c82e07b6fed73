"""Runs the meter on an interpreter with a heap of a given size, on samples of a site, and reads what it says of it."""

import json
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.adc_model import Adc, frame_bytes, tones
from host_tools.memory import interpreter, native
from host_tools.toolchain.paths import micropython

LARGE = 4 << 20  # a heap in which nothing has to be collected
FAR_S = 3600  # before the next 10-minute tick
RATE = 12800
FULL_SCALE = {"full_scale_v": 500.0, "full_scale_i": 100.0}
# A site whose frequency is none of the sampling's, with harmonics, unequal phases and a voltage that never gets steady.
SITE = [
    (f"{quantity}{phase}", 50.03 * order, size / order, -120.0 * order * (phase - 1) - lag)
    for phase in (1, 2, 3)
    for quantity, size, lag in (("v", 229.0 + phase, 0.0), ("i", 30.0 + 3 * phase, 25.0))
    for order in (1, 5, 7)
]
DIP_S = (5.0, 0.3)  # every so many seconds one of this length
_MAX_FREE = re.compile(r"max free sz: (\d+)")


@dataclass(frozen=True)
class Machine:
    """command: what starts it; path: MICROPYPATH; native_outside: machine code is not in its heap; thumb: Thumb-2
    kernels run; tree: its .mpy files, None where they are frozen."""

    name: str
    command: tuple[str, ...]
    path: str
    native_outside: bool
    thumb: bool
    tree: Path | None


@dataclass
class Look:
    """The heap at one instant, bytes: in use before a collection, and after; free; the largest free block."""

    t: float
    before: int
    used: int
    free: int
    largest: int = 0


@dataclass
class Report:
    """What a run said. parts: heap by module and "+part"; ready: heap in use when the first frame is asked for; board:
    of it, what the measuring takes; start: of a bare interpreter; error: why it ended early."""

    parts: dict[str, int] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)
    start: int = 0
    board: int = 0
    ready: int = 0
    windows: int = 0
    seconds: float = 0.0
    asked: int = 0
    answered: int = 0
    typed: int = 0
    said: int = 0
    fingerprint: tuple[int, int] = (0, 0)  # of the windows' integers; of how many windows
    error: str = ""


def stock() -> Machine:
    """Debian's interpreter: native code lies outside of its heap, Thumb-2 kernels do not run."""
    tree = interpreter.modules(interpreter.FOLDER / "stock-modules")
    return Machine("stock", (str(micropython("arm")),), f"{tree}:.frozen", True, False, tree)


def plain() -> Machine:
    """The interpreter with a board's heap, and .mpy files."""
    tree = interpreter.modules(interpreter.FOLDER / "plain-modules")
    return Machine("mpy", tuple(interpreter.interpreter("plain")), f"{tree}:.frozen", False, True, tree)


def frozen() -> Machine:
    """The interpreter with a board's heap, and all modules frozen."""
    return Machine("frozen", tuple(interpreter.interpreter("frozen")), ".frozen", False, True, None)


def run(
    machine: Machine,
    what: str,
    seconds: float,
    *,
    heap: int = LARGE,
    every_s: float = 0.0,
    rooms: Sequence[str] = (),
    front_end: int = 0,
    drivers: Sequence[str] = (),
    before_tick_s: int = FAR_S,
    thumb: bool | None = None,
    store: bool = True,
    shell: bool = True,
    json_lines: bool = False,
    realtime: bool = True,
    settings: dict | None = None,
) -> Report:
    """Measures `seconds` of SITE with a heap of `heap` bytes. what: "table" (parts are told) or "run"."""
    with tempfile.TemporaryDirectory(prefix="wattless-") as name:
        folder = Path(name)
        config = {**FULL_SCALE, "modbus_tcp_port": 5502 if "tcp" in rooms else None, **(settings or {})}
        (folder / "meter.json").write_text(json.dumps(config))
        (folder / "store").write_bytes(b"\xff" * 32768)
        options = {
            "what": what,
            "config": "meter.json",
            "thumb": machine.thumb if thumb is None else thumb,
            "rooms": list(rooms),
            "front_end_bytes": front_end,
            "drivers": list(drivers),
            "every_s": every_s,
            "before_tick_s": before_tick_s,
            "store": "store" if store else None,
            "shell": shell,
            "json": json_lines,
            "realtime": realtime,
        }
        (folder / "options.json").write_text(json.dumps(options))
        command = [*machine.command, "-X", f"heapsize={heap}", "-c", "import probe; probe.start('options.json')"]
        environment = {"PATH": os.defpath, "MICROPYPATH": machine.path}
        return _Child(command, folder, environment).report(seconds)


class _Child:
    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]):
        self.report_ = Report()
        self.errors = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors
        )

    def report(self, seconds: float) -> Report:
        feeder = threading.Thread(target=self._feed, args=(seconds,))
        feeder.start()
        try:
            for line in self.child.stdout:
                self._read(line.decode(errors="replace").rstrip())
            code = self.child.wait()
        finally:
            self.child.kill()
            self.child.wait()
            feeder.join()
            self.child.stdout.close()
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace").strip()
        self.errors.close()
        found = self.report_
        if (code or said) and not found.error:
            found.error = said.splitlines()[-1] if said else f"ended with code {code}"
        if not found.windows and not found.error and not found.seconds:
            found.error = "it ended without a word"
        return found

    def _feed(self, seconds: float) -> None:
        try:
            for block in frames(seconds):
                self.child.stdin.write(block)
            self.child.stdin.close()
        except OSError:
            pass  # the child ended early: its own words say why

    def _read(self, line: str) -> None:
        found = self.report_
        largest = _MAX_FREE.search(line)
        if largest and found.looks:
            found.looks[-1].largest = native.BLOCK * int(largest[1])
        if not line.startswith("@"):
            return
        what, *values = line[1:].split(" ")
        if what == "part":
            name = values[1]
            found.parts[name] = found.parts.get(name, 0) + int(values[0])
        elif what == "heap":
            numbers = [int(value) for value in values]
            found.looks.append(Look(numbers[0] / RATE, *numbers[1:]))
        elif what == "board":
            found.board, found.start = int(values[0]), int(values[1])
        elif what == "ready":
            found.ready = int(values[0])
        elif what == "end":
            records, found.asked, found.answered, found.windows = map(int, values)
            found.seconds = records / RATE
        elif what == "typed":
            found.typed, found.said = map(int, values)
        elif what == "fingerprint":
            found.fingerprint = (int(values[0]), int(values[1]))
        elif what in ("memory_error", "exit", "complain") and not found.error:
            found.error = f"{what.replace('_', ' ')}: {' '.join(values)}"


def frames(seconds: float) -> Iterator[bytes]:
    """Records of SITE with its dips, block by block."""
    adc = Adc(float(RATE), "ads131m08", **FULL_SCALE)
    count, block = round(seconds * RATE), round(DIP_S[0] * RATE)
    for first in range(0, count, block):
        values = tones(SITE, min(block, count - first), adc, first=first)
        values[-round(DIP_S[1] * RATE) :, :3] *= 0.7
        yield from frame_bytes([(first, values)], adc)
