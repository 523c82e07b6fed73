"""Energy registers against exact fractions: what a single-precision power times a window's length is, rounded down."""

import json
import math
import subprocess
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython
from tests.metering.energy_bench import NAN, PHASES, RNG, WINDOW, expected, feed, meter, registers, walk
from wattless.metering.energy import LINES, QUANTITIES


@pytest.mark.parametrize("rate", [12800, 10240])
@pytest.mark.parametrize("total", ["sum", "phase"])
@pytest.mark.parametrize("wires", PHASES)
def test_registers_are_the_integrals_of_the_powers(wires, total, rate):
    windows = [window for watts in (3.0, 2e4, 1e9) for window in walk(40, PHASES[wires], watts)]
    energy, points = meter(wiring=wires, energy_total=total, adc_rate=rate)
    feed(energy, points, windows)
    assert registers(energy, points) == expected(windows, PHASES[wires], rate, total == "sum")


LEAST, MOST = 2.0**-7, 2.0**39
POWERS = strategies.just(0.0) | strategies.floats(LEAST, MOST, width=32) | strategies.floats(-MOST, -LEAST, width=32)


@settings(max_examples=40, deadline=None)
@given(strategies.lists(strategies.tuples(strategies.integers(1, 2**28 - 1), *[POWERS] * 4), max_size=8))
def test_any_powers(drawn):
    windows = [(n, [a, b], [c, d], [0.0, 0.0]) for n, a, b, c, d in drawn]
    energy, points = meter(wiring="1p3w")
    feed(energy, points, windows)
    assert registers(energy, points) == expected(windows, 2, 12800, True)


@pytest.mark.parametrize("power", [1e-45, 3e-39, 1.2e-38, 1e-30, 1e-20, 3e-16, 1e-12, 1e-9, 5e-7, 3e-5, 1e-3, 7.7e-3])
def test_powers_below_8_mw_are_cut_to_whole_units(power):
    energy, points = meter(wiring="1p2w", starting_current=0)
    length = 193_986_559
    power = -float(np.float32(power))
    points.load([power], [NAN], s=[-power])
    for _ in range(3):
        energy.window(length)
    exact = math.floor(Fraction(-power) * length * 2**30) * 3
    for register in (4, 24):  # wh_export_l1, vah_l1
        words = np.frombuffer(energy.state(), "<i4")[4 + 6 * register :][:6].tolist()
        assert words == [0, 0, 0, exact & 2**28 - 1, exact >> 28 & 2**28 - 1, exact >> 56]


def test_one_quadrant_moves_in_a_window_and_nothing_decreases():
    energy, points = meter()
    before = registers(energy, points)
    for window in walk(60, 3, 3e4):
        feed(energy, points, [window])
        after = registers(energy, points)
        for line in LINES:
            moved = [name for name in QUANTITIES if after[name + line] != before[name + line]]
            assert len([name for name in moved if name.startswith("varh")]) <= 1
            assert len([name for name in moved if name.startswith("wh")]) <= 1
        assert all(after[name] >= before[name] for name in after)
        assert after["varh_import"] + after["varh_export"] == sum(after[f"varh_q{k}"] for k in (1, 2, 3, 4))
        before = after


def saved(data, counts):
    """A saved state with other counts, {register: count}; its check sum by zlib."""
    words = np.frombuffer(data, "<i4").copy()
    for register, count in counts.items():
        words[4 + 6 * register : 7 + 6 * register] = [count >> 28 * k & (2**28 - 1) for k in range(3)]
    total = zlib.adler32(words[4:].tobytes())
    words[2:4] = total & 0xFFFF, total >> 16
    return words.tobytes()


@pytest.mark.parametrize("bits", [28, 32, 56, 64])
def test_words_roll_over(bits):
    """One count below a power of two, then 100 counts more; the whole is modulo 2**64."""
    energy, points = meter(wiring="1p2w")
    energy.restore(saved(energy.state(), {0: 2**bits - 1, 3: 2**bits - 1, 12: 2**bits - 1}))
    points.load([1800.0], [-1800.0])
    energy.window(WINDOW)  # 0.2 s: 100 mWh
    got = registers(energy, points)
    assert got["wh_import_l1"] == got["wh_import"] == (2**bits + 99) % 2**64
    assert got["varh_q4_l1"] == 100
    assert got["varh_import_l1"] == 2**bits - 1


def test_a_saved_state_goes_on_without_loss():
    windows = walk(90, 3, 5e3)
    energy, points = meter()
    for third in range(3):
        feed(energy, points, windows[30 * third : 30 * third + 30])
        data = energy.state()
        energy, points = meter()
        energy.restore(data)
    assert registers(energy, points) == expected(windows, 3, 12800, True)


def test_another_rate_keeps_the_counts():
    energy, points = meter()
    feed(energy, points, walk(30, 3, 5e3))
    other, its_points = meter(adc_rate=10240)
    other.restore(energy.state())
    assert registers(other, its_points) == registers(energy, points)


@pytest.mark.parametrize("damage", [b"", b"short", "cut", "bit", "mark"])
def test_damaged_states_are_refused(damage):
    energy, points = meter()
    feed(energy, points, walk(5, 3, 5e3))
    data = energy.state()
    before = registers(energy, points)
    flips = {"bit": 100, "mark": 0}
    if damage in flips:
        spoilt = bytearray(data)
        spoilt[flips[damage]] ^= 4
    else:
        spoilt = data[:-1] if damage == "cut" else damage
    with pytest.raises(ValueError, match="energy: "):
        energy.restore(bytes(spoilt))
    assert registers(energy, points) == before


SCRIPT = """
import gc, json, sys
from array import array
from wattless import config
from wattless.metering.energy import Energy
from wattless.metering.wiring import wiring

class Points:
    stage = array("f", [float("nan")] * 20)
    got = {}
    def at(self, name):
        return 4 * ("v", "p", "q1", "s", "s1").index(name[:-3]) + int(name[-1]) - 1
    def put(self, name, value):
        self.got[name] = value

def used():
    gc.collect()
    return gc.mem_alloc()

points = Points()
settings = config.load({"nominal_current": 20.0})
wires = wiring("3p4w")
before = used()
energy = Energy(settings, wires, points)
heap = used() - before
for name in energy._ids + energy._sum_ids:
    points.got[name] = 0
row, length = array("f", [0] * 20), array("i", [0])
with open(sys.argv[1], "rb") as f:
    while f.readinto(length):
        f.readinto(row)
        for k in range(20):
            points.stage[k] = row[k]
        energy.window(length[0])
        energy.publish(points)
counts = dict(points.got)
state = energy._registers.words
for register in range(28):
    state[4 + 6 * register + 1] += 1 << 14  # counts above 2**42
    state[4 + 6 * register + 5] = 44  # all move
worst = 0
for sign in (1, -1):
    for k in range(4, 12):
        points.stage[k] = sign * 1e6
    n = length[0]
    energy.publish(points)
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    energy.window(n)
    energy.publish(points)
    worst = max(worst, gc.mem_alloc() - before)
    gc.enable()
energy.restore(energy.state())
print(json.dumps({"heap": heap, "garbage": worst, "counts": counts}))
"""


@pytest.mark.parametrize("machine, arch, count", [("x64", "x64", 18000), ("arm", "armv7emsp", 2000)])
def test_an_hour_on_micropython(machine, arch, count, tmp_path):
    """A wandering load in double precision, stored as singles as on the board: the sums of an hour are within 1e-6 of
    the exact ones. L3 takes 1 mW: 1 mWh."""
    k = np.arange(count)
    p = 4e6 * np.stack([1 + 0.5 * np.sin(k / 977), np.cos(k / 3001), np.zeros(count)]) + RNG.normal(0, 1e3, (3, count))
    p[2] = 0.00101
    q = np.stack([0.4663 * p[0], 0.3 * p[0] - 1e6, p[2]])
    length = (10 / (50 + 0.05 * np.sin(k / 311)) * 12800 * 65536).astype("<i4")
    rows = np.zeros((count, 5, 4), "<f4")
    rows[:, 0] = 230
    for row, values in ((1, p), (2, q), (3, np.hypot(p, q)), (4, np.full((3, count), 1e9))):
        rows[:, row, :3] = values.T
    lines = b"".join(n.tobytes() + row.tobytes() for n, row in zip(length, rows, strict=True))
    (tmp_path / "windows").write_bytes(lines)
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [micropython(machine), "-X", "heapsize=256k", "script.py", "windows"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build(arch)}:.frozen"},
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    mwh = length / (65536 * 12800) / 3.6
    counts = got["counts"]
    for name, power in (
        ("wh_import_l1", p[0]),
        ("wh_import_l2", np.maximum(p[1], 0)),
        ("wh_export_l2", np.maximum(0 - p[1], 0)),
        ("varh_import_l1", q[0]),
        ("varh_import_l2", np.maximum(q[1], 0)),
        ("varh_export_l2", np.maximum(0 - q[1], 0)),
        ("vah_l1", np.hypot(p[0], q[0])),
        ("wh_import_l3", p[2]),
    ):
        exact = float(np.dot(power, mwh))
        assert counts[name] == pytest.approx(exact, rel=1e-7, abs=1), name
    net = counts["wh_import"] - counts["wh_export"]
    assert net == pytest.approx(float(np.dot(p.sum(0), mwh)), rel=1e-7, abs=2)
    if count == 18000:
        assert counts["wh_import_l3"] == 1 and counts["wh_import_l1"] > 1 << 31
    if machine == "arm":  # whose words are those of the board
        assert got["heap"] <= 2400 and got["garbage"] <= 1000, got
