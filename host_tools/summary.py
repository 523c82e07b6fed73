"""The mean of many windows, kept as running sums: an hour has 18 000 of them."""

from collections import Counter
from math import atan2, degrees, hypot


class Summary:
    """windows, flagged: how many were seen; flags: how often each; first: the first unflagged window, the first of all
    without one."""

    def __init__(self) -> None:
        self.windows = 0
        self.flagged = 0
        self.flags: Counter[str] = Counter()
        self.first: dict = {}
        self._clean, self._all = _Sums(), _Sums()

    def add(self, line: dict) -> None:
        """Take in a line of the meter; events are passed over."""
        if "window" not in line:
            return
        self.windows += 1
        self._all.add(line)
        if line["flags"]:
            self.flagged += 1
            self.flags.update(line["flags"])
        else:
            self._clean.add(line)
        if not self.first or (self.first["flags"] and not line["flags"]):
            self.first = line

    @property
    def all_flagged(self) -> bool:
        """True where means are of flagged windows, because there are no others."""
        return self.flagged == self.windows

    def mean(self, name: str) -> float | None:
        """Mean of a point over the unflagged windows that know it; pf, dpf and phi1 are those of the mean powers."""
        kind, _, phase = name.partition("_l")
        if kind not in ("pf", "dpf", "phi1"):
            return (self._all if self.all_flagged else self._clean).mean(name)
        p, s, p1, q1 = (self.mean(id_ + ("_l" + phase if phase else "")) for id_ in ("p", "s", "p1", "q1"))
        if kind == "pf":
            return None if p is None or not s else p / s
        if p1 is None or q1 is None or not (p1 or q1):
            return None
        return degrees(atan2(q1, p1)) if kind == "phi1" else p1 / hypot(p1, q1)


class _Sums:
    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def add(self, line: dict) -> None:
        for name, value in line.items():
            if isinstance(value, (int, float)):
                self._sums[name] = self._sums.get(name, 0.0) + value
                self._counts[name] += 1

    def mean(self, name: str) -> float | None:
        return self._sums[name] / self._counts[name] if self._counts[name] else None
