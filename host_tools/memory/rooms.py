"""The rooms of the firmware: which modules and parts belong together, and whether a board can do without them."""

import ast
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.toolchain.paths import ROOT

KILOBYTE = 1024

# Room: what its modules' names begin with; the longest that fits counts. What main itself takes is its tasks, and lists
# that grew while it ran.
ROOMS: dict[str, tuple[str, ...]] = {
    "interpreter, asyncio": ("asyncio",),
    "board, converter driver": (
        "board", "front_end", "rtc", "spi", "usb", "uart", "console", "link", "esp", "wattless.capture.ads131m08",
        "wattless.capture.stm32f4",
    ),
    "config, settings, start": (
        "main", "wattless", "wattless.config", "wattless.settings", "wattless.calibration", "wattless.kernels",
        "wattless.selftest", "wattless.supervisor", "wattless.station", "wattless.status",
    ),
    "capture": ("wattless.capture", "wattless.dsp.phase", "wattless.dsp.frequency", "wattless.time_base"),
    "dsp": ("wattless.dsp",),
    "metering core": ("wattless.meter", "wattless.metering"),
    "events": (
        "wattless.event_log", "wattless.metering.events", "wattless.metering.watch", "wattless.metering.rapid_changes",
    ),
    "flicker": ("wattless.metering.flicker", "wattless.dsp.flicker"),
    "aggregation": ("wattless.metering.aggregation", "wattless.metering.interval"),
    "source": ("wattless.metering.source",),
    "diagnosis": (
        "wattless.metering.diagnosis", "wattless.metering.explanations", "wattless.metering.voltage_checks",
        "wattless.metering.load_steps", "wattless.capture.health",
    ),
    "points": ("wattless.points",),
    "modbus rtu": ("wattless.services",),
    "tcp": ("wattless.services.modbus_tcp", "asyncio.stream"),
    "console": ("wattless.services.console", "wattless.services.shell", "wattless.commands"),
    "mqtt": ("wattless.services.mqtt", "wattless.services.sparkplug"),
    "web": ("wattless.services.web",),
    "evidence": ("wattless.evidence",),
    "storage": ("wattless.storage",),
}  # fmt: skip
OPTIONAL = ("aggregation", "flicker", "source", "diagnosis", "tcp", "mqtt", "web", "evidence")


@dataclass(frozen=True)
class Profile:
    """A board with a build of the firmware.

    heap: bytes that MicroPython offers; gate: what the meter may have of it; free: bytes that must be left after a
    collection; front_end: bytes that the capture keeps for DMA in the heap; rooms: optional ones that the board starts;
    drivers: the modules beside its board.py that they want.
    """

    board: str
    build: str  # "mpy" or "frozen"
    heap: int
    gate: int
    free: int
    front_end: int
    rooms: tuple[str, ...]
    drivers: tuple[str, ...] = ()


@dataclass
class Room:
    modules: int = 0  # heap of the modules, their native code included
    native: int = 0  # of that: machine code
    data: int = 0  # heap of the objects
    parts: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.modules + self.data


def room_of(name: str) -> str:
    """The room of a module or part ("+module.part"). KeyError for what belongs to none."""
    name = name.lstrip("+")
    fits = [
        (len(prefix), room)
        for room, prefixes in ROOMS.items()
        for prefix in prefixes
        if name.startswith(prefix) and name[len(prefix) : len(prefix) + 1] in ("", ".", "_")
    ]
    if not fits:
        raise KeyError(f"the module {name} belongs to no room of host_tools/memory/rooms.py: add it there")
    return max(fits)[1]


def by_room(parts: Mapping[str, int], native: Mapping[str, int]) -> dict[str, Room]:
    """The rooms that have anything. parts: bytes of each module and "+part"; native: machine code of each module."""
    found = {room: Room() for room in ROOMS}
    for name, size in parts.items():
        room = found[room_of(name)]
        room.parts[name] = size
        if name.startswith("+"):
            room.data += size
        else:
            room.modules += size
            room.native += native.get(name, 0)
    return {name: room for name, room in found.items() if room.parts}


def declared_rooms(board: str, name: str = "rooms", root: Path = ROOT) -> tuple[str, ...] | None:
    """The tuple of optional rooms that boards/<board>/board.py gives `name`; None where it does not say."""
    path = root / "boards" / board / "board.py"
    if not path.exists():
        return None
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", None) == name for target in node.targets):
            try:
                return tuple(ast.literal_eval(node.value))
            except ValueError:
                return None
    return None


def drivers(board: str, rooms: Collection[str] = OPTIONAL, root: Path = ROOT) -> tuple[str, ...]:
    """The modules beside a board's board.py; those of its link only for who uses the network."""
    names = sorted(path.stem for path in (root / "boards" / board).glob("*.py"))
    networked = not {"tcp", "mqtt", "web"}.isdisjoint(rooms)
    return tuple(
        name
        for name in names
        if name not in ("board", "boot", "manifest") and (networked or not name.startswith(("link", "esp")))
    )


def frozen_only(board: str, root: Path = ROOT) -> bool:
    """Whether `wattless flash` leaves the firmware out, as a board's MicroPython has it frozen."""
    described = json.loads((root / "boards" / board / "board.json").read_text())
    return "wattless/*" in described.get("leave_out", ())


def profiles(root: Path = ROOT) -> list[Profile]:
    """What the boards claim to hold: their `rooms`, or _ROOMS_MPY and _ROOMS_FROZEN where it depends on the firmware.

    PYBV11: 106160 bytes of heap, from MicroPython's image; 25 ms of DMA frames take 7728 (SLOTS
    of capture/stm32f4.py). CY8CPROTO: its port sets 256 KB aside for the heap."""
    found = []
    for board, heap, gate, free, front_end in _BOARDS:
        for build, name in (("mpy", "_ROOMS_MPY"), ("frozen", "_ROOMS_FROZEN")):
            if build == "mpy" and frozen_only(board, root):
                continue
            rooms = declared_rooms(board, name, root)
            if rooms is None:
                rooms = declared_rooms(board, "rooms", root)
            if rooms is not None:
                found.append(Profile(board, build, heap, gate, free, front_end, rooms, drivers(board, rooms, root)))
    return found


_BOARDS = (
    ("pybv11", 106160, 100 * KILOBYTE, 8 * KILOBYTE, 322 * 24),
    ("cy8cproto_062_4343w", 256 * KILOBYTE, 256 * KILOBYTE, 16 * KILOBYTE, 0),
)
