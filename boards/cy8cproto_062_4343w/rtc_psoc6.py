"""Ticks, and the time of day from the RTC of a PSoC 6, which counts whole seconds.

Between two seconds the time runs on with ticks_ms; each reading is held inside the second that the RTC shows, so that
it is right to the second at once, soon to the time between two readings, and does not drift. RTC.datetime() is used,
not time.time(), into which this port feeds years and months as C counts them. An RTC that lost its supply starts at
2015 or earlier: a year before 2025 means that nobody has set it. `set` writes whole seconds, taken to start with the
writing (to be checked on hardware); the rest, at most half a second, is kept in RAM and lost with a restart.

Heap: 1.1 KB from .mpy. A reading: 208 bytes of garbage. Not yet run on hardware.
"""

import time

from micropython import const

_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0  # unix time of `time`'s second 0
_FIRST_YEAR = const(2025)
_EARLIEST_MS = const(1735689600000)  # 2025-01-01
_LATEST_MS = const(4102444800000)  # 2100-01-01


class RtcClock:
    """rtc: machine.RTC()."""

    def __init__(self, rtc):
        self._rtc = rtc
        self._ms = None  # the time at tick _tick
        self._tick = 0
        self._ahead_ms = 0  # what the RTC, set to whole seconds, is behind

    def ticks_ms(self):
        return time.ticks_ms()

    def ticks_us(self):
        return time.ticks_us()

    def diff(self, later, earlier):
        """later - earlier, in the unit of the two readings; right up to 2**29 ticks."""
        return time.ticks_diff(later, earlier)

    def unix_ms(self):
        """Milliseconds since 1970 (UTC); None: the RTC was never set. Ask at least once a day."""
        now = self._rtc.datetime()
        if now[0] < _FIRST_YEAR:
            self._ms = None
            return None
        seconds = time.mktime((now[0], now[1], now[2], now[4], now[5], now[6], 0, 0)) + _EPOCH_S
        first = seconds * 1000 + self._ahead_ms
        tick = time.ticks_ms()
        ms = first if self._ms is None else self._ms + time.ticks_diff(tick, self._tick)
        self._ms = min(max(ms, first), first + 999)
        self._tick = tick
        return self._ms

    def set(self, unix_ms):
        """Sets the time of day. ValueError outside 2025..2099."""
        if not _EARLIEST_MS <= unix_ms < _LATEST_MS:
            raise ValueError(
                "unix time %d ms cannot be set: want %d..%d, the years 2025 to 2099"
                % (unix_ms, _EARLIEST_MS, _LATEST_MS - 1)
            )
        seconds = (unix_ms + 500) // 1000
        t = time.gmtime(seconds - _EPOCH_S)
        self._rtc.datetime((t[0], t[1], t[2], 0, t[3], t[4], t[5], 0))
        self._ahead_ms = unix_ms - seconds * 1000
        self._ms = unix_ms
        self._tick = time.ticks_ms()
