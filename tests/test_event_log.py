"""The event log: numbers, the ring, what listeners and the console get."""

import json
import math

import pytest

from wattless.event_log import CHANNELS, CUT, ENDED, NAMES, OPEN, EventLog


def test_numbers_and_order():
    log = EventLog(4)
    assert [log.add(code) for code in (10, 11, 10)] == [1, 2, 3]
    assert [(entry.number, entry.name) for entry in log.entries()] == [(3, "gap"), (2, "crc"), (1, "gap")]
    assert (log.total, log.dropped, log.count(10), log.count(11), log.count(12)) == (3, 0, 2, 1, 0)


def test_the_oldest_are_dropped_but_counted():
    log = EventLog(4)
    for k in range(10):
        log.add(1 + k % 2, sample=k)
    assert [entry.number for entry in log.entries()] == [10, 9, 8, 7]
    assert [entry.sample for entry in log.entries()] == [9, 8, 7, 6]
    assert (log.total, log.dropped, log.count(1), log.count(2)) == (10, 6, 5, 5)
    assert log.get(6) is None and log.get(11) is None and log.get(0) is None and log.get(7).number == 7


def test_an_event_that_lasts():
    log = EventLog()
    seen = []
    log.listeners.append(seen.append)
    number = log.begin(1, 1, 2372, 0b1)
    log.add(17)
    assert log.end(number, 1, 2, 2372, 0.0401, 69.8, mask=0b11) == number == 1
    assert [(e.number, e.state, e.channel) for e in seen] == [(1, OPEN, 1), (2, ENDED, 0), (1, ENDED, 2)]
    assert math.isnan(seen[0].duration) and math.isnan(seen[0].value)
    assert (log.total, log.count(1)) == (2, 1)
    assert log.get(1).channels == ["l1", "l2"]


def test_an_event_outlives_its_entry():
    """It gets a new entry, with the time of its begin; it is one event all the same."""
    log = EventLog(4, rate=1000)
    number = log.begin(3, 1, 500)
    for _ in range(4):
        log.add(10)
    assert log.get(number) is None
    assert log.end(number, 3, 1, 500, 7.0, 0.1) == 6
    newest = next(log.entries())
    assert (newest.number, newest.code, newest.t, newest.duration, newest.state) == (6, 3, 0.5, 7.0, ENDED)
    assert log.count(3) == 1


@pytest.mark.parametrize(
    "add, line",
    [
        (
            {"code": 1, "channel": 1, "sample": 2372, "duration": 0.0401, "value": 69.8, "mask": 1},
            {"event": "dip", "channel": "l1", "channels": ["l1"], "t": 0.1853125, "duration": 0.0401, "residual": 69.8},
        ),
        (
            {"code": 2, "channel": 2, "sample": 0, "duration": 3600, "value": 115.25, "mask": 6},
            {"event": "swell", "channel": "l2", "channels": ["l2", "l3"], "t": 0, "duration": 3600, "maximum": 115.25},
        ),
        (
            {"code": 3, "channel": 6, "sample": 128, "mask": 0b110000},
            {
                "event": "interruption",
                "channel": "l23",
                "channels": ["l12", "l23"],
                "t": 0.01,
                "duration": None,
                "residual": None,
            },
        ),
        (
            {"code": 4, "channel": 3, "sample": 128, "duration": 0.5, "value": 4.0, "detail": 3.5, "mask": 4},
            {
                "event": "rvc",
                "channel": "l3",
                "channels": ["l3"],
                "t": 0.01,
                "duration": 0.5,
                "delta_max": 4.0,
                "delta_ss": 3.5,
            },
        ),
        ({"code": 17, "value": 9.5}, {"event": "supply", "channel": None, "t": None, "duration": None, "value": 9.5}),
        (
            {"code": 33, "channel": 4, "detail": 2.0},
            {"event": "wiring", "channel": "n", "t": None, "duration": None, "detail": 2.0},
        ),
        ({"code": 63}, {"event": "other", "channel": None, "t": None, "duration": None}),
    ],
    ids=lambda row: row.get("event", ""),
)
def test_lines_of_json(add, line):
    log = EventLog()
    log.add(**add)
    got = log.get(1).as_dict()
    assert got == {"code": add["code"], "number": 1, "state": "end", "unix_ms": None, **line}
    assert json.loads(json.dumps(got, allow_nan=False)) == got


def test_lines_of_an_event_in_progress_and_of_one_cut_off():
    log = EventLog()
    log.begin(1, 1, 12800, 1)
    head = {"event": "dip", "code": 1, "number": 1, "channel": "l1", "channels": ["l1"], "t": 1.0, "unix_ms": None}
    assert log.get(1).as_dict() == {**head, "state": "begin"}
    log.end(1, 1, 1, 12800, 2.5, 50.0, mask=1, cut=True)
    assert log.get(1).state == CUT
    assert log.get(1).as_dict() == {**head, "state": "cut", "duration": 2.5, "residual": 50.0}


def test_unix_time():
    """What the clock said when the event was logged. One that is set meanwhile helps, moving it changes nothing."""
    log = EventLog(rate=1000)
    log.add(10, sample=1)
    log.time_of = lambda sample: None
    number = log.begin(1, 1, 2000)
    assert log.get(number).unix_ms is None
    log.time_of = lambda sample: 1_700_000_000_000 + sample
    log.end(number, 1, 1, 2000, 1.0, 50.0)
    assert log.get(number).unix_ms == 1_700_000_002_000
    number = log.begin(1, 1, 3000)
    log.time_of = lambda sample: 0
    log.end(number, 1, 1, 3000, 1.0, 50.0)
    assert [entry.unix_ms for entry in log.entries()] == [1_700_000_003_000, 1_700_000_002_000, None]
    log.add(10)
    assert log.get(4).unix_ms is None  # no sample, no time


def test_a_slot_used_again_forgets():
    log = EventLog(1, time_of=lambda sample: 5)
    log.add(1, 1, 1, 1.0, 1.0, 1.0, 1)
    log.time_of = None
    log.add(10)
    entry = log.get(2)
    assert (entry.channel, entry.mask, entry.sample, entry.unix_ms, entry.t) == (0, 0, None, None, None)
    assert math.isnan(entry.duration) and math.isnan(entry.value) and math.isnan(entry.detail)


def test_times_without_end():
    """Sample numbers go on for ever: ten years at 12.8 kS/s."""
    log = EventLog()
    sample = 12800 * 86400 * 3650
    log.add(1, 1, sample)
    assert (log.get(1).sample, log.get(1).t) == (sample, 86400 * 3650)


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda log: EventLog(0), "capacity must be 1 or more entries, not 0"),
        (lambda log: log.add(0), "code must be 1..63, not 0"),
        (lambda log: log.begin(64), "code must be 1..63, not 64"),
        (lambda log: log.end(1, 1), "event 1 is not an event in progress of code 1"),  # it is over
        (lambda log: log.end(2, 1), "event 2 is not an event in progress of code 1"),  # it is a swell
        (lambda log: log.end(3, 2), "there is no event 3 yet"),
    ],
)
def test_bad_arguments(wrong, message):
    log = EventLog()
    log.add(1)
    log.begin(2)
    with pytest.raises(ValueError) as error:
        wrong(log)
    assert str(error.value) == message
    assert log.total == 2


def test_names():
    assert all(0 < code < 64 for code in NAMES) and len(set(NAMES.values())) == len(NAMES)
    assert len(CHANNELS) <= 9  # their mask is a byte
