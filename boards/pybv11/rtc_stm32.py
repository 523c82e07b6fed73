"""Ticks, and the time of day from the RTC of an STM32F405 (RM0090, section 26).

The pyboard's RTC runs from its 32.768 kHz crystal, prescalers 128 and 256, so it counts 1/256 s; `subseconds` of
MicroPython's RTC.datetime() is its register RTC_SSR, which counts down from 255. RTC and `time` count from 2000 on
this port, from 1970 on others: `time.gmtime(0)` tells.

An RTC that lost its supply starts at 2000 or 2015, by the version of MicroPython: a year before 2025 means that nobody
has set it since, and the time is not known. `set` writes whole seconds, so that the RTC starts a second (RM0090 26.3.5:
the calendar stops while it is written, and its prescaler starts anew: to be checked on hardware); the rest, at most
half a second, is kept in RAM and lost with a restart.

Heap: 1.0 KB from .mpy. A reading: 208 bytes of garbage, once a window. Not yet run on hardware.
"""

import time

from micropython import const

_EPOCH_S = 946684800 if time.gmtime(0)[0] == 2000 else 0  # unix time of `time`'s second 0
_FIRST_YEAR = const(2025)  # earlier than this code
_EARLIEST_MS = const(1735689600000)  # 2025-01-01
_LATEST_MS = const(4102444800000)  # 2100-01-01: the RTC has two digits for the year
_SUBSECONDS = const(256)


class RtcClock:
    """rtc: machine.RTC()."""

    def __init__(self, rtc):
        self._rtc = rtc
        self._ahead_ms = 0  # what the RTC, set to whole seconds, is behind

    def ticks_ms(self):
        return time.ticks_ms()

    def ticks_us(self):
        return time.ticks_us()

    def diff(self, later, earlier):
        """later - earlier, in the unit of the two readings; right up to 2**29 ticks."""
        return time.ticks_diff(later, earlier)

    def unix_ms(self):
        """Milliseconds since 1970 (UTC), in steps of 4 ms; None: the RTC was never set."""
        now = self._rtc.datetime()
        if now[0] < _FIRST_YEAR:
            return None
        seconds = time.mktime((now[0], now[1], now[2], now[4], now[5], now[6], 0, 0)) + _EPOCH_S
        return seconds * 1000 + (_SUBSECONDS - 1 - now[7]) * 1000 // _SUBSECONDS + self._ahead_ms

    def set(self, unix_ms):
        """Sets the time of day. ValueError outside 2025..2099."""
        if not _EARLIEST_MS <= unix_ms < _LATEST_MS:
            raise ValueError(
                "unix time %d ms cannot be set: want %d..%d, the years 2025 to 2099"
                % (unix_ms, _EARLIEST_MS, _LATEST_MS - 1)
            )
        seconds = (unix_ms + 500) // 1000
        t = time.gmtime(seconds - _EPOCH_S)
        self._rtc.datetime((t[0], t[1], t[2], t[6] + 1, t[3], t[4], t[5], 0))
        self._ahead_ms = unix_ms - seconds * 1000
