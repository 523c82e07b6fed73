"""Conversions, the FIFO of two samples and the DRDY pin of the model, on an axis of CLKIN periods.

Channel k completes its n-th conversion 2 OSR n + 2 PHASEk periods after the filters started (8.3.10); positive phases
are later. What is there goes into the channel's FIFO of two (8.5.1.9.1). A third sample pushes the oldest out: to be
checked on hardware. Starting means: after a reset, STANDBY's end, a SYNC off the data rate's beat (8.4.5), and here
also when the OSR changes (to be checked on hardware).

DRDY falls when the channel that DRDY_SEL says has data, and rises when everything was read. Unread it rises 4 tCLKIN
before it falls again; as a pulse (DRDY_FMT 1) it then skips one instead. A conversion that completes while a frame is
on its way moves no DRDY (8.5.1.5).
"""

from collections import deque
from collections.abc import Iterator

import numpy as np

from host_tools.ads131m08_model import registers as r
from host_tools.ads131m08_model.decimator import (
    FAST_CONVERSIONS,
    PEAK,
    Source,
    calibrated,
    constant,
    decimate,
    to_code,
)

DRDY_HIGH = 4  # tCLKIN, tw(DRH) of table 6.7
FIFO_DEPTH = 2


class Converter:
    """clkin: Hz. now: CLKIN periods since power came."""

    def __init__(self, clkin: int) -> None:
        self.clkin = clkin
        self.now = 0
        self.regs = r.Registers()
        self.sources: list[Source] = [constant(0.0)] * r.CHANNELS
        self.falls: list[int] = []  # where DRDY fell
        self.flat: dict[int, int | None] = {}  # channel -> code before calibration that it stays at, None: its last
        self.lost_drdys = 0  # how many of the next falls do not happen
        self.jitter: deque[int] = deque()  # periods by which the next falls come late
        self._codes: Iterator[np.ndarray] | None = None
        self._busy_until = 0  # a frame is on its way
        self._restart(fast=True)

    def feed(self, codes: np.ndarray) -> None:
        """From the next conversion on, codes (n, 8) of 24 bits stand for what the inputs would give; behind the last
        the inputs count again. Calibration and clipping still follow."""
        self._codes = iter(codes)
        self._row_number = -1

    @property
    def period(self) -> int:
        """CLKIN periods a conversion."""
        return 2 * self.regs.osr

    @property
    def drdy(self) -> int:
        """Level of the pin."""
        return self._drdy

    @property
    def running(self) -> bool:
        return not self._standby

    def seconds(self) -> float:
        return self.now / self.clkin

    def advance(self, periods: int) -> None:
        """Lets so many CLKIN periods pass."""
        self._run_to(self.now + periods)

    def next_drdy(self, limit: int | None = None) -> bool:
        """Runs to DRDY's next fall; False when there is none within `limit` CLKIN periods (default: 4 conversions)."""
        end = self.now + (4 * self.period if limit is None else limit)
        before = len(self.falls)
        while len(self.falls) == before:
            at = min(self._next_event(), end)
            self._run_to(at)
            if at == end:
                break
        return len(self.falls) > before

    # the inside

    def _restart(self, fast: bool = False) -> None:
        """The filters start anew: nothing in them, nothing in the FIFOs."""
        self._origin = self.now
        self._number = [1] * r.CHANNELS  # of each channel's next conversion
        self._fifo: list[deque[int]] = [deque(maxlen=FIFO_DEPTH) for _ in range(r.CHANNELS)]
        self._last = [0] * r.CHANNELS  # what a channel sent last
        self._raw = [0] * r.CHANNELS
        self._fast_left = [FAST_CONVERSIONS if fast else 0] * r.CHANNELS
        self._drdy = 1
        self._pending: list[tuple[int, int]] = []  # (when, level): changes of the pin that jitter put off
        self._skip = False
        self._standby = False
        self._row_number = -1
        self._row: np.ndarray | None = None

    def _completion(self, channel: int) -> int:
        return self._origin + self._number[channel] * self.period + 2 * self.regs.phase(channel)

    def _channels(self) -> list[int]:
        return [] if self._standby else [k for k in range(r.CHANNELS) if self.regs.enabled(k)]

    def _next_event(self) -> int:
        times = [self._completion(k) for k in self._channels()] + [when for when, _ in self._pending]
        return min(times, default=1 << 62)

    def _run_to(self, end: int) -> None:
        while (at := self._next_event()) <= end:
            self.now = max(at, self.now)
            due = [k for k in self._channels() if self._completion(k) <= at]
            for k in due:
                self._convert(k, at)
            if any(k in due for k in self._signalling()):
                self._signal()
            for when, level in [p for p in self._pending if p[0] <= at]:
                self._pending.remove((when, level))
                self._move(level)
        self.now = end

    def _signalling(self) -> list[int]:
        """The channels on which DRDY waits, 8.6: DRDY_SEL."""
        channels = self._channels()
        select = (self.regs[r.MODE] & r.DRDY_SEL) >> 2
        if not channels or select == 1:
            return channels
        phases = [self.regs.phase(k) for k in channels]
        wanted = max(phases) if select == 0 else min(phases)
        return [k for k, phase in zip(channels, phases, strict=True) if phase == wanted]

    def _convert(self, channel: int, at: int) -> None:
        number = self._number[channel]
        self._number[channel] += 1
        if channel in self.flat:
            code = self.flat[channel]
            raw = self._raw[channel] if code is None else code
        elif (row := self._row_of(number)) is not None:
            raw = max(-PEAK, min(PEAK - 1, int(row[channel])))
        else:
            raw = self._from_input(channel, at)
        self._raw[channel] = raw
        self._fast_left[channel] = max(0, self._fast_left[channel] - 1)
        self._fifo[channel].append(calibrated(raw, self.regs.offset(channel), self.regs.gcal(channel)))

    def _row_of(self, number: int) -> np.ndarray | None:
        if self._codes is None:
            return None
        if number > self._row_number:
            self._row_number = number
            self._row = next(self._codes, None)
            if self._row is None:
                self._codes = None
        return self._row

    def _from_input(self, channel: int, at: int) -> int:
        gain = self.regs.gain(channel)
        mux = self.regs.config(channel) & r.MUX
        if mux:  # shorted, DC test signals: 2/15 of full scale, whatever the gain (8.3.2, 8.3.9)
            return to_code((0, 0.16, -0.16)[mux - 1] / gain, gain)
        tmod = 2 / self.clkin
        fast = self._fast_left[channel] > 0
        volts = decimate(self.sources[channel], at / self.clkin, (at - self._origin) // 2, self.regs.osr, tmod, fast)
        return to_code(volts, gain)

    def _signal(self) -> None:
        if self.now < self._busy_until:
            return
        if self.lost_drdys:
            self.lost_drdys -= 1
            return
        unread = self._drdy == 0
        if self.regs[r.MODE] & r.DRDY_FMT:
            if self._skip:
                self._skip = False
                return
            self._skip = True  # until it is read
        late = self.jitter.popleft() if self.jitter else 0
        if unread:
            self._drdy = 1
        if late:
            self._pending.append((self.now + late, 0))
        else:
            self._move(0)

    def _move(self, level: int) -> None:
        if level == 0 and self._drdy:
            self.falls.append(self.now)
            if self.regs[r.MODE] & r.DRDY_FMT:
                self._pending.append((self.now + DRDY_HIGH, 1))
        self._drdy = level

    def _ready(self) -> int:
        """DRDY7..0 of STATUS."""
        return sum(1 << k for k in range(r.CHANNELS) if self._fifo[k])

    def _take(self) -> list[int]:
        """The codes that a frame begins to send: each channel's oldest unread, or once more its last one."""
        for k in range(r.CHANNELS):
            if self._fifo[k]:
                self._last[k] = self._fifo[k].popleft()
        return [self._last[k] if self.regs.enabled(k) else 0 for k in range(r.CHANNELS)]

    def _read_through(self) -> None:
        """All of a frame was clocked out."""
        self._skip = False
        if not self._ready():
            self._drdy = 1
