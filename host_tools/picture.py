"""The picture of a replay: waveform of the first window, phasors of the fundamental, harmonic bars."""

from math import radians
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from host_tools import adc_model
from host_tools.live_table import fixed, number, quadrant
from host_tools.replay import Job
from host_tools.summary import Summary

PHASE_COLOURS = {"v": ("#c2410c", "#0f766e", "#4338ca"), "i": ("#c2410c", "#0f766e", "#4338ca")}  # L1, L2, L3
SINGLE_COLOURS = {"v": ("#4338ca",), "i": ("#c2410c",)}
INK, AXIS, GRID, SHADE = "#1f2937", "#9ca3af", "#e5e7eb", "#f3f4f6"
PERIODS_SHOWN = 3
ORDERS_SHOWN = 50
DECADES_SHOWN = 1000.0  # the shortest bar to the longest
STYLE = {
    "font.size": 9,
    "axes.edgecolor": AXIS,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": GRID,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.titlesize": 10,
    "legend.frameon": False,
}


def draw(job: Job, summary: Summary, path: Path) -> None:
    """Write the picture; the ending of path says in which format. Values are those of the first unflagged window."""
    line = summary.first
    phases = [k for k in range(3) if line.get(f"v_l{k + 1}") is not None]
    colours = PHASE_COLOURS if len(phases) > 1 else SINGLE_COLOURS
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(11, 7.4), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.06)
        grid = figure.add_gridspec(4, 3, height_ratios=(1, 1, 1.05, 1.05))
        volts = figure.add_subplot(grid[0, :])
        amperes = figure.add_subplot(grid[1, :], sharex=volts)
        t, v, i = _waveform(job, line)
        _curves(volts, t, v, "voltage, V", phases, colours["v"])
        _curves(amperes, t, i, "current, A", phases, colours["i"])
        volts.tick_params(labelbottom=False)
        amperes.set_xlabel("ms")
        _phasors(figure.add_subplot(grid[2:, 0], projection="polar"), line, _voltage_angles(job, line), phases, colours)
        upper, lower = figure.add_subplot(grid[2, 1:]), figure.add_subplot(grid[3, 1:])
        _bars(upper, line, "vh", "voltage harmonics, % of the fundamental", phases, colours["v"])
        _bars(lower, line, "ih", "current harmonics, % of the fundamental", phases, colours["i"])
        lower.set_xlabel("order")
        if len(phases) > 1:
            handles = [Line2D([], [], color=colours["v"][k], label=f"L{k + 1}") for k in phases]
            volts.legend(handles=handles, ncols=3, loc="lower right", bbox_to_anchor=(1, 0.98))
        figure.suptitle(_headline(job, line), x=0.012, ha="left", fontsize=12, fontweight="bold")
        figure.savefig(path, dpi=150)


def _headline(job: Job, line: dict) -> str:
    values = [
        f"{fixed(line.get('f'), 3)} Hz",
        f"P {number(line.get('p'), signed=True)} W",
        f"Q1 {number(line.get('q1'), signed=True)} var",
        f"S {number(line.get('s'))} VA",
        f"PF {fixed(line.get('pf'), 3)}",
        quadrant(line.get("p"), line.get("q1")),
    ]
    return "   ".join([job.recording.name, *(value for value in values if value)])


def _frames(job: Job, line: dict, seconds: float) -> np.ndarray:
    """V and A that the ADC sees from the window's start on: (frames, 7)."""
    start = round(line["t"] * job.adc.rate)
    stop = start + round(seconds * job.adc.rate)
    parts = []
    for first, values in adc_model.sample(job.recording, job.adc, job.repeat):
        parts.append(values[max(0, start - first) : max(0, stop - first)])
        if first + len(values) >= stop:
            break
    return np.concatenate(parts)


def _phase_voltages(job: Job, frames: np.ndarray) -> np.ndarray:
    """(frames, 3); in 3p3w those to the virtual neutral, of v12 and v32."""
    if job.config["wiring"] != "3p3w":
        return frames[:, :3]
    v12, v32 = frames[:, 0], frames[:, 2]
    return np.stack(((2 * v12 - v32) / 3, -(v12 + v32) / 3, (2 * v32 - v12) / 3), axis=1)


def _waveform(job: Job, line: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ms, V (n, 3), A (n, 3)) of the first periods of the window."""
    frames = _frames(job, line, PERIODS_SHOWN / _frequency(job, line))
    currents = frames[:, 3:6].copy()
    if job.config["wiring"] == "3p3w":
        currents[:, 1] = -currents[:, 0] - currents[:, 2]
    return np.arange(len(frames)) / job.adc.rate * 1e3, _phase_voltages(job, frames), currents


def _voltage_angles(job: Job, line: dict) -> np.ndarray:
    """Degrees of the fundamental voltages, to that of L1. The meter gives the angles between voltage and current; this
    one is the picture's."""
    f = _frequency(job, line)
    frames = _phase_voltages(job, _frames(job, line, round(0.2 * f) / f))
    turn = np.exp(-2j * np.pi * f * np.arange(len(frames)) / job.adc.rate)
    phasors = turn @ frames
    return np.degrees(np.angle(phasors * np.conj(phasors[0])))


def _frequency(job: Job, line: dict) -> float:
    return line.get("f") or float(str(job.config["nominal_frequency"]))


def _curves(axes: Axes, t: np.ndarray, values: np.ndarray, title: str, phases: list[int], colours: tuple) -> None:
    for k in phases:
        axes.plot(t, values[:, k], color=colours[k], linewidth=1.3)
    axes.axhline(0, color=AXIS, linewidth=0.8)
    axes.set_title(title)
    axes.margins(x=0)


def _phasors(axes: Axes, line: dict, angles: np.ndarray, phases: list[int], colours: dict) -> None:
    """Voltages to the longest voltage, currents to the longest current and by the root, so that small ones show.

    Angles run counter-clockwise: a current that lags lies clockwise of its voltage."""
    longest = {kind: max([line.get(f"{kind}_l{k + 1}") or 0.0 for k in phases], default=0.0) or 1.0 for kind in "vi"}
    for k in phases:
        phi, current = line.get(f"phi1_l{k + 1}"), line.get(f"i_l{k + 1}")
        _arrow(axes, angles[k], 0.95 * line[f"v_l{k + 1}"] / longest["v"], f"V{k + 1}", colours["v"][k], "-|>")
        if phi is not None and current:
            length = 0.7 * (current / longest["i"]) ** 0.5
            _arrow(axes, angles[k] - phi, length, f"I{k + 1}", colours["i"][k], "->")
    axes.set_rlim(0, 1)
    axes.set_rgrids((0.5, 1.0), labels=("", ""))
    axes.set_thetagrids(range(0, 360, 30), labels=[""] * 12)
    axes.spines["polar"].set_color(GRID)
    axes.set_title("phasors of the fundamental")
    shown = [f"L{k + 1} {fixed(line.get(f'phi1_l{k + 1}'), 1, signed=True)}\N{DEGREE SIGN}" for k in phases]
    text = "\N{GREEK SMALL LETTER PHI}1:  " + "   ".join(shown)
    axes.annotate(text, (0.5, -0.04), xycoords="axes fraction", ha="center", va="top")


def _arrow(axes: Axes, angle: float, length: float, label: str, colour: str, style: str) -> None:
    tip = (radians(angle), length)
    width = 2.0 if style == "-|>" else 1.4
    look = {"arrowstyle": style, "color": colour, "linewidth": width, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", tip, (0, 0), arrowprops=look)
    place = (radians(angle), length + 0.11)
    axes.annotate(label, place, color=colour, ha="center", va="center", annotation_clip=False)


def _bars(axes: Axes, line: dict, kind: str, title: str, phases: list[int], colours: tuple) -> None:
    orders = np.arange(2, ORDERS_SHOWN + 1)
    lists = {k: line.get(f"{kind}_l{k + 1}") for k in phases}
    shares = {
        k: np.array([np.nan if value is None else 100 * value / values[1] for value in values[2:]])
        for k, values in lists.items()
        if values and values[1]
    }
    top = 10 ** np.ceil(np.log10(max([1.0, *(np.nanmax(share, initial=0.0) for share in shares.values())])))
    width = 0.8 / max(1, len(shares))
    for place, (k, share) in enumerate(shares.items()):
        axes.bar(orders - 0.4 + width * (place + 0.5), share, width, color=colours[k])
    known = [int(np.max(orders[np.isfinite(share)], initial=1)) for share in shares.values()]
    if known and max(known) < ORDERS_SHOWN:
        axes.axvspan(max(known) + 0.5, ORDERS_SHOWN + 0.6, color=SHADE)
        middle = (max(known) + ORDERS_SHOWN + 1) / 2
        axes.annotate(
            "beyond the recording", (middle, 0.5), xycoords=("data", "axes fraction"), ha="center", color=AXIS
        )
    axes.set_yscale("log")
    axes.set_ylim(top / DECADES_SHOWN, top)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_xticks(range(3, ORDERS_SHOWN, 4))
    axes.set_xlim(1.4, ORDERS_SHOWN + 0.6)
    axes.grid(axis="x", visible=False)
    axes.minorticks_off()
    axes.set_title(title)
