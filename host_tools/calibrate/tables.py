"""Errors of a meter against the limits of its class: IEC 62053-22 for active energy, points and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from host_tools.calibrate import model

CLASSES = ("0.2S", "0.5S")
ANGLES = {"1": 0.0, "0.5L": 60.0, "0.8C": -36.869898}  # phi1
CURRENTS = (1.0, 5.0, 20.0, 100.0, 120.0)  # % of In
# class -> at PF 1: (from % In, % of reading) and at 0.5 L, 0.8 C
_LIMITS = {
    "0.2S": (((5.0, 0.2), (1.0, 0.4)), ((10.0, 0.3), (2.0, 0.5))),
    "0.5S": (((5.0, 0.5), (1.0, 1.0)), ((10.0, 0.6), (2.0, 1.0))),
}


@dataclass(frozen=True, order=True)
class Point:
    """percent: of In; pf: "1", "0.5L" (lagging) or "0.8C" (leading)."""

    percent: float
    pf: str = "1"

    @property
    def angle(self) -> float:
        return ANGLES[self.pf]

    def __str__(self) -> str:
        return f"{self.percent:g} % In, PF {self.pf}"


ALL = tuple(Point(percent, pf) for pf in ANGLES for percent in CURRENTS)
USUAL = (Point(100), Point(20), Point(5), Point(100, "0.5L"), Point(20, "0.5L"), Point(100, "0.8C"))
FEWEST = (Point(100), Point(100, "0.5L"))


def point(text: str) -> Point:
    """Of "100@0.5L". ValueError says what is allowed."""
    percent, _, pf = text.partition("@")
    try:
        found = Point(float(percent), pf or "1")
    except ValueError:
        found = Point(0.0)
    if found.pf not in ANGLES or not 0 < found.percent <= 200:
        raise ValueError(f"{text}: want PERCENT@PF, e.g. 100@0.5L, with PF one of {', '.join(ANGLES)}")
    return found


def limit(where: Point, class_: str) -> float | None:
    """% of reading; None: the class sets none there."""
    for least, error in _LIMITS[class_][where.pf != "1"]:
        if where.percent >= least * (1 - 1e-9):
            return error
    return None


@dataclass(frozen=True)
class Row:
    """Errors of one phase at one point. p, v, i: %; phi: degrees; limit: of p, %, None where there is none; sigma: of
    p's mean, %."""

    point: str
    phase: int
    p: float
    v: float
    i: float
    phi: float
    limit: float | None
    sigma: float = 0.0

    @property
    def passes(self) -> bool:
        return self.limit is None or abs(self.p) <= self.limit

    def as_dict(self) -> dict:
        return {**asdict(self), "passes": self.passes}


def rows(where: Point, measured: model.Measured, elements: Iterable[int], class_: str) -> list[Row]:
    """What a step found, phase by phase."""
    read, true = measured.read, measured.true
    made = []
    for k in elements:
        ids = [f"{name}_l{k}" for name in ("p", "v", "i", "phi1")]
        p, v, i = (model.power_error(read[id_], true[id_]) for id_ in ids[:3])
        sigma = 100 * measured.sigma.get(ids[0], 0.0) / abs(true[ids[0]])
        made.append(Row(str(where), k, p, v, i, model.turn(read[ids[3]] - true[ids[3]]), limit(where, class_), sigma))
    return made


def not_applied(applied: Iterable[Point]) -> list[Point]:
    return sorted(set(ALL) - set(applied), key=ALL.index)


def passes(found: Sequence[Row]) -> bool:
    """Whether there is a point of the class, and all are within its limits."""
    return any(row.limit is not None for row in found) and all(row.passes for row in found)


def verdict(found: Sequence[Row]) -> str:
    judged = [row for row in found if row.limit is not None]
    if not judged:
        return "no point of the class was applied"
    bad = [row for row in judged if not row.passes]
    if bad:
        worst = max(bad, key=lambda row: abs(row.p) / row.limit)
        return f"outside the limits: L{worst.phase} at {worst.point}: {worst.p:+.3f} %, allowed {worst.limit:g} %"
    worst = max(judged, key=lambda row: abs(row.p) / row.limit)
    share = 100 * abs(worst.p) / worst.limit
    return f"inside the limits; worst L{worst.phase} at {worst.point}: {worst.p:+.4f} %, {share:.0f} % of the limit"


def show(title: str, found: Sequence[Row | Mapping], console) -> None:
    """found: rows, or the dicts of a record."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for name in ("point", "", "P %", "limit", "V %", "I %", "phi deg", ""):
        table.add_column(name, justify="left" if name in ("point", "") else "right")
    before = None
    for row in found:
        row = row if isinstance(row, Mapping) else row.as_dict()
        if before not in (None, row["point"]):
            table.add_section()
        mark = "" if row["limit"] is None else "[green]ok[/]" if row["passes"] else "[bold red]outside[/]"
        allowed = "none" if row["limit"] is None else f"{row['limit']:g}"
        numbers = [f"{row['p']:+.4f}", allowed, f"{row['v']:+.4f}", f"{row['i']:+.4f}", f"{row['phi']:+.4f}"]
        table.add_row(row["point"] if row["point"] != before else "", f"L{row['phase']}", *numbers, mark)
        before = row["point"]
    console.print(table)
