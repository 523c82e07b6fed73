"""The meter: the path of a sample, one call an arrow.

    ADC -> capture -> frequency -> resample, window, spectra -> quantities -> points -> services
"""

import asyncio
from binascii import crc32

from wattless import kernels
from wattless.capture.stream import GAP, Stream
from wattless.dsp import resample, sine
from wattless.dsp.frequency import Tracker
from wattless.dsp.window import I1, I2, I3, IN, PACKED_BYTES, Window
from wattless.metering import spectra
from wattless.metering.quantities import Quantities
from wattless.metering.wiring import wiring

FAST_RAM_BYTES = 65536  # the ring and the window's packed pair
FLAT = 4
UNSYNCHRONISED = 32
SHORT = 256
FALLBACK = 512
_STALL_MS = 600  # without frames for so long, the values are no longer known
_SYNC_FRACTION = 50  # a voltage below 1/50 of the nominal one carries no frequency


def filter_bank(rate, adc):
    """The resampler's bank for a rate of 12800 or 10240 S/s and the converter "ads131m08" or "ideal"."""
    name = "wattless.dsp.taps_{}_{}".format(rate, "ideal" if adc == "ideal" else "sinc3")
    return __import__(name, None, None, ("TAPS",)).TAPS


class Meter:
    """board: the hardware (boards/*/board.py); config: config.Config; points: points.Points.

    on_window: functions called with the points after each window; counters: what happened so far.
    """

    def __init__(self, board, config, points):
        self.clock = board.clock
        self.realtime = board.realtime
        self.points = points
        self.rate = config.adc_rate
        self.signalling = config.signalling_frequency
        self.on_window = []
        self.windows = 0
        self._known = False
        cycles = {50: 10, 60: 12}[config.nominal_frequency]
        self._flags = 0  # of every window
        if config.window == "5/6":
            cycles //= 2
            self._flags = SHORT
        wires = wiring(config.wiring)
        threshold = config.nominal_voltage * 1.4142 / _SYNC_FRACTION / config.full_scale_v * 32768
        self.kernels = kernels.choose(config.kernels, board.thumb)
        if self.kernels.failed:
            self._flags |= FALLBACK
        memory = memoryview(board.fast_ram(FAST_RAM_BYTES))
        ring, packed = memory[:-PACKED_BYTES], memory[-PACKED_BYTES:]
        wide = config.adc_bits == 24
        self.stream = Stream(board.frames, ring, config.offsets, wide=wide, kernels=self.kernels.unpack)
        board.frames.record_bytes = self.stream.record_bytes
        table = sine.table()
        self.frequency = Tracker(
            self.stream,
            table,
            wires.references,
            self.rate,
            config.nominal_frequency,
            cycles,
            max(16, int(threshold)),
            self.kernels.phase,
        )
        bank = filter_bank(self.rate, config.adc)
        coils = (I1, I2, I3, IN) if config.current_sensor == "rogowski" else ()
        between, lists = spectra.kinds(config)
        self.window = Window(
            self.stream, bank, table, packed, cycles, wires.slots, self.kernels, coils, between, lists
        )
        self.quantities = Quantities(config, wires, cycles, points)
        self._start_behind(0)

    @property
    def counters(self):
        stream = self.stream
        return {
            "windows": self.windows,
            "frames": stream.count - stream.lost,
            "lost": stream.lost,
            "crc_errors": stream.crc_errors,
            "disturbances": stream.disturbances,
        }

    def fingerprint(self):
        """CRC-32 of all integers that the last window's values were made of; None when that window is unknown.

        Equal on every interpreter, or one of them computes something else."""
        if not self._known:
            return None
        crc = 0
        for results in self.window.results():
            crc = crc32(results, crc)
        return crc

    async def run(self):
        """Measures until the frame source ends."""
        heard = self.clock.ticks_ms()
        while True:
            taken = self.stream.drain()
            if self.frequency.window():
                await self._measure()
            elif self.frequency.seeking:
                await asyncio.sleep(0)
            elif self.stream.broken:
                self._break()
            elif taken:
                heard = self.clock.ticks_ms()
                await asyncio.sleep(0)
            elif self.stream.ended:
                return
            else:
                if self.realtime and self._known and self.clock.diff(self.clock.ticks_ms(), heard) > _STALL_MS:
                    self._unknown(self.frequency.next_first, GAP)
                await asyncio.sleep(0.001)

    async def _measure(self):
        """One window, from samples to points."""
        span = self.frequency
        self._watch_signalling(span.length)
        self.window.begin(span.first, span.frac, span.length)
        while self.window.step():
            self.stream.drain()
            await asyncio.sleep(0)
        flags = self._flags | self.stream.flags(span.first - resample.LOOK_BACK, span.next_first + resample.LOOK_AHEAD)
        self.stream.keep = span.next_first - resample.LOOK_BACK
        if not span.synced:
            flags |= UNSYNCHRONISED
        if self.quantities.flat(self.window):
            flags |= FLAT
        self.quantities.update(self.window, span.length, span.synced)
        self.windows += 1
        self._known = True
        self.points.publish((span.first + span.frac / 65536) / self.rate, self._time_of(span.next_first), flags)
        self._tell()

    def _watch_signalling(self, length):
        """Chooses the four bins nearest to the signalling frequency in a window of `length` / 65536 samples."""
        if self.signalling is not None:
            self.window.band_start = int(self.signalling * length / (65536 * self.rate)) - 1

    def _time_of(self, sample):
        """Unix time of `sample` in ms, None without a clock."""
        now = self.clock.unix_ms()
        return None if now is None else now - (self.stream.count - sample) * 1000 // self.rate

    def _break(self):
        """Frames are missing: the window they belonged to is unknown, the next one begins behind them."""
        begin = self.frequency.next_first
        self.stream.resume()
        self._unknown(begin, GAP)
        self._start_behind(self.stream.count)

    def _start_behind(self, sample):
        self.frequency.restart(sample + resample.LOOK_BACK)

    def _unknown(self, first, flags):
        self._known = False
        self.points.invalidate(first / self.rate, self.clock.unix_ms(), flags)
        self._tell()

    def _tell(self):
        for function in self.on_window:
            function(self.points)
