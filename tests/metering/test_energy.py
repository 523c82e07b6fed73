"""What energy counts, what it leaves out, what it publishes."""

import math

import numpy as np
import pytest

from host_tools.adc_model import frames, quantise, tones
from tests.metering.energy_bench import NAN, RNG, STAGED, WINDOW, meter, registers
from tests.simulate import adc_of, run
from wattless import config
from wattless.metering.energy import LINES, QUANTITIES, SUMS, Energy
from wattless.metering.wiring import wiring
from wattless.points import Points


@pytest.mark.parametrize(
    "total, wanted",
    [
        ("sum", {"wh_import": 10, "wh_export": 0, "varh_q1": 0, "varh_q4": 5, "varh_export": 5, "vah": 90}),
        ("phase", {"wh_import": 50, "wh_export": 40, "varh_q1": 10, "varh_q4": 15, "varh_export": 15, "vah": 90}),
    ],
)
def test_netting_or_phases(total, wanted):
    """18 W make one count in a window of 0.2 s. L1 imports and lags, L2 exports, L3 imports and leads."""
    energy, points = meter(energy_total=total)
    points.load([54.0, -72.0, 36.0], [18.0, 0.0, -27.0], s=[54.0, 72.0, 36.0])
    for _ in range(10):
        energy.window(WINDOW)
    got = registers(energy, points)
    assert {name: got[name] for name in wanted} == wanted
    phases = {"wh_import": [30, 0, 20], "wh_export": [0, 40, 0], "varh_q1": [10, 0, 0], "varh_q4": [0, 0, 15]}
    assert {name: [got[name + line] for line in LINES[:3]] for name in phases} == phases


@pytest.mark.parametrize("total", ["sum", "phase"])
def test_a_phase_that_is_not_known_adds_nothing(total):
    energy, points = meter(energy_total=total)
    points.load([36.0, NAN, 36.0], [18.0, NAN, 18.0])
    energy.window(WINDOW)
    points.load([36.0, 36.0, 36.0], [18.0, NAN, 18.0], s=[36.0] * 3)  # not synchronised: P and S are known
    energy.window(2 * WINDOW // 3)
    energy.window(3 * WINDOW // 2)
    got = registers(energy, points)
    alone = 0 if total == "sum" else 4
    assert [got["wh_import" + line] for line in LINES] == [6, 4, 6, 12 + alone]
    assert [got["varh_q1" + line] for line in LINES] == [3, 0, 3, 0 if total == "sum" else 6]
    assert energy.unmetered_s == pytest.approx(0.2, abs=1e-9)
    assert energy.unmetered_var_s == pytest.approx(0.2 * (1 + 2 / 3 + 3 / 2), abs=1e-4)


@pytest.mark.parametrize("power, known", [(2.0**40 * (1 - 2.0**-24), True), (-(2.0**40), False), (math.inf, False)])
def test_powers_that_no_meter_sees_are_not_known(power, known):
    energy, points = meter(wiring="1p2w")
    points.load([power], [1.0], s=[1.0])
    energy.window(WINDOW)
    assert registers(energy, points)["wh_import"] == (math.floor(power / 18) if known else 0)
    assert (energy.unmetered_s == 0) is known


def test_gaps_of_any_length_are_unmetered_time():
    energy, points = meter()
    points.load([1e4] * 3, [1e4] * 3)
    for length in (WINDOW, 5000 * 65536 + 40000, 86400 * 12800 * 65536 + 40000):
        assert energy.window(length, False) is False
    assert energy.unmetered_s == energy.unmetered_var_s == pytest.approx(0.2 + 5001 / 12800 + 86400, abs=1e-4)
    assert set(registers(energy, points).values()) == {0}


def test_every_instant_counts_once():
    """Windows one behind the other, one that overlaps by a quarter, one inside of it, a gap of two windows."""
    energy, points = meter(wiring="1p2w")
    points.load([18.0 * 20], [0.0])  # 20 counts a window
    for first, frac in ((700, 100), (3260, 100), (5180, 100), (5180, 99), (12860, 100), (15420, 100)):
        assert energy.span(first, frac, WINDOW) is False
    assert registers(energy, points)["wh_import"] == 20 * 5 - 5
    assert energy.unmetered_s == pytest.approx(0.4, abs=1e-9)


@pytest.mark.parametrize("length", [0, -1, 1 << 28])
def test_lengths_that_no_window_has(length):
    with pytest.raises(ValueError, match="2\\*\\*28"):
        meter()[0].window(length)


IN = 20.0  # A
UN = 230.0
# settings; fundamental current in % of In; is active energy added, reactive energy, is there a flag
STARTING = [
    ({}, 0.1, True, True, False),  # 0.2S: 0.1 % both
    ({}, 0.085, True, True, False),
    ({}, 0.079, False, False, True),
    ({}, 0.011, False, False, True),
    ({}, 0.009, False, False, False),  # no current
    ({}, 0.0, False, False, False),
    ({"accuracy_class": "0.5S"}, 0.2, True, True, False),
    ({"accuracy_class": "0.5S"}, 0.15, True, False, True),  # a motor whose vars vanish
    ({"accuracy_class": "0.5S"}, 0.07, False, False, True),
    ({"accuracy_class": "1"}, 0.3, True, True, False),
    ({"accuracy_class": "1"}, 0.2, True, False, True),
    ({"accuracy_class": "1"}, 0.15, False, False, True),
    ({"starting_current": 1.0}, 1.0, True, True, False),
    ({"starting_current": 1.0}, 0.7, False, False, True),
    ({"starting_current": 0}, 0.001, True, True, False),
    ({"nominal_current": None, "full_scale_i": 1.867 * IN}, 0.1, True, True, False),
    ({"nominal_current": None, "full_scale_i": 1.867 * IN}, 0.079, False, False, True),
]


@pytest.mark.parametrize("volts", [0.5 * UN, 1.15 * UN])
@pytest.mark.parametrize("given, percent, active, reactive, flag", STARTING)
def test_starting_current(given, percent, active, reactive, flag, volts):
    """L1 with the current, L2 with In: suppression is each phase's own, and in no total."""
    energy, points = meter(**{"nominal_current": IN, **given})
    small, large = percent / 100 * IN * volts, IN * volts
    points.load([1e6, 0.0, 0.0], [1e6, 0.0, 0.0], v=volts, s=[1e6, large, 0.0], s1=[small, large, 0.0])
    assert energy.window(WINDOW) is flag
    got = registers(energy, points)
    assert [got[name] > 0 for name in ("wh_import_l1", "wh_import")] == [active] * 2
    assert [got[name] > 0 for name in ("varh_q1_l1", "varh_q1")] == [reactive] * 2
    assert (got["vah_l1"] > 0) is active
    assert got["vah_l2"] > 0
    assert energy.suppressed == ((0 if active else 1) + (0 if reactive else 16) if flag else 0)


@pytest.mark.parametrize("percent, active, flag", [(0.1, True, False), (0.07, False, True), (0.005, False, False)])
def test_starting_without_synchronism_is_by_power(percent, active, flag):
    energy, points = meter(nominal_current=IN, wiring="1p2w")
    power = percent / 100 * IN * UN
    for _ in range(100):
        points.load([power], [NAN], v=1.0, s=[50.0])
        assert energy.window(WINDOW) is flag
    got = registers(energy, points)
    assert (got["wh_import"] == got["wh_import_l1"] == math.floor(power / 0.18)) is active
    assert (got["vah"] > 0) is active


def test_nominal_voltage_of_three_wires_is_between_lines():
    energy, points = meter(nominal_current=IN, wiring="3p3w", nominal_voltage=400.0)
    limit = 0.8 * 0.001 * IN * 400 / 3**0.5
    for share, active in ((1.01, True), (0.99, False)):
        points.load([limit * share] * 3, [NAN] * 3, v=1.0)
        assert energy.window(WINDOW) is not active


def through_the_meter(energy, points, components, offset, settings):
    """Windows of a whole meter on an ADC with 0.5 LSB rms of noise and `offset` LSB, into `energy`: what it said."""
    adc = adc_of(settings)
    values = tones(components, round(0.7 * adc.rate), adc)
    lsb = np.array([adc.full_scale_v] * 3 + [adc.full_scale_i] * 4) / 32768
    values += (offset + RNG.normal(0, 0.5, values.shape)) * lsb
    said = []
    for window in run(frames(quantise(values, adc)).tobytes(), settings):
        for row, name in enumerate(STAGED):
            for k in range(3):
                value = getattr(window, f"{name}_l{k + 1}")
                points.stage[4 * row + k] = NAN if value is None else value
        said.append(energy.window(WINDOW))
    assert len(said) >= 2
    return said


LARGE_IN = 5000.0  # for many counts in a few windows
SITE = {"full_scale_v": 1.15 * 1.4143 * UN, "full_scale_i": 1.867 * LARGE_IN}


def test_no_load():
    """IEC 62053-22, -24: 115 % Un, no current: zero counts, though offset times offset and noise are a power."""
    energy, points = meter(**SITE)
    voltages = [(f"v{k}", 50.02, 1.14 * UN, -120 * k) for k in (1, 2, 3)]
    assert not any(through_the_meter(energy, points, voltages, 60, SITE))
    got = registers(energy, points)
    assert len(got) == 36 and set(got.values()) == {0}


@pytest.mark.parametrize("angle, ids", [(0, ["wh_import"]), (180, ["wh_export"]), (90, ["varh_q1", "varh_q2"])])
def test_start(angle, ids):
    """0.1 % In at PF 1 and sin phi 1 registers, with noise and offset, within 1 % in two windows."""
    energy, points = meter(**SITE)
    given = [(f"v{k}", 50.02, UN, -120 * k) for k in (1, 2, 3)]
    given += [(f"i{k}", 50.02, 0.001 * LARGE_IN, -120 * k - angle) for k in (1, 2, 3)]
    said = through_the_meter(energy, points, given, 10, SITE)
    assert not any(said)
    got = registers(energy, points)
    counts = len(said) * 0.2 * UN * 0.001 * LARGE_IN / 3.6
    for line, whole in zip(LINES, (1, 1, 1, 3), strict=True):
        assert sum(got[name + line] for name in ids) == pytest.approx(whole * counts, rel=0.01, abs=2)


def test_what_is_published():
    """All registers the first time, then those that moved with their sums; lines that the wiring has not: never."""
    energy, points = meter(wiring="1p3w")
    first = registers(energy, points)
    assert set(first) == {name + line for name in QUANTITIES + SUMS for line in ("_l1", "_l2", "")}
    points.put_values.clear()
    points.load([-18.0, 0.0], [-18.0, 0.0], s=[36.0, 0.0])
    energy.window(WINDOW)
    moved = {"wh_export": 1, "varh_q3": 1, "varh_export": 1, "vah": 2}
    assert registers(energy, points) == {name + line: n for name, n in moved.items() for line in ("_l1", "")}
    points.put_values.clear()
    energy.window(WINDOW // 3)
    energy.publish(points)
    assert points.put_values == {}  # a third of a count


def test_every_register_is_a_point():
    points = Points()
    settings = config.load({})
    energy = Energy(settings, wiring("3p4w"), points)
    energy.publish(points)
    energies = points.ids("energy")
    assert len(energies) == 36 and all(points.get(name) == 0 for name in energies)
