"""firmware/main.py on the virtual board: what it prints, when it ends and how, the same on every interpreter."""

import contextlib
import json
import signal
import socket
import subprocess

import pytest

from host_tools import runtimes, scenarios

SITE = scenarios.make("steady-50")
WINDOWS = 3
FRAMES = int(12800 * (0.2 * WINDOWS + 0.15))  # and the time that the first window waits for its filter
LINES = set()


@pytest.fixture(params=runtimes.RUNTIMES)
def start(request, tmp_path):
    """start(*options, **settings): a running main with the site's configuration, changed by the settings."""
    started = []

    def start(*options, **settings):
        path = tmp_path / "meter.json"
        path.write_text(json.dumps({**SITE.config, **settings}))
        argv, env = runtimes.command(request.param, ["--config", str(path), *options])
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(argv, env=env, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_windows_and_the_end_of_the_frames(start):
    meter = start("--json")
    out, err = meter.communicate(next(SITE.blocks(FRAMES)) + bytes(7), timeout=30)  # a torn record at the end
    assert meter.returncode == 0 and err == b""
    windows = [json.loads(line) for line in out.splitlines()]
    assert [window["window"] for window in windows] == list(range(WINDOWS))
    assert windows[-1]["p"] == pytest.approx(3 * 230 * 10 * 0.8660254, rel=1e-4)
    assert windows[-1]["q1"] == pytest.approx(3 * 230 * 10 * 0.5, rel=1e-4)
    LINES.add(out)
    assert len(LINES) == 1  # byte for byte what the interpreter before has printed


def test_announcements_and_an_end_with_services(start):
    port = free_port()
    meter = start("--modbus", modbus_tcp_port=port, modbus_baud=9600)
    said = [json.loads(meter.stderr.readline()) for _ in range(4)]
    neutral = {"gain": [0x800000] * 8, "offset": [0] * 8, "phase": [0] * 8, "gain_v": 1, "gain_i": 1}
    assert said[2] == {"announce": "front_end", "rate": 12800, "bits": 16, **neutral}
    path = said[0].pop("path")
    assert path.startswith("/dev/pts/") and said[0] == {"announce": "modbus_rtu", "baud": 9600, "parity": "E"}
    assert said[1] == {"announce": "modbus_tcp", "host": "127.0.0.1", "port": port}
    reason = "this board runs no Thumb-2 kernels"
    assert said[3] == {"announce": "ready", "kernels": "viper", "reason": reason, "failed": []}
    out, err = meter.communicate(timeout=30)
    assert (meter.returncode, out, err) == (0, b"", b"")


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_signals(start, number, code):
    meter = start("--modbus", modbus_tcp_port=free_port())
    for _ in range(4):
        meter.stderr.readline()  # it runs
    meter.send_signal(number)
    assert meter.wait(5) == code
    assert meter.stderr.read() == b""


def test_bad_configuration(start):
    meter = start(modbus_baud=300, adc_rate=9600)
    _, err = meter.communicate(timeout=30)
    assert meter.returncode == 2
    assert sorted(line.split(b":")[0] for line in err.splitlines()) == [b"adc_rate", b"modbus_baud"]


def test_bad_option(start):
    meter = start("--jsom")
    _, err = meter.communicate(timeout=30)
    assert meter.returncode == 2 and err.startswith(b"cannot use '--jsom'; usage: main") and err.count(b"\n") == 1


def test_port_that_is_taken(start):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        meter = start("--modbus", modbus_tcp_port=port)
        _, err = meter.communicate(timeout=30)
    assert meter.returncode == 1
    complaint = err.splitlines()[-1]
    assert complaint.startswith(b"modbus_tcp_port: %d cannot be served: [Errno 98]" % port)
    assert err.count(b"\n") == 2  # after what was announced before


def test_reader_is_gone(start):
    meter = start("--json")
    meter.stdout.close()
    with contextlib.suppress(BrokenPipeError):  # it may end before it has taken all of it
        meter.stdin.write(next(SITE.blocks(FRAMES)))
        meter.stdin.close()
    assert meter.wait(30) == 1
    assert b"Traceback" not in meter.stderr.read()
