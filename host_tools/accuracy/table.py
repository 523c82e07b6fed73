"""Results: rows of error, target and limit, as a table and as build/accuracy.json."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """error, target, limit: in the unit that `quantity` names, smaller is better; limit None: no standard sets one.

    The target is what the design asks for, the limit what the standard does; target None: printed, not judged.
    other: pqopen-lib's error with the same codes, None (or NaN) where it does not compute that or was not asked."""

    group: str
    case: str
    quantity: str
    error: float
    target: float | None
    limit: float | None = None
    other: float | None = None

    def __post_init__(self) -> None:
        if self.other is not None and isnan(self.other):
            object.__setattr__(self, "other", None)

    @property
    def passes(self) -> bool:
        return self.target is None or bool(self.error <= self.target)  # NaN does not


def save(results: Iterable[Result], path: Path) -> None:
    """JSON has no NaN: an error that could not be found is null."""
    rows = [{**asdict(r), "error": _number(r.error), "other": _number(r.other), "pass": r.passes} for r in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _number(value: float | None) -> float | None:
    return None if value is None or isnan(value) else float(value)


def show(results: Iterable[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    results = list(results)
    beside = any(result.other is not None for result in results)
    table = Table("group", "case", "quantity")
    for name in ("error", *(["pqopen"] if beside else []), "target", "limit", ""):
        table.add_column(name, justify="right")
    group = None
    for r in results:
        if r.group != group and group is not None:
            table.add_section()
        first, group = r.group != group, r.group
        mark = "" if r.target is None else "[green]pass[/]" if r.passes else "[bold red]FAIL[/]"
        other = ["" if r.other is None else f"{r.other:.3g}"] if beside else []
        bounds = ["" if bound is None else f"{bound:g}" for bound in (r.target, r.limit)]
        table.add_row(r.group if first else "", r.case, r.quantity, f"{r.error:.3g}", *other, *bounds, mark)
    Console(width=136 if beside else 120).print(table)
