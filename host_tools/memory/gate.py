"""Does a profile fit? The meter runs with the heap that the board leaves it, and has to keep what it promises."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from host_tools.memory import measure, native
from host_tools.memory.measure import Look, Machine, Report
from host_tools.memory.rooms import Profile, Room, by_room, drivers

SETTLED_S = 90.0  # by then every list has its length, the log of events too, and every path was taken once
TICK_S = 60  # when a 10-minute interval ends in a profile's run
GROWTH = 64  # bytes a minute by which a flat heap may seem to grow: collections differ by a block or two
_STEP = 512  # bytes, of the search for the smallest heap
_SHORT_S = 20.0


class CannotMeasure(Exception):
    """The meter does not run where it has all the heap it wants. The message says what it said."""


@dataclass
class Verdict:
    """profile: what was tried; heap: bytes of heap that it ran with; needed: the smallest heap it ran in, 0: not looked
    for; problems: why it does not fit, empty: it does."""

    profile: Profile
    heap: int
    report: Report
    growth: float  # bytes a minute
    needed: int
    problems: list[str]

    @property
    def fits(self) -> bool:
        return not self.problems


def rooms_of(machine: Machine, rooms: Sequence[str]) -> dict[str, Room]:
    """The rooms of the firmware as they are with these optional ones."""
    report = measure.run(machine, "table", 2.0, rooms=rooms, drivers=drivers("pybv11"))
    if report.error:
        raise CannotMeasure(f"the table cannot be measured on {machine.name}: {report.error}")
    return by_room(report.parts, native_bytes(machine, report))


def native_bytes(machine: Machine, report: Report) -> dict[str, int]:
    """Machine code in the heap, by module: none where it is frozen."""
    if machine.tree is None:
        return {}
    modules = [name for name in report.parts if not name.startswith("+")]
    return {name: size for name in modules if (size := native.heap_bytes_of(machine.tree, [name]))}


def heap_for(machine: Machine, budget: int, modules: Iterable[str]) -> int:
    """The heap size that stands for `budget` bytes: less the native code of the modules where that lies outside."""
    if not machine.native_outside or machine.tree is None:
        return budget
    return budget - native.heap_bytes_of(machine.tree, modules)


def run(machine: Machine, profile: Profile, seconds: float, smallest: bool = False) -> Verdict:
    """Runs a profile in its gate."""
    options = {"rooms": profile.rooms, "front_end": profile.front_end, "drivers": profile.drivers}
    heap = profile.gate
    if machine.native_outside:
        heap = heap_for(machine, heap, measure.run(machine, "table", 1.0, **options).parts)
    report = measure.run(machine, "run", seconds, heap=heap, every_s=2.0, before_tick_s=TICK_S, **options)
    needed = smallest_heap(machine, heap, options) if smallest else 0
    growth = slope(report.looks)
    return Verdict(profile, heap, report, growth, needed, problems(profile, report, growth, seconds))


def problems(profile: Profile, report: Report, growth: float, seconds: float) -> list[str]:
    """What keeps a run from counting as a fit."""
    found = []
    if report.error:
        at = f" after {report.looks[-1].t:.0f} s" if report.looks else " at the start"
        found.append(f"ended{at}: {report.error}")
    elif report.seconds < seconds - 1 or report.windows < 5 * (seconds - 2):
        found.append(f"{report.windows} windows in {report.seconds:.0f} s of {seconds:.0f} s")
    if not found and report.answered < report.asked - 1:
        found.append(f"Modbus: {report.answered} answers to {report.asked} requests")
    if report.looks and min(look.free for look in report.looks) < profile.free:
        found.append(f"{min(look.free for look in report.looks)} B free after a collection, wanted {profile.free} B")
    if growth > GROWTH:
        found.append(f"the heap grows by {growth:.0f} B a minute")
    return found


def slope(looks: Sequence[Look]) -> float:
    """Growth of the heap in use once it is settled, bytes a minute: least squares. 0 of less than a minute."""
    settled = [look for look in looks if look.t >= SETTLED_S]
    if len(settled) < 2 or settled[-1].t - settled[0].t < 60:
        return 0.0
    mean_t = sum(look.t for look in settled) / len(settled)
    mean = sum(look.used for look in settled) / len(settled)
    over = sum((look.t - mean_t) * (look.used - mean) for look in settled)
    return 60 * over / sum((look.t - mean_t) ** 2 for look in settled)


def smallest_heap(machine: Machine, known: int, options: Mapping[str, object]) -> int:
    """The smallest heap, to 512 bytes, in which the meter starts and runs 20 s. known: where to begin."""
    low, high = 0, known
    while not _runs(machine, high, options):
        low, high = high, high + 32768
    while high - low > _STEP:
        middle = (low + high) // 2
        if _runs(machine, middle, options):
            high = middle
        else:
            low = middle
    return high


def _runs(machine: Machine, heap: int, options: Mapping[str, object]) -> bool:
    report = measure.run(machine, "run", _SHORT_S, heap=heap, **options)
    return not report.error and report.windows >= 5 * (_SHORT_S - 2)


def fingerprints(machines: Iterable[Machine]) -> dict[str, tuple[int, int]]:
    """(number made of the integers of all windows of 6 s, how many windows) on every interpreter, with viper and with
    Thumb-2 kernels: all the same, or one of them computes something else."""
    found = {}
    for machine in machines:
        for thumb in (False, True) if machine.thumb else (False,):
            report = measure.run(machine, "run", 6.0, thumb=thumb, json_lines=True, realtime=False, shell=False)
            if report.error or not report.fingerprint[1]:
                raise CannotMeasure(f"no fingerprint on {machine.name}: {report.error}")
            found[f"{machine.name}, {'Thumb-2' if thumb else 'viper'}"] = report.fingerprint
    return found
