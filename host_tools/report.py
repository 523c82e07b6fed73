"""What a replay found, as a table in the terminal: phases as columns, means over the unflagged windows."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from host_tools.live_table import CAPACITIVE, INDUCTIVE, fixed, number, quadrant
from host_tools.replay import Job
from host_tools.summary import Summary

PHASES = {
    "1p2w": ("_l1",),
    "1p3w": ("_l1", "_l2", ""),
    "3p4w": ("_l1", "_l2", "_l3", ""),
    "3p3w": ("_l1", "_l2", "_l3", ""),
}
TITLES = {"_l1": "L1", "_l2": "L2", "_l3": "L3", "": "total"}
ROWS = (  # title, id, how it is written
    ("V", "v", number),
    ("I", "i", number),
    ("P  W", "p", lambda x: number(x, signed=True)),
    ("Q1  var", "q1", lambda x: number(x, signed=True)),
    ("S  VA", "s", number),
    ("N  VA", "n", number),
    ("PF", "pf", lambda x: fixed(x, 4)),
    ("displacement PF", "dpf", lambda x: fixed(x, 4)),
    ("angle φ1  deg", "phi1", lambda x: fixed(x, 2, signed=True)),
    ("THD V  %", "thd_v", lambda x: fixed(x, 3)),
    ("THD I  %", "thd_i", lambda x: fixed(x, 3)),
)
NO_TOTAL = ("v", "i", "thd_v", "thd_i")


def show(job: Job, summary: Summary, console: Console | None = None) -> None:
    """Print what was measured, the table, and what its numbers are means of."""
    console = console or Console()
    wiring = str(job.config["wiring"])
    console.print(f"\n [bold]{job.recording.name}[/bold]  {wiring}, {fixed(summary.mean('f'), 4)} Hz", highlight=False)
    console.print(table(wiring, summary))
    console.print(_caption(wiring, summary))


def table(wiring: str, summary: Summary) -> Table:
    """The means, a column a phase, and the totals where there is more than one."""
    suffixes = PHASES[wiring]
    picture = Table(box=box.SIMPLE_HEAD)
    picture.add_column("")
    for suffix in suffixes:
        picture.add_column(TITLES[suffix], justify="right", style="bold" if suffix == "" else "")
    for title, name, write in ROWS:
        cells = []
        for suffix in suffixes:
            value = summary.mean(name + suffix)
            colour = ("" if not value else INDUCTIVE if value > 0 else CAPACITIVE) if name == "q1" else ""
            cells.append("" if suffix == "" and name in NO_TOTAL else Text(write(value), colour))
        picture.add_row(title, *cells)
    picture.add_row(
        "quadrant", *(quadrant(summary.mean("p" + suffix), summary.mean("q1" + suffix)) for suffix in suffixes)
    )
    return picture


def _caption(wiring: str, summary: Summary) -> Text:
    text = Text()
    used = summary.windows if summary.all_flagged else summary.windows - summary.flagged
    text.append(f" mean of {used} window{'s' if used != 1 else ''}")
    if summary.flagged:
        counts = ", ".join(f"{name} {count}" for name, count in summary.flags.most_common())
        what = "all of them flagged" if summary.all_flagged else f"{summary.flagged} more flagged and left out"
        text.append(f"; {what} ({counts})", "yellow")
    if wiring == "3p3w":
        text.append("\n per-phase values are conventional: virtual neutral")
    text.append("\n +var: current lags (inductive)", INDUCTIVE)
    text.append("   −var: current leads (capacitive)", CAPACITIVE)
    return text
