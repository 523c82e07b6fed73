"""Evidence brought over from a running meter: Modbus TCP and RTU, the serial console; and lines that do not work."""

import base64
import json
import os
import tempfile
from pathlib import Path

import pytest

from host_tools import runtimes, scenarios
from host_tools.evidence import EvidenceError, container, fetch, reproduce
from host_tools.meter_link import ShellLink
from host_tools.run import free_port
from host_tools.virtual_meter import VirtualMeter
from tests.evidence import kept

FRAMES = 256


@pytest.fixture(scope="module")
def virtual_meter():
    """The virtual board in real time, as `wattless run` starts it."""
    site = scenarios.make("harmonic-site")
    settings = {**site.config, "modbus_tcp_port": free_port(15200), "modbus_parity": "N", "window": "5/6"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "meter.json")
        path.write_text(json.dumps(settings))
        argv, env = runtimes.command("micropython", ["--config", str(path), "--json", "--modbus", "--shell"])
        with VirtualMeter(argv, env, folder, site.blocks(FRAMES), FRAMES / settings["adc_rate"]) as meter:
            for _ in range(100):
                if meter.values and "shell" in meter.announcements:
                    break
                fetch.time.sleep(0.1)
            assert "modbus_tcp" in meter.announcements, list(meter.complaints)
            yield meter


def ways(meter):
    said = meter.announcements
    return {
        "tcp": {"modbus": f"127.0.0.1:{said['modbus_tcp']['port']}"},
        "rtu": {"modbus": said["modbus_rtu"]["path"], "baud": 115200, "parity": "N"},
        "console": {"port": said["shell"]["path"]},
    }


@pytest.mark.parametrize("way", ["tcp", "rtu", "console"])
def test_from_a_running_meter(way, virtual_meter, tmp_path, monkeypatch):
    """While it measures on: no gap, windows in their order; and the file is reproduced."""
    monkeypatch.chdir(tmp_path)
    before = virtual_meter.values["window"]
    steps = []
    path = fetch.capture(**ways(virtual_meter)[way], progress=lambda done, size: steps.append((done, size)))
    evidence = container.load(path)
    assert path.name == f"window-{evidence.facts['seq']}.evidence"
    assert evidence.facts["seq"] > before
    assert evidence.facts["about"]["board"] == "virtual" and evidence.facts["window_ms"]
    assert steps[-1] == (path.stat().st_size,) * 2
    for _ in range(50):
        if virtual_meter.values["window"] > evidence.facts["seq"]:
            break
        fetch.time.sleep(0.1)
    assert virtual_meter.values["window"] > evidence.facts["seq"] and virtual_meter.values["flags"] == ["short"]
    report = reproduce.reproduce(path)
    assert report.reproduced, report.text()
    with pytest.raises(EvidenceError, match="exists: evidence is not overwritten"):
        fetch.capture(**ways(virtual_meter)[way], out=path)
    with pytest.raises(EvidenceError, match="the meter has kept nothing: it is (idle|armed)"):
        fetch.capture(**ways(virtual_meter)[way], kept=True)  # it was released


def test_what_is_kept_stays(virtual_meter, tmp_path):
    """Frozen on the console, fetched by Modbus, and still there."""
    with fetch.connected(lambda: ShellLink(ways(virtual_meter)["console"]["port"])) as console:
        console.freeze()
        status = fetch._ready(console)
        path = fetch.capture(**ways(virtual_meter)["tcp"], out=tmp_path / "x", kept=True)
        assert container.load(path).sha256 == status["sha256"] == console.status()["sha256"]
        console.release()


@pytest.fixture(scope="module")
def data():
    return kept.run(kept.records({"window": "5/6"}, seconds=0.4), {"window": "5/6"}, freeze_at=1).kept[0]


class Console:
    """The serial port of a console. answers: name of a command -> function(words) -> answer."""

    def __init__(self, data, **answers):
        self.data = data
        self.lines = []
        self.asked = []
        self.answers = {
            "freeze": lambda words: {"state": "waiting"},
            "release": lambda words: {"state": "idle"},
            "evidence": lambda words: {
                "state": "ready", "size": len(data), "sha256": container.parse(data).sha256, "seq": 2
            },
            "read": self.bytes_at,
            **answers,
        }  # fmt: skip

    def bytes_at(self, words):
        at, n = int(words[0]), int(words[1])
        return {"at": at, "data": base64.b64encode(self.data[at : at + n]).decode()}

    def write(self, line):
        if line == b"\x15\r":
            return
        words = line.decode().split()
        self.asked.append(words[0])
        answer = self.answers[words[0]](words[1:])
        text = json.dumps({"re": words[0], **answer}).encode() + b"\n"
        # what else a console says, and a line that comes in two pieces
        self.lines += [b'{"announce": "ready"}\n', b"not json\n", b'"a"\n', text[:9], b"", text[9:]]

    in_waiting = 0

    def read(self, n):
        return self.lines.pop(0) if self.lines else b""

    def close(self):
        pass


def meter(console):
    return fetch.ShellMeter(ShellLink("console", 0.2, console))


def test_the_console(data):
    console = Console(data)
    assert fetch.fetch(meter(console)) == (data, 2)
    assert console.asked[:3] == ["release", "freeze", "evidence"] and console.asked[-1] == "release"


def test_a_line_that_spoils_bytes(data):
    """Once: it is read again. Always: said, and the meter released."""
    spoiled = []

    def once(words):
        answer = Console.bytes_at(console, words)
        if len(spoiled) < limit and int(words[0]) == 1024:
            spoiled.append(words)
            answer["data"] = ("B" if answer["data"][0] == "A" else "A") + answer["data"][1:]
        return answer

    limit = 1
    console = Console(data, read=once)
    assert fetch.fetch(meter(console)) == (data, 2) and len(spoiled) == 1
    limit = 100
    console = Console(data, read=once)
    with pytest.raises(EvidenceError, match="has not the hash that the meter told"):
        fetch.fetch(meter(console))
    assert console.asked[-1] == "release"


@pytest.mark.parametrize(
    "name, answer, said",
    [
        ("freeze", {"error": "this board has no memory for raw frames"}, "this board has no memory for raw frames"),
        ("evidence", {"state": "idle"}, "somebody else released"),
        ("evidence", {"state": "idle", "error": "no memory for it"}, "no memory for it"),
        ("evidence", {"state": "waiting", "skipped": 3}, "kept no window within 0.2 s .*: 3 windows did not lie"),
        ("evidence", {"state": "sealing"}, "kept no window within 0.2 s"),
        ("evidence", {"state": "ready", "size": 1 << 40, "sha256": "", "seq": 1}, "a size that makes no sense"),
        ("read", {"data": "%"}, "cannot be read"),
        ("read", {"data": ""}, "sent 0 of .* and no more: was it released"),
        ("read", {"error": "evidence: no byte 0: idle"}, "no byte 0"),
    ],
)
def test_meters_that_cannot(name, answer, said, data, monkeypatch):
    monkeypatch.setattr(fetch, "WAIT_S", 0.2)
    console = Console(data, **{name: lambda words: dict(answer)})
    with pytest.raises(EvidenceError, match=said):
        fetch.fetch(meter(console))


def test_nobody_there(monkeypatch, tmp_path):
    monkeypatch.setattr(fetch, "ANSWER_S", 0.2)

    class Silent:
        in_waiting = 0

        def write(self, line):
            pass

        def read(self, n):
            return b""

    with pytest.raises(EvidenceError, match="no answer to `freeze` in 0.2 s"):
        meter(Silent()).freeze()
    with pytest.raises(EvidenceError, match="no connection"):
        fetch.capture(modbus="127.0.0.1:1")
    with pytest.raises(EvidenceError, match="a port of 1 to 65535"):
        fetch.capture(modbus="127.0.0.1:99999")
    with pytest.raises(EvidenceError, match="no-such-port"):
        fetch.capture(port=str(tmp_path / "no-such-port"))
    with pytest.raises(EvidenceError, match="either the console's port or a Modbus address"):
        fetch.capture()
    assert os.listdir(tmp_path) == []
