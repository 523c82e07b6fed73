"""Parts of a virtual board that open nothing: the PC's clocks, a frame source in memory, a board made of such parts.

A meter in the caller's own process, without board.py, standard input or a pseudo-terminal:

    Meter(VirtualBoard(ByteFrames(records), HostClock()), config, points)
"""

import time

from frame_pipe import RECORD_BYTES

_TICKS_PERIOD = 1 << 30


class VirtualBoard:
    """Any frame source, clock and UARTs as the board that a meter asks for."""

    thumb = False
    realtime = False  # frames may be a recording's
    epoch_ms = None
    rooms = ("aggregation", "flicker", "source", "diagnosis")

    def __init__(self, frames, clock, uarts=()):
        self.frames = frames
        self.clock = clock
        self.uarts = list(uarts)

    def fast_ram(self, n):
        """n zero bytes, as a bytearray."""
        return bytearray(n)


class ByteFrames:
    """A frame source that plays the records of a bytes object as fast as they are read, whole ones only.

    record_bytes: size of a record; the meter sets it."""

    def __init__(self, records):
        self._records = memoryview(records)
        self._at = 0
        self._end = len(records)
        self.record_bytes = RECORD_BYTES

    def readinto(self, buf):
        """Bytes put into buf, a multiple of record_bytes; -1: the records are used up."""
        n = min(len(buf), self._end - self._at)
        n -= n % self.record_bytes
        if n == 0:
            return -1
        buf[:n] = self._records[self._at : self._at + n]
        self._at += n
        return n


if hasattr(time, "ticks_us"):
    _ticks_ms = time.ticks_ms
    _ticks_us = time.ticks_us
    _ticks_diff = time.ticks_diff
else:  # CPython

    def _ticks_us():
        return time.monotonic_ns() // 1000 % _TICKS_PERIOD

    def _ticks_ms():
        return time.monotonic_ns() // 1000000 % _TICKS_PERIOD

    def _ticks_diff(later, earlier):
        return (later - earlier + _TICKS_PERIOD // 2) % _TICKS_PERIOD - _TICKS_PERIOD // 2


class HostClock:
    """The PC's clocks. Ticks wrap; `diff` is right up to 2**29 ticks (9 minutes of `ticks_us`)."""

    def ticks_ms(self):
        return _ticks_ms()

    def ticks_us(self):
        return _ticks_us()

    def diff(self, later, earlier):
        """later - earlier, in the unit of the two readings."""
        return _ticks_diff(later, earlier)

    def unix_ms(self):
        """Milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1000000
