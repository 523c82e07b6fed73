"""A whole virtual meter in real time: its console, writable registers, store, cover, restart, `wattless diag`."""

import json
import struct
import subprocess
import time

import pytest

from host_tools import diagnosis, scenarios
from host_tools.meter_link import LinkError, ModbusLink, Refused, ShellLink
from host_tools.run import HOST, free_port, started_meter
from host_tools.toolchain.paths import VENV, mbpoll

CODE = "2468"
SITE = scenarios.make("steady-50")
TRIP = 20010


def wait_for(condition, seconds=15.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A meter with everything that a board can have; `cover`: the file that opens its cover."""
    folder = tmp_path_factory.mktemp("station")
    settings = {**SITE.config, "modbus_tcp_port": free_port(15300), "modbus_parity": "N", "nominal_voltage": 230}
    extras = ["--shell", "--store", str(folder / "store"), "--cover", str(folder / "cover")]
    with started_meter(SITE.front_end(), settings, extras=extras) as meter:
        wait_for(lambda: meter.values and "shell" in meter.announcements)
        meter.cover = folder / "cover"
        meter.port = settings["modbus_tcp_port"]
        yield meter


@pytest.fixture
def shell(site):
    with ShellLink(site.announcements["shell"]["path"]) as link:
        yield link


@pytest.fixture
def modbus(site):
    with ModbusLink(f"{HOST}:{site.port}") as link:
        yield link


def events(shell, name):
    return [event for event in shell.command("events")["events"] if event["event"] == name]


def test_the_first_code(shell, modbus):
    with pytest.raises(Refused, match="no access code"):
        shell.command("set dip_threshold 85")
    with pytest.raises(Refused, match="MODBUS_EXCEPTION_4"):
        modbus.write(TRIP, struct.pack(">f", 85))
    assert shell.command(f"code {CODE}") == {"state": "locked"}


def test_a_trip_point_by_modbus(shell, modbus):
    modbus.write(20000, struct.pack(">I", int(CODE)))
    modbus.write(TRIP, struct.pack(">f", 85))
    assert shell.command("get dip_threshold") == {"values": {"dip_threshold": 85.0}}
    modbus.write(20004, b"\0\1")
    with pytest.raises(Refused, match="MODBUS_EXCEPTION_4"):
        modbus.write(TRIP, struct.pack(">f", 80))
    (event,) = events(shell, "setting")
    assert (event["by"], event["detail"]) == ("modbus", 85.0)
    assert abs(event["unix_ms"] / 1000 - time.time()) < 60


def test_mbpoll_reads_and_writes_it_too(site, modbus):
    command = [str(mbpoll()), "-m", "tcp", "-p", str(site.port), "-t", "4:float", "-B", "-r", str(TRIP + 1), "-1", HOST]
    said = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert f"[{TRIP + 1}]: \t85" in said.stdout
    refused = subprocess.run([*command, "84"], capture_output=True, text=True, timeout=20)
    assert "failed" in refused.stderr + refused.stdout
    modbus.write(20000, struct.pack(">I", int(CODE)))
    written = subprocess.run([*command, "84"], capture_output=True, text=True, timeout=20)
    assert "Written 1 references" in written.stdout
    assert modbus.read(TRIP, 2) == struct.pack(">f", 84)


def test_points_and_settings_by_name(shell, site):
    found = shell.command("get p q1 wiring modbus_unit")["values"]
    assert found["p"] == pytest.approx(site.values["p"], rel=1e-3)
    assert (found["wiring"], found["modbus_unit"]) == (SITE.config["wiring"], 1)
    with pytest.raises(Refused, match="p_l4: no such point or setting"):
        shell.command("get p_l4")


def test_diag_over_both_links(shell, modbus, site):
    whole, registers = diagnosis.collect(shell), diagnosis.collect(modbus)
    assert whole["firmware"]["board"] == "virtual" and whole["capture"]["nominal_rate"] == 12800
    for name in ("counters", "lock", "restart_needed"):
        assert whole[name] == registers[name]
    assert registers["window"]["number"] >= whole["window"]["number"] > 0
    assert set(registers["lines"]["RS-485"]) <= set(whole["lines"][site.announcements["modbus_rtu"]["path"]])
    for report in (whole, registers):
        assert abs(report["clock"]["offset_s"]) < 2
        verdicts = {finding.topic: finding.verdict for finding in diagnosis.judge(report)}
        assert verdicts["window"] == verdicts["memory"] == verdicts["store"] == verdicts["cover"] == "ok"


@pytest.mark.parametrize("way", ["--port", "--modbus"])
def test_the_command_diag(site, way):
    where = site.announcements["shell"]["path"] if way == "--port" else f"{HOST}:{site.port}"
    done = subprocess.run([VENV / "bin/wattless", "diag", way, where, "--json"], capture_output=True, text=True)
    said = json.loads(done.stdout)
    assert done.returncode == {"ok": 0, "look": 3, "bad": 4}[said["verdict"]]
    page = subprocess.run([VENV / "bin/wattless", "diag", way, where], capture_output=True, text=True)
    assert page.returncode == done.returncode and "verdict" in page.stdout and "what to do" in page.stdout


def test_diag_without_a_meter():
    for words in (["--port", "/dev/pts/does-not-exist"], ["--modbus", f"{HOST}:1"], []):
        done = subprocess.run([VENV / "bin/wattless", "diag", *words], capture_output=True, text=True)
        assert done.returncode == 1 and done.stderr.startswith("wattless: ") and "Traceback" not in done.stderr


def test_a_line_that_is_silent(tmp_path):
    import os

    master, slave = os.openpty()
    try:
        with ShellLink(os.ttyname(slave), timeout=0.3) as link, pytest.raises(LinkError, match="no answer to `diag`"):
            link.command("diag")
    finally:
        os.close(master)
        os.close(slave)


def test_the_cover(site, shell):
    assert shell.command("diag")["tamper"] == {"open": False, "count": 0}
    site.cover.touch()
    wait_for(lambda: shell.command("diag")["tamper"]["open"])
    site.cover.unlink()
    wait_for(lambda: not shell.command("diag")["tamper"]["open"])
    closed, opened = events(shell, "tamper")
    assert (opened["value"], closed["value"]) == (1.0, 0.0)
    assert closed["unix_ms"] > opened["unix_ms"] > 1.7e12
    assert shell.command("diag")["tamper"]["count"] == 1


def test_console_lines_can_be_stopped(site, shell):
    shell.command("console off")
    time.sleep(0.5)
    last = site.values["window"]
    time.sleep(0.5)
    assert site.values["window"] == last
    shell.command("console on")
    wait_for(lambda: site.values["window"] > last)


def test_everything_survives_a_restart(site, shell, modbus):
    with pytest.raises(Refused, match="locked"):
        shell.command("lock") and shell.command("restart")
    shell.command(f"unlock {CODE}")
    total = shell.command("events")["total"]
    shell.command("set nominal_voltage 231")
    assert shell.command("diag")["restart_needed"]
    wait_for(lambda: shell.command("diag")["store"]["parts"]["config"]["saves"] >= 2)
    before = site.announcements["shell"]["path"]
    modbus.write(20004, b"\0\4")
    wait_for(lambda: site.restarts == 1)
    shell.close()
    modbus.close()
    wait_for(lambda: site.announcements["shell"]["path"] != before or _answers(site))
    with ShellLink(site.announcements["shell"]["path"]) as again:
        wait_for(lambda: again.command("diag")["window"]["number"])
        found = again.command("get nominal_voltage dip_threshold")["values"]
        assert found == {"nominal_voltage": 231.0, "dip_threshold": 84.0}
        assert again.command("diag")["lock"] == "locked"
        assert again.command(f"unlock {CODE}")["state"] == "unlocked"
        assert events(again, "restart")
        assert total > 0


def _answers(site):
    try:
        with ShellLink(site.announcements["shell"]["path"], timeout=1) as link:
            return bool(link.command("diag"))
    except LinkError:
        return False
