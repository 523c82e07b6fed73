"""The meter: the path of a sample, one call an arrow.

    ADC -> capture -> frequency -> resample, window, spectra -> quantities -> energy, aggregates, source, diagnosis
                  \\-> half periods -> events                                                   -> points -> services
"""

import asyncio
from binascii import crc32

from wattless import kernels
from wattless.capture.health import Health
from wattless.capture.stream import GAP, Stream
from wattless.dsp import resample, sine
from wattless.dsp.frequency import Tracker
from wattless.dsp.window import I1, I2, I3, IN, PACKED_BYTES, Window
from wattless.event_log import EventLog
from wattless.metering import spectra
from wattless.metering.aggregation import Aggregation
from wattless.metering.diagnosis import Diagnosis
from wattless.metering.energy import Energy
from wattless.metering.events import Events
from wattless.metering.flicker import Flicker
from wattless.metering.half_cycle import HalfCycles
from wattless.metering.quantities import Quantities
from wattless.metering.source import Source
from wattless.metering.wiring import wiring
from wattless.time_base import TimeBase

FAST_RAM_BYTES = 65536  # the ring and the window's packed pair
UNSYNCHRONISED = 32
EVENT = 64
SHORT = 256
FALLBACK = 512
NO_LOAD = 1024
CLOCK_STEP = 50  # code of the event log
_STALL_MS = 600  # without frames for so long, the values are no longer known
_SYNC_FRACTION = 50  # a voltage below 1/50 of the nominal one carries no frequency


def filter_bank(rate, adc):
    """The resampler's bank for a rate of 12800 or 10240 S/s and the converter "ads131m08" or "ideal"."""
    name = "wattless.dsp.taps_{}_{}".format(rate, "ideal" if adc == "ideal" else "sinc3")
    return __import__(name, None, None, ("TAPS",)).TAPS


class Meter:
    """board: the hardware (boards/*/board.py); config: config.Config; points: points.Points.

    on_window: functions called with the points after each window; on_half: after each half period's values; log: the
    event log.
    """

    def __init__(self, board, config, points):
        self.clock = board.clock
        self.realtime = board.realtime
        self.points = points
        self.rate = config.adc_rate
        self.signalling = config.signalling_frequency
        self.on_window = []
        self.on_half = []
        self.windows = 0
        self._half = 0  # sequence number of the half period told last
        self._known = False
        self._tick = None  # sample of a 10-minute tick in the present window: there the next one begins
        self._flags = 0  # of every window
        cycles = {50: 10, 60: 12}[config.nominal_frequency]
        if config.window == "5/6":
            cycles //= 2
            self._flags = SHORT
        wires = wiring(config.wiring)
        self.kernels = kernels.choose(config.kernels, board.thumb)
        if self.kernels.failed:
            self._flags |= FALLBACK
        self.time = TimeBase(self.rate)
        if board.epoch_ms is not None:
            self.time.set(0, board.epoch_ms)
        self.log = EventLog(rate=self.rate, time_of=self.time.ms)
        self._build_signal_path(board, config, wires, cycles)
        self._build_metering(config, wires, cycles)
        self._start_behind(0)

    def _build_signal_path(self, board, config, wires, cycles):
        memory = memoryview(board.fast_ram(FAST_RAM_BYTES))
        ring, packed = memory[:-PACKED_BYTES], memory[-PACKED_BYTES:]
        wide = config.adc_bits == 24
        self.stream = Stream(board.frames, ring, config.offsets, wide=wide, kernels=self.kernels.unpack)
        board.frames.record_bytes = self.stream.record_bytes
        self.sine = sine.table()
        threshold = config.nominal_voltage * 1.4142 / _SYNC_FRACTION / config.full_scale_v * 32768
        self.frequency = Tracker(
            self.stream,
            self.sine,
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
            self.stream, bank, self.sine, packed, cycles, wires.slots, self.kernels, coils, between, lists
        )

    def _build_metering(self, config, wires, cycles):
        points = self.points
        self.health = Health(config, self.stream, self.log, points)
        self.events = Events(config, wires, self.log)
        self.flicker = Flicker(config, range(len(wires.references)))
        self.half_cycles = HalfCycles(
            self.stream, self.sine, self.kernels, config, wires, points, self.events, self.flicker
        )
        self.quantities = Quantities(config, wires, cycles, points)
        self.energy = Energy(config, wires, points)
        self.aggregation = Aggregation(config, wires, cycles, self.rate, points, self.time, self.flicker)
        self.source = Source(config, wires, points)
        self.diagnosis = Diagnosis(config, wires, points, self.log)

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
            taken = self._listen()
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
                self._end()
                return
            else:
                if self.realtime and self._known and self.clock.diff(self.clock.ticks_ms(), heard) > _STALL_MS:
                    self.health.broken(self.frequency.next_first, self.stream.count)
                    self._unknown(self.frequency.next_first, GAP)
                await asyncio.sleep(0.001)

    def _listen(self):
        """Takes new frames, and the half periods that they complete. Returns the number of samples taken."""
        taken = self.stream.drain()
        while taken and self.half_cycles.poll():
            if self.on_half and self._half != self.points.seq_of("half-cycle"):
                self._half = self.points.seq_of("half-cycle")
                for function in self.on_half:
                    function(self.points)
        return taken

    async def _measure(self):
        """One window, from samples to points."""
        span = self.frequency
        self._watch_signalling(span.length)
        self.window.begin(span.first, span.frac, span.length)
        while self.window.step():
            self._listen()
            await asyncio.sleep(0)
        self._keep_time()
        flags = self._flags | self.stream.flags(span.first - resample.LOOK_BACK, span.next_first + resample.LOOK_AHEAD)
        if not span.synced:
            flags |= UNSYNCHRONISED
        self.quantities.begin(self.window, span.length, span.synced)
        while self.quantities.step():
            self._listen()
            await asyncio.sleep(0)
        flags |= self._accounts(span, flags)
        while self.aggregation.step():
            self._listen()
            await asyncio.sleep(0)
        self._listen()
        self._judge(span, flags)
        self.windows += 1
        self._known = True
        self.points.publish((span.first + span.frac / 65536) / self.rate, self.time.ms(span.next_first), flags)
        self._go_on(span)
        self._tell()

    def _accounts(self, span, flags):
        """Health, energy, aggregates: what sums up over windows. Returns flags to add."""
        first, end = span.first, span.next_first
        if self.events.touched(first, end - 1):
            flags |= EVENT
        flags |= self.health.window(self.window, first, end - 1, flags)
        if self.energy.span(first, span.frac, span.length):
            flags |= NO_LOAD
        self.energy.publish(self.points)
        self.events.publish(self.points)
        self._tick = self.aggregation.tick_in(first, end)
        self.aggregation.window(
            self.window, self.quantities, first, end, self.window.cycles, span.length, flags, span.synced
        )
        return flags

    def _judge(self, span, flags):
        """What needs to know what the values mean: reference voltages, who distorts, wiring."""
        for element in range(len(self.events.channels)):
            self.events.reference_update(element, self.quantities.code_rms(element), flags & ~SHORT)
        self.source.window(self.window, self.quantities, span.synced)
        self.diagnosis.window(self.quantities, span.synced, flags, span.next_first)

    def _go_on(self, span):
        """Chooses where the next window begins, and lets the ring forget what is before."""
        if self._tick is not None:
            span.begin_at(self._tick)
        elif span.synced:
            self.half_cycles.follow(span.step)
        self.stream.keep = span.next_first - resample.LOOK_BACK

    def _keep_time(self):
        """In real time the samples' time follows the clock's."""
        if self.realtime:
            step = self.time.update(self.stream.count, self.clock.unix_ms())
            if step:
                self.log.add(CLOCK_STEP, sample=self.stream.count, value=step / 1000)

    def _watch_signalling(self, length):
        """Chooses the four bins nearest to the signalling frequency in a window of `length` / 65536 samples."""
        if self.signalling is not None:
            self.window.band_start = int(self.signalling * length / (65536 * self.rate)) - 1

    def _break(self):
        """Frames are missing: the window they belonged to is unknown, the next one begins behind them."""
        begin = self.frequency.next_first
        self.events.restart(self.stream.count)
        self.stream.resume()
        self.health.broken(begin, self.stream.count)
        self.aggregation.unknown(begin, self.stream.count, self._flags | GAP)
        while self.aggregation.step():
            pass
        for part in (self.source, self.diagnosis, self.flicker, self.quantities.spectra):
            part.restart()
        self._unknown(begin, GAP)
        self._start_behind(self.stream.count)

    def _end(self):
        """No more frames: what is in progress is cut off."""
        self.events.restart(self.stream.count)
        self.events.publish(self.points)

    def _start_behind(self, sample):
        self.half_cycles.restart(sample)
        self.frequency.restart(sample + resample.LOOK_BACK)

    def _unknown(self, first, flags):
        self._known = False
        self.points.invalidate(first / self.rate, self.time.ms(self.stream.count), flags)
        self._tell()

    def _tell(self):
        for function in self.on_window:
            function(self.points)
