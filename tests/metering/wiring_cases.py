"""Sites and wiring faults as data, and the phasors that a meter there would see. Angles in degrees."""

import cmath
import itertools
import math
from types import SimpleNamespace

NOMINAL = 230.0
IN = 20.0
POWER_FACTORS = (1.0, 0.9, 0.5, 0.2)
# lag of the load at each power factor, lagging and leading; the same exported: four quadrants
IMPORTS = sorted({round(sign * math.degrees(math.acos(pf)), 3) for pf in POWER_FACTORS for sign in (1, -1)})
EXPORTS = [lag + 180 for lag in IMPORTS]
LAGS = {"load": IMPORTS, "generator": EXPORTS, "both": IMPORTS + EXPORTS}

# current of each phase as a share of In, and by how much more than the site's its load lags
LOADS = {
    "balanced": ((0.5, 0.5, 0.5), (0, 0, 0)),
    "balanced, small": ((0.03, 0.03, 0.03), (0, 0, 0)),
    "20 %": ((0.5, 0.6, 0.4), (0, 5, -5)),
    "30 %": ((0.65, 0.5, 0.35), (10, 0, -10)),
    "50 %": ((0.5, 0.25, 0.75), (-20, 0, 20)),
    "one idle": ((0.5, 0.4, 0.0), (0, 10, 0)),
    "one phase": ((0.8, 0.0, 0.0), (0, 0, 0)),
}
WIRINGS = {"1p2w": 1, "1p3w": 2, "3p4w": 3, "3p3w": 3}  # phases
ANGLES = {1: (0,), 2: (0, 180), 3: (0, -120, 120)}

STRAIGHT, PLUS = (0, 1, 2), (1, 1, 1)
# name -> (true phase whose current is on channel 1, 2, 3; signs; bit of the mask of explanations; codes; channel)
FAULTS = {
    "right": (STRAIGHT, PLUS, 0, set(), None),
    "reversed L1": (STRAIGHT, (-1, 1, 1), 1, {37}, None),
    "reversed L2": (STRAIGHT, (1, -1, 1), 2, {38}, None),
    "reversed L1 L2": (STRAIGHT, (-1, -1, 1), 3, {37, 38}, None),
    "reversed L3": (STRAIGHT, (1, 1, -1), 4, {39}, None),
    "reversed L1 L3": (STRAIGHT, (-1, 1, -1), 5, {37, 39}, None),
    "reversed L2 L3": (STRAIGHT, (1, -1, -1), 6, {38, 39}, None),
    "reversed L1 L2 L3": (STRAIGHT, (-1, -1, -1), 7, {37, 38, 39}, None),
    "next": ((1, 2, 0), PLUS, 8, {43}, None),
    "previous": ((2, 0, 1), PLUS, 9, {44}, None),
    "swapped 12": ((1, 0, 2), PLUS, 10, {41}, 3),
    "swapped 23": ((0, 2, 1), PLUS, 11, {41}, 1),
    "swapped 31": ((2, 1, 0), PLUS, 12, {41}, 2),
}
POSSIBLE = {
    "1p2w": ("right", "reversed L1"),
    "1p3w": ("right", "reversed L1", "reversed L2", "reversed L1 L2", "swapped 12"),
    "3p4w": tuple(FAULTS),
    "3p3w": tuple(name for name in FAULTS if "L2" not in name),  # two CTs
}

# wiring -> what the voltages are (rms in V and degrees, to neutral; 3p3w: v12, v32) -> findings (code, channel)
VOLTAGES = {
    "3p4w": (
        (((230, 0), (230, -120), (230, 120)), set()),
        (((230, 0), (220, -118), (240, 121)), set()),
        (((230, 0), (230, 120), (230, -120)), {(30, 0)}),
        (((230, 0), (5, 40), (230, 120)), {(31, 2)}),
        (((0, 0), (0, 0), (230, 120)), {(31, 1), (31, 2)}),
        (((230, 0), (230, 0), (230, 120)), {(32, 2)}),
        (((230, 0), (228, -120), (230, -119)), {(32, 3)}),
        (((230, 0), (230, 1), (231, -1)), {(32, 2), (32, 3)}),
        (((230, 180), (230, -120), (230, 120)), {(33, 1)}),
        (((230, 0), (230, 60), (230, 120)), {(33, 2)}),
        (((230, 0), (230, 120), (230, 60)), {(33, 3)}),  # and the sequence is reversed
        (((133, 0), (133, -120), (133, 120)), {(35, 0)}),
        (((398, 0), (398, -120), (398, 120)), {(35, 0)}),
        (((230, 0), (130, -120), (230, 120)), {(35, 2)}),
        (((230, 0), (230, 180), (115, 90)), {(47, 0)}),
    ),
    "3p3w": (
        (((230, 30), (230, 90)), set()),
        (((230, -30), (230, -90)), {(30, 0)}),
        (((2, 0), (230, 90)), {(31, 1)}),
        (((230, 30), (2, 0)), {(31, 3)}),
        (((115, 30), (115, -150)), {(31, 2)}),
        (((230, 30), (230, -90)), {(33, 0)}),
        (((230, 30), (230, 30)), {(32, 3)}),
        (((133, 30), (133, 90)), {(35, 0)}),
    ),
    "1p3w": (
        (((230, 0), (230, 180)), set()),
        (((230, 0), (230, -120)), set()),
        (((230, 0), (230, 3)), {(32, 2)}),
        (((230, 0), (4, 3)), {(31, 2)}),
        (((230, 0), (230, 85)), {(47, 0)}),
    ),
    "1p2w": (
        (((230, 0),), set()),
        (((115, 0),), {(35, 1)}),
    ),
}

# file: V, I, P1, Q1, phi1 of one phase, nominal voltage; from a float64 analysis of the recordings
RECORDINGS = {
    "plaid60_cfl": (122.229, 0.110977, 7.5585, -6.7947, -41.954, 120),
    "plaid60_incandescent": (121.763, 0.325969, 39.2828, -5.4830, -7.946, 120),
    "plaid60_waterkettle": (117.370, 4.56084, 532.204, -45.078, -4.841, 120),
    "plaid60_fan_motor": (121.630, 0.400040, 47.5092, 9.4010, 11.193, 120),
    "plaid60_hairiron_triac": (121.435, 0.588492, 59.9721, -7.7570, -7.370, 120),
    "plaid60_laptop_charger": (121.820, 0.550847, 24.9222, -21.3610, -40.600, 120),
    "plaid60_vacuum_universal_motor": (117.733, 4.04792, 467.426, -0.8956, -0.110, 120),
    "plaid60_fridge_defroster": (118.082, 2.78058, 285.553, 159.839, 29.238, 120),
    "ev60_nissan_leaf_charging": (195.571, 30.4038, 5939.72, -187.916, -1.812, 208),
}


def phasor(size, degrees):
    return cmath.rect(size, math.radians(degrees))


def site(lag, load, wiring="3p4w"):
    """(voltages, currents, neutral current), true. 3p3w: to the virtual neutral, and no zero sequence."""
    shares, more = LOADS[load]
    angles = ANGLES[WIRINGS[wiring]]
    v = [phasor(NOMINAL, angle) for angle in angles]
    i = [phasor(IN * shares[k], angle - lag - more[k]) for k, angle in enumerate(angles)]
    if wiring == "3p3w":
        i = [x - sum(i) / 3 for x in i]
    return v, i, sum(i)


def seen(v, i, i_n, fault, wiring="3p4w"):
    """What the meter sees of it, as Quantities has it."""
    order, signs = FAULTS[fault][:2]
    i = [i[k] * sign for k, sign in itertools.islice(zip(order, signs, strict=True), len(i))]
    if wiring == "3p3w":
        i[1] = -(i[0] + i[2])
    return SimpleNamespace(v=list(v), i=i, i_n=i_n)


def settings(wiring="3p4w", setting="both", neutral="computed", **others):
    values = {
        "nominal_voltage": NOMINAL * (3**0.5 if wiring == "3p3w" else 1),
        "nominal_current": IN,
        "full_scale_i": 100.0,
        "neutral_current": neutral,
        "site": setting,
        "adc_rate": 12800,
    }
    return SimpleNamespace(**{**values, **others})


def feeder(rng, wiring, windows, sources, impedance, neutral, restless):
    """(voltages, currents, neutral current) of windows behind a grid of `impedance` (ohm) and `neutral` times as much
    in the neutral. Loads, with lags out of `sources`, switch on and off; the grid's own voltage wanders by `restless`
    a window. Windows have no common phase."""
    angles = ANGLES[WIRINGS[wiring]]
    loads = []
    moved = [0.0] * len(angles)
    for _ in range(windows):
        if rng.random() < 0.08:
            if loads and rng.random() < max(0.35, 0.2 * len(loads)):
                loads.pop(rng.randrange(len(loads)))
            else:
                all_phases = len(angles) == 3 and rng.random() < 0.35
                on = range(len(angles)) if all_phases else (rng.randrange(len(angles)),)
                loads.append((on, rng.uniform(1.5, 16), rng.choice(sources)))
        common = rng.gauss(0, restless)
        moved = [0.97 * x + common + rng.gauss(0, restless / 2) for x in moved]
        i = [phasor(0.8, angle - sources[0] - 12) for angle in angles]
        for on, size, lag in loads:
            for k in on:
                i[k] += phasor(size, angles[k] - lag)
        if wiring == "3p3w":
            i = [x - sum(i) / 3 for x in i]
        v = [phasor(NOMINAL * (1 + x), angle) for x, angle in zip(moved, angles, strict=True)]
        v = [x - impedance * (y + neutral * sum(i)) for x, y in zip(v, i, strict=True)]
        i = [x * abs(y) / NOMINAL for x, y in zip(i, v, strict=True)]
        turn = phasor(1, rng.uniform(0, 360))
        yield [x * turn for x in v], [x * turn for x in i], sum(i) * turn
