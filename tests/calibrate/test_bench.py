"""`wattless calibrate` against the real firmware behind planted errors, read afterwards over Modbus and the console."""

import json
import math
import re
import time

import pytest
from typer.testing import CliRunner

from host_tools import run
from host_tools.calibrate import bench, record, session, tables
from host_tools.calibrate.bench import QUICK
from host_tools.calibrate.command import app
from host_tools.calibrate.link import connect, wait_until_back
from host_tools.calibrate.refuse import Refusal
from host_tools.calibrate.steady import Limit, wait
from host_tools.calibrate.wizard import STEPS, Step, Wizard
from host_tools.front_end import parse
from host_tools.meter_link import ModbusLink, Refused, ShellLink
from host_tools.recording import InputError

TENTH = {"1": 0.02, "0.5L": 0.03}  # % of P: of class 0.2S
FEW = {"points": tables.FEWEST, "windows": 6}
IDS = [f"{name}_l{k}" for name in ("p", "v", "i") for k in (1, 2, 3)] + ["v_l12", "v_l23", "v_l31"]


def modbus(meter):
    return ModbusLink(f"127.0.0.1:{meter.announcements['modbus_tcp']['port']}")


def mean(meter, place, where):
    """What the meter reads at a point, and the truth without the reference's errors."""
    place.connect(Step("point", where))

    def read():
        window = meter.read(IDS)
        return window.seq, window.flags, window.values

    states = wait(read, {"p_l1": Limit(1e-3)}, windows=6, **QUICK)
    return {id_: states[id_].mean for id_ in IDS}, bench.true_at(where)


@pytest.mark.parametrize(
    "planted",
    [
        bench.PLANTED,
        "all:gain=3,phase=4,offset=0.5%,noise=0.5",
        "i2:gain=-3,phase=-4,offset=-0.5%; v3:gain=3,phase=-4",
    ],
)
def test_planted_errors_recovered_to_a_tenth_of_the_class(planted):
    with bench.started(planted) as (place, link, process):
        result = Wizard(bench.Settled(connect(link), place), place, place, bench.job(**FEW)).run()
        assert result.record["passes"], result.record["verdict"]
        with modbus(process) as registers:
            meter = connect(registers)
            for where in tables.FEWEST:
                read, true = mean(meter, place, where)
                for k in (1, 2, 3):
                    assert abs(100 * (read[f"p_l{k}"] / true["p"] - 1)) < TENTH[where.pf], (where, k)
                    assert abs(100 * (read[f"v_l{k}"] / true["v"] - 1)) < 0.01
                    assert abs(100 * (read[f"i_l{k}"] / true["i"] - 1)) < 0.01
                for line in ("12", "23", "31"):
                    assert read[f"v_l{line}"] == pytest.approx(math.sqrt(3) * 230, rel=1e-4)
        assert not process.complaints
    assert any(abs(row.p) > 1 for row in result.found)


def test_by_modbus_alone_with_undo_and_a_restart(tmp_path):
    """Registers in place of the console; undone by the meter itself; kept over a restart in its store."""
    with bench.started("i1:gain=3", store=tmp_path / "store") as (place, link, process):
        with modbus(process) as registers:
            known = {"wiring": "3p4w", "nominal_frequency": 50.0, "rate": 12800.0}
            meter = bench.Settled(connect(registers, **known), place)
            about = meter.about()
            assert about.board is None and (about.full_scale_v, about.full_scale_i) == (500, 10)
            Wizard(meter, place, place, bench.job(steps=("gain",), windows=6)).run()
            first = meter.calibration()
            assert first.gain[3] == pytest.approx((1 << 23) / 1.03, rel=5e-5)
            place.front_end.plant(parse("i1:gain=-1"))
            Wizard(meter, place, place, bench.job(steps=("gain",), windows=6)).run()
            second = meter.calibration()
            assert second.gain[3] == pytest.approx((1 << 23) / 0.99, rel=5e-5)
            done = session.undo(meter, place, None)
            assert "i1" in done and meter.calibration().gain[3] == first.gain[3]
            with pytest.raises(Refused, match="console"):
                meter.set("current_sensor", "rogowski")
        shell = connect(link)
        shell.set("full_scale_i", 20.0)
        shell.restart()
    # the context is left while it restarts: nothing may hang


def test_a_restart_keeps_store_and_frames(tmp_path):
    with bench.started("i1:gain=3", store=tmp_path / "store") as (place, link, process):
        shell = bench.Settled(connect(link), place)
        Wizard(shell, place, place, bench.job(steps=("gain",), windows=6)).run()
        kept = list(shell.calibration().gain)
        who = place
        session.set_ratio(shell, who, {"full_scale_i": 20.0})
        shell.restart()
        end = time.monotonic() + 20
        while process.restarts == 0 or "ready" not in process.announcements:
            assert time.monotonic() < end and process.exit_code() is None, process.complaints
            time.sleep(0.02)
        with modbus_again(process) as registers:
            meter = connect(registers, rate=12800.0)
            wait_until_back(meter, 10)
            assert meter.about().full_scale_i == 20 and list(meter.calibration().gain) == kept
            assert list(place.front_end.registers.gain) == kept[:7]
            read, true = mean(meter, place, tables.Point(100))
            # the front end is the same, so twice the full scale reads twice the current
            assert read["i_l1"] == pytest.approx(2 * true["i"], rel=1e-3)


def modbus_again(process):
    end = time.monotonic() + 20
    while True:
        try:
            return modbus(process)
        except Exception:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def test_mistakes_at_the_bench_are_refused():
    with bench.started("i2:gain=-200") as (place, link, process):
        wizard = Wizard(connect(link), place, place, bench.job(**FEW))
        with pytest.raises(Refusal, match="L2: .* reversed"):
            wizard.run()
        tones = place._tones
        place._tones = lambda: tones() | {"v2": (230.0, 120.0), "v3": (230.0, -120.0)}
        with pytest.raises(Refusal, match="L1, L3, L2"):
            Wizard(connect(link), place, place, bench.job(**FEW)).run()
        place._tones = lambda: tones() | {"v2": (230.0, 60.0)}
        with pytest.raises(Refusal, match="no three-phase system"):
            Wizard(connect(link), place, place, bench.job(**FEW)).run()
        assert connect(link).calibration().is_neutral()


def test_the_command(tmp_path, monkeypatch):
    """--simulate, verify, print, tampering."""
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    key = ["--key", str(tmp_path / "key")]
    options = ["--simulate", "--points", "few", "--steps", ",".join(STEPS), "--windows", "6", "--out", "r.json"]
    said = runner.invoke(app, [*options, *key])
    assert said.exit_code == 0, said.output
    assert "as found" in said.output and "as left" in said.output and "inside the limits" in said.output
    line = json.loads((tmp_path / "r.json").read_text())
    assert line["meter"]["board"] == "virtual" and line["reference"]["name"] == "simulated bench"
    assert line["before"]["i1"]["gain"] == 1 and line["after"]["i1"]["gain"] == pytest.approx(1 / 1.03, rel=1e-4)
    found = {(row["point"], row["phase"]): row for row in line["as_found"]["rows"]}
    assert found["100 % In, PF 1", 1]["i"] == pytest.approx(3, abs=0.02)
    assert record.calibration(line, "after").gain[6] == pytest.approx((1 << 23) / 1.02, rel=1e-4)
    said = runner.invoke(app, ["verify", "r.json", *key])
    assert said.exit_code == 0 and "as it was signed" in said.output
    said = runner.invoke(app, ["print", "r.json", *key])
    assert said.exit_code == 0 and "as it was signed" in (tmp_path / "r.html").read_text()
    text = (tmp_path / "r.json").read_text()
    (tmp_path / "r.json").write_text(re.sub(r'"certificate": "[^"]*"', '"certificate": "DAkkS"', text))
    assert runner.invoke(app, ["verify", "r.json", *key]).exit_code == 3
    said = runner.invoke(app, ["print", "r.json", *key])
    assert "NOT VERIFIED" in (tmp_path / "r.html").read_text()


def test_the_command_with_a_script_ratio_and_undo(tmp_path):
    """A technician's session as a script: values typed in; then the ratio; then back to the record."""
    key = ["--key", str(tmp_path / "key")]
    runner = CliRunner()
    script = tmp_path / "script"
    script.write_text("# gain\nv=230 i=5 phi=60\n" + "# as left\nv=230 i=5 phi=60\n")
    with bench.started("i1:gain=3") as (place, link, process):
        place.connect(Step("point", tables.Point(100, "0.5L")))
        where = ["--port", process.announcements["shell"]["path"], "--code", bench.CODE]
        typed = ["--reference-name", "R", "--certificate", "C", "--uncertainty", "v=0.01,i=0.01,phase=0.001"]
        link.close()
        common = [*where, *key, "--windows", "6", "--steps", "phase"]
        said = runner.invoke(app, [*common, *typed, "--script", str(script), "--out", str(tmp_path / "r.json")])
        assert said.exit_code == 3, said.output  # the gain is still off: outside the limits
        assert "outside the limits: L1" in said.output
        said = runner.invoke(app, [*common, "--script", str(script)])
        assert said.exit_code == 2 and "which reference?" in said.output
        said = runner.invoke(app, ["undo", *where, *key, "--record", str(tmp_path / "r.json")])
        assert said.exit_code == 0, said.output
        said = runner.invoke(app, [*where, *key, "--ct", "200/5", "--burden", "0.12"])
        assert said.exit_code == 0 and "full_scale_i: 400" in said.output and "restart" in said.output
        with ShellLink(where[1]) as shell:
            assert shell.command("get full_scale_i current_sensor")["values"] == {
                "full_scale_i": 400,
                "current_sensor": "ct",
            }
            shell.command("lock")
        said = runner.invoke(app, ["undo", where[0], where[1], "--code", "0000"])
        assert said.exit_code == 1 and "wrong access code" in said.output


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--simulate", "--points", "100@0.7"], "want PERCENT@PF"),
        (["--simulate", "--steps", "all"], "want some of offset"),
        (["--simulate", "--channel", "v4"], "want some of v1"),
        (["--simulate", "--phase", "L4"], "want some of L1"),
        (["--simulate", "--plant", "i9:gain=1"], "want CHANNEL"),
        ([], "where is the meter?"),
    ],
)
def test_options_that_are_not_right(options, text, tmp_path):
    said = CliRunner().invoke(app, [*options, "--key", str(tmp_path / "key")])
    assert said.exit_code in (1, 2) and text in said.output


def test_the_live_meter_with_planted_errors(tmp_path, capsys):
    """`wattless run --plant --shell --store`: in real time, for two seconds. 10 A at 230 V in each phase, cos 30."""
    options = {"plant": "i:gain=3", "shell": True, "store": str(tmp_path / "s")}
    assert run.run("steady-50", True, run.free_port(15800), duration=2.0, **options) == 0
    said = capsys.readouterr().out
    assert re.search(r"^serial console on (/dev/pts/\d+)$", said, re.M)
    power = float(re.search(r"P \+([\d.]+) W", said)[1])
    assert power == pytest.approx(1.03 * 3 * 230 * 10 * math.cos(math.radians(30)), rel=1e-3)
    assert list((tmp_path / "s").iterdir())
    with pytest.raises(InputError, match="want CHANNEL"):
        run.run("steady-50", True, plant="x")
