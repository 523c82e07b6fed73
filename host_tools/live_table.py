"""The values of one window as a table in the terminal, or as an SVG picture of it: point ids in, picture out."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

UNKNOWN = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
ROWS = (("L1", "_l1"), ("L2", "_l2"), ("L3", "_l3"), ("N", "_n"), ("total", ""))
COLUMNS = ("V", "A", "W", "var", "PF", "THD V %", "THD I %")
QUADRANTS = {(True, True): "QI", (False, True): "QII", (False, False): "QIII", (True, False): "QIV"}
INDUCTIVE, CAPACITIVE = "cyan", "magenta"
SVG_COLUMNS = 80
REMOTE_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def table(values: Mapping, title: str, note: str = "") -> Table:
    """`values`: one JSON line of the meter (ids as in points.py, None: not known), {} before the first window.

    `note` goes below the table, beside frequency and flags: what the caller has to add."""
    picture = Table(title=title, title_style="bold", box=box.SIMPLE_HEAD, collapse_padding=True)
    picture.caption, picture.caption_style, picture.caption_justify = _caption(values, note), "", "left"
    picture.add_column("", style="bold", min_width=5)
    for name in COLUMNS:
        picture.add_column(name, justify="right", min_width=7)
    picture.add_column("", min_width=4)
    for name, suffix in ROWS:
        if suffix:
            picture.add_row(name, *_phase(values, suffix))
        else:
            picture.add_section()
            picture.add_row(name, *_phase(values, suffix), style="bold")
    return picture


def svg(values: Mapping, path: str, title: str = "Wattless") -> None:
    """Writes the table as an SVG picture to `path`. It needs nothing from the network: rich would fetch its font."""
    console = Console(record=True, width=SVG_COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(table(values, title))
    Path(path).write_text(REMOTE_FONTS.sub("", console.export_svg(title="wattless run")), encoding="utf-8")


def number(value: float | None, signed: bool = False) -> str:
    """Five significant digits, at most four decimals, never an exponent. `signed`: with a plus where it is positive."""
    if not _finite(value):
        return UNKNOWN
    digits_before_point = len(str(int(abs(value))))
    return fixed(value, max(0, min(4, 5 - digits_before_point)), signed)


def fixed(value: float | None, decimals: int, signed: bool = False) -> str:
    """So many decimals, with a typographical minus; a value that rounds to zero has no sign."""
    if not _finite(value):
        return UNKNOWN
    size = f"{abs(value):.{decimals}f}"
    sign = "" if float(size) == 0 else MINUS if value < 0 else "+" if signed else ""
    return sign + size


def quadrant(p: float | None, q1: float | None) -> str:
    """QI..QIV by the signs of P and Q1; nothing where either is not known, or where there is no power at all."""
    if p is None or q1 is None or (p == 0 and q1 == 0):
        return ""
    return QUADRANTS[p >= 0, q1 >= 0]


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _phase(values: Mapping, suffix: str) -> list[Text | str]:
    """The cells of a row: of one phase, of the neutral (a current only) or of the total (powers only)."""

    def known(name: str) -> float | None:
        return values.get(name + suffix)

    if suffix == "_n":
        return ["", number(known("i")), *[""] * 6]
    q1 = known("q1")
    colour = "" if not q1 else INDUCTIVE if q1 > 0 else CAPACITIVE
    cells = [number(known("v")), number(known("i"))] if suffix else ["", ""]
    cells += [number(known("p"), signed=True), Text(number(q1, signed=True), colour), fixed(known("pf"), 3)]
    cells += [fixed(known("thd_v"), 2), fixed(known("thd_i"), 2)] if suffix else ["", ""]
    return [*cells, Text(quadrant(known("p"), q1), colour)]


def _caption(values: Mapping, note: str) -> Text:
    caption = Text()
    caption.append(f" {fixed(values.get('f'), 3)} Hz", "bold")
    flags = values.get("flags")
    if flags is None:
        caption.append("   waiting for the first window", "yellow")
    else:
        caption.append(f"   window {values.get('window')}   flags: ")
        caption.append(" ".join(flags) or "none", "yellow" if flags else "green")
    caption.append("\n +var: current lags (inductive)", INDUCTIVE)
    caption.append(f"   {MINUS}var: current leads (capacitive)", CAPACITIVE)
    if note:
        caption.append("\n " + note, "yellow")
    return caption
