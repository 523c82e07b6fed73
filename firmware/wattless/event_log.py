"""The event log: the last events of the meter, numbered 1, 2, ..., each with its time, duration and values.

An event that lasts is there from its beginning, in progress, and completed under the same number. Whoever appended
itself to `listeners` is called with the entry at once, both times: in the middle of measuring, so it must be quick.
Numbers, counts and the listeners know every event; the entries of the oldest are overwritten.

Heap on 32-bit ARM: the log 1.5 KB, 32 B of it an entry, in arrays. An Entry is made when it is asked for: 0.5 KB of
garbage, its dict 0.3 KB; for `state` with 32 entries 2.5 KB.
"""

from array import array
from math import isnan, nan
from struct import pack_into, unpack_from

from micropython import const

# As codes.py, which is not on the meter, has them: 30 + k is bit k of the wiring diagnosis.
NAMES = {1: "dip", 2: "swell", 3: "interruption", 4: "rvc"}
NAMES.update({10: "gap", 11: "crc", 12: "clip", 13: "flat", 14: "jitter", 15: "offset", 16: "noise", 17: "supply"})
NAMES.update({20: "noload", 50: "clock", 51: "setting", 52: "calibrated", 53: "unlocked", 54: "wrong_code"})
NAMES.update({55: "restart", 56: "tamper", 57: "store"})
WHO = ("console", "modbus", "mqtt")  # bits of the mask of codes 51 to 54: who asked
CHANNELS = (None, "l1", "l2", "l3", "n", "l12", "l23", "l31")  # 3p3w measures line voltages
STATES = ("begin", "end", "cut")

OPEN = const(0)  # states of an entry. In progress: duration, value and detail are not known
ENDED = const(1)
CUT = const(2)  # samples are missing: it lasted at least as long as `duration` says

_CODES = const(64)  # 1 to 63
_CODE, _CHANNEL, _MASK, _STATE = range(4)
_STATE_HEAD = "<IHHI"  # of state(): mark, entries, codes counted, total; then all kinds, unix times, values; counts
_STATE_COUNT = "<II"
_HEAD_BYTES = const(12)
_ENTRY_BYTES = const(24)
_COUNT_BYTES = const(8)
_MARK = 0x57455631  # "WEV1"
_VALUES = {  # what `value` and `detail` are called
    1: ("residual", None),
    2: ("maximum", None),
    3: ("residual", None),
    4: ("delta_max", "delta_ss"),
}


class Entry:
    """One event, as it was when asked for.

    number      1, 2, ... in the order in which they were logged
    code        1..63; `name` is what it is called
    channel     index into CHANNELS, 0: none or all of them; mask: bit k: channel k + 1 was touched
    state       OPEN, ENDED, CUT
    sample      number of the sample where it began, None: not known; t: the same in seconds from the meter's start
    unix_ms     unix time of its begin in ms, None: no clock
    duration    seconds, NaN: not known
    value, detail  by code: dip, interruption: lowest, swell: largest Urms(1/2) in % of the reference; rapid voltage
                change: delta Umax, delta Uss in % of the nominal voltage; NaN: not known
    """

    def __init__(self, number, kind, sample, unix_ms, t, values):
        self.number = number
        self.code, self.channel, self.mask, self.state = kind
        self.sample = sample
        self.unix_ms = unix_ms
        self.t = t
        self.duration, self.value, self.detail = values

    @property
    def name(self):
        return "wiring" if 30 <= self.code < 50 else NAMES.get(self.code, "other")

    @property
    def channels(self):
        """Names of the channels in `mask`."""
        return [CHANNELS[k + 1] for k in range(len(CHANNELS) - 1) if self.mask >> k & 1]

    def as_dict(self):
        """For JSON. In progress:

            {"event": "dip", "code": 1, "number": 3, "state": "begin", "channel": "l1", "channels": ["l1"],
             "t": 0.2254, "unix_ms": null}

        and when it is over, with the same number and state "end" (or "cut"), all that is known:

            {"event": "dip", ..., "channels": ["l1", "l2"], "t": 0.2254, "unix_ms": null, "duration": 0.0401,
             "residual": 69.8}

        Seconds, per cent. The last keys are, by code, residual; maximum; delta_max, delta_ss; else value and detail as
        far as they are known."""
        line = {"event": self.name, "code": self.code, "number": self.number, "state": STATES[self.state]}
        line["channel"] = CHANNELS[self.channel]
        if 51 <= self.code <= 54:
            line["by"] = "".join([who for bit, who in zip((1, 2, 4), WHO) if self.mask & bit])
        elif self.mask:
            line["channels"] = self.channels
        line["t"] = self.t
        line["unix_ms"] = self.unix_ms
        if self.state == OPEN:
            return line
        line["duration"] = _rounded(self.duration, 6)
        names = _VALUES.get(self.code)
        for name, fallback, value in zip(names or (None, None), ("value", "detail"), (self.value, self.detail)):
            if name or (not names and not isnan(value)):
                line[name or fallback] = _rounded(value, 4)
        return line


class EventLog:
    """capacity: entries kept; rate: samples/s; time_of: function from a sample's number to its unix time in ms or None.

    total: events so far, the number of the last one; listeners: functions called with an Entry that began, ended or
    was added."""

    def __init__(self, capacity=32, rate=12800, time_of=None):
        if capacity < 1:
            raise ValueError("capacity must be 1 or more entries, not {}".format(capacity))
        self.capacity = capacity
        self.rate = rate
        self.time_of = time_of
        self.total = 0
        self.listeners = []
        self._kinds = bytearray(4 * capacity)
        self._times = array("q", bytes(16 * capacity))  # sample, unix ms; -1: not known
        self._values = array("f", bytes(12 * capacity))  # duration, value, detail
        self._counts = array("I", bytes(4 * _CODES))

    @property
    def dropped(self):
        """Entries that newer ones replaced."""
        return max(0, self.total - self.capacity)

    def count(self, code):
        """Events of `code` so far, those in progress and those that were dropped among them."""
        return self._counts[code]

    def get(self, number):
        """The Entry `number`, None when it is not here (any more)."""
        if not self._holds(number):
            return None
        slot = number % self.capacity
        kind = tuple(self._kinds[4 * slot : 4 * slot + 4])
        sample, unix_ms = [None if x < 0 else x for x in self._times[2 * slot : 2 * slot + 2]]
        t = None if sample is None else sample / self.rate
        return Entry(number, kind, sample, unix_ms, t, self._values[3 * slot : 3 * slot + 3])

    def entries(self):
        """The entries, newest first."""
        number = self.total
        while self._holds(number):
            yield self.get(number)
            number -= 1

    def add(self, code, channel=0, sample=None, duration=nan, value=nan, detail=nan, mask=0):
        """Logs an event that is over. Returns its number."""
        self._count(code)
        return self._append(code, channel, sample, ENDED, duration, value, detail, mask)

    def begin(self, code, channel=0, sample=None, mask=0):
        """Logs an event that goes on. Returns its number, for `end`."""
        self._count(code)
        return self._append(code, channel, sample, OPEN, nan, nan, nan, mask)

    def end(self, number, code, channel=0, sample=None, duration=nan, value=nan, detail=nan, mask=0, cut=False):
        """Completes the event that `begin` gave this number; code and sample as there.

        When its entry was overwritten meanwhile, it gets a new one: its new number is returned."""
        if not 0 < number <= self.total:
            raise ValueError("there is no event {} yet".format(number))
        state = CUT if cut else ENDED
        if not self._holds(number):
            return self._append(code, channel, sample, state, duration, value, detail, mask)
        slot = number % self.capacity
        if self._kinds[4 * slot + _CODE] != code or self._kinds[4 * slot + _STATE] != OPEN:
            raise ValueError("event {} is not an event in progress of code {}".format(number, code))
        self._write(slot, code, channel, sample, state, duration, value, detail, mask)
        self._tell(number)
        return number

    def state(self):
        """Entries, numbers and counts for the store, a bytearray, without the numbers of samples: 12 bytes, 24 an entry
        (oldest first), 8 for each code that was counted; at most 12 + 24 * capacity + 504."""
        count, codes, capacity = 0, 0, self.capacity
        while self._holds(self.total - count):
            count += 1
        for k in self._counts:
            codes += k != 0
        data = bytearray(_HEAD_BYTES + _ENTRY_BYTES * count + _COUNT_BYTES * codes)
        pack_into(_STATE_HEAD, data, 0, _MARK, count, codes, self.total)
        first = (self.total - count + 1) % capacity
        at = _HEAD_BYTES
        _unroll(memoryview(self._kinds), 4, first, count, data, at)
        at += 4 * count
        for k in range(count):
            pack_into("<q", data, at, self._times[2 * ((first + k) % capacity) + 1])
            at += 8
        _unroll(memoryview(bytes(self._values)), 12, first, count, data, at)
        at += 12 * count
        for code in range(1, _CODES):
            if self._counts[code]:
                pack_into(_STATE_COUNT, data, at, code, self._counts[code])
                at += _COUNT_BYTES
        return data

    def restore(self, data):
        """Goes on where `state` was taken, before anything was logged: numbers count on, listeners hear nothing. What
        was in progress is CUT, of unknown duration; samples are counted anew, so no entry knows its own any more.

        ValueError, and nothing changes: these are no saved events, or something was logged already."""
        if self.total:
            raise ValueError("events: {} were logged already, restore before the first".format(self.total))
        if len(data) < _HEAD_BYTES or unpack_from("<I", data, 0)[0] != _MARK:
            raise ValueError("events: these {} bytes are no saved events of this version".format(len(data)))
        _, count, codes, total = unpack_from(_STATE_HEAD, data, 0)
        times = _HEAD_BYTES + 4 * count
        values, counts = times + 8 * count, times + 20 * count
        if len(data) != counts + _COUNT_BYTES * codes or count > total:
            raise ValueError("events: {} bytes are not {} events and {} counts".format(len(data), count, codes))
        for at in range(_HEAD_BYTES, times, 4):
            if not 0 < data[at] < _CODES or data[at + 1] >= len(CHANNELS) or data[at + 3] > CUT:
                text = "events: an entry has code {}, channel {}, state {}"
                raise ValueError(text.format(data[at], data[at + 1], data[at + 3]))
        for at in range(counts, len(data), _COUNT_BYTES):
            if not 0 < unpack_from("<I", data, at)[0] < _CODES:
                raise ValueError("events: there is a count of code {}".format(unpack_from("<I", data, at)[0]))
        for k in range(max(0, count - self.capacity), count):
            slot = (total - count + k + 1) % self.capacity
            at = _HEAD_BYTES + 4 * k
            self._kinds[4 * slot : 4 * slot + 4] = data[at : at + 4]
            if data[at + _STATE] == OPEN:
                self._kinds[4 * slot + _STATE] = CUT
            self._times[2 * slot] = -1
            self._times[2 * slot + 1] = unpack_from("<q", data, times + 8 * k)[0]
            duration, value, detail = unpack_from("<fff", data, values + 12 * k)
            self._values[3 * slot], self._values[3 * slot + 1], self._values[3 * slot + 2] = duration, value, detail
        for at in range(counts, len(data), _COUNT_BYTES):
            code, count = unpack_from(_STATE_COUNT, data, at)
            self._counts[code] = count
        self.total = total

    def _holds(self, number):
        return self.dropped < number <= self.total and self._kinds[4 * (number % self.capacity)] != 0

    def _count(self, code):
        if not 0 < code < _CODES:
            raise ValueError("code must be 1..63, not {}".format(code))
        self._counts[code] += 1

    def _append(self, code, channel, sample, state, duration, value, detail, mask):
        self.total = number = self.total + 1
        slot = number % self.capacity
        self._times[2 * slot + 1] = -1
        self._write(slot, code, channel, sample, state, duration, value, detail, mask)
        self._tell(number)
        return number

    def _write(self, slot, code, channel, sample, state, duration, value, detail, mask):
        kinds, times, values = self._kinds, self._times, self._values
        kinds[4 * slot + _CODE] = code
        kinds[4 * slot + _CHANNEL] = channel
        kinds[4 * slot + _MASK] = mask
        kinds[4 * slot + _STATE] = state
        times[2 * slot] = -1 if sample is None else sample
        if times[2 * slot + 1] < 0 and sample is not None and self.time_of:
            unix_ms = self.time_of(sample)
            times[2 * slot + 1] = -1 if unix_ms is None else unix_ms
        values[3 * slot] = duration
        values[3 * slot + 1] = value
        values[3 * slot + 2] = detail

    def _tell(self, number):
        if self.listeners:
            entry = self.get(number)
            for function in self.listeners:
                function(entry)


def _unroll(ring, size, first, count, data, at):
    """`count` items of `size` bytes, from item `first` of the ring on, into `data`."""
    before = min(count, len(ring) // size - first)
    data[at : at + size * before] = ring[size * first : size * (first + before)]
    data[at + size * before : at + size * count] = ring[: size * (count - before)]


def _rounded(value, digits):
    """A single for JSON, without digits that it does not have; None for NaN."""
    return None if isnan(value) else round(value, digits)
