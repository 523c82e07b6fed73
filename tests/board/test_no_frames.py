"""A board without a front end: it serves, and says what it lacks."""

import asyncio
import json
from types import SimpleNamespace

from tests.simulate import HostClock
from wattless.station import Station


class Shell:
    def __init__(self, lines):
        self.lines = lines
        self.said = b""

    def readinto(self, buf):
        if not self.lines:
            return 0
        line = self.lines.pop(0)
        buf[: len(line)] = line
        return len(line)

    def write(self, data):
        self.said += bytes(data)


def board(shell, dog, complaints):
    def never(*_):
        raise AssertionError("nobody may ask for that")

    return SimpleNamespace(
        NAME="bare", CAPTURE_REASON="no converter", frames=None, realtime=True, clock=HostClock(), epoch_ms=None,
        fast_ram=bytearray, evidence_ram=0, evidence_buffer=never, thumb=False, uarts=[], host=None, link=None,
        console=shell, shell=shell, store=None, watchdog=dog, start_watchdog=lambda ms: ms, tamper=None, seal=None,
        reset=never, leave=never, config_path=None, rooms=(), serve_json=False, serve_half_cycle=False,
        serve_modbus=True, announce=lambda what, details: None, complain=complaints.append,
    )  # fmt: skip


class Dog:
    fed = 0

    def feed(self):
        self.fed += 1


def test_it_serves_and_is_fed():
    shell, dog, complaints = Shell([b"diag\n", b"get p f\n"]), Dog(), []
    station = Station(board(shell, dog, complaints))

    async def for_a_while():
        task = asyncio.create_task(station.run())
        while shell.said.count(b"\n") < 2 or station.points.get("uptime") is None:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(for_a_while(), 20))
    report, values = [json.loads(line) for line in shell.said.splitlines()]
    assert report["window"]["number"] == 0 and report["late"] == []
    assert values["values"] == {"p": None, "f": None}
    assert complaints == ["no frames: no converter"]
    assert dog.fed > 0
