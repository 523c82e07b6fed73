"""The tables of `make memory` as text."""

from collections.abc import Mapping

from host_tools.memory.gate import Verdict
from host_tools.memory.rooms import OPTIONAL, Room

_LARGEST = 3  # parts that are named


def of_rooms(builds: Mapping[str, Mapping[str, Room]]) -> str:
    """Bytes of heap, room by room: from .mpy files (modules, of that machine code, data) and frozen (modules, data)."""
    mpy, frozen = builds["mpy"], builds["frozen"]
    names = list(dict.fromkeys([*mpy, *frozen]))
    lines = [
        "heap in bytes           from .mpy files                   frozen",
        "                        modules  (native)     data       modules     data   largest parts (frozen)",
    ]
    nothing = Room()
    for name in names:
        one, two = mpy.get(name, nothing), frozen.get(name, nothing)
        mark = "*" if name in OPTIONAL else " "
        lines.append(
            f"{mark}{name:22} {one.modules:8} {_in_brackets(one.native)} {one.data:8} "
            f"     {two.modules:8} {two.data:8}   {_largest(two)}"
        )
    one, two = total(mpy), total(frozen)
    lines.append(
        f" {'all':22} {one.modules:8} {_in_brackets(one.native)} {one.data:8}      {two.modules:8} {two.data:8}"
    )
    lines.append(f" together {one.total:31}          {two.total:27}   * = optional, see `rooms` in boards/README.md")
    lines.append(" (the self-test leaves memory at the start: it counts in modules, and with a minus in data)")
    return "\n".join(lines)


def total(rooms: Mapping[str, Room]) -> Room:
    """The sum of all rooms."""
    found = Room()
    for room in rooms.values():
        found.modules += room.modules
        found.native += room.native
        found.data += room.data
    return found


def _in_brackets(number: int) -> str:
    return f"({number})".rjust(9)


def _largest(room: Room) -> str:
    parts = sorted(room.parts.items(), key=lambda part: -part[1])[:_LARGEST]
    return ", ".join(f"{name.lstrip('+').removeprefix('wattless.')} {size}" for name, size in parts if size > 500)


def of_fingerprints(found: Mapping[str, tuple[int, int]]) -> str:
    if len(set(found.values())) == 1:
        windows = next(iter(found.values()))[1]
        return f"\nthe same integers in all of {windows} windows: {'; '.join(found)}\n"
    return "\nNOT THE SAME INTEGERS: " + "; ".join(f"{name}: {value[0]:08x}" for name, value in found.items()) + "\n"


def of_verdict(verdict: Verdict) -> str:
    profile, report = verdict.profile, verdict.report
    lines = [f"{profile.board}, {profile.build}, with {', '.join(profile.rooms) or 'no optional rooms'}:"]
    lines.append(
        f"  heap {verdict.heap} B of the board's {profile.heap} B (64 KB of fast memory apart; {profile.front_end} B"
        f" of it stand for DMA); {report.ready} B in use when the first frame is asked for"
    )
    if report.looks:
        used, free = [look.used for look in report.looks], [look.free for look in report.looks]
        lines.append(
            f"  {report.seconds or report.looks[-1].t:.0f} s, {report.windows} windows: after collections in use"
            f" {min(used)} to {max(used)} B ({verdict.growth:+.0f} B a minute), free {min(free)} B, largest block"
            f" {min(look.largest for look in report.looks)} B; {report.answered} Modbus answers,"
            f" {min(report.typed, report.said)} `diag`"
        )
    if verdict.needed:
        lines.append(f"  the smallest heap it runs in: {verdict.needed} B")
    lines.append("  fits" if verdict.fits else "  DOES NOT FIT: " + "; ".join(verdict.problems))
    return "\n".join(lines)
