"""boards/virtual/pty_uart.py: any Modbus master may open, close and reopen the port; every byte passes as it is."""

import os
import select
import time

import pytest

EVERY_BYTE = bytes(range(256))


class Client:
    """What a master does with a serial port, without touching its settings: the port must be raw by itself."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY)

    def write(self, data):
        assert os.write(self._fd, data) == len(data)

    def read(self, n, seconds=2.0):
        """n bytes, or what came in time."""
        got = b""
        end = time.monotonic() + seconds
        while len(got) < n and select.select([self._fd], [], [], max(0, end - time.monotonic()))[0]:
            got += os.read(self._fd, n - len(got))
        return got

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)


@pytest.fixture
def port(remote):
    ask = remote()
    ask("import pty_uart; uart = pty_uart.PtyUart(); buf = bytearray(512)")
    return ask


def received(ask, n):
    """n bytes out of the meter's end, in as many reads as it takes."""
    got = b""
    end = time.monotonic() + 2
    while len(got) < n and time.monotonic() < end:
        got += ask("bytes(memoryview(buf)[:uart.readinto(buf)])")
    return got


def test_transparent_both_ways(port):
    with Client(port("uart.path")) as client:
        client.write(EVERY_BYTE)
        assert received(port, 256) == EVERY_BYTE  # no translation of CR, no ^C, no XON/XOFF
        assert port(f"uart.write({EVERY_BYTE!r})") == 256
        assert client.read(256) == EVERY_BYTE
        assert client.read(1, 0.05) == b"" and port("uart.readinto(buf)") == 0  # no echo


def test_burst_of_300_bytes(port):
    burst = (EVERY_BYTE * 2)[:300]
    with Client(port("uart.path")) as client:
        client.write(burst)
        assert received(port, 300) == burst
        assert port(f"uart.write(memoryview(bytearray({burst!r})))") == 300
        assert client.read(300) == burst


def test_client_closes_and_reopens(port):
    path = port("uart.path")
    assert port("uart.readinto(buf)") == 0  # nobody yet
    for _ in range(3):
        with Client(path) as client:
            client.write(b"request")
            assert received(port, 7) == b"request"
            port("uart.write(b'answer')")
            assert client.read(6) == b"answer"
        assert port("uart.readinto(buf)") == 0 and port("uart.readinto(buf)") == 0


def test_what_nobody_hears_is_gone(port):
    path = port("uart.path")
    assert port("uart.write(b'before the first client')") == 23
    with Client(path) as client:
        assert client.read(1, 0.05) == b""
        client.write(b"request")
    assert received(port, 7) == b"request"  # written before the client left
    assert port("uart.write(b'late')") == 4
    with Client(path) as client:
        assert client.read(1, 0.05) == b""
    assert port("uart.unheard") == 27


def test_client_that_does_not_read_stops_nobody(port):
    with Client(port("uart.path")):
        started = time.monotonic()
        assert port("[uart.write(bytes(255)) for _ in range(400)] == [255] * 400")
        assert time.monotonic() - started < 2
        assert port("uart.unheard") > 0


def test_line_settings(port):
    assert port("(uart.baud, uart.parity)") == (19200, "E")
    port("uart.init(9600, 'N')")
    assert port("(uart.baud, uart.parity)") == (9600, "N")
