"""What a board's single precision costs: the quantities of the same integers in single and in double precision.

Powers within 1e-5 of the apparent power, spectra within 1e-5 of their fundamental, the rest within 1e-5 of itself.
"""

import asyncio
import math

import pytest

from tests.metering import single, tables
from tests.simulate import config, meter, records_of
from wattless.metering.quantities import Quantities
from wattless.metering.wiring import wiring
from wattless.points import Points

SHARE = 1e-5
MODULES = ("harmonics", "powers", "spectra", "quantities")
RESISTIVE = tables.three_phases("resistive", tables.balanced(230), tables.balanced(10), {}, full_scale_i=20.0)
MOTOR = tables.case(
    "unbalanced motor with harmonics",
    [
        (f"{q}{n}", 50.13 * h, rms * (1 + 0.03 * n), h * (-120.0 * (n - 1) - lag) + 7 * n)
        for n in (1, 2, 3)
        for q, h, rms, lag in (
            ("v", 1, 230, 0), ("v", 5, 9, 2), ("v", 7, 5, 4), ("v", 11, 2, 1),
            ("i", 1, 10, 25), ("i", 3, 0.3, 9), ("i", 5, 1.2, 20), ("i", 7, 0.7, 31), ("i", 49, 0.02, 0),
        )
    ],
    {}, seconds=0.7, wiring="3p4w", neutral_current="computed", full_scale_i=30.0, demand_current=16.0,
    rated_current=20.0,
)  # fmt: skip
LIGHT = tables.one_phase("1 % load", {1: (230, 0), 3: (2, 50)}, {1: (0.1, 84), 3: (0.01, 0)}, {}, full_scale_i=20.0)
CASES = [*tables.A, *tables.B, RESISTIVE, MOTOR, LIGHT]
POWERS = {"W", "var", "VA"}


def values(module, made, settings):
    """Points of the last window of a meter, from its integers."""
    points = Points()
    loaded = config.load(settings)
    quantities = module(loaded, wiring(loaded.wiring), made.window.cycles, points)
    quantities.update(made.window, made.frequency.length, made.frequency.synced)
    points.publish(0.0, None, 0)
    return {name: points.get(name) for name in points.ids()}


@pytest.fixture(scope="module")
def in_single():
    return single.load(*MODULES)["quantities"].Quantities


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_single_precision(case, in_single):
    from wattless.points_table import ROWS

    settings = case["settings"]
    made = meter(records_of(case["inputs"], case["seconds"], settings), settings)
    asyncio.run(made.run())
    exact = values(Quantities, made, settings)
    got = values(in_single, made, settings)
    assert got != exact, "nothing was rounded"
    unit = {row.id: row.unit for row in ROWS}
    s, v, i = exact["s"], exact["v_l1"], max(exact["i_l1"], exact["i_l2"] or 0)
    far = {}
    for name, value in exact.items():
        if value is None or isinstance(value, list):
            assert (value is None) == (got[name] is None), name
        else:
            scale = s if unit[name] in POWERS else v if unit[name] == "V" else i if unit[name] == "A" else abs(value)
            if name.startswith("phi1"):
                scale = math.degrees(1)
            elif unit[name] == "%" or name.startswith("pollution"):
                scale = 100
            if abs(got[name] - value) > SHARE * scale:
                far[name] = (value, got[name])
    assert far == {}
    for name in ("vh_l1", "ih_l1", "vih_l1", "hp_l1"):
        scale = {"v": v, "i": i, "h": s}[name[0]]
        assert got[name] == pytest.approx(exact[name], abs=SHARE * scale)
