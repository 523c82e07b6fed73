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
from wattless.dsp.window import I1, I2, I3, IN, PACKED_BYTES, SCRATCH_BYTES, Window
from wattless.event_log import EventLog
from wattless.metering import spectra
from wattless.metering.energy import Energy
from wattless.metering.events import Events
from wattless.metering.half_cycle import HalfCycles
from wattless.metering.quantities import Quantities
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
_SLACK_MS = 45  # from the end of a window until its samples are not needed any more
_FAST_SLACK_MS = 35  # the same with Thumb-2 kernels: 2.3 M instructions, 27 ms by estimate
_SYNC_FRACTION = 50  # a voltage below 1/50 of the nominal one carries no frequency


def filter_bank(rate, adc):
    """The resampler's bank for a rate of 12800 or 10240 S/s and the converter "ads131m08" or "ideal"."""
    name = "wattless.dsp.taps_{}_{}".format(rate, "ideal" if adc == "ideal" else "sinc3")
    return __import__(name, None, None, ("TAPS",)).TAPS


def _ring_bytes(config, cycles, wide, slack_ms):
    """The smallest ring that does: the longest window, at 84 % of the nominal frequency, and slack_ms behind it."""
    samples = config.adc_rate * (cycles * 25 * 1000 // (21 * config.nominal_frequency) + slack_ms) // 1000
    return samples * 7 * (4 if wide else 2)


class NoFrames:
    """The frame source of a board that has no front end."""

    def readinto(self, buffer):
        return 0


class Absent:
    """In the place of a room that the board has no memory for."""

    def window(self, *_):
        pass

    unknown = restart = window

    def step(self):
        return False

    def tick_in(self, first, end):
        return None


class Meter:
    """board: the hardware (boards/*/board.py); config: config.Config; points: points.Points; calibration: of the
    inputs (calibration.Calibration), None for none.

    on_window: functions called with the points after each window; on_half: after each half period's values; on_samples:
    None, or a function called whenever samples came; log: the event log; evidence: None, or who keeps raw frames
    (capture/evidence.py). In real time, idle_us: time without work since somebody set it to 0; longest_us: the longest
    time without a look at the frames.
    """

    def __init__(self, board, config, points, calibration=None):
        self.clock = board.clock
        self.realtime = board.realtime
        self.rooms = board.rooms
        self.frames = board.frames or NoFrames()
        self.points = points
        self.rate = config.adc_rate
        self.signalling = config.signalling_frequency
        self.on_window = []
        self.on_half = []
        self.on_samples = None
        self.evidence = None
        self.idle_us = self.longest_us = 0
        self._looked = None  # at the frames, when
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
        if calibration:
            self.stream.delay([calibration.coarse(channel) for channel in range(8)])
        self._build_metering(config, wires, cycles)
        self._start_behind(0)

    def _build_signal_path(self, board, config, wires, cycles):
        wide = config.adc_bits == 24
        ring, packed, scratch = self._share_out(board.fast_ram(FAST_RAM_BYTES), config, cycles, wide)
        self.stream = Stream(self.frames, ring, config.offsets, wide=wide, kernels=self.kernels.unpack)
        self.frames.record_bytes = self.stream.record_bytes
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
            self.stream, bank, self.sine, packed, cycles, wires.slots, self.kernels, coils, between, lists, scratch
        )
        self.points.wait_in(self.window.scratch, SCRATCH_BYTES)

    def _share_out(self, memory, config, cycles, wide):
        """(ring, the window's packed pair, the transform's buffer or None) out of the fast memory; what is not in it is
        taken from the heap. The ring comes first: it has to hold the longest window until that is worked through."""
        memory = memoryview(memory)
        if _ring_bytes(config, cycles, wide, _SLACK_MS) <= len(memory) - PACKED_BYTES - SCRATCH_BYTES:
            end = len(memory) - PACKED_BYTES - SCRATCH_BYTES
            return memory[:end], memory[-PACKED_BYTES:], memory[end:-PACKED_BYTES]
        if self.kernels.name == "thumb" and (
            _ring_bytes(config, cycles, wide, _FAST_SLACK_MS) <= len(memory) - SCRATCH_BYTES
        ):
            return memory[:-SCRATCH_BYTES], bytearray(PACKED_BYTES), memory[-SCRATCH_BYTES:]
        return memory[:-PACKED_BYTES], memory[-PACKED_BYTES:], None

    def _build_metering(self, config, wires, cycles):
        points = self.points
        self.health = Health(config, self.stream, self.log, points)
        self.events = Events(config, wires, self.log)
        self.flicker = self._room("flicker", "Flicker", config, range(len(wires.references)))
        flicker = None if isinstance(self.flicker, Absent) else self.flicker
        self.half_cycles = HalfCycles(self.stream, self.sine, self.kernels, config, wires, points, self.events, flicker)
        self.quantities = Quantities(config, wires, cycles, points)
        self.energy = Energy(config, wires, points)
        self.aggregation = self._room(
            "aggregation", "Aggregation", config, wires, cycles, self.rate, points, self.time, flicker
        )
        self.source = self._room("source", "Source", config, wires, points)
        self.diagnosis = self._room("diagnosis", "Diagnosis", config, wires, points, self.log)

    def _room(self, name, kind, *arguments):
        """An object of metering/`name`, which is loaded only for boards that have memory for it."""
        if name not in self.rooms:
            return Absent()
        module = __import__("wattless.metering." + name, None, None, (kind,))
        return getattr(module, kind)(*arguments)

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
                idle = self.clock.ticks_us()
                await asyncio.sleep(0.001)
                self.idle_us += self.clock.diff(self.clock.ticks_us(), idle)

    def _listen(self):
        """Takes new frames, and the half periods that they complete. Returns the number of samples taken."""
        if self.realtime:
            self._time_slice()
        taken = self.stream.drain()
        if taken and self.on_samples:
            self.on_samples()
        while taken and self.half_cycles.poll():
            if self.on_half and self._half != self.points.seq_of("half-cycle"):
                self._half = self.points.seq_of("half-cycle")
                for function in self.on_half:
                    function(self.points)
        return taken

    def _time_slice(self):
        now = self.clock.ticks_us()
        if self._looked is not None:
            self.longest_us = max(self.longest_us, self.clock.diff(now, self._looked))
        self._looked = now

    async def _measure(self):
        """One window, from samples to points."""
        span = self.frequency
        self._watch_signalling(span.length)
        self.window.begin(span.first, span.frac, span.length)
        while self.window.step():
            self._listen()
            await asyncio.sleep(0)
        self._keep_time()
        self._tick = self.aggregation.tick_in(span.first, span.next_first)
        self.stream.keep = (span.next_first if self._tick is None else self._tick) - resample.LOOK_BACK
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
        if self.evidence:
            self.evidence.window(span, self.points, flags, self.fingerprint)
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
        """Chooses where the next window begins."""
        if self._tick is not None:
            span.begin_at(self._tick)
        elif span.synced:
            self.half_cycles.follow(span.step)

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
