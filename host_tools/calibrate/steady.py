"""Waits until a reading is steady, and gives its mean.

A quantity is steady when over the last n windows neither its scatter (standard deviation of single windows) nor its
drift (the straight line through them, end to end) is beyond its limit. Angles (phi1 in their id) go on through 180
degrees.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt

WINDOWS = 15  # 3 s
SETTLE = 8  # windows that are left out after a change: they may still be of before
UNUSABLE = {"gap", "clip", "crc", "unsync", "overrun", "flat"}  # flags of a window that is no measurement


@dataclass(frozen=True)
class Limit:
    """Of scatter and drift: relative to the mean, and absolute in the quantity's unit; the larger one counts."""

    relative: float = 0.0
    absolute: float = 0.0

    def at(self, mean: float) -> float:
        return max(self.relative * abs(mean), self.absolute)


@dataclass(frozen=True)
class State:
    """Of one quantity: mean, standard deviation of a single window, drift over all of them, limit."""

    mean: float
    sigma: float
    drift: float
    limit: float
    windows: int

    @property
    def steady(self) -> bool:
        return self.sigma <= self.limit and abs(self.drift) <= self.limit

    @property
    def uncertainty(self) -> float:
        """Standard deviation of the mean."""
        return self.sigma / sqrt(self.windows)


class Unsteady(Exception):
    """It did not become steady in time. The message says which quantity, and by how much."""


def state(values: Sequence[float], limit: Limit) -> State:
    """Of a series of windows, at least three."""
    n = len(values)
    mean = sum(values) / n
    middle = (n - 1) / 2
    slope = sum((k - middle) * (value - mean) for k, value in enumerate(values)) / (n * (n * n - 1) / 12)
    sigma = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    bound = limit.at(mean)
    return State(mean, sigma, slope * (n - 1), bound, n)


class Watch:
    """The last n windows of some quantities. limits: by id; what has none is only averaged."""

    def __init__(self, limits: Mapping[str, Limit], windows: int = WINDOWS) -> None:
        self._limits = limits
        self._windows = windows
        self._kept: dict[str, deque[float]] = {}
        self.count = 0

    def add(self, values: Mapping[str, float | None]) -> None:
        """One window. A value that is not known begins its quantity anew."""
        self.count += 1
        for id_, value in values.items():
            kept = self._kept.setdefault(id_, deque(maxlen=self._windows))
            if value is None:
                kept.clear()
            elif kept and "phi1" in id_:
                kept.append(kept[-1] + (value - kept[-1] + 180) % 360 - 180)
            else:
                kept.append(float(value))

    def restart(self) -> None:
        self._kept.clear()

    @property
    def full(self) -> bool:
        return bool(self._kept) and all(len(self._kept.get(id_, ())) == self._windows for id_ in self._limits)

    def states(self) -> dict[str, State]:
        """Of what has been known for all n windows."""
        free = Limit(absolute=inf)
        return {
            id_: state(kept, self._limits.get(id_, free))
            for id_, kept in self._kept.items()
            if len(kept) == self._windows
        }

    @property
    def steady(self) -> bool:
        states = self.states()
        return self.full and all(states[id_].steady for id_ in self._limits)

    def worst(self) -> str:
        """What it waits for, with its figures."""
        missing = [id_ for id_ in self._limits if len(self._kept.get(id_, ())) < self._windows]
        if missing:
            least = min(len(self._kept.get(id_, ())) for id_ in missing)
            return f"{least} of {self._windows} windows of {', '.join(sorted(missing)[:4])}"
        states = self.states()

        def excess(id_: str) -> float:
            found = states[id_]
            return max(found.sigma, abs(found.drift)) / found.limit if found.limit else inf

        id_ = max(self._limits, key=excess)
        found = states[id_]
        kind, size = ("drift", abs(found.drift)) if abs(found.drift) > found.sigma else ("scatter", found.sigma)
        return f"{id_}: {kind} {size:.3g}, wanted {found.limit:.3g} (mean {found.mean:.7g})"


def wait(
    read: Callable[[], tuple[int, Iterable[str], Mapping[str, float | None]]],
    limits: Mapping[str, Limit],
    *,
    windows: int = WINDOWS,
    settle: int = SETTLE,
    timeout_s: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[], None] = lambda: time.sleep(0.05),
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, State]:
    """Reads windows until they are steady. read: (sequence number, flags, values); a window is taken once.

    say: told what it waits for, about once a window. Unsteady after timeout_s, or at once when nothing new comes for
    so long."""
    watch = Watch(limits, windows)
    end = clock() + timeout_s
    seen: int | None = None
    left, reason = settle, "no new window: does the meter measure?"
    while clock() < end:
        seq, flags, values = read()
        if seq == seen:
            pause()
            continue
        # windows pass whether we look or not
        left -= 1 if seen is None else max(1, seq - seen)
        seen = seq
        if left >= 0:
            continue
        bad = UNUSABLE & set(flags)
        if bad:
            watch.restart()
            reason = f"windows are flagged {', '.join(sorted(bad))}"
            say(reason)
            continue
        watch.add(values)
        if watch.steady:
            return watch.states()
        reason = watch.worst()
        say(reason)
    raise Unsteady(f"not steady within {timeout_s:g} s: {reason}")
