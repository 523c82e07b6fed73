"""The class grid: P and Q1 of sinusoidal loads against IEC 62053-22 class 0.2S and IEC 62053-24 class 0.5S.

Points: I / In of 0.1 % (starting current) to 120 % (Imax), every power factor at every current that has a limit; a PF
or sin phi means all four quadrants, lag and lead. Streams: fnom and fnom +-2 % of 50 and 60 Hz, with an ideal 16-bit
ADC free of noise and with 0.5 LSB rms: 12. In each every point occurs once, at U - 10 %, U or U + 10 %, so chosen that
a point meets each of the three at one of the three frequencies (a Latin square of U and f, not their full product,
which would take three times as long). Single-phase loads have balanced voltages; the loaded phase goes round.

Each reading is the mean of 15 windows (3 s). The error of a balanced load is the worst of the three phases and the
total: a little stricter than the classes, which judge the total. Full scale is the peak of 1.1 x 1.2 In.

Judged is a tenth of the limit. Not judged: 0.1 % In, where the classes have no limit, and noise-free at exactly fnom,
where a wave repeats every 256 samples (50 Hz), so that its quantisation steps never average out. That is a property of
any converter without noise, which none is.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np

from host_tools.accuracy import measure, peer
from host_tools.accuracy.table import Result

IN = 5.0  # A, of a meter behind current transformers
UN = 230.0
FULL_SCALE_I = 1.1 * 1.2 * IN * 2**0.5
WINDOWS = 15
NOISE = 0.5  # LSB rms
SHARE = 0.1  # of a limit that is the target
START = 0.001


def _quadrants(degrees: float) -> tuple[float, ...]:
    return (degrees, 180 - degrees, 180 + degrees, 360 - degrees)


class Load(NamedTuple):
    """A row kind of the classes' tables. angles: by which the current lags; limits: I / In -> %."""

    kind: str  # quantity
    name: str
    angles: tuple[float, ...]
    limits: dict[float, float]
    balanced: bool = True


ACTIVE, REACTIVE = "P, %", "Q1, %"
LOADS = (
    Load(ACTIVE, "PF 1", (0, 180), {START: 0, 0.01: 0.4, 0.02: 0.4, 0.05: 0.2, 0.1: 0.2, 1: 0.2, 1.2: 0.2}),
    Load(ACTIVE, "PF 0.5", _quadrants(60), {0.02: 0.5, 0.05: 0.5, 0.1: 0.3, 1: 0.3, 1.2: 0.3}),
    Load(ACTIVE, "PF 0.8", _quadrants(36.8698976), {0.02: 0.5, 0.05: 0.5, 0.1: 0.3, 1: 0.3, 1.2: 0.3}),
    Load(ACTIVE, "PF 0.25", _quadrants(75.5224878), {0.1: 0.5, 1: 0.5, 1.2: 0.5}),
    Load(ACTIVE, "PF 1, one phase", (0, 180), {0.05: 0.3, 0.1: 0.3, 1: 0.3, 1.2: 0.3}, False),
    Load(ACTIVE, "PF 0.5, one phase", _quadrants(60), {0.1: 0.4, 1: 0.4, 1.2: 0.4}, False),
    Load(REACTIVE, "sin 1", (90, 270), {START: 0, 0.01: 1.0, 0.02: 1.0, 0.05: 0.5, 0.1: 0.5, 1: 0.5, 1.2: 0.5}),
    Load(REACTIVE, "sin 0.5", _quadrants(30), {0.05: 1.0, 0.1: 0.5, 1: 0.5, 1.2: 0.5}),
    Load(REACTIVE, "sin 0.25", _quadrants(14.4775122), {0.1: 1.0, 1: 1.0, 1.2: 1.0}),
)


class Point(NamedTuple):
    load: Load
    share: float  # I / In
    lag: float
    phase: int  # the loaded one of a single-phase load


class Reading(NamedTuple):
    """Worst over the points of a stream. quadrants: windows that showed a wrong one."""

    error: float
    other: float | None
    quadrants: int


class Stream(NamedTuple):
    nominal: int
    f: float
    noise: float
    turn: int  # of the Latin square
    points: Sequence[Point]


def points() -> list[Point]:
    found = [(load, share, lag) for load in LOADS for share in load.limits for lag in load.angles]
    return [Point(*point, k % 3 + 1) for k, point in enumerate(found)]


def streams() -> list[Stream]:
    return [
        Stream(nominal, nominal * (1 + 0.02 * step), noise, step + (noise > 0), points())
        for nominal in (50, 60)
        for step in (-1, 0, 1)
        for noise in (0.0, NOISE)
    ]


def voltage(k: int, turn: int) -> float:
    """Of point k in a stream."""
    return UN * (0.9, 1.0, 1.1)[(k + turn) % 3]


def config_of(nominal: int, **more: object) -> dict[str, object]:
    return {
        "wiring": "3p4w",
        "neutral_current": "computed",
        "nominal_frequency": nominal,
        "nominal_voltage": UN,
        "adc": "ideal",
        "full_scale_v": 500.0,
        "full_scale_i": FULL_SCALE_I,
        **more,
    }


def sinusoids(
    f: float, u: float, i: float, lag: float, phases: Sequence[int] = (1, 2, 3), order: int = 1
) -> list[measure.Component]:
    """Balanced voltages and the currents of the loaded phases. order -1: reversed phase sequence."""
    turns = {k: -120.0 * (k - 1) * order for k in (1, 2, 3)}
    return [(f"v{k}", f, u, turns[k]) for k in turns] + [(f"i{k}", f, i, turns[k] - lag) for k in phases]


def length(nominal: int, f: float, count: int = WINDOWS) -> float:
    """Seconds that hold `count` whole windows wherever the first of them begins."""
    return (count + 1.1) * {50: 10, 60: 12}[nominal] / f


def run(stream: Stream) -> dict[tuple[str, str, float], Reading]:
    """Worst readings of a stream by (kind, name, I / In)."""
    nominal, f = stream.nominal, stream.f
    order = sorted(enumerate(stream.points), key=lambda item: voltage(item[0], stream.turn))
    states, seconds, wanted = [], [], []
    before = None
    for k, point in order:
        u = voltage(k, stream.turn)
        phases = (1, 2, 3) if point.load.balanced else (point.phase,)
        state = sinusoids(f, u, point.share * IN, point.lag, phases)
        if u != before:  # let the windows settle behind a step of the voltages
            states.append(state)
            seconds.append(length(nominal, f, 3))
            wanted.append(None)
            before = u
        states.append(state)
        seconds.append(length(nominal, f))
        wanted.append((point, u, phases))
    worst: dict[tuple[str, str, float], Reading] = {}
    pairs = measure.chain(states, seconds, config_of(nominal), stream.noise)
    for item, pair in zip(wanted, pairs, strict=True):
        if item is None:
            continue
        point, u, phases = item
        key = (point.load.kind, point.load.name, point.share)
        error = _error(pair.ours, point, u, phases)
        other = _error(pair.theirs, point, u, phases) if pair.theirs else None
        worst[key] = _worse(worst.get(key), Reading(error, other, _wrong_quadrants(pair.ours, point)))
    return worst


def _error(rows: list[dict], point: Point, u: float, phases: Sequence[int]) -> float:
    """Largest error in % of the true value, over the loaded phases and the total."""
    if len(rows) < WINDOWS:
        return float("nan")
    row, function = ("p", np.cos) if point.load.kind == ACTIVE else ("q1", np.sin)
    true = u * point.share * IN * function(np.radians(point.lag))
    values = {f"{row}_l{k}": true for k in phases} | {row: true * len(phases)}
    errors = [np.mean([line[name] for line in rows[:WINDOWS]]) / value - 1 for name, value in values.items()]
    return 100 * np.abs(errors).max()


def _wrong_quadrants(rows: list[dict], point: Point) -> int:
    if point.lag % 90 == 0 or point.share == START:
        return 0
    return sum(line["quadrant"] != point.lag // 90 + 1 for line in rows[:WINDOWS])


def _worse(a: Reading | None, b: Reading) -> Reading:
    if a is None:
        return b
    other = None if b.other is None else np.maximum(a.other, b.other)
    return Reading(np.maximum(a.error, b.error), other, a.quadrants + b.quadrants)  # NaN stays


def _results(group: str, done: Sequence[tuple[Stream, dict[tuple[str, str, float], Reading]]]) -> Iterator[Result]:
    judged: dict = {}
    bare: dict = {}  # noise-free at exactly fnom
    for stream, readings in done:
        for key, reading in readings.items():
            into = bare if not stream.noise and stream.f == stream.nominal else judged
            into[key] = _worse(into.get(key), reading)
    for load in LOADS:
        for share, limit in load.limits.items():
            if (load.kind, load.name, share) not in judged:
                continue
            reading = judged[load.kind, load.name, share]
            case = f"{load.name}, {100 * share:g} % In"
            if share == START:
                yield Result(group, case, load.kind, reading.error, None, None, reading.other)
            else:
                yield Result(group, case, load.kind, reading.error, SHARE * limit, limit, reading.other)
    for load in LOADS:
        found = {share: bare.get((load.kind, load.name, share)) for share, limit in load.limits.items() if limit}
        if all(found.values()):
            share = max(found, key=lambda share: found[share].error / load.limits[share])
            case = f"noise-free, fnom: {load.name}, {100 * share:g} % In"
            reading = found[share]
            yield Result(group, case, load.kind, reading.error, None, load.limits[share], reading.other)
    wrong = sum(reading.quadrants for reading in (*judged.values(), *bare.values()))
    yield Result(group, "all windows off the axes", "wrong quadrants", wrong, 0)


def class_grid() -> Iterator[Result]:
    """The whole of it: two hours of signal."""
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _in_worker, (peer.enabled,)) as pool:
        yield from _results("class grid", list(zip(streams(), pool.map(run, streams()), strict=True)))


def _in_worker(enabled: bool) -> None:
    peer.enabled = enabled


def class_points() -> Iterator[Result]:
    """The lowest judged current of each row kind, in one stream: a sample for `make test`."""
    chosen = []
    for load in LOADS:
        share = next(share for share, limit in load.limits.items() if limit)
        chosen.append(Point(load, share, load.angles[0], 2))
    stream = Stream(50, 51.0, NOISE, 0, chosen)
    yield from _results("class points", [(stream, run(stream))])
