"""`make accuracy`: the quick groups are within their targets, and what judges the meter is itself right."""

import json
import math

import numpy as np
import pytest

from host_tools.accuracy import __main__ as program
from host_tools.accuracy import events, grid, groups, measure, peer, reference
from host_tools.accuracy.table import Result, save, show
from host_tools.toolchain import venv
from host_tools.toolchain.steps import SetupError


@pytest.mark.parametrize("group", [*groups.QUICK, *groups.SAMPLES], ids=lambda group: group.__name__)
def test_within_target(group):
    results = list(group())
    assert any(result.target is not None for result in results)
    for result in results:
        assert result.passes, result


def test_a_meter_half_a_percent_off_shows_in_every_class(monkeypatch):
    right = measure.converter

    def converter(config):
        return right({**config, "full_scale_i": config["full_scale_i"] * 1.005})

    monkeypatch.setattr(measure, "converter", converter)
    results = [result for result in grid.class_points() if result.limit]
    assert {result.quantity for result in results} == {grid.ACTIVE, grid.REACTIVE}
    for result in results:
        assert 0.45 < result.error < 0.55 and not result.passes


def test_each_point_of_the_class_grid_meets_every_voltage_and_frequency():
    streams = grid.streams()
    assert {(s.nominal, round(s.f / s.nominal, 6), s.noise) for s in streams} == {
        (nominal, f, noise) for nominal in (50, 60) for f in (0.98, 1, 1.02) for noise in (0, 0.5)
    }
    for k in range(len(grid.points())):
        for nominal in (50, 60):
            for noise in (0, 0.5):
                turns = [s.turn for s in streams if (s.nominal, s.noise) == (nominal, noise)]
                assert sorted(grid.voltage(k, turn) for turn in turns) == pytest.approx([207, 230, 253])
    shares = {load.name: [share for share, limit in load.limits.items() if limit] for load in grid.LOADS}
    assert shares["PF 1"] == shares["sin 1"] == [0.01, 0.02, 0.05, 0.1, 1, 1.2]


# IEEE 1459 and OIML R46 examples: voltage, current as order -> (rms, degrees); P, Q1, S
POWERS = {
    "annex B": (
        {1: (100, 0), 3: (8, -70), 5: (15, 140), 7: (5, 20)},
        {1: (100, -30), 3: (20, -165), 5: (15, 233), 7: (10, 288)},
        (8632.79, 5000.00, 10517.49),
    ),
    "5th harmonic": ({1: (230, 0), 5: (23, 0)}, {1: (5, 0), 5: (2, 0)}, (1196.00, 0, 1244.765)),
    "export": (
        {1: (230, 0), 5: (4, 10), 7: (3, -20)},
        {1: (16, 160), 3: (0.4, 30), 5: (0.6, -100), 7: (0.3, 75)},
        (-3458.968, -1258.634, 3685.25),
    ),
}


@pytest.mark.parametrize("name", POWERS)
def test_the_closed_forms(name):
    voltage, current, expected = POWERS[name]
    tones = [("v1", 50.0 * h, *part) for h, part in voltage.items()]
    tones += [("i1", 50.0 * h, *part) for h, part in current.items()]
    exact = reference.exact(tones, 50.0)
    assert [exact["p"], exact["q1_l1"], exact["s_l1"]] == pytest.approx(expected, abs=6e-3)


def test_the_closed_form_of_unbalance():
    phases = [rms * np.exp(1j * np.radians(degrees)) for rms, degrees in ((100, 0), (90, -120), (100, 120))]
    assert reference.unbalance(phases) == pytest.approx((3.44828, 3.44828), abs=1e-5)


# fundamental, periods, tones, {what: {index: V}}
GROUPING = (
    (50.0, 10, ((150, 23), (245, 4.6), (285, 2.3)), {"orders": {3: 23, 5: 4.6, 6: 0}, "isg": {4: 0, 5: 2.3}}),
    (50.0, 10, ((175, 10),), {"orders": {3: 0, 4: 0}, "isg": {3: 10}}),
    (60.0, 12, ((110, 5),), {"orders": {2: 0}, "isg": {1: 5}}),
    (53.0, 10, ((79.5, 0.1), (106, 0.1)), {"orders": {2: 0.1}, "isg": {1: 0.1}}),
)


@pytest.mark.parametrize("f, cycles, tones, expected", GROUPING)
def test_the_definitions_of_the_groups(f, cycles, tones, expected):
    wave = reference.Wave([("v1", f, 100.0, 10.0), *(("v1", *tone, 20.0) for tone in tones)])
    values = wave.values("v1", 0.3, 0.3 + cycles / f, cycles)
    for what, orders in expected.items():
        for h, volts in orders.items():
            assert values[what][h] == pytest.approx(volts, abs=1e-6)


def line(event, duration, **values):
    return {"event": event, "t": 2.5, "duration": duration, **values}


DIP, STAYS = events.CASES[0], events.CASES[4]
JUDGED = (
    ("right", DIP, [line("dip", 0.11, residual=70.1)], (0, 0.1, 0)),
    ("too short", DIP, [line("dip", 0.1, residual=70.0)], (0, 0, 10)),
    ("begun only", DIP, [{"event": "dip", "state": "begin", "t": 2.5}], (1, math.nan, math.nan)),
    ("missing", DIP, [], (1, math.nan, math.nan)),
    ("one too many", DIP, [line("dip", 0.11, residual=70.0), line("rvc", 0.1, delta_max=30)], (1, 0, 0)),
    ("rapid change", STAYS, [line("rvc", 0.0, delta_max=4.1, delta_ss=3.8)], (0, 0.18, 0)),
)


@pytest.mark.parametrize("case, lines, expected", [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED])
def test_the_judge_of_events(case, lines, expected):
    assert events.judge([{"window": 0}, *lines], case, 50.0) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "lag, moved",
    [
        (30, {"wh_import": 866, "varh_import": 500, "varh_q1": 500}),
        (150, {"wh_export": 866, "varh_import": 500, "varh_q2": 500}),
        (210, {"wh_export": 866, "varh_export": 500, "varh_q3": 500}),
        (330, {"wh_import": 866, "varh_export": 500, "varh_q4": 500}),
    ],
)
def test_the_expected_energy(lag, moved):
    found = events.expected_energy(3.6, lag, 1000.0)
    assert set(found) == set(events.ENERGIES)
    assert found == pytest.approx({**dict.fromkeys(found, 0), "vah": 1000, **moved}, abs=0.1)


def test_counting_leaves_out_the_first_window():
    rows = [{"t": 0.2 * k, **dict.fromkeys(events.ENERGIES, 10 * (k + 1))} for k in range(5)]
    seconds, moved = events.counted(rows)
    assert seconds == pytest.approx(0.6) and set(moved.values()) == {30}


def test_every_group_has_one_place():
    names = [group.__name__ for group in (*groups.QUICK, *groups.SAMPLES, *groups.SLOW)]
    assert len(set(names)) == len(names)
    assert not peer.enabled


def test_the_file(tmp_path):
    path = tmp_path / "build/accuracy.json"
    results = [
        Result("g", "c", "q, %", 0.2, 0.1, 1.0, 0.3),
        Result("g", "c", "r, dB", -90.0, -85),
        Result("g", "c", "printed", 5.0, None, 1.0, math.nan),
        Result("g", "c", "unknown", math.nan, 1.0),
    ]
    save(results, path)
    rows = json.loads(path.read_text())
    assert [row.pop("pass") for row in rows] == [False, True, True, False]
    assert rows[0] == {
        "group": "g", "case": "c", "quantity": "q, %", "error": 0.2, "target": 0.1, "limit": 1.0, "other": 0.3
    }  # fmt: skip
    assert [(row["error"], row["other"]) for row in rows[2:]] == [(5.0, None), (None, None)]


def test_the_column_of_the_other_one_is_there_when_it_has_something(capsys):
    show([Result("g", "c", "q", 0.2, 0.1)])
    assert "pqopen" not in capsys.readouterr().out
    show([Result("g", "c", "q", 0.2, 0.1, None, 0.3), Result("g", "c", "r", 7.0, None)])
    out = capsys.readouterr().out
    assert "pqopen" in out and "0.3" in out and "FAIL" in out


def test_the_program(monkeypatch, tmp_path, capsys):
    def good():
        yield Result("good", "c", "q", 0.1, 0.2)

    def broken():
        yield Result("broken", "c", "q", 0.1, 0.2)
        raise KeyError("a row that is not there")

    monkeypatch.setattr(program, "BUILD", tmp_path)
    monkeypatch.setattr(peer, "installed", lambda: False)
    monkeypatch.setattr(groups, "QUICK", (good,))
    monkeypatch.setattr(groups, "SLOW", (broken,))
    assert program.main(["good"]) == 0
    assert program.main([]) == 1
    rows = json.loads((tmp_path / "accuracy.json").read_text())
    assert [(row["group"], row["pass"]) for row in rows] == [("good", True), ("broken", False)]
    assert program.main(["other"]) == 2
    assert "no such group: other" in capsys.readouterr().err


@pytest.mark.parametrize("works", [True, False])
def test_the_other_one_is_installed_or_done_without(monkeypatch, tmp_path, capsys, works):
    commands = []

    def run(command):
        commands.append(command)
        if not works:
            raise SetupError("no network")

    monkeypatch.setattr(venv, "run", run)
    monkeypatch.setattr(venv, "ACCURACY", tmp_path / "accuracy")
    monkeypatch.setenv("CI", "true")
    venv.provide_accuracy()
    assert not commands and not venv.ACCURACY.exists()
    monkeypatch.delenv("CI")
    venv.provide_accuracy()
    assert commands[0][-1].startswith("pqopen-lib==")
    assert venv.ACCURACY.exists() == works
    assert ("no network" in capsys.readouterr().err) == (not works)
