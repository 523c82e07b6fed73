"""firmware/wattless/services/modbus_pdu.py against the application protocol V1.1b3, for every request there is."""

import pytest
from hypothesis import given, settings

from tests.services.fake_meter import FakeBank, register
from tests.services.specification import REQUESTS, pdu_reply
from wattless.services.modbus_pdu import ModbusPdu

# request PDU, reply PDU: registers are 0..2047 without 50 and 51, 0 and 1 hold -1234.5
CONFORMANCE = (
    # FC03 and FC04: the least, the most, one too many.
    ("03 0000 0002", "03 04 C49A5000"),
    ("04 0000 0002", "04 04 C49A5000"),
    ("03 0002 0001", "03 02 3D6F"),
    ("03 0002 0000", "83 03"),
    ("04 0002 0000", "84 03"),
    ("03 0002 007E", "83 03"),
    ("03 0002 FFFF", "83 03"),
    ("03 0034 007D", None),
    # Any hole in the range, in front, inside and behind: nothing is made up.
    ("03 0032 0001", "83 02"),
    ("03 0031 0001", "03 02 4988"),
    ("03 0031 0002", "83 02"),
    ("03 0033 0002", "83 02"),
    ("03 0000 0064", "83 02"),
    ("03 07FF 0001", "03 02 1ACA"),
    ("03 07FF 0002", "83 02"),
    ("04 0800 0001", "84 02"),
    # Past 65535: no wrap to register 0.
    ("03 FFFF 0001", "83 02"),
    ("03 FFFF 0002", "83 02"),
    ("03 FFFE 007D", "83 02"),
    # Quantity (03) is checked before addresses (02), function (01) before both.
    ("03 0032 0000", "83 03"),
    ("03 FFFF 007E", "83 03"),
    ("01 0032 0000", "81 01"),
    # A length that does not fit the function.
    ("03", "83 03"),
    ("03 00", "83 03"),
    ("03 0000", "83 03"),
    ("03 0000 00", "83 03"),
    ("03 0000 0002 00", "83 03"),
    ("04" + "00" * 252, "84 03"),
    # FC08 without a serial line: the query data come back, as many as there are.
    ("08 0000 A537", "08 0000 A537"),
    ("08 0000 A537 01", "08 0000 A537 01"),
    ("08 0000 A5", "88 03"),
    ("08", "88 03"),
    ("08 000B 0000", "88 01"),
    # Not (yet) supported: exception 01, whatever the length.
    ("01 0000 0001", "81 01"),
    ("02 0000 0001", "82 01"),
    ("05 0000 FF00", "85 01"),
    ("06 0064 002A", "86 01"),
    ("07", "87 01"),
    ("0B", "8B 01"),
    ("0F 0000 0001 01 01", "8F 01"),
    ("10 0064 0002 04 000A0102", "90 01"),
    ("11", "91 01"),
    ("16 0004 00F2 0025", "96 01"),
    ("17 0000 0002 0064 0001 02 0009", "97 01"),
    ("2B 0E 01 00", "AB 01"),
    ("41", "C1 01"),
    ("64", "E4 01"),
    ("00", "80 01"),
    ("83 02", "83 01"),
    ("FF", "FF 01"),
)
GUARD = 0xA5


def exchange(request, at=3, pdu=None):
    """The reply to a request PDU, written where it belongs and nowhere else."""
    bank = FakeBank()
    pdu = pdu or ModbusPdu(bank, bank)
    buffer = bytearray([GUARD]) * (at + 253 + 4)
    n = pdu.handle(b"\x11" + request + b"\x22\x22", 1, len(request), buffer, at)
    assert buffer[:at] == bytes([GUARD]) * at
    assert buffer[at + 253 :] == bytes([GUARD]) * 4
    return bytes(buffer[at : at + n])


@pytest.mark.parametrize("request_, reply", CONFORMANCE)
def test_conformance(request_, reply):
    got = exchange(bytes.fromhex(request_))
    if reply is None:  # the longest: 125 registers from 52 on
        assert len(got) == 252 and got[:4] == bytes.fromhex("03 FA") + register(52).to_bytes(2, "big")
    else:
        assert got == bytes.fromhex(reply)


@settings(max_examples=1000)
@given(REQUESTS)
def test_any_request_gets_the_reply_of_the_specification(request):
    reply = exchange(request)
    assert 2 <= len(reply) <= 253
    assert reply == pdu_reply(request)


@given(REQUESTS)
def test_request_and_reply_may_share_a_buffer(request):
    bank = FakeBank()
    buffer = bytearray(request + bytes(253 - len(request)))
    n = ModbusPdu(bank, bank).handle(buffer, 0, len(request), buffer, 0)
    assert buffer[:n] == pdu_reply(request)


@given(REQUESTS)
def test_no_register_is_touched_before_the_request_is_found_legal(request):
    bank = FakeBank()
    reply = exchange(request, pdu=ModbusPdu(bank, bank))
    if reply[0] & 0x80 and reply[1] != 2:
        assert bank.reads == 0


class Bank:
    def __init__(self, answer):
        self.answer = answer

    def read(self, address, count, dest, offset):
        if not self.answer:
            dest[offset : offset + 2 * count] = b"\x12\x34" * count
        return self.answer


def test_holding_and_input_registers_may_differ():
    pdu = ModbusPdu(holding=Bank(0), inputs=Bank(2))
    assert exchange(bytes.fromhex("03 0000 0001"), pdu=pdu) == bytes.fromhex("03 02 1234")
    assert exchange(bytes.fromhex("04 0000 0001"), pdu=pdu) == bytes.fromhex("84 02")


def test_a_bank_may_fail():
    assert exchange(bytes.fromhex("03 0000 0001"), pdu=ModbusPdu(Bank(4), Bank(4))) == bytes.fromhex("83 04")


def test_a_new_function_is_a_line_in_handlers():
    def echo(request, start, length, reply, at):
        reply[at : at + length] = request[start : start + length]
        return length

    pdu = ModbusPdu(Bank(0), Bank(0))
    pdu.handlers[0x07] = echo
    pdu.handlers[0x16] = lambda *_: -6
    assert exchange(bytes.fromhex("07 0000 A537"), pdu=pdu) == bytes.fromhex("07 0000 A537")
    assert exchange(bytes.fromhex("16 0004 00F2 0025"), pdu=pdu) == bytes.fromhex("96 06")


class Writable(Bank):
    """Takes registers 100..223, refuses 0xDEAD, is busy at 300."""

    def __init__(self):
        super().__init__(0)
        self.taken = {}

    def write(self, address, count, source, offset):
        values = [int.from_bytes(source[offset + 2 * k : offset + 2 * k + 2], "big") for k in range(count)]
        if address == 300:
            return 6
        if not (100 <= address and address + count <= 224):
            return 2
        if 0xDEAD in values:
            return 3
        self.taken.update(dict(zip(range(address, address + count), values, strict=True)))
        return 0


# request, reply, registers taken; V1.1b3 6.6, 6.12
WRITES = (
    ("06 0064 002A", "06 0064 002A", {100: 42}),
    ("06 0064 DEAD", "86 03", {}),
    ("06 012C 0001", "86 06", {}),
    ("06 0063 0001", "86 02", {}),
    ("06 0064 00", "86 03", {}),
    ("06 0064 0001 00", "86 03", {}),
    ("10 0064 0002 04 000A0102", "10 0064 0002", {100: 10, 101: 258}),
    ("10 0064 0000 00", "90 03", {}),
    ("10 0064 0002 03 000A01", "90 03", {}),
    ("10 0064 0002 04 000A01", "90 03", {}),
    ("10 0064 0002 04 000A010203", "90 03", {}),
    ("10 00DF 0002 04 000A0102", "90 02", {}),
    ("10 FFFF 0002 04 000A0102", "90 02", {}),
    ("10 0064 0002 04 000ADEAD", "90 03", {}),  # all of them or none
    ("10 0064", "90 03", {}),
    ("10 0064 007B F6" + "0001" * 123, "10 0064 007B", dict.fromkeys(range(100, 223), 1)),
    ("10 0064 007C F8" + "0001" * 123, "90 03", {}),
)


@pytest.mark.parametrize("request_, reply, taken", WRITES)
def test_registers_are_written(request_, reply, taken):
    bank = Writable()
    assert exchange(bytes.fromhex(request_), pdu=ModbusPdu(bank, bank)) == bytes.fromhex(reply)
    assert bank.taken == taken
