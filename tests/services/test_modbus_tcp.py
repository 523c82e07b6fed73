"""firmware/wattless/services/modbus_tcp.py: byte streams in any pieces, clients that misbehave; on two interpreters."""

import socket
import time
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.fake_meter import UNIT
from tests.services.servers import INTERPRETERS, running
from tests.services.specification import REQUESTS, pdu_reply
from wattless.services.modbus_tcp import NOT_MODBUS, MbapBuffer

READ = bytes.fromhex("03 0000 0002")
READ_REPLY = bytes.fromhex("03 04 C49A5000")
CLIENTS = 4


def adu(pdu, transaction=1, unit=UNIT):
    return transaction.to_bytes(2, "big") + b"\x00\x00" + (1 + len(pdu)).to_bytes(2, "big") + bytes([unit]) + pdu


def reassembled(pieces):
    """(ADUs, whether the buffer wants no more) of a stream that arrives in pieces."""
    buffer, got = MbapBuffer(), []
    for piece in pieces:
        while piece:
            space = buffer.space()
            n = min(len(piece), len(space))
            assert n, "no space, and nothing complete"
            space[:n] = piece[:n]
            buffer.add(n)
            piece = piece[n:]
            while (n := buffer.adu_length()) > 0:
                got.append(bytes(buffer.bytes[:n]))
                buffer.drop(n)
            if n == NOT_MODBUS:
                return got, True
    return got, False


def cut(stream, cuts):
    edges = sorted({0, len(stream), *(c for c in cuts if c < len(stream))})
    return [stream[a:b] for a, b in zip(edges, edges[1:], strict=False)]


ADUS = st.builds(adu, REQUESTS, st.integers(0, 0xFFFF), st.integers(0, 255))
CUTS = st.lists(st.integers(0, 1300), max_size=12)


@given(st.lists(ADUS, max_size=5), CUTS)
def test_adus_come_together_from_any_pieces(adus, cuts):
    assert reassembled(cut(b"".join(adus), cuts)) == (adus, False)


@given(st.lists(ADUS, max_size=3), ADUS, st.sampled_from([2, 3, 4, 5]), st.integers(1, 255), CUTS)
def test_what_is_not_modbus_ends_it(adus, last, at, value, cuts):
    """Protocol not 0, or a length field beyond 2..254; whatever came before is still whole."""
    bad = bytearray(last)
    bad[at] = value if at < 5 else (0, 1, 255)[value % 3]
    assert reassembled(cut(b"".join(adus) + bytes(bad), cuts)) == (adus, True)


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_garbage_never_breaks_the_buffer(pieces):
    got, ended = reassembled(pieces)
    assert all(8 <= len(one) <= 260 for one in got)
    assert b"".join(pieces).startswith(b"".join(got))


@pytest.fixture(params=INTERPRETERS, scope="module")
def server(request, micropython):
    with running(request.param, micropython, CLIENTS) as server:
        yield server


@pytest.fixture
def connect(server):
    """connect() -> a socket; all closed at the end, and gone from the server."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(server.connect())
    for _ in range(100):
        if all_free(server):
            return
        time.sleep(0.01)
    raise AssertionError("the server has not let go of its clients")


def all_free(server):
    """Can as many clients as are allowed get an answer at the same time?"""
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(CLIENTS)]
        try:
            return all(ask(client) == adu(READ_REPLY) for client in clients)
        except (ConnectionError, AssertionError):
            return False


def receive(client, n):
    """n bytes, fewer when the server closes before."""
    data = b""
    while len(data) < n and (piece := client.recv(n - len(data))):
        data += piece
    return data


def ask(client, request=None):
    client.sendall(request or adu(READ))
    return receive(client, len(adu(READ_REPLY)))


def is_closed(client):
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("unit", [0, UNIT, 255])
def test_units_that_are_answered(connect, unit):
    assert ask(connect(), adu(READ, 0xBEEF, unit)) == adu(READ_REPLY, 0xBEEF, unit)


@pytest.mark.parametrize("unit", [1, UNIT + 1, 247, 254])
def test_another_unit_is_not_behind_this_address(connect, unit):
    client = connect()
    client.sendall(adu(READ, 7, unit))
    assert receive(client, 9) == adu(b"\x83\x0b", 7, unit)
    assert ask(client) == adu(READ_REPLY)


def test_the_longest_request_and_reply(connect):
    client = connect()
    client.sendall(adu(b"\x41" + bytes(252)))
    assert receive(client, 9) == adu(b"\xc1\x01")
    longest = bytes.fromhex("03 0034 007D")
    client.sendall(adu(longest))
    assert receive(client, 259) == adu(pdu_reply(longest))


def test_requests_in_pieces_and_in_one(connect):
    client = connect()
    for byte in adu(READ):
        client.sendall(bytes([byte]))
        time.sleep(0.001)
    assert receive(client, 13) == adu(READ_REPLY)
    client.sendall(b"".join(adu(READ, k) for k in range(50)) + adu(READ, 50)[:5])
    assert receive(client, 50 * 13) == b"".join(adu(READ_REPLY, k) for k in range(50))
    client.sendall(adu(READ, 50)[5:])
    assert receive(client, 13) == adu(READ_REPLY, 50)


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", adu(READ)[:2] + b"\x00\x01", b"\0\1\0\0\0\1\x11"])
def test_garbage_closes_its_own_connection_only(connect, garbage):
    good, bad = connect(), connect()
    assert ask(good) == adu(READ_REPLY)
    bad.sendall(garbage)
    assert is_closed(bad)
    assert ask(good) == adu(READ_REPLY)


def test_one_client_too_many_is_refused(connect):
    clients = [connect() for _ in range(CLIENTS)]
    assert all(ask(client) == adu(READ_REPLY) for client in clients)
    assert is_closed(connect())
    assert all(ask(client) == adu(READ_REPLY) for client in clients)
    clients[0].close()
    time.sleep(0.05)
    assert ask(connect()) == adu(READ_REPLY)


def test_broken_clients_do_not_disturb_the_others(connect):
    good = connect()
    half, reset, deaf = connect(), connect(), connect()
    half.sendall(adu(READ)[:9])
    reset.sendall(adu(READ) * 20)
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # RST instead of FIN
    reset.close()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    deaf.setblocking(False)
    longest = adu(bytes.fromhex("03 0034 007D")) * 50
    stuck = 0
    while stuck < 3:  # until neither side takes more: requests without end, replies never read
        try:
            deaf.send(longest)
            stuck = 0
        except BlockingIOError:
            stuck += 1
            start = time.monotonic()
            assert ask(good) == adu(READ_REPLY)
            assert time.monotonic() - start < 1
    half.close()
    assert ask(good) == adu(READ_REPLY)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_silent_clients_are_disconnected(interpreter, micropython):
    with running(interpreter, micropython, clients=2, idle_s=1) as server:
        with server.connect() as silent, server.connect() as busy:
            silent.sendall(adu(READ)[:8])  # not a request
            silent.setblocking(False)
            start = time.monotonic()
            while time.monotonic() - start < 2.2:
                assert ask(busy) == adu(READ_REPLY)
                time.sleep(0.05)
                if time.monotonic() - start < 1:
                    with pytest.raises(BlockingIOError):
                        silent.recv(1)
            assert is_closed(silent)
            with server.connect() as next_one:
                assert ask(next_one) == adu(READ_REPLY)
