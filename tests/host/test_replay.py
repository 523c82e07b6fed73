"""`wattless replay` without the firmware: what is guessed, how the child is run, what is null, what the user sees."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from host_tools import adc_model, cli, picture, replay, report, runtimes
from host_tools.recording import InputError
from host_tools.summary import Summary

WAVEFORMS = Path(__file__).parents[1] / "data/waveforms"
FAN = WAVEFORMS / "plaid60_fan_motor.csv"
MAP = {"v1": "v_V", "i1": "i_A"}

# A meter that says how many frames it got, in one window.
CHILD = """
import json, sys
frames = len(sys.stdin.buffer.read()) // 24
config = json.load(open(sys.argv[sys.argv.index("--config") + 1]))
print(json.dumps({"window": 0, "t": 0.0, "flags": [], "f": 60.0, "v_l1": float(frames), "wiring": config["wiring"]}))
"""


def line(**values):
    return {"window": 0, "t": 0.0, "flags": [], "f": 50.0, **values}


@pytest.fixture
def child(monkeypatch):
    """Puts a Python program in the firmware's place."""

    def install(program):
        monkeypatch.setattr(runtimes, "command", lambda runtime, args: ([sys.executable, "-c", program, *args], None))

    return install


def fan(**options):
    return replay.prepare(FAN, **{"fs": 30000, "mapping": MAP, "repeat": 1.0, **options})


def write_csv(path, seconds=0.5, fs=6400, names=("v1",)):
    t = np.arange(round(seconds * fs)) / fs
    rows = "".join(
        f"{x:.5f}" + f",{y:.4f}" * len(names) + "\n" for x, y in zip(t, 325 * np.sin(314.16 * t), strict=True)
    )
    path.write_text("t," + ",".join(names) + "\n" + rows)
    return path


# What is settled before the run.


def test_what_a_period_of_a_fan_motor_leaves_open():
    job = fan()
    assert job.config == {
        "wiring": "1p2w",
        "nominal_frequency": 60,
        "nominal_voltage": 120.0,
        "adc_rate": 12800,
        "adc": "ads131m08",
        "full_scale_v": 250.0,
        "full_scale_i": 1.0,
        "neutral_current": "computed",
        "offset_limit": 100.0,
    }
    assert "wiring 1p2w, from the channels" in job.notes and "looped at 60 Hz" in job.notes
    assert sum(map(len, job.frames())) == 24 * 12800


def test_what_is_given_is_taken():
    job = fan(nominal_frequency=50, nominal_voltage=100, full_scale_v=50, full_scale_i=3, adc_rate=10240, adc="ideal")
    assert job.adc == adc_model.Adc(10240.0, "ideal", 50, 3)
    assert job.config["nominal_frequency"] == 50 and job.config["nominal_voltage"] == 100
    assert "the recording's 60 Hz is outside the meter's range of 42.5 to 57.5 Hz" in job.notes
    assert any(note.startswith("--full-scale-v 50 clips: the recording's peak is") for note in job.notes)


def test_fault_record():
    job = replay.prepare(WAVEFORMS / "xtz.cfg", mapping={"v1": "1", "v2": "2", "v3": "3", "i1": "21"})
    assert job.config["wiring"] == "3p4w" and job.config["nominal_voltage"] == 57.735
    assert "orders above 31 are beyond the recording's 3200 S/s: null, and not in the THD" in job.notes
    assert "not recorded: i2, i3; what depends on it is null" in job.notes
    numbers = np.frombuffer(b"".join(job.frames()), adc_model.FRAME)["number"]
    assert numbers[0] == 0 and set(np.diff(numbers.astype(int))) == {1, 14336 - 4 * 1279}


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"repeat": None}, "0.0167 s is too short to measure: a window takes 0.2 s; loop a record"),
        ({"repeat": 0.1}, "--repeat 0.1: allowed is 0.2 s (one window) or longer"),
        ({"repeat": float("nan")}, "--repeat nan: allowed is 0.2 s"),
        ({"full_scale_v": 0.0}, "--full-scale-v 0: allowed are 1e-06 to 1e+06 V"),
        ({"full_scale_i": -1.0}, "--full-scale-i -1: allowed are 1e-06 to 1e+06 A"),
        ({"nominal_voltage": 0.5}, "--nominal-voltage 0.5: allowed are 1 to 1e+06 V"),
        ({"wiring": "3p4w"}, "wiring 3p4w needs v1, v2, v3; the recording has v1, i1"),
    ],
)
def test_what_cannot_be_measured(options, expected):
    with pytest.raises(InputError) as caught:
        fan(**options)
    assert expected in str(caught.value)


def test_volts_that_are_none(tmp_path):
    np.savez(tmp_path / "r.npz", v1=1e7 * np.sin(314 * np.arange(5000) / 5000), fs=5000)
    with pytest.raises(InputError, match="are its units volts and amperes"):
        replay.prepare(tmp_path / "r.npz")


# The run.


def test_child_gets_its_configuration_and_every_frame(child):
    child(CHILD)
    (got,) = replay.run(fan())
    assert got["v_l1"] == 12800 and got["wiring"] == "1p2w"


def test_child_that_fails_shows_what_it_said(child):
    child("import sys; sys.stdin.buffer.read(9); sys.exit('full_scale_v: 0 is not legal')")
    with pytest.raises(replay.ChildFailed, match="ended with code 1:\nfull_scale_v: 0 is not legal"):
        list(replay.run(fan(repeat=60)))


def test_child_that_babbles(child):
    child("print('hello')")
    with pytest.raises(replay.ChildFailed, match="not JSON"):
        list(replay.run(fan()))


def test_fault_in_making_frames_is_not_hidden(child, monkeypatch):
    child(CHILD)
    monkeypatch.setattr(replay.Job, "frames", lambda self: iter([b"", None]))
    with pytest.raises(TypeError):
        list(replay.run(fan()))


def test_reader_that_leaves_early_ends_the_child(child):
    child('print(\'{"window": 0, "f": 50.0}\', flush=True)\nwhile True: pass')
    lines = replay.run(fan(repeat=60))
    assert next(lines)["window"] == 0
    lines.close()


@pytest.mark.parametrize("runtime", ["basic", ""])
def test_unknown_runtime(runtime):
    with pytest.raises(ValueError, match="allowed are micropython, cpython, arm"):
        runtimes.command(runtime, [])


# What the recording does not know.


def test_orders_beyond_the_band_are_null():
    job = replay.prepare(WAVEFORMS / "xtz.cfg", mapping={"v1": "1", "i1": "21"})
    for f, last in ((50.0, 31), (49.9, 31), (None, 31), (51.0, 30)):
        got = replay.without_unknown(line(f=f, vh_l1=list(range(51)), p=1.0), job)
        assert got["vh_l1"] == [*range(last + 1), *[None] * (50 - last)] and got["p"] == 1.0


def test_currents_that_were_not_recorded_are_null(tmp_path):
    job = replay.prepare(write_csv(tmp_path / "r.csv", names=("v1", "v2", "v3", "i1", "i3")))
    known = {"v_l2": 1.0, "vh_l2": [1.0] * 51, "thd_v_l2": 1.0, "v_u2": 1.0, "i_l1": 1.0, "p_l3": 1.0, "f": 50.0}
    unknown = {"i_l2": 1.0, "p_l2": 1.0, "ih_l2": [1.0] * 51, "p": 1.0, "pf": 1.0, "quadrant": 1, "i_n": 1.0}
    got = replay.without_unknown(line(**known, **unknown, v_l12=None), job)
    assert all(got[name] == value for name, value in known.items())
    assert all(got[name] is None for name in unknown if name != "ih_l2")
    assert got["ih_l2"] == [None] * 51
    names = ("v1", "v2", "v3", "i1", "i3", "in")
    job = replay.prepare(write_csv(tmp_path / "n.csv", names=names))
    assert job.config["neutral_current"] == "measured"
    assert replay.without_unknown(line(i_n=1.0, p=1.0), job) == line(i_n=1.0, p=None)
    job = replay.prepare(write_csv(tmp_path / "w.csv", names=("v12", "v32", "i1")))
    assert replay.without_unknown(line(i_l1=1.0, i_l2=1.0, i_l3=1.0), job) == line(i_l1=1.0, i_l2=None, i_l3=None)


def test_events_are_explained():
    begun = {"event": "dip", "code": 1, "state": "begin", "channel": "l2"}
    assert replay.without_unknown(dict(begun), fan()) == begun
    ended = begun | {"state": "end", "duration": 0.1, "residual": 71.26}
    says = "The voltage of L2 dipped to 71.3 % of the reference."
    assert replay.without_unknown(dict(ended), fan()) == ended | {"says": says}


def test_settings_of_the_meter():
    job = fan(settings={"dip_threshold": 85, "offset_limit": 2})
    assert (job.config["dip_threshold"], job.config["offset_limit"]) == (85, 2)
    with pytest.raises(InputError, match="--set wiring: has an option of its own, or follows from the recording"):
        fan(settings={"wiring": "3p4w"})


# What the user sees.


def test_means_are_of_unflagged_windows():
    summary = Summary()
    summary.add({"event": "dip"})
    for value, flags in ((1.0, []), (3.0, []), (100.0, ["gap"]), (None, ["gap", "clip"])):
        summary.add(line(flags=flags, v_l1=value, p_l1=value, q1_l1=value, p1_l1=value, s_l1=value and 2 * value))
    assert (summary.windows, summary.flagged, summary.flags["gap"]) == (4, 2, 2)
    assert summary.mean("v_l1") == 2 and summary.mean("pf_l1") == 0.5 and summary.mean("v_l2") is None
    assert summary.mean("phi1_l1") == pytest.approx(45) and summary.mean("dpf_l1") == pytest.approx(np.sqrt(0.5))
    assert summary.mean("pf") is None and summary.mean("phi1") is None


def test_means_where_every_window_is_flagged():
    summary = Summary()
    summary.add(line(flags=["unsync"], v_l1=5.0))
    assert summary.all_flagged and summary.mean("v_l1") == 5


def test_table_and_picture(tmp_path, capsys):
    job, summary = fan(), Summary()
    harmonics = [0.0, 1.0, *[0.01] * 29, *[None] * 20]
    values = {"v": 121.6, "i": 0.4, "p": 47.5, "q1": -9.4, "p1": 47.5, "s": 48.7, "phi1": -11.2, "thd_v": 1.8}
    summary.add(line(t=0.2, f=60.0, **{f"{k}_l1": x for k, x in values.items()}, vh_l1=harmonics, ih_l1=harmonics))
    summary.add(line(flags=["clip"]))
    report.show(job, summary)
    shown = capsys.readouterr().out
    for text in ("plaid60_fan_motor.csv", "121.60", "−9.4000", "−11.19", "QIV", "mean of 1 window; 1 more flagged"):
        assert text in shown
    assert "total" not in shown  # one phase is all there is
    picture.draw(job, summary, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG") and (tmp_path / "p.png").stat().st_size > 20000


def wattless(*words):
    return CliRunner().invoke(cli.app, list(map(str, words)))


def test_command_line_json_and_table(child, tmp_path):
    child(CHILD)
    options = (FAN, "--fs", 30000, "--map", "v1=v_V,i1=i_A", "--repeat", 1)
    done = wattless("replay", *options, "--json")
    assert done.exit_code == 0 and json.loads(done.stdout)["v_l1"] == 12800
    assert "nominal frequency 60 Hz, nearest to the recording's 60 Hz" in done.stderr
    done = wattless("replay", *options)
    assert done.exit_code == 0 and "12800" in done.stdout


@pytest.mark.parametrize(
    "words, expected",
    [
        (["replay", "nowhere.csv"], "wattless: nowhere.csv: no such file"),
        (["replay", FAN], "unknown column v_V, i_A: allowed are t, v1"),
        (["replay", FAN, "--map", "v1"], "--map: 'v1' is not NAME=COLUMN"),
        (["replay", FAN, "--fs", "100", "--map", "v1=v_V"], "--fs 100 S/s is impossible here"),
        (
            ["replay", FAN, "--fs", "3e4", "--map", "v1=v_V", "--repeat", "1", "--plot", "p.gif"],
            "--plot p.gif: allowed",
        ),
        (
            ["replay", FAN, "--fs", "3e4", "--map", "v1=v_V", "--repeat", "1", "--plot", "no/p.png"],
            "there is no folder no",
        ),
        (["replay", FAN, "--adc", "perfect"], "ads131m08"),
        (["replay", FAN, "--speed", "9"], "No such option"),
        (["replay"], "FILE"),
        (["run", "--scenario", "nowhere"], "no scenario 'nowhere': there are ev-site, steady-50, motor-start"),
    ],
)
def test_bad_input_ends_with_code_2(words, expected):
    done = wattless(*words)
    assert done.exit_code == 2 and expected in done.stderr
    assert "Traceback" not in done.stderr


def test_failed_child_ends_with_code_1(child):
    child("import sys; sys.exit('no heap left')")
    done = wattless("replay", FAN, "--fs", 30000, "--map", "v1=v_V,i1=i_A", "--repeat", 1)
    assert done.exit_code == 1 and "no heap left" in done.stderr


def test_no_window_is_bad_input(child):
    child("import sys; sys.stdin.buffer.read()")
    done = wattless("replay", FAN, "--fs", 30000, "--map", "v1=v_V,i1=i_A", "--repeat", 1)
    assert done.exit_code == 2 and "no complete window in 1 s: too short to measure" in done.stderr
