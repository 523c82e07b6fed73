"""Results: rows of error, target and limit, as a table and as build/accuracy.json."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """error, target, limit: in the unit that `quantity` names, smaller is better; limit None: no standard sets one.

    The target is what the design asks for, the limit what the standard does."""

    group: str
    case: str
    quantity: str
    error: float
    target: float
    limit: float | None = None

    @property
    def passes(self) -> bool:
        return bool(self.error <= self.target)


def save(results: Iterable[Result], path: Path) -> None:
    rows = [{**asdict(result), "error": float(result.error), "pass": result.passes} for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def show(results: Iterable[Result]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("group", "case", "quantity")
    for name in ("error", "target", "limit", ""):
        table.add_column(name, justify="right")
    group = None
    for r in results:
        if r.group != group and group is not None:
            table.add_section()
        first, group = r.group != group, r.group
        mark = "[green]pass[/]" if r.passes else "[bold red]FAIL[/]"
        limit = "" if r.limit is None else f"{r.limit:g}"
        table.add_row(r.group if first else "", r.case, r.quantity, f"{r.error:.3g}", f"{r.target:g}", limit, mark)
    Console(width=120).print(table)
