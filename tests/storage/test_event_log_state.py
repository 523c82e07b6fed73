"""The event log in the store: what comes back, what is refused."""

import math
import struct

import pytest

from wattless.event_log import CUT, ENDED, OPEN, EventLog
from wattless.storage.records import LARGEST


def log_with(count, capacity=8):
    log = EventLog(capacity, time_of=lambda sample: 1_700_000_000_000 + sample)
    for k in range(count):
        log.add(10 + k % 3, 1 + k % 3, 1000 * k, 0.5 * k, 60.0 + k, math.nan, mask=k & 7)
    return log


def restored(state, capacity=8):
    log = EventLog(capacity)
    heard = []
    log.listeners.append(heard.append)
    log.restore(state)
    assert heard == []
    return log


def line(entry):
    """All of an entry, NaN made comparable."""
    return {name: repr(value) for name, value in vars(entry).items()}


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 30])
def test_entries_numbers_and_counts_come_back(count):
    log = log_with(count)
    again = restored(log.state())
    assert (again.total, again.dropped) == (log.total, log.dropped)
    assert [again.count(code) for code in range(1, 64)] == [log.count(code) for code in range(1, 64)]
    want = []
    for entry in log.entries():
        entry.sample = entry.t = None  # samples are counted anew
        want.append(line(entry))
    assert [line(entry) for entry in again.entries()] == want
    assert again.state() == log.state()
    assert again.add(17) == count + 1 and again.count(17) == 1


def test_unix_times_stay_and_samples_go():
    again = restored(log_with(3).state())
    assert [(e.unix_ms, e.sample, e.t) for e in again.entries()] == [
        (1_700_000_000_000 + 1000 * k, None, None) for k in (2, 1, 0)
    ]
    again.rate, again.time_of = 1000, lambda sample: 5
    again.add(10, sample=2000)
    assert (again.get(4).t, again.get(4).unix_ms) == (2.0, 5)


def test_what_was_in_progress_is_cut():
    log = EventLog(8)
    log.begin(1, 1, 100, 1)
    log.add(10)
    again = restored(log.state())
    entry = again.get(1)
    assert (log.get(1).state, entry.state, again.get(2).state) == (OPEN, CUT, ENDED)
    assert math.isnan(entry.duration) and (entry.code, entry.mask) == (1, 1)
    assert entry.as_dict()["state"] == "cut" and entry.as_dict()["duration"] is None
    with pytest.raises(ValueError, match="event 1 is not an event in progress"):
        again.end(1, 1)


@pytest.mark.parametrize("capacity", [1, 4, 8, 32])
def test_a_log_of_another_capacity(capacity):
    again = restored(log_with(20, 8).state(), capacity)
    assert [entry.number for entry in again.entries()] == list(range(20, 20 - min(8, capacity), -1))
    assert again.total == 20 and again.get(12) is None
    state = again.state()
    assert len(state) == 12 + 24 * min(8, capacity) + 3 * 8
    for _ in range(3):
        again.add(11)
    assert [entry.number for entry in again.entries()][:4] == [23, 22, 21, 20][: min(capacity, 4)]
    assert again.get(12) is None


def test_the_bytes():
    log = EventLog(4)
    log.add(3, 2, None, 1.5, 0.25, mask=6)
    state = struct.pack("<4sHHI4Bqfff", b"1VEW", 1, 1, 1, 3, 2, 6, ENDED, -1, 1.5, 0.25, math.nan)
    assert log.state() == state + struct.pack("<II", 3, 1)


def test_a_full_log_fits_a_record():
    log = EventLog(32)
    for k in range(200):
        log.add(1 + k % 63)
    assert len(log.state()) == 12 + 32 * 24 + 63 * 8 <= LARGEST


def spoil(state, at, byte):
    return state[:at] + bytes([byte]) + state[at + 1 :]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda s: b"", "events: these 0 bytes are no saved events of this version"),
        (lambda s: spoil(s, 0, 0), "are no saved events of this version"),
        (lambda s: s[:-1], "are not 3 events and 3 counts"),
        (lambda s: s + b"x", "are not 3 events and 3 counts"),
        (lambda s: spoil(s, 8, 2), "are not 3 events and 3 counts"),  # fewer events than entries
        (lambda s: spoil(s, 12, 0), "events: an entry has code 0, channel 1, state 1"),
        (lambda s: spoil(s, 12, 64), "an entry has code 64"),
        (lambda s: spoil(s, 13, 8), "an entry has code 10, channel 8, state 1"),
        (lambda s: spoil(s, 15, 3), "state 3"),
        (lambda s: spoil(s, 12 + 3 * 24, 99), "events: there is a count of code 99"),
    ],
)
def test_other_bytes_are_refused(change, message):
    log = EventLog(8)
    with pytest.raises(ValueError, match=message):
        log.restore(change(log_with(3).state()))
    assert log.total == 0 and list(log.entries()) == [] and log.count(10) == 0


def test_only_an_empty_log_is_restored():
    log = log_with(2)
    with pytest.raises(ValueError, match="events: 2 were logged already, restore before the first"):
        log.restore(log_with(3).state())
    assert log.total == 2
