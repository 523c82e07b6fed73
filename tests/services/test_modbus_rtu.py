"""firmware/wattless/services/modbus_rtu.py on a line that exists on paper: every byte has its time."""

import asyncio
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.fake_meter import FakeBank
from tests.services.specification import REQUESTS, crc, frame, pdu_reply
from wattless.services.modbus_pdu import ModbusPdu
from wattless.services.modbus_rtu import COUNTERS, ModbusRtu, crc16, t15_us, t35_us

UNIT = 1
POLL_US = 50
TICKS = 1 << 30

# Section 10 of the reference (cross-checked with pymodbus there): bytes, CRC in wire order.
CRC_VECTORS = (
    ("01 03 00 00 00 14", "45 C5"),
    ("01 83 02", "C0 F1"),
    ("01 83 03", "01 31"),
    ("01 06 00 64 00 2A", "49 CA"),
    ("00 06 00 64 00 2A", "48 1B"),
    ("01 10 00 64 00 02 04 00 0A 01 02", "54 27"),
    ("01 17 00 00 00 02 00 64 00 01 02 00 09", "DC 99"),
    ("01 2B 0E 01 00", "70 77"),
    ("01 2B 0E 01 01 00 00 03 00 04 41 43 4D 45 01 03 56 4D 31 02 03 30 2E 31", "D6 1D"),
    ("01 C1 01", "B0 50"),
    ("01 11", "C0 2C"),
)
# The same section, frame by frame, to a slave without any register.
FRAMES = (
    ("01 03 00 00 00 14 45 C5", "01 83 02 C0 F1"),
    ("01 03 00 00 00 00 45 CA", "01 83 03 01 31"),
    ("01 06 00 64 00 2A 49 CA", "01 86 01 83 A0"),
    ("01 10 00 64 00 02 04 00 0A 01 02 54 27", "01 90 01 8D C0"),
    ("01 16 00 04 00 F2 00 25 67 EE", "01 96 01 8E 60"),
    ("01 17 00 00 00 02 00 64 00 01 02 00 09 DC 99", "01 97 01 8F F0"),
    ("01 08 00 00 A5 37 DA 8D", "01 08 00 00 A5 37 DA 8D"),
    ("01 08 00 0B 00 00 91 C9", "01 08 00 0B 00 01 50 09"),
    ("01 2B 0E 01 00 70 77", "01 AB 01 9E F0"),
    ("01 41 C0 10", "01 C1 01 B0 50"),
    ("01 11 C0 2C", "01 91 01 8C 50"),
)
GOOD = frame(UNIT, bytes.fromhex("03 0000 0002"))
GOOD_REPLY = frame(UNIT, bytes.fromhex("03 04 C49A5000"))


class NoRegisters:
    def read(self, address, count, dest, offset):
        return 2


class Line:
    """A line with one slave: characters take their time, silences are as asked for, the slave looks every 50 us."""

    def __init__(self, baud=19200, check_gaps=True, bank=None, now=0):
        bank = bank or FakeBank()
        self.slave = ModbusRtu(ModbusPdu(bank, bank), UNIT, baud, check_gaps)
        self.character_us = 11e6 / baud
        self.now = float(now)
        self.byte_end = self.now
        self.replies = []  # (silence before it in us, bytes)

    def silence(self, us):
        end = self.now + us
        while self.now < end:
            self.now = min(end, self.now + POLL_US)
            self._poll()

    def send(self, data, gap_us=0.0):
        """Characters with a silence of gap_us between them."""
        for i, byte in enumerate(data):
            self.silence((gap_us if i else 0) + self.character_us)
            self.slave.framer.feed(bytes([byte]), 1, self._ticks())
            self.byte_end = self.now

    def burst(self, data):
        """All at once, as a pseudo-terminal delivers."""
        self._poll()
        self.slave.framer.feed(data, len(data), self._ticks())
        self.byte_end = self.now

    def said(self):
        """What the slave has said since the last call, as bytes."""
        said, self.replies = [data for _, data in self.replies], []
        return said

    def counters(self):
        return {name: n for name, n in zip(COUNTERS, self.slave.framer.counters, strict=True) if n}

    def _ticks(self):
        return int(self.now) % TICKS

    def _poll(self):
        n = self.slave.respond(self._ticks())
        if n:
            self.replies.append((self.now - self.byte_end, bytes(self.slave.reply[:n])))


def lost_parity(data):
    return bytes([data[0] ^ 0x04]) + data[1:]


@pytest.mark.parametrize("data, check", CRC_VECTORS)
def test_crc(data, check):
    data, check = bytes.fromhex(data), bytes.fromhex(check)
    assert crc16(data, len(data)).to_bytes(2, "little") == check == crc(data)
    assert crc16(data + check + b"noise", len(data) + 2) == 0


@pytest.mark.parametrize("request_, reply", FRAMES)
def test_frames(request_, reply):
    line = Line(bank=NoRegisters())
    line.send(bytes.fromhex(request_))
    line.silence(10_000)
    assert line.said() == [bytes.fromhex(reply)]
    exceptions = {"exception": 1} if bytes.fromhex(reply)[1] & 0x80 else {}
    assert line.counters() == {"bus_message": 1, "slave_message": 1} | exceptions


def two_frames_too_close(line):
    line.send(GOOD)
    line.silence(2 * line.character_us)
    line.send(GOOD)


def request_during_our_reply(line):
    line.send(GOOD)
    line.silence(line.slave.framer.t35_us + POLL_US)
    assert line.said() == [GOOD_REPLY]
    line.send(GOOD[:4])  # 9 characters of reply take longer than these
    line.send(GOOD[4:])


OTHERS_REPLY = frame(2, bytes.fromhex("03 08") + GOOD)  # with a whole request for us inside
# what happens on the line, what is counted; each ends in silence
DISTURBED = {
    "gap inside a frame": (lambda line: line.send(GOOD, 1.6 * line.character_us), {"bus_comm_error": 1}),
    "two frames less than t3.5 apart": (two_frames_too_close, {"bus_comm_error": 1}),
    "another slave's request": (lambda line: line.send(frame(2, GOOD[1:6])), {"bus_message": 1}),
    "another slave's reply": (lambda line: line.send(OTHERS_REPLY), {"bus_message": 1}),
    "another slave's exception": (lambda line: line.send(frame(2, b"\x83\x02")), {"bus_message": 1}),
    "truncated by a byte": (lambda line: line.send(GOOD[:-1]), {"bus_comm_error": 1}),
    "first byte lost": (lambda line: line.send(GOOD[1:]), {"bus_comm_error": 1}),
    "noise after the CRC": (lambda line: line.send(GOOD + b"\xfe"), {"bus_comm_error": 1}),
    "noise before the frame": (lambda line: line.send(b"\xff" + GOOD), {"bus_comm_error": 1}),
    "a lone byte": (lambda line: line.send(b"\x01"), {"bus_comm_error": 1}),
    "three bytes with a right CRC": (lambda line: line.send(b"\x01" + crc(b"\x01")), {"bus_comm_error": 1}),
    "wrong CRC": (lambda line: line.send(GOOD[:-1] + b"\x00"), {"bus_comm_error": 1}),
    "CRC in the wrong order": (lambda line: line.send(GOOD[:-2] + GOOD[:-3:-1]), {"bus_comm_error": 1}),
    "parity error in the address": (lambda line: line.send(lost_parity(GOOD)), {"bus_comm_error": 1}),
    "257 bytes without a gap": (lambda line: line.send(frame(UNIT, bytes(254))), {"overrun": 1}),
    "600 bytes without a gap": (lambda line: line.send(GOOD * 75), {"overrun": 1}),
    "broadcast": (
        lambda line: line.send(bytes.fromhex("00 06 00 64 00 2A 48 1B")),
        {"bus_message": 1, "slave_message": 1, "no_response": 1},
    ),
    "request while our reply is on the wire": (
        request_during_our_reply,
        {"bus_message": 1, "slave_message": 1, "bus_comm_error": 1},
    ),
}


@pytest.mark.parametrize("what", DISTURBED)
def test_silence_then_the_next_good_frame(what):
    """Section 10 of the reference: silence, a counter, and a correct reply to the next good frame."""
    happens, counted = DISTURBED[what]
    line = Line()
    happens(line)
    line.silence(10_000)
    assert line.said() == []
    assert line.counters() == counted
    line.send(GOOD)
    line.silence(10_000)
    assert line.said() == [GOOD_REPLY]


def test_a_zero_after_the_crc_is_not_noise():
    """CRC-16 cannot see zeros behind a good frame: what comes is a request of the wrong length, with a right CRC."""
    assert crc(GOOD[:-1]) == GOOD[-1:] + b"\x00"
    line = Line()
    line.send(GOOD + b"\x00")
    line.silence(10_000)
    assert line.said() == [frame(UNIT, b"\x83\x03")]


def test_the_longest_frame_is_read():
    line = Line()
    line.send(frame(UNIT, b"\x41" + bytes(252)))  # 256 bytes
    line.silence(10_000)
    assert line.said() == [frame(UNIT, b"\xc1\x01")]


BAUDS = (1200, 9600, 19200, 19201, 38400, 115200, 230400)


@pytest.mark.parametrize("baud", BAUDS)
def test_no_reply_before_t35(baud):
    line = Line(baud)
    for _ in range(3):
        line.send(GOOD)
        line.silence(150_000)  # for the reply too
    t35 = 3.5 * 11e6 / baud if baud <= 19200 else 1750
    assert len(line.replies) == 3
    for silence, data in line.replies:
        assert data == GOOD_REPLY
        assert t35 <= silence <= t35 + POLL_US + 2


@pytest.mark.parametrize("baud", BAUDS)
def test_gaps_up_to_t15_belong_to_the_frame(baud):
    t15 = 1.5 * 11e6 / baud if baud <= 19200 else 750
    for gap, answered in ((0.95 * t15, 1), (1.05 * t15 + 2, 0)):
        line = Line(baud)
        line.send(GOOD, gap)
        line.silence(50_000)
        assert len(line.said()) == answered


@pytest.mark.parametrize(
    "baud, t15, t35",
    [(9600, 1719, 4010), (19200, 859, 2005), (38400, 750, 1750), (115200, 750, 1750)],
)
def test_silences_of_the_guide(baud, t15, t35):
    assert abs(t15_us(baud) - t15) <= 1 and abs(t35_us(baud) - t35) <= 1


def test_time_may_wrap():
    line = Line(now=TICKS - 6000)
    for _ in range(3):
        line.send(GOOD)
        line.silence(10_000)
    assert line.said() == [GOOD_REPLY] * 3


def test_counters_wrap_at_16_bits():
    line = Line()
    line.slave.framer.counters[0] = 0xFFFF
    line.send(GOOD)
    line.silence(5_000)
    assert line.slave.framer.counters[0] == 0


def test_bursts_are_not_held_against_the_clock():
    """On a pseudo-terminal a frame comes whole, or in pieces with any pause that is shorter than t3.5."""
    line = Line(check_gaps=False)
    line.burst(GOOD)
    line.silence(2_000)
    assert line.said() == []
    line.silence(100)
    assert line.said() == [GOOD_REPLY]
    line.burst(GOOD[:3])  # at once after the reply: its time on the line is not simulated
    line.silence(1_900)
    line.burst(GOOD[3:])
    line.silence(5_000)
    assert line.said() == [GOOD_REPLY]


FRAMES_AND_NOISE = st.one_of(
    st.builds(frame, st.sampled_from([UNIT, UNIT, UNIT, 0, 2, 255]), REQUESTS),
    st.builds(lambda data, at, bit: bytes(b ^ bit if i == at else b for i, b in enumerate(data)),
              st.builds(frame, st.just(UNIT), REQUESTS), st.integers(0, 255), st.sampled_from([1, 16, 128])),
    st.binary(min_size=1, max_size=300),
)  # fmt: skip


def expected(data):
    """What the slave should say to bytes between two silences, and the counters that go up."""
    if len(data) > 256:
        return None, ["overrun"]
    if len(data) < 4 or crc(data[:-2]) != data[-2:]:
        return None, ["bus_comm_error"]
    if data[0] not in (0, UNIT):
        return None, ["bus_message"]
    if data[0] == 0:
        return None, ["bus_message", "slave_message", "no_response"]
    pdu = pdu_reply(data[1:-2])
    return frame(UNIT, pdu), ["bus_message", "slave_message"] + ["exception"] * (pdu[0] >> 7)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(FRAMES_AND_NOISE, st.lists(st.integers(0, 300), max_size=4)), min_size=1, max_size=4),
    st.sampled_from([9600, 19200, 115200]),
)
def test_any_traffic_in_any_pieces(traffic, baud):
    """Pieces of a frame come with pauses below t3.5, frames with more: replies and counters are those of the guide."""
    bank = FakeBank()
    slave = ModbusRtu(ModbusPdu(bank, bank), UNIT, baud)
    slave.pdu.line = None  # as the specification's model of FC08
    framer = slave.framer
    now, total = 0, dict.fromkeys(COUNTERS, 0)
    for data, cuts in traffic:
        said = None
        edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        for start, end in zip(edges, edges[1:], strict=False):
            now += framer.t35_us - 1
            assert slave.respond(now) == 0
            framer.feed(data[start:end], end - start, now)
        now += framer.t35_us
        n = slave.respond(now)
        said = bytes(slave.reply[:n]) if n else None
        assert slave.respond(now + 1) == 0
        reply, counted = expected(data)
        assert said == reply
        for name in counted:
            total[name] += 1
    assert dict(zip(COUNTERS, framer.counters, strict=True)) == total


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=20), st.integers(0, 3000)), max_size=15))
def test_after_any_noise_the_next_request_is_answered(noise):
    line = Line()
    for data, pause in noise:
        line.send(data)
        line.silence(pause)
    line.silence(10_000)
    line.said()
    line.send(GOOD)
    line.silence(10_000)
    assert line.said() == [GOOD_REPLY]


class Uart:
    """Has one request in it; notes when the reply comes."""

    def __init__(self, request):
        self.request = request
        self.read_at = self.written_at = None
        self.reply = b""

    def readinto(self, buf):
        data, self.request = self.request, b""
        buf[: len(data)] = data
        if data:
            self.read_at = time.monotonic()
        return len(data)

    def write(self, buf):
        self.written_at = time.monotonic()
        self.reply += bytes(buf)
        return len(buf)


class Clock:
    def ticks_us(self):
        return time.monotonic_ns() // 1000 % TICKS


def test_serve_keeps_t35():
    uart = Uart(GOOD)
    bank = FakeBank()

    async def run():
        task = asyncio.create_task(ModbusRtu(ModbusPdu(bank, bank), UNIT, 9600).serve(uart, Clock()))
        while not uart.reply:
            await asyncio.sleep(0.001)
        task.cancel()

    asyncio.run(asyncio.wait_for(run(), 5))
    assert uart.reply == GOOD_REPLY
    assert uart.written_at - uart.read_at >= 0.004010
