"""What shifts the error of P and Q1: voltage, frequency, harmonics, unbalance; and loads as distorted as real ones.

Conditions of the class grid (full scale, 0.5 LSB rms of noise, mean of 15 windows), at In unless said otherwise. A
shift is the worst difference to the error under reference conditions (Un, fnom, sinusoidal, three phases). Limits of P:
IEC 62053-22, influence quantities, class 0.2S; of Q1 with one phase loaded: IEC 62053-24, class 0.5S. Where no limit is
known the target is a tenth of the class itself, 0.5 %.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from host_tools.accuracy import measure, reference
from host_tools.accuracy.grid import IN, NOISE, SHARE, UN, WINDOWS, config_of, length
from host_tools.accuracy.measure import Component
from host_tools.accuracy.table import Result

CLASS = 0.5  # %
KINDS = {0: "P, PF 1, %", 60: "P, PF 0.5, %", 90: "Q1, sin 1, %", 30: "Q1, sin 0.5, %"}  # by lag


class State(NamedTuple):
    """u, i, f: shares of Un, In, fnom. phases: the loaded ones; dead: without voltage; order -1: reversed sequence;
    fifth: 10 % of h5 in the voltages, 40 % in the currents, in phase at the rising zero crossings (PF 1)."""

    lag: float
    u: float = 1.0
    i: float = 1.0
    f: float = 1.0
    phases: tuple[int, ...] = (1, 2, 3)
    dead: tuple[int, ...] = ()
    order: int = 1
    fifth: bool = False

    def components(self, nominal: int) -> list[Component]:
        f, u, i = self.f * nominal, self.u * UN, self.i * IN
        found = []
        for k in (1, 2, 3):
            angle = -120 * (k - 1) * self.order - 90  # of a sine
            if k not in self.dead:
                found.append((f"v{k}", f, u, angle))
                if self.fifth:
                    found.append((f"v{k}", 5 * f, 0.1 * u, 5 * (angle + 90) - 90))
            if k in self.phases:
                found.append((f"i{k}", f, i, angle - self.lag))
                if self.fifth:
                    found.append((f"i{k}", 5 * f, 0.4 * i, 5 * (angle + 90 - self.lag) - 90))
        return found


# name, limit by lag (None: not known), reference, what is compared with it
INFLUENCES = (
    ("voltage +-10 %", {0: 0.1, 60: 0.2, 90: None, 30: None}, {}, ({"u": 0.9}, {"u": 1.1})),
    ("frequency +-2 %", {0: 0.1, 60: 0.1, 90: None, 30: None}, {}, ({"f": 0.98}, {"f": 1.02})),
    ("5th harmonic, 10 % U, 40 % I", {0: 0.4, 90: None, 30: None}, {"i": 0.6}, ({"i": 0.6, "fifth": True},)),
    ("one phase loaded", {0: 0.4, 90: 0.7}, {}, ({"phases": (1,)}, {"phases": (2,)}, {"phases": (3,)})),
    ("reversed phase sequence, 10 % In", {0: 0.05, 90: None}, {"i": 0.1}, ({"i": 0.1, "order": -1},)),
    ("one, two voltages missing", {0: 0.5, 90: None}, {}, ({"dead": (3,)}, {"dead": (1, 3)})),
)


def influences() -> Iterator[Result]:
    wanted = {
        (lag, tuple(changes.items())): State(lag, **changes)
        for _, limits, base, changed in INFLUENCES
        for lag in limits
        for changes in (base, *changed)
    }
    measured = [_measured(nominal, set(wanted.values())) for nominal in (50, 60)]
    for name, limits, base, changed in INFLUENCES:
        for lag, limit in limits.items():
            shifts = [found[State(lag, **c)] - found[State(lag, **base)] for found in measured for c in changed]
            error, other = np.abs(shifts).max(axis=0)
            yield Result("influences", name, KINDS[lag], error, SHARE * (limit or CLASS), limit, other)


def _measured(nominal: int, states: set[State]) -> dict[State, np.ndarray]:
    """State -> errors in % of the true value, ours and pqopen-lib's; a stream for each frequency."""
    by_f = defaultdict(list)
    for state in sorted(states):
        by_f[state.f].append(state)
    found = {}
    for f, group in by_f.items():
        chained = [components for state in group for components in [state.components(nominal)] * 2]
        # two windows settle, then those that count
        seconds = [length(nominal, f * nominal, 2), length(nominal, f * nominal)] * len(group)
        pairs = measure.chain(chained, seconds, config_of(nominal), NOISE)[1::2]
        for state, pair in zip(group, pairs, strict=True):
            row = "q1" if state.lag in (90, 30) else "p"
            true = reference.exact(state.components(nominal), f * nominal)[row]
            found[state] = np.array([_error(rows, row, true) for rows in pair])
    return found


def _error(rows: list[dict], row: str, true: float) -> float:
    if len(rows) < WINDOWS:
        return np.nan
    return 100 * (np.mean([line[row] for line in rows[:WINDOWS]]) / true - 1)


# rms and degrees of V1 230 V at 0 with harmonics, and of the currents: order -> (rms, degrees)
QUADRIFORM = {3: (3.8, 30), 5: (2.4, 18), 7: (1.7, 14), 11: (1.0, 9), 13: (0.8, 5)}  # OIML R46: % of U, % of I
DISTORTED = {
    "quadriform": (
        {1: (230, 0)} | {h: (2.3 * u, 180) for h, (u, _) in QUADRIFORM.items()},
        {1: (5, 0)} | {h: (0.05 * i, 0) for h, (_, i) in QUADRIFORM.items()},
    ),
    "inverter, exporting": (
        {1: (230, 0), 5: (4, 10), 7: (3, -20)},
        {1: (16, 160), 3: (0.4, 30), 5: (0.6, -100), 7: (0.3, 75)},
    ),
}


def distorted_loads() -> Iterator[Result]:
    """Powers in % of S, THD in % of reading; worst over 49, 50.13, 58.8 and 60.1 Hz."""
    for name, (voltage, current) in DISTORTED.items():
        worst: dict[str, np.ndarray] = {}
        for nominal, f in ((50, 49.0), (50, 50.13), (60, 58.8), (60, 60.1)):
            tones = [("v1", h * f, *part) for h, part in voltage.items()]
            tones += [("i1", h * f, *part) for h, part in current.items()]
            config = config_of(nominal, wiring="1p2w", full_scale_i=40.0)
            true = reference.exact(tones, f)
            for channel in "vi":
                true[f"thd40_{channel}_l1"] = reference.distortion(tones, channel + "1", f, 40)
            pair = measure.both(tones, 4.0, config, NOISE).settled()
            for row, of in (
                ("p_l1", "s_l1"),
                ("q1_l1", "s_l1"),
                ("s_l1", "s_l1"),
                ("thd40_v_l1", "thd40_v_l1"),
                ("thd40_i_l1", "thd40_i_l1"),
            ):
                errors = [_mean_error(rows, row, true[row], true[of]) for rows in pair]
                worst[row] = np.maximum(worst.get(row, 0), errors)
        for row, quantity, target, limit in (
            ("p_l1", "P, % of S", 0.02, 0.2),
            ("q1_l1", "Q1, % of S", 0.05, 0.5),
            ("s_l1", "S, %", 0.02, None),
            ("thd40_v_l1", "THD of U, % of reading", 0.5, None),
            ("thd40_i_l1", "THD of I, % of reading", 0.5, None),
        ):
            error, other = worst[row]
            yield Result("distorted loads", name, quantity, error, target, limit, other)


def _mean_error(rows: list[dict], row: str, true: float, of: float) -> float:
    if len(rows) < WINDOWS or row not in rows[0]:
        return np.nan
    return 100 * abs(np.mean([line[row] for line in rows[:WINDOWS]]) - true) / of
