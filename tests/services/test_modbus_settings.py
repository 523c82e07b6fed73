"""services/modbus_settings.py: writable registers through the Modbus server, as the register page describes them."""

import struct

import pytest

from tests.services.test_modbus_pdu import exchange
from tests.test_settings import CODE, Clock
from wattless.calibration import Calibration
from wattless.services.modbus_pdu import ModbusPdu
from wattless.services.modbus_settings import SettingsBank
from wattless.settings import CONSOLE, Settings


class Meter:
    """A server over settings; `done`: the actions that were asked for."""

    def __init__(self):
        self.settings = Settings({"aux_minimum": None}, Clock())
        self.settings.set_code(CODE, CONSOLE)
        self.done = []
        actions = {name: lambda name=name: self.done.append(name) for name in ("restart", "freeze", "release")}
        bank = SettingsBank(self.settings, actions, self)
        self.pdu = ModbusPdu(bank, bank)

    def read(self, address, count, dest, offset):
        """The neighbour: registers 0..9 of 0x1111."""
        if address + count > 10:
            return 2
        dest[offset : offset + 2 * count] = b"\x11" * (2 * count)
        return 0

    def ask(self, pdu):
        return exchange(pdu, pdu=self.pdu)

    def get(self, address, count):
        answer = self.ask(struct.pack(">BHH", 3, address, count))
        return answer[2:] if answer[0] == 3 else -answer[1]

    def put(self, address, data):
        """0, or the exception code."""
        head = struct.pack(">BHHB", 16, address, len(data) // 2, len(data))
        answer = self.ask(head + data)
        return 0 if answer[0] == 16 else answer[1]

    def unlock(self):
        assert self.put(20000, struct.pack(">I", int(CODE))) == 0

    def result(self):
        return struct.unpack(">H", self.get(20005, 1))[0]


@pytest.fixture
def meter():
    return Meter()


def test_other_addresses_are_the_neighbours(meter):
    assert meter.get(0, 2) == b"\x11" * 4
    assert meter.get(9, 2) == -2
    assert meter.put(0, b"\0\1") == 2


@pytest.mark.parametrize(
    "address, count", [(19999, 1), (19999, 2), (20009, 1), (20000, 10), (20009, 2), (20040, 1), (20099, 2), (20140, 1)]
)
def test_holes(meter, address, count):
    assert meter.get(address, count) == -2


def test_state_and_code(meter):
    assert struct.unpack(">IHHHHH", meter.get(20000, 7)) == (0, 1, 0, 0, 0, 0)
    assert meter.put(20000, struct.pack(">I", 999)) == 4
    assert struct.unpack(">IHHHHH", meter.get(20000, 7)) == (0, 3, 1, 0, 1, 0)
    meter.settings._clock.wait(1)
    meter.unlock()
    assert struct.unpack(">IHHHHH", meter.get(20000, 7)) == (0, 0, 600, 0, 0, 0)  # the code cannot be read
    assert meter.put(20004, b"\0\1") == 0
    assert struct.unpack(">H", meter.get(20002, 1))[0] == 1


def test_half_a_code_is_none(meter):
    assert meter.ask(struct.pack(">BHH", 6, 20000, 1)) == bytes([0x86, 2])


def test_trip_points(meter):
    values = struct.unpack(">15f", meter.get(20010, 30))
    assert values[:4] == (90.0, 110.0, 5.0, 2.0) and values[7] != values[7]  # aux_minimum: null
    assert meter.put(20010, struct.pack(">f", 85)) == 4
    assert meter.result() == 1
    meter.unlock()
    assert meter.put(20010, struct.pack(">2f", 85, 115)) == 0
    assert (meter.settings.config.dip_threshold, meter.settings.config.swell_threshold) == (85, 115)
    assert meter.put(20024, struct.pack(">f", 11.5)) == 0
    assert meter.settings.config.aux_minimum == 11.5
    assert meter.put(20024, struct.pack(">f", float("nan"))) == 0
    assert meter.settings.config.aux_minimum is None


def test_all_of_them_or_none(meter):
    meter.unlock()
    assert meter.put(20010, struct.pack(">2f", 80, 999)) == 3
    assert meter.result() == 2
    assert meter.settings.config.dip_threshold == 90
    for address, data in ((20011, bytes(4)), (20010, bytes(6)), (20038, bytes(8))):
        assert meter.put(address, data) == 2  # halves of floats, beyond the last


def test_what_waits_for_a_restart_is_told(meter):
    meter.unlock()
    assert meter.put(20034, struct.pack(">f", 230.0)) == 0  # nominal_voltage
    assert struct.unpack(">H", meter.get(20006, 1))[0] == 1


def test_a_calibration_is_taken_as_a_whole(meter):
    wanted = Calibration()
    for k in range(8):
        wanted.gain[k], wanted.offset[k], wanted.phase[k] = 0x800000 + 100 * k, 1000 - 300 * k, 5 * k - 10
    packed = struct.pack(">8I8i8h", *wanted.gain, *wanted.offset, *wanted.phase)
    assert meter.put(20100, packed[:40]) == 0  # written in two pieces, kept aside: nothing to protect yet
    assert meter.put(20120, packed[40:]) == 0
    assert meter.settings.calibration().is_neutral()
    assert meter.put(20004, b"\0\2") == 4
    meter.unlock()
    assert meter.put(20004, b"\0\2") == 0
    taken = meter.settings.calibration()
    assert (taken.gain, taken.offset, taken.phase) == (wanted.gain, wanted.offset, wanted.phase)
    assert meter.get(20100, 40) == packed
    assert meter.put(20004, b"\0\2") == 3  # there is none on its way any more
    assert meter.result() == 3


def test_an_impossible_calibration(meter):
    meter.unlock()
    assert meter.put(20100, struct.pack(">I", 0xFFFFFFFF)) == 0
    assert meter.put(20004, b"\0\2") == 3
    assert meter.settings.calibration().is_neutral()


def test_undo(meter):
    meter.unlock()
    assert meter.put(20004, b"\0\3") == 3  # there is nothing to undo
    assert meter.get(20007, 2) == b"\0\1\0\1"
    meter.settings.earlier = Calibration().pack
    assert meter.put(20004, b"\0\3") == 0


@pytest.mark.parametrize("number, name, needs", [(4, "restart", True), (5, "freeze", False), (6, "release", False)])
def test_actions(meter, number, name, needs):
    assert meter.put(20004, bytes([0, number])) == (4 if needs else 0)
    meter.unlock()
    meter.put(20004, bytes([0, number]))
    assert set(meter.done) == {name}


@pytest.mark.parametrize("number", (0, 7, 0xFFFF))
def test_other_commands(meter, number):
    assert meter.put(20004, number.to_bytes(2, "big")) == 3
