"""Who injects the harmonic: a Monte Carlo over grids and sites, answered by the firmware on MicroPython for this PC.

The truth: the grid when |E_u| > |E_c|, means without their fluctuations (superposition says the same: both drive their
current through the same Z_u + Z_c). A wrong verdict: "site" with |E_u| > 1.1 |E_c|, "grid" with |E_c| > 1.1 |E_u|.
"both" and "unknown" are never wrong, and their shares are printed. Wrong ones count over the whole time, shares from
the second half. `ratio` is that of group I of the reference, of Norton currents: background |dE_u / Z_u| to site
|dE_c / Z_c|.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from host_tools.accuracy import source_sites as s
from host_tools.accuracy.table import Result

TRIALS, SAMPLES = 60, 200  # of 12 orders each; of 2.4 s
PRINTED = 100.0  # a target for what has none, in %
RATIOS = {0.02: 35, 0.05: 35, 0.1: 35, 0.2: 40, 0.5: 65, 1: PRINTED, 2: PRINTED, 5: PRINTED}  # unknown at most, %
STEPS = {1: 55, 2: 70, 5: 90}
EVERY = 25  # samples between steps of the set-point: a minute
Change = Callable[[np.random.Generator, s.Sites], None]


@dataclass
class Shares:
    """In %: wrong verdicts over the whole time, of all and of those for one side; answers in the second half; error of
    |Z_u| that 95 % of them keep."""

    wrong: float
    of_sides: float
    unknown: float
    both: float
    ohms: float


def shares(sites: s.Sites, series: s.Series, answers: np.ndarray) -> Shares:
    verdict, larger = answers["verdict"], abs(sites.eu[:, None]) / abs(series.mean_ec)
    wrong = ((verdict == s.SITE) & (larger > 1.1)) | ((verdict == s.GRID) & (larger < 1 / 1.1))
    sides = ((verdict == s.SITE) | (verdict == s.GRID)).sum()
    late = verdict[:, verdict.shape[1] // 2 :]
    errors = abs(answers["ohms"] / abs(sites.zu[:, None]) - 1)[verdict != s.UNKNOWN]
    ohms = np.percentile(errors, 95) if errors.size else 0.0
    found = (wrong.mean(), wrong.sum() / max(1, sides), (late == s.UNKNOWN).mean(), (late == s.BOTH).mean(), ohms)
    return Shares(*(100 * float(x) for x in found))


def run(ratio: float | None, every: int = 0, told: bool = True, change: Change | None = None, seed: int = 1) -> Shares:
    rng = np.random.default_rng(seed)
    sites = s.draw(rng, TRIALS, ratio)
    if change:
        change(rng, sites)
    series = s.series(rng, sites, SAMPLES, every)
    return shares(sites, series, s.answers(s.words(rng, [series], told=told), TRIALS, SAMPLES))


# What a site or a grid may be against the assumptions of metering/source.py.


def idle_capacitor(rng, sites):
    """Nothing but a capacitor of 0.5 to 100 % of the rating: the grid is the only source."""
    size = s.between(rng, 0.005, 1, sites.zu.shape)
    sites.zc = s.BASE / size / s.H * np.exp(-1j * np.arctan(s.between(rng, 10, 1000, sites.zu.shape)))
    sites.ec = sites.ec * 1e-4
    sites.sc = abs(sites.ec) / 10
    sites.su = abs(sites.eu) * s.between(rng, 0.01, 0.2, sites.zu.shape)


def emitting_capacitor(rng, sites):
    """A source behind such a capacitor, X / R 1 to 100."""
    ratio = sites.su / sites.sc * abs(sites.zc / sites.zu)
    size = s.between(rng, 0.005, 1, sites.zu.shape)
    sites.zc = s.BASE / size / s.H * np.exp(-1j * np.arctan(s.between(rng, 1, 100, sites.zu.shape)))
    sites.su = ratio * sites.sc * abs(sites.zu / sites.zc)


def current_source(rng, sites):
    """A site of 10 times the impedance that is assumed."""
    sites.zc = sites.zc * 10
    sites.su = sites.su / 10


def resonant_grid(rng, sites):
    """Z_u of any angle a passive one may have, 0.1 to 3 times as large."""
    turn = np.exp(1j * np.radians(rng.uniform(-85, 85, sites.zu.shape)))
    sites.zu = abs(sites.zu) * s.between(rng, 0.1, 3, sites.zu.shape) * turn


BROKEN = {idle_capacitor: 2.0, emitting_capacitor: PRINTED, current_source: PRINTED, resonant_grid: 2.0}


def group_i(ratio: float) -> np.ndarray:
    """Answers at order 5 of the reference's case, from the 60th sample on, (12 trials, samples)."""
    rng = np.random.default_rng(5)
    sites = s.draw(rng, 12, ratio)
    sites.zu[:], sites.zc[:] = 0.05 + 0.25j, 0.3 + 2.0j
    sites.ec = 4.0 * s.angles(rng, sites.zu.shape)
    sites.eu = 0.5 * s.angles(rng, sites.zu.shape)
    sites.sc = np.full(sites.zu.shape, 0.3)
    sites.su = ratio * sites.sc * abs(sites.zu / sites.zc)
    sites.ru = sites.rc = np.full(sites.zu.shape, 0.9)
    series = s.series(rng, sites, SAMPLES)
    found = s.answers(s.words(rng, [series]), 12, SAMPLES)[:, 60:]
    return np.rec.fromarrays([found["verdict"][..., 1], found["ohms"][..., 1]], names="verdict,ohms")


def source() -> Iterator[Result]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        plain = {ratio: pool.submit(run, ratio) for ratio in (*RATIOS, None)}
        steps = {(ratio, told): pool.submit(run, ratio, EVERY, told) for ratio in STEPS for told in (False, True)}
        broken = {change: pool.submit(run, None, 0, False, change) for change in BROKEN}
        for ratio, unknown in RATIOS.items():
            yield from _rows(f"background/site {ratio:g}", plain[ratio].result(), unknown)
        yield Result("source", "background/site 5", "answers, %", 100 - plain[5].result().unknown, 2.0)
        case, found = "background/site 0.02 to 5", plain[None].result()
        yield from _rows(case, found, PRINTED)
        yield Result("source", case, "wrong of grid and site, %", found.of_sides, 2.0)
        yield Result("source", case, "both, %", found.both, PRINTED)
        yield Result("source", case, "|Z_u|, 95 % of answers, %", found.ohms, 40.0)
        for (ratio, told), future in steps.items():
            case = f"background/site {ratio:g}, steps {'told' if told else 'not told'}"
            yield from _rows(case, future.result(), STEPS[ratio] if told else PRINTED)
        for change, target in BROKEN.items():
            case = f"not as assumed: {change.__name__.replace('_', ' ')}"
            yield Result("source", case, "wrong verdicts, %", broken[change].result().wrong, target)
            yield Result("source", case, "wrong of grid and site, %", broken[change].result().of_sides, PRINTED)
    quiet, loud = group_i(0.05), group_i(5)
    error = abs(quiet.ohms / abs(0.05 + 0.25j) - 1).max() * 100
    changes = (np.diff(quiet.verdict.astype(int)) != 0).sum() + (quiet.verdict == s.UNKNOWN).sum()
    yield Result("source", "group I, background/site 0.05", "|Z_u|, %", np.nan_to_num(error, nan=PRINTED), 5.0)
    yield Result("source", "group I, background/site 0.05", "changes of the verdict", changes, 0)
    yield Result("source", "group I, background/site 5", "answers", (loud.verdict != s.UNKNOWN).sum(), 0)


def _rows(case: str, found: Shares, unknown: float) -> Iterator[Result]:
    yield Result("source", case, "wrong verdicts, %", found.wrong, 2.0)
    yield Result("source", case, "unknown, %", found.unknown, unknown)
