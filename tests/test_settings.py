"""Who may change what: the access code, its limits, what is logged, what survives."""

import json
from math import isnan

import pytest

from wattless import settings as s
from wattless.calibration import Calibration, Ranges
from wattless.config import ConfigError
from wattless.event_log import EventLog
from wattless.settings import CONSOLE, MODBUS, Refused, Settings

CODE = "123456"


class Clock:
    """Ticks of 2**30 ms, as boards have them."""

    now = (1 << 30) - 5000  # about to come round

    def ticks_ms(self):
        return self.now % (1 << 30)

    def ticks_us(self):
        return self.now * 1000 % (1 << 30)

    def diff(self, later, earlier):
        return (later - earlier + (1 << 29)) % (1 << 30) - (1 << 29)

    def wait(self, seconds):
        self.now += int(1000 * seconds)


@pytest.fixture
def meter():
    made = Settings({"dip_threshold": 88}, Clock())
    made.log = EventLog()
    made.sample = lambda: 4711
    made.saved = []
    made.save = made.saved.append
    made.set_code(CODE, CONSOLE)
    return made


def logged(meter):
    return [(entry.code, entry.mask, entry.value, entry.detail) for entry in meter.log.entries()]


def test_nothing_can_be_changed_without_a_code():
    meter = Settings({}, Clock())
    assert meter.state == s.NO_CODE
    for action in (
        lambda: meter.request("dip_threshold", 85, CONSOLE),
        lambda: meter.calibrate(Calibration(), CONSOLE),
        lambda: meter.undo(CONSOLE),
        lambda: meter.unlock("0000", CONSOLE),
    ):
        with pytest.raises(Refused, match="no access code"):
            action()


def test_the_first_code_is_set_on_the_console_only():
    meter = Settings({}, Clock())
    with pytest.raises(Refused, match="on the console"):
        meter.set_code(CODE, MODBUS)
    for code in ("123", "1234567890", "12a4", "0123", ""):
        with pytest.raises(Refused, match="4 to 9 digits"):
            meter.set_code(code, CONSOLE)
    meter.set_code(CODE, CONSOLE)
    assert meter.state == s.LOCKED


def test_the_code_is_changed_by_those_who_know_it(meter):
    with pytest.raises(Refused, match="locked"):
        meter.set_code("999999", CONSOLE)
    meter.unlock(CODE, MODBUS)
    meter.set_code("999999", MODBUS)
    meter.lock()
    with pytest.raises(Refused, match="wrong"):
        meter.unlock(CODE, MODBUS)


def test_unlocked_for_ten_minutes_after_the_last_change(meter):
    meter.unlock(CODE, CONSOLE)
    assert (meter.state, meter.seconds_left()) == (s.OPEN, 600)
    meter._clock.wait(599)
    meter.request("dip_threshold", 85, CONSOLE)
    meter._clock.wait(599)
    assert meter.state == s.OPEN
    meter._clock.wait(1)
    assert (meter.state, meter.seconds_left()) == (s.LOCKED, 0)
    with pytest.raises(Refused, match="locked"):
        meter.request("dip_threshold", 84, CONSOLE)


def test_it_does_not_open_again_when_the_ticks_come_round(meter):
    meter.unlock(CODE, CONSOLE)
    for _ in range(30):
        meter._clock.wait(86400)
        assert meter.state == s.LOCKED


def test_wrong_codes_cost_more_and_more_time(meter):
    for seconds in (1, 2, 4, 8, 16, 32, 64, 64):
        with pytest.raises(Refused, match=f"in {seconds} s"):
            meter.unlock("000000", MODBUS)
        assert (meter.state, meter.seconds_left()) == (s.BLOCKED, seconds)
        with pytest.raises(Refused, match="blocked"):
            meter.unlock(CODE, CONSOLE)  # the right one does not count yet, either
        meter._clock.wait(seconds)
    meter.unlock(CODE, MODBUS)
    meter.lock()
    with pytest.raises(Refused, match="in 1 s"):
        meter.unlock("000000", MODBUS)
    codes = [code for code, *_ in reversed(logged(meter))]
    assert codes == [s.WRONG_CODE] * 8 + [s.UNLOCKED, s.WRONG_CODE]


def test_the_seal_stops_everybody(meter):
    meter.unlock(CODE, CONSOLE)
    meter._seal = lambda: True
    assert meter.state == s.SEALED
    for action in (lambda: meter.request("dip_threshold", 85, CONSOLE), lambda: meter.unlock(CODE, CONSOLE)):
        with pytest.raises(Refused, match="sealed"):
            action()


def test_a_threshold_holds_at_once_and_is_logged(meter):
    seen = []
    meter.on_change.append(lambda config: seen.append(config.dip_threshold))
    meter.unlock(CODE, MODBUS)
    assert meter.request("dip_threshold", 85, MODBUS) is True
    assert (seen, meter.config.dip_threshold, meter.get("dip_threshold"), meter.restart) == ([85], 85, 85, False)
    number = s.NAMES.index("dip_threshold")
    assert logged(meter)[0] == (s.SETTING_CHANGED, 1 << MODBUS, number, 85)
    assert meter.log.get(meter.log.total).sample == 4711
    assert meter.saved == ["code", "config"]


def test_other_settings_wait_for_a_restart(meter):
    meter.unlock(CODE, CONSOLE)
    assert meter.request("wiring", "3p3w", CONSOLE) is False
    assert (meter.config.wiring, meter.get("wiring"), meter.restart) == ("3p4w", "3p3w", True)
    assert isnan(logged(meter)[0][3])


@pytest.mark.parametrize(
    "wanted, words",
    [
        ({"dip_threshold": 5}, "10..99 %"),
        ({"dip_treshold": 85}, "no such setting"),
        ({"interruption_threshold": 50, "dip_threshold": 20}, "interruption_threshold"),
        ({"dip_threshold": 85, "swell_threshold": None}, "101..200"),
        ({"wiring": "4p"}, "1p2w"),
    ],
)
def test_what_is_not_legal_changes_nothing(meter, wanted, words):
    meter.unlock(CODE, CONSOLE)
    before = (meter.log.total, dict(meter.changes), vars(meter.config).copy())
    with pytest.raises(Refused, match=words):
        meter.request_all(wanted, CONSOLE)
    assert before == (meter.log.total, meter.changes, vars(meter.config))
    assert meter.saved == ["code"]


def test_a_calibration_is_taken_told_and_undone(meter):
    told = []
    meter.on_calibration.append(lambda ranges: told.append(ranges.pack()))
    meter.unlock(CODE, CONSOLE)
    first, second = Calibration(), Calibration()
    first.gain[3] = 0x810000
    second.gain[3] = 0x7F0000
    meter.calibrate(first, CONSOLE)
    before = meter.pack("calibration")
    meter.earlier = lambda: before
    meter.calibrate(second, CONSOLE)
    assert meter.calibration().gain[3] == 0x7F0000
    meter.undo(CONSOLE)
    assert meter.calibration().gain[3] == 0x810000
    assert told == [Ranges([first]).pack(), Ranges([second]).pack(), Ranges([first]).pack()]
    assert [code for code, *_ in logged(meter)][:3] == [s.CALIBRATED] * 3


def test_the_first_calibration_is_undone_too(meter):
    meter.unlock(CODE, CONSOLE)
    first = Calibration()
    first.gain[3] = 0x810000
    meter.calibrate(first, CONSOLE)
    meter.undo(CONSOLE)
    assert len(meter.ranges) == 0 and meter.calibration().is_neutral()
    assert meter.pack("calibration") == b""  # which is saved, too, or the first would come back
    other = Settings({}, Clock())
    other.restore("calibration", b"")
    assert len(other.ranges) == 0 and other.pack("code") is None


def test_a_bad_calibration_is_refused(meter):
    meter.unlock(CODE, CONSOLE)
    bad = Calibration()
    bad.gain[0] = 0x400000
    with pytest.raises(Refused, match=r"v1: gain 0\.5 is not legal: want 0\.8\.\.1\.2"):
        meter.calibrate(bad, CONSOLE)
    with pytest.raises(Refused, match="no calibration to undo"):
        meter.undo(CONSOLE)
    assert meter.calibration().is_neutral()


def test_what_was_saved_comes_back(meter):
    meter.unlock(CODE, CONSOLE)
    meter.request("wiring", "1p2w", CONSOLE)
    meter.calibrate(Calibration(1, 4), CONSOLE)
    other = Settings({"dip_threshold": 88}, Clock())
    for what in ("config", "calibration", "code"):
        other.restore(what, meter.pack(what))
    assert (other.config.wiring, other.config.dip_threshold, len(other.ranges)) == ("1p2w", 88, 1)
    assert other.state == s.LOCKED
    other.unlock(CODE, CONSOLE)


def test_the_code_cannot_be_read_from_what_is_saved(meter):
    assert CODE.encode() not in meter.pack("code")
    twin = Settings({}, Clock())
    twin.set_code(CODE, CONSOLE)
    assert twin.pack("code") != meter.pack("code")  # salted


@pytest.mark.parametrize(
    "what, data",
    [
        ("config", b'{"wiring": "5p"}'),
        ("config", b"{"),
        ("calibration", b"x"),
        ("calibration", bytes(84)),
        ("code", b"1"),
    ],
)
def test_what_makes_no_sense_is_not_taken(meter, what, data):
    before = meter.pack(what)
    with pytest.raises(ValueError):
        meter.restore(what, data)
    assert meter.pack(what) == before


def test_a_bad_file_is_an_error():
    with pytest.raises(ConfigError):
        Settings({"wiring": "5p"}, Clock())


def test_the_changes_are_json(meter):
    meter.unlock(CODE, CONSOLE)
    meter.request("aux_minimum", None, CONSOLE)
    assert json.loads(meter.pack("config")) == {"aux_minimum": None}
