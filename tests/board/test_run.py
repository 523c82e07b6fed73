"""`wattless run` as a user has it: the real meter under MicroPython, real Modbus masters, and nothing left behind."""

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

from host_tools.run import PortsTaken, free_port
from host_tools.toolchain import paths

WATTLESS = [sys.executable, "-m", "host_tools", "run", "--scenario", "steady-50"]
READY = re.compile(r"^ready modbus-tcp 127\.0\.0\.1:(\d+) modbus-rtu (/dev/pts/\d+)$")
PATIENCE_S = 20
# 40001-40020 of 230 V, 10 A, lagging by 30 degrees in each phase
P1, Q1, S1, PHI1 = 230 * 10 * 0.8660254, 230 * 10 * 0.5, 230 * 10, 30
VECTORS = [P1, Q1, P1, Q1, P1, Q1, 3 * P1, 3 * Q1, 3 * S1, PHI1]


def children(pid):
    with contextlib.suppress(FileNotFoundError):
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    return []


def runs(pid):
    """Whether there is such a process that is not a zombie."""
    with contextlib.suppress(FileNotFoundError):
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def wait_until(condition, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Run:
    """`wattless run --headless`, started, ready and watched."""

    def __init__(self, *options):
        pipe = subprocess.PIPE
        argv = [*WATTLESS, "--headless", *options]
        self.process = subprocess.Popen(argv, cwd=paths.ROOT, stdout=pipe, stderr=pipe, text=True)
        self.lines = []
        while not (ready := READY.match(self.next_line())):
            pass
        self.port, self.path = int(ready[1]), ready[2]
        self.children = children(self.process.pid)
        assert self.children

    def next_line(self):
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        self.lines.append(line.rstrip("\n"))
        return self.lines[-1]

    def end(self, number):
        """Exit code, after the signal; nothing that was started may be left."""
        self.process.send_signal(number)
        _, self.errors = self.process.communicate(timeout=5)
        wait_until(lambda: not any(map(runs, self.children)), 1)
        return self.process.returncode


@pytest.fixture(scope="module")
def meter():
    one = Run("--port", str(free_port(15020)))
    yield one
    if one.process.poll() is None:
        one.end(signal.SIGKILL)


def vectors(client):
    with client:
        reply = client.read_holding_registers(0, count=20, device_id=1)
        assert not reply.isError()
        return client.convert_from_registers(reply.registers, client.DATATYPE.FLOAT32)


def test_modbus_tcp(meter):
    assert vectors(ModbusTcpClient("127.0.0.1", port=meter.port)) == pytest.approx(VECTORS, rel=1e-3)


def test_modbus_rtu_again_and_again(meter):
    for _ in range(3):  # each time the port is opened and closed
        client = ModbusSerialClient(meter.path, framer=FramerType.RTU, baudrate=19200, parity="N")
        assert vectors(client) == pytest.approx(VECTORS, rel=1e-3)


def test_the_commands_it_prints(meter):
    commands = [line.split() for line in meter.lines if line.lstrip().startswith("mbpoll")]
    assert len(commands) == 2
    for command in commands:
        said = subprocess.run([paths.mbpoll(), *command[1:]], capture_output=True, text=True, timeout=10)
        assert said.returncode == 0, said.stderr
        values = [float(value) for value in re.findall(r"^\[\d+\]:\s+(\S+)", said.stdout, re.MULTILINE)]
        assert values == pytest.approx(VECTORS, rel=1e-3)


def test_one_line_a_second_and_a_clean_end(meter):
    assert re.match(r"window \d+  f 50\.000 Hz  P \+5975\.\d W  Q1 \+3450\.0 var  QI  flags none$", meter.next_line())
    assert meter.end(signal.SIGINT) == 0
    assert meter.errors == ""


def test_port_that_is_taken():
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", free_port(15100)))
        other.listen()
        port = other.getsockname()[1]
        one = Run("--port", str(port))
        assert one.port > port
        assert any(f"port {port} is taken" in line for line in one.lines)
        assert one.end(signal.SIGTERM) == 0 and one.errors == ""


def test_no_port_at_all(monkeypatch):
    def bind(*_):
        raise OSError

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(PortsTaken, match="from 2000 to 2019 is"):
        free_port(2000)
    with pytest.raises(PortsTaken, match="from 65530 to 65535 is"):
        free_port(65530)


def test_killed_without_a_chance():
    one = Run("--port", str(free_port(15200)))
    one.end(signal.SIGKILL)


def test_reader_that_has_had_enough():
    one = Run("--port", str(free_port(15300)))
    one.process.stdout.close()
    assert one.process.wait(5) == 0
    assert one.process.stderr.read() == ""
    wait_until(lambda: not any(map(runs, one.children)), 1)


def test_meter_that_dies_shows_why():
    one = Run("--port", str(free_port(15400)))
    os.kill(one.children[0], signal.SIGKILL)
    _, errors = one.process.communicate(timeout=5)
    assert one.process.returncode == 1
    assert "the meter ended by itself" in errors and "Traceback" not in errors


def test_table_in_a_terminal_that_is_closed():
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(paths.ROOT)
        env = {**os.environ, "COLUMNS": "100", "TERM": "xterm"}
        os.execvpe(WATTLESS[0], [*WATTLESS, "--port", str(free_port(15500))], env)
    screen = b""
    end = time.monotonic() + PATIENCE_S
    while b"+3450.0" not in screen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.5)[0]:
            screen += os.read(terminal, 65536)
    assert b"not a certified meter: simulated" in screen and b"mbpoll" in screen and b"+3450.0" in screen
    started = children(pid)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    wait_until(lambda: not any(map(runs, started)), 1)
