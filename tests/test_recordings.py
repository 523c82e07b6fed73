"""`wattless replay` as a user runs it: recordings against float64 analysis, three interpreters against each other.

The reference values are those of a float64 analysis of one period looped: rms, P, S, P1, Q1 of everything in the
record, THD from subgroups to order 50 and 40.
"""

import csv
import json
import math
import os
import subprocess
import sys

import pytest

from host_tools.toolchain.paths import ROOT

WAVEFORMS = ROOT / "tests/data/waveforms"
MAP = ["--map", "v1=v_V,i1=i_A"]
XTZ = ["xtz.cfg", "--map", "v1=1,v2=2,v3=3,i1=21,i2=22,i3=23,in=24"]
RUNTIMES = ("cpython", "micropython", "arm")
REFERENCE = """
file                            f       V       I        P       S       P1      Q1       phi1    I0       thdv  thdv40 thdi    thdi40
plaid60_cfl                     60      122.229 0.110977 7.5107  13.5646 7.5585  -6.7947  -41.954 -0.00685 1.922 1.919  87.355  87.091
plaid60_incandescent            60      121.763 0.325969 39.2991 39.6910 39.2828 -5.4830  -7.946  0.00868  1.751 1.749  1.769   1.763
plaid60_waterkettle             60      117.370 4.56084  532.257 535.304 532.204 -45.078  -4.841  -0.27372 1.855 1.853  2.202   2.197
plaid60_fan_motor               60      121.630 0.400040 47.5363 48.6568 47.5092 9.4010   11.193  0.02458  1.774 1.772  7.209   7.207
plaid60_hairiron_triac          60      121.435 0.588492 59.7070 71.4635 59.9721 -7.7570  -7.370  -0.21021 1.753 1.751  46.672  46.670
plaid60_laptop_charger          60      121.820 0.550847 24.6158 67.1038 24.9222 -21.3610 -40.600 0.16106  1.956 1.951  166.228 164.162
plaid60_vacuum_universal_motor  60      117.733 4.04792  466.907 476.573 467.426 -0.8956  -0.110  -0.04315 2.068 2.065  19.711  19.706
plaid60_fridge_defroster        60      118.082 2.78058  285.664 328.335 285.553 159.839  29.238  -0.08030 1.851 1.850  7.369   7.366
ev60_nissan_leaf_charging       60.0241 195.571 30.4038  5940.82 5946.09 5939.72 -187.916 -1.812  -0.01415 1.570 1.550  2.905   2.884
"""  # noqa: E501
ROWS = [line.split() for line in REFERENCE.strip().splitlines()]
CASES = [dict(zip(ROWS[0], (row[0], *map(float, row[1:])), strict=True)) for row in ROWS[1:]]
ABOVE_THE_BAND = ("plaid60_cfl", "plaid60_laptop_charger")  # content beyond what the meter samples


def replay(*options, code=0):
    """(lines of JSON, standard error) of the command."""
    argv = [sys.executable, "-m", "host_tools", "replay", *options, "--json"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def one_period(name):
    """Options that replay one of the files with a single period."""
    return [str(WAVEFORMS / f"{name}.csv"), "--fs", "30732.35" if name.startswith("ev") else "30000", *MAP]


@pytest.mark.parametrize("rate", ["12800", "10240"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["file"])
def test_reference_values(case, rate):
    lines = replay(*one_period(case["file"]), "--repeat", "5", "--adc-rate", rate)[0]
    assert [line for line in lines if "event" in line] == []
    lines = [line for line in lines if "window" in line]
    assert len(lines) >= 24
    for window in lines[1:]:
        assert window["flags"] == []
        rms = 5e-3 if case["file"] in ABOVE_THE_BAND else 1e-3
        for name, share in (("V", 1e-3), ("I", rms), ("P", 1e-3), ("S", rms), ("P1", 1e-3)):
            assert window[f"{name.lower()}_l1"] == pytest.approx(case[name], rel=share), name
        assert window["q1_l1"] == pytest.approx(case["Q1"], abs=2e-3 * case["S"])
        assert window["phi1_l1"] == pytest.approx(case["phi1"], abs=0.05)
        assert window["ih_l1"][0] == pytest.approx(case["I0"], abs=1e-3 * case["I"])
        for name, expected in (("thd_v", "thdv"), ("thd40_v", "thdv40"), ("thd_i", "thdi"), ("thd40_i", "thdi40")):
            assert window[f"{name}_l1"] == pytest.approx(case[expected], abs=0.2), name
        assert window["f"] == pytest.approx(case["f"], abs=0.002)


def same(a, b):
    """Equal but for the last digit of a single (doubles may round to either), null only where the other one is."""
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=1.3e-7, abs_tol=1e-12)
    return a == b


@pytest.mark.parametrize(
    "options",
    [one_period(case["file"]) for case in CASES] + [[str(WAVEFORMS / XTZ[0]), *XTZ[1:]]],
    ids=[case["file"] for case in CASES] + ["xtz"],
)
def test_three_interpreters_agree(options):
    """The same integers, by their fingerprint, and values equal to a single's last digit: CPython (checked), x86-64 and
    ARM."""
    repeat = [] if "xtz" in options[0] else ["--repeat", "0.7"]
    lines = {runtime: replay(*options, *repeat, "--runtime", runtime)[0] for runtime in RUNTIMES}
    assert len(lines["cpython"]) >= 2
    for runtime in RUNTIMES[1:]:
        assert len(lines[runtime]) == len(lines["cpython"])
        for got, expected in zip(lines[runtime], lines["cpython"], strict=True):
            assert list(got) == list(expected)
            assert got.get("dsp") == expected.get("dsp")
            assert [name for name in got if not same(got[name], expected[name])] == []
    assert any(line.get("dsp") for line in lines["cpython"])


def test_a_gap_of_a_fault_record_is_a_window_of_nulls():
    lines, notes = replay(str(WAVEFORMS / XTZ[0]), *XTZ[1:])
    lines = [line for line in lines if "window" in line]
    assert [line["flags"] for line in lines] == [[], ["gap"], [], ["event"]]
    gap = lines[1]
    assert gap["p"] is None and gap["vh_l1"] == [None] * 51
    assert lines[2]["t"] == pytest.approx(1280 / 3200 + 36 / 50, abs=0.002)  # where the second stretch begins
    assert lines[0]["vh_l1"][32:] == [None] * 19  # 3200 S/s know nothing above order 31
    assert "gap" in notes


def test_the_fault_record_has_its_dip(tmp_path):
    """Bus I: Ua below 90 % from 0.2254 s (+-10 ms) for 40.1 ms, residual 69.8 %; Ub and Uc none (float64 analysis)."""
    lines, _ = replay(
        str(WAVEFORMS / XTZ[0]), *XTZ[1:], "--nominal-voltage", "57.735", "--comtrade", str(tmp_path / "out")
    )
    dips = [line for line in lines if line.get("event") == "dip" and line["state"] == "end"]
    first = dips[0]
    assert (first["channel"], first["channels"]) == ("l1", ["l1"])
    assert first["t"] == pytest.approx(0.2254, abs=0.010)
    assert first["duration"] == pytest.approx(0.0401, abs=0.0005)
    assert first["residual"] == pytest.approx(69.8, abs=0.2)
    assert [line["channel"] for line in dips] == ["l1", "l1"]  # the second stretch has a fault of its own
    windows = {line["window"]: line["flags"] for line in lines if "window" in line}
    assert windows == {0: [], 1: ["gap"], 2: [], 3: ["event"]}  # window 1 could not close: the record has a gap there

    exported = sorted((tmp_path / "out").glob("*.cfg"))
    assert [path.name for path in exported] == ["event-0001-dip.cfg", "event-0003-dip.cfg"]
    again, _ = replay(str(exported[0]), "--nominal-voltage", "57.735", "--nominal-frequency", "50")
    (dip,) = [line for line in again if line.get("event") == "dip" and line["state"] == "end"]
    assert dip["t"] == pytest.approx(0.2, abs=0.001)  # the file begins 0.2 s before
    assert dip["residual"] == pytest.approx(first["residual"], abs=0.05)


def test_npz_with_three_wires(tmp_path):
    import numpy as np

    fs, f = 25600.0, 50.0
    t = np.arange(int(fs)) / fs

    def wave(rms, degrees):
        return rms * 2**0.5 * np.cos(2 * np.pi * f * t + np.radians(degrees))

    phases = {f"v{n}": wave(230, -120 * (n - 1)) for n in (1, 2, 3)}
    currents = {f"i{n}": wave(5, -120 * (n - 1) - 30) for n in (1, 2, 3)}
    np.savez(tmp_path / "site.npz", fs=fs, **phases, **currents)
    lines, _ = replay(str(tmp_path / "site.npz"), "--wiring", "3p3w")
    window = lines[-1]
    assert window["p"] == pytest.approx(3 * 230 * 5 * math.cos(math.radians(30)), rel=1e-3)
    assert window["q1"] == pytest.approx(3 * 230 * 5 * math.sin(math.radians(30)), rel=1e-3)
    assert window["v_l12"] == pytest.approx(230 * 3**0.5, rel=1e-3)
    assert window["i_n"] is None


def test_csv_with_time_column_and_ideal_adc(tmp_path):
    path = tmp_path / "load.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["t", "v1", "i1"])
        for k in range(12800):
            angle = 2 * math.pi * 50 * k / 12800
            writer.writerow([f"{k / 12800:.9f}", 325 * math.cos(angle), 7 * math.cos(angle + 0.5)])
    window = replay(str(path), "--adc", "ideal", "--full-scale-v", "500", "--full-scale-i", "10")[0][-1]
    assert window["q1"] == pytest.approx(-325 * 7 / 2 * math.sin(0.5), rel=1e-3)
    assert window["quadrant"] == 4


@pytest.mark.parametrize(
    "content, options, said",
    [
        ("", [], "empty"),
        ("t,v1,i1\n0,1,2\n0.0001,nan,2\n", [], "line 3"),
        ("v1,i1\n1,2\n", [], "--fs"),
        ("v1,i1\n" + "1,2\n" * 100, ["--fs", "100"], "2500"),
        ("a,b\n1,2\n", ["--fs", "12800"], "a"),
    ],
)
def test_bad_input_ends_with_code_2_and_one_clear_line(tmp_path, content, options, said):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    lines, error = replay(str(path), *options, code=2)
    assert lines == []
    assert said in error and "Traceback" not in error
    assert len(error.strip().splitlines()) == 1
