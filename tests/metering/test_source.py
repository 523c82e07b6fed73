"""Who injects the harmonic, on sites whose sources are known: what the firmware says is judged by the mean |E_u| and
|E_c| that went in."""

import io
import json
import math
import subprocess
from array import array

import numpy as np
import pytest

from host_tools.accuracy import source, source_child
from host_tools.accuracy import source_sites as s
from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython
from wattless import config
from wattless.metering import source as firmware
from wattless.metering import source_verdict as formulas
from wattless.metering.wiring import wiring

ZU, ZC = 0.05 + 0.25j, 0.3 + 2.0j  # group I of the reference, order 5


def drawn(ratio, trials, samples, every=0, seed=1, told=True):
    rng = np.random.default_rng(seed)
    sites = s.draw(rng, trials, ratio)
    series = s.series(rng, sites, samples, every)
    return sites, series, s.words(rng, [series], told=told)


# The whole, on MicroPython.


def test_group_i():
    quiet, loud = source.group_i(0.05), source.group_i(5)
    assert (quiet.verdict == s.SITE).all()
    assert abs(quiet.ohms / abs(ZU) - 1).max() < 0.05
    assert (loud.verdict == s.UNKNOWN).all()
    assert np.isnan(loud.ohms).all()


UNKNOWN_SHARE = {0.02: (0, 32), 0.2: (0, 40), 5: (98, 100)}  # background/site -> %


@pytest.mark.parametrize("ratio", UNKNOWN_SHARE)
def test_wrong_and_unknown(ratio):
    sites, series, records = drawn(ratio, 16, 100)
    found = source.shares(sites, series, s.answers(records, 16, 100))
    least, most = UNKNOWN_SHARE[ratio]
    assert found.wrong < 2
    assert least <= found.unknown <= most
    assert found.ohms < 20


def test_told_steps_leave_fewer_unknown():
    found = []
    for told in (False, True):
        sites, series, records = drawn(2, 12, 150, every=15, told=told)
        found.append(source.shares(sites, series, s.answers(records, 12, 150)))
    assert found[0].wrong < 2 and found[1].wrong < 2
    assert found[0].unknown > 85
    assert found[1].unknown < 75


@pytest.mark.parametrize("change", source.BROKEN)
def test_sites_that_are_not_as_assumed(change):
    rng = np.random.default_rng(9)
    sites = s.draw(rng, 10, 0.05)
    change(rng, sites)
    series = s.series(rng, sites, 80)
    found = source.shares(sites, series, s.answers(s.words(rng, [series]), 10, 80))
    assert found.wrong < {source.emitting_capacitor: 15, source.current_source: 15}.get(change, 2)


def turned(short_circuit_current):
    """A current whose fundamental turns the reference, by 1 % always and in steps; a grid of 20 times the rating."""
    rng = np.random.default_rng(10)
    z1 = s.BASE / 20 * np.exp(1j * np.arctan(3))
    sites = s.draw(rng, 10, 0.05)
    sites.su *= s.H * abs(z1) / abs(sites.zu)
    sites.zu = s.H * abs(z1) * np.exp(1j * np.arctan(s.between(rng, 1, 10, sites.zu.shape)))
    series = s.series(rng, sites, 120, 20)
    i1 = (20 - 5j) * abs(series.mean_ec[..., 0] / sites.ec[:, None, 0])
    i1 = i1 * rng.normal(1, 0.01, i1.shape)
    records = s.words(rng, [series], i1=i1, z1=z1)
    answers = s.answers(records, 10, 120, short_circuit_current=short_circuit_current)
    return source.shares(sites, series, answers)


def test_a_turning_reference():
    """Z_u would be wrong by |V_h / V_1| |dI_1 / dI_h|; known to 10 %, the short-circuit impedance takes that out."""
    blind, informed = turned(None), turned(1.1 * 230 / (s.BASE / 20))
    assert blind.wrong < 2 and informed.wrong < 2
    assert blind.ohms < 20 and informed.ohms < 8
    assert informed.unknown < blind.unknown - 5


def one_site(rng, eu, ec, moves=0.4, ratio=0.05, trials=2):
    """Series of sites like group I at all orders; the site's source moves by `moves` V, the grid's by `ratio` of that
    as a Norton current."""
    sites = s.draw(rng, trials, 0.05)
    sites.zu[:], sites.zc[:] = ZU / 5 * s.H, ZC / 5 * s.H
    sites.eu, sites.ec = np.full(sites.zu.shape, eu, complex), np.full(sites.zu.shape, ec, complex)
    sites.sc = moves * np.ones(sites.zu.shape)
    sites.ru = sites.rc = 0.5 * np.ones(sites.zu.shape)
    sites.su = ratio * sites.sc * abs(sites.zu / sites.zc)
    return s.series(rng, sites, 60)


GRID_SITE = {"grid": (8.0, 0.5j), "site": (0.5, 8.0j), "idle": (0.003, 0.003j, 0.0001), "loud": (0.5, 8.0j, 0.4, 20)}
PHASES = [
    (("site", "site", "site"), s.SITE),
    (("grid", "grid", "grid"), s.GRID),
    (("site", "idle", "idle"), s.SITE),
    (("site", "grid", "idle"), s.BOTH),
    (("idle", "idle", "idle"), s.UNKNOWN),
    (("site", "loud", "site"), s.SITE),
    (("site", "loud", "loud"), s.UNKNOWN),
]


@pytest.mark.parametrize("kinds, expected", PHASES)
def test_phases_are_combined(kinds, expected):
    rng = np.random.default_rng(11)
    phases = [one_site(rng, *GRID_SITE[kind]) for kind in kinds]
    found = s.answers(s.words(rng, phases), 2, 60, wiring="3p4w", site=0.4)
    assert (found["verdict"][:, -20:] == expected).mean() > 0.95
    known = found["ohms"][:, -20:][found["verdict"][:, -20:] > 0]
    assert (
        abs(known / np.broadcast_to(abs(ZU) / 5 * s.H, (2, 20, 12))[found["verdict"][:, -20:] > 0] - 1).max(initial=0)
        < 0.05
    )


def test_three_wires_have_virtual_phases():
    rng = np.random.default_rng(12)
    phases = [one_site(rng, *GRID_SITE["site"]) for _ in range(3)]
    records = s.words(rng, phases, voltage_scale=2 / 3)
    found = s.answers(records, 2, 60, wiring="3p3w", nominal_voltage=400.0, site=0.4)[:, -1]
    assert (found["verdict"] == s.SITE).all()
    assert found["ohms"] == pytest.approx(np.broadcast_to(abs(ZU) / 5 * s.H, (2, 12)), rel=0.05)


def test_arm_says_the_same():
    _, _, records = drawn(0.1, 2, 60, every=20)
    here, there = (s.answers(records, 2, 60, machine=machine) for machine in ("x64", "arm"))
    assert here.tobytes() == there.tobytes()


# The same under CPython: single precision, and what happens around it.


def in_process(records, trials, samples, **options):
    out = bytearray()
    source_child.answer(
        json.loads(json.dumps(s.task(trials, samples, **options))), io.BytesIO(records).readinto, out.extend
    )
    return np.frombuffer(bytes(out), s.ANSWER).reshape(trials, samples)


def test_single_precision(monkeypatch):
    """The board's floats: complex64 and float32 in all formulas change no verdict, and |Z_u| by less than 1e-3."""
    _, _, records = drawn(0.3, 2, 60, every=20, seed=13)
    double = in_process(records, 2, 60)

    def single(function):
        return lambda *args: np.float32(function(*args))

    for module in (firmware, formulas, source_child):
        monkeypatch.setattr(module, "complex", lambda re, im: np.complex64(re + 1j * im), raising=False)
    for module, names in ((firmware, ("sqrt",)), (formulas, ("sqrt", "log"))):
        for name in names:
            monkeypatch.setattr(module, name, single(getattr(math, name)))
    monkeypatch.setattr(source_child, "single", np.float32)
    seen = []
    impedance = formulas.impedance
    monkeypatch.setattr(firmware, "impedance", lambda *args: seen.append(impedance(*args)) or seen[-1])
    found = in_process(records, 2, 60)
    assert {type(z) for z, error in seen if error is not None} == {np.complex64}
    assert (found["verdict"] == double["verdict"]).all()
    assert (double["verdict"] != s.UNKNOWN).mean() > 0.25
    assert abs(found["confidence"].astype(int) - double["confidence"]).max() <= 1
    known = double["verdict"] != s.UNKNOWN
    assert found["ohms"][known] == pytest.approx(double["ohms"][known], rel=1e-3)


def test_micropython_says_what_cpython_says():
    _, _, records = drawn(0.1, 1, 40, seed=14)
    here, there = in_process(records, 1, 40), s.answers(records, 1, 40)
    assert (here["verdict"] == there["verdict"]).all()
    assert abs(here["confidence"].astype(int) - there["confidence"]).max() <= 1
    assert here["ohms"] == pytest.approx(there["ohms"], rel=1e-6, nan_ok=True)  # CPython's abs() rounds better


def windows_of(series, **options):
    records = s.words(np.random.default_rng(15), [series], **options)
    return records, len(records) // (12 * series.v.shape[1])


def settled(f=50.0):
    """(answers, samples) of a steady site, then 8 samples with frequencies `f`."""
    series = one_site(np.random.default_rng(16), *GRID_SITE["site"], trials=1)
    frequencies = np.full((1, 60), 50.0)
    frequencies[0, 52:] = f
    return in_process(s.words(np.random.default_rng(15), [series], f=frequencies), 1, 60, site=0.4)["verdict"][0]


def test_a_moving_frequency():
    steady = settled()
    assert (steady[40:] == s.SITE).all()
    moving = settled(50 + 0.6 * np.arange(1, 9))  # 0.6 Hz at once, each 2.4 s
    assert (moving[53:] == s.SITE).mean() > 0.9  # single windows are left out
    assert (settled(np.nan)[55:] == s.UNKNOWN).all()


class Meter:
    """A Source with its rows, and one window to show it."""

    def __init__(self, **settings):
        self.rows = source_child.Rows()
        self.source = firmware.Source(config.load({**s.SETTINGS, **settings}), wiring("1p2w"), self.rows)
        series = one_site(np.random.default_rng(17), *GRID_SITE["site"], trials=1)
        self.v, self.i = series.v[0], series.i[0]
        self.number = 0

    def windows(self, n, synced=True):
        window, quantities = source_child.Holder(), source_child.Holder()
        for _ in range(n):
            k, sample = self.number % 12, self.number // 12
            window.phasors = [array("i", bytes(8 * 51)) for _ in range(7)]
            for channel, x in ((0, self.v[sample, k] / s.VOLTS), (3, self.i[sample, k] / s.AMPERES)):
                window.phasors[channel][2 * (2 * k + 3)] = round(x.real * s.PHASOR)
                window.phasors[channel][2 * (2 * k + 3) + 1] = round(x.imag * s.PHASOR)
            quantities.v, quantities.i, quantities.volts, quantities.amperes = [230 + 0j], [9 + 1j], s.VOLTS, s.AMPERES
            self.rows.stage[:] = array("f", [np.nan] * 37)
            self.rows.stage[source_child.F_SLOT] = 50.0
            self.source.window(window, quantities, synced)
            self.number += 1
        return np.array(self.rows.stage[:36]).reshape(3, 12)


def test_every_window_has_all_rows():
    meter = Meter()
    verdict, confidence, ohms = meter.windows(1)
    assert (verdict == s.UNKNOWN).all() and (confidence == 0).all() and np.isnan(ohms).all()
    verdict, confidence, ohms = meter.windows(400)
    known = verdict != s.UNKNOWN
    assert known.all() and (confidence[known] >= 10).all() and np.isfinite(ohms[known]).all()


def test_what_takes_a_verdict_back():
    meter = Meter()
    assert (meter.windows(12 * 32)[0] != s.UNKNOWN).all()
    assert (meter.windows(1, synced=False)[0] == s.UNKNOWN).all()
    assert (meter.windows(48)[0] != s.UNKNOWN).all()  # impedances were kept
    meter.source.restart()
    verdict, confidence, ohms = meter.windows(1)
    assert (verdict == s.UNKNOWN).all() and np.isnan(ohms).all()
    assert (meter.windows(48)[0] != s.UNKNOWN).all()
    meter.source.setpoint_changed()
    meter.windows(15)
    assert (meter.windows(11)[0] == s.UNKNOWN).all()  # the level of before is past


@pytest.mark.parametrize(
    "settings, known",
    [
        ({"short_circuit_current": 230 / abs(ZU / 5) / 3}, True),
        ({"short_circuit_current": 230 / abs(ZU / 5) * 3}, True),
        ({"short_circuit_current": 230 / abs(ZU / 5) / 5}, False),
        ({"short_circuit_current": 230 / abs(ZU / 5) * 5}, False),
        ({"nominal_current": 90.0}, True),
        ({"nominal_current": 1500.0, "full_scale_i": 3000.0}, False),  # a grid of 3 times the rating
    ],
)
def test_impedances_that_no_grid_has(settings, known):
    meter = Meter(**settings)
    assert (meter.windows(12 * 40)[0] != s.UNKNOWN).any() == known


def test_signs_must_agree():
    meter = Meter()
    assert (meter.windows(12 * 32)[0] != s.UNKNOWN).all()
    for k in range(12):
        meter.source._moves.counts[8 * k + 3] = 100
    assert (meter.windows(12)[0] == s.UNKNOWN).all()


def test_rows_must_be_adjacent():
    rows = source_child.Rows()
    at = rows.at
    rows.at = lambda name: at(name) + (name == "source_z_h25")
    with pytest.raises(ValueError, match="source_z_h3 to 25"):
        firmware.Source(config.load(s.SETTINGS), wiring("1p2w"), rows)


COSTS = """
import gc, json, sys
exec(open(sys.argv[1]).read().split("if __name__")[0])
from wattless import config
from wattless.metering import source
wires = wiring("3p4w")
rows = Rows()
settings = config.load({})
gc.collect()
before = gc.mem_alloc()
made = source.Source(settings, wires, rows)
gc.collect()
heap = gc.mem_alloc() - before
window, quantities = Holder(), Holder()
window.phasors = [array("i", bytes(8 * 51)) for _ in range(7)]
quantities.v, quantities.i = [230 + 5j] * 3, [20 - 3j] * 3
quantities.volts, quantities.amperes = 500 / 32768, 100 / 32768
rows.stage[F_SLOT] = 50.0
worst = 0
seed = 1
for number in range(12 * 60):
    h = 2 * (number % 12) + 3
    for phase in range(3):
        seed = (seed * 1103515245 + 12345) & 0x3fffffff
        i = complex(4e6 + seed / 2e3, (seed & 0xffff) * 10.0)
        seed = (seed * 1103515245 + 12345) & 0x3fffffff
        v = 1e6 - i * complex(0.01, 0.01 * h) + seed / 1e5
        window.phasors[phase][2 * h] = int(v.real)
        window.phasors[phase][2 * h + 1] = int(v.imag)
        window.phasors[3 + phase][2 * h] = int(i.real)
        window.phasors[3 + phase][2 * h + 1] = int(i.imag)
    if number % 200 == 150:
        made.setpoint_changed()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    made.window(window, quantities, True)
    worst = max(worst, gc.mem_alloc() - before)
    gc.enable()
print(json.dumps([heap, worst, sum([1 for k in range(12) if rows.stage[k]])]))
"""


def test_heap_and_garbage(tmp_path):
    """On 32-bit ARM with doubles: a complex takes 32 bytes there, 16 on the board."""
    (tmp_path / "costs.py").write_text(COSTS)
    done = subprocess.run(
        [micropython("arm"), "-X", "heapsize=2m", "costs.py", source_child.__file__],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('armv7emsp')}:.frozen"},
    )
    assert done.returncode == 0, done.stderr
    heap, garbage, answers = json.loads(done.stdout)
    assert answers == 12
    assert heap <= 3800
    assert garbage <= 4096, garbage
