"""Windows of 10/12 periods to values over 150/180 periods ("3 s"), 10 minutes and 2 hours, and the frequency over 10 s.

IEC 61000-4-30:2015, class A. What it says and what is done:
    4.5.1   Values are aggregated as the root of the mean square: voltages, currents, harmonics, distortions, unbalance.
            Powers and frequency are not among the parameters that this rule is for: P and Q1 have a sign that squares
            would lose, and S goes with them, so they are arithmetic means (demand, IEC 61557-12: value times time is
            energy); f is informative here, its measurement is that of 5.1.
    4.5.2   150/180 periods are 15 windows without a gap. At the 10-min tick a new interval begins, and the running one
            goes on to its 15th window (overlap 2): the windows after the tick count for both.
    4.4     At the tick a new window begins, the running one is completed (overlap 1): `tick_in` says where.
    4.5.3   10 min: all windows that began in it, tagged with the tick at its end.
    4.5.4   2 h: twelve 10-min values, to the even hours of UTC.
    4.7     A flag of a window is a flag of every interval that it is in. Flagged values are kept.
    5.1     10 s: periods of the whole windows inside a 10 s interval of the clock over their duration. Windows that
            cross its ends or were not synchronised are left out.
    Annex D Under- and over-deviation: rms of the windows' values clipped at nominal_voltage, in % of it; of the line
            voltages where there is no neutral.
Harmonics overlap as the scalars do. Order 0 of their lists is the mean dc, with its sign.

An interval is flagged "gap" when windows are lost in it, when the meter or its clock started in the middle of it, when
the clock was set in it, a 2 h one when it has not twelve 10-min values. Its row `windows` says of how many windows its
values are. A quantity that none of them knew is NaN.
Without a clock intervals count samples from the start; then they have no times and no ticks, and nothing overlaps.

Two sets of sums do: while the interval that ran at the tick is being completed, the new "3 s" and the new 10 minutes
have the same windows in them, and 10 min needs none of its own. Lists go to the 10 min with each 3 s that is complete
(without a clock only then), and at the tick.

Heap on 32-bit ARM (3p4w): 6.1 KB. A window takes 150 k instructions (measured as host_tools/instructions.py says)
and 0.2 KB of garbage; one that completes 3 s another 800 k, a third of it in points.put_list, and 2 KB; the tick 1 M
and 3 KB. `step` does them in parts of 200 k and less.
"""

from array import array
from math import nan

from wattless.dsp import window as w
from wattless.metering.interval import GAP, Interval
from wattless.metering.interval_sums import KIND, MEAN, OVER, RMS, UNDER

_SHORT_MS = 10000
_TEN_MIN_MS = 600000
_TWO_HOURS_MS = 7200000
_TENS = 12
_LATE_MS = 250  # an interval whose first window begins later than this has not all of them
_JITTER_MS = 5  # by which the time base may move between two windows
_MOST_WINDOWS = 65534  # that the row can say
_SLOT = (1 << KIND) - 1
_HIGHEST = 50
_PHASOR = 4096.0 * 1.4142135623730951  # of a sine of 1 LSB rms
_DC = 8192.0

# first row of a family, rows, kind
_FAMILIES = (
    ("v_l1", 3, RMS),
    ("v_l12", 3, RMS),
    ("i_l1", 3, RMS),
    ("i_n", 1, RMS),
    ("p_l1", 4, MEAN),
    ("q1_l1", 4, MEAN),
    ("s", 1, MEAN),
    ("f", 1, MEAN),
    ("v_u2", 1, RMS),
    ("v_u0", 1, RMS),
    ("thd_v_l1", 3, RMS),
    ("thd_i_l1", 3, RMS),
    ("tdd_i_l1", 3, RMS),
    ("trd_i_l1", 3, RMS),
    ("v_under_l1", 3, UNDER),
    ("v_over_l1", 3, OVER),
)
_DEVIATIONS = 6  # the last rows
_F = 19  # row of f


def _table(points, prefix, renamed=None):
    """Slots and kinds of all rows, for interval_sums. renamed: what some families are called in the stage."""
    table = array("H")
    for name, count, kind in _FAMILIES:
        if renamed:
            name = renamed.get(name, name)
        slot = points.at(prefix + name)
        for k in range(count):
            table.append(slot + k + (kind << KIND))
    return table


class _Output:
    """Where the values of an update class go: a table of slots, the row `windows`, handles of the lists."""

    def __init__(self, points, update, prefix, lists):
        self.update = update
        self.table = _table(points, prefix)
        self.windows = points.at(prefix + "windows")
        self.lists = [points.list(prefix + name) for name in lists]


class Aggregation:
    """config: nominal_voltage, nominal_frequency, current_sensor; wiring: metering.wiring.Wiring
    cycles: periods a window; rate: samples/s
    points: where values come from (stage) and go to; time_base: object with ms(sample), sample(ms), changes
    flicker: object with pst(element), element = 0..2: Pst of the 10 minutes that end now, NaN unknown; or None

    The time base must stay the same from `tick_in` to `window` for one window."""

    def __init__(self, config, wiring, cycles, rate, points, time_base, flicker=None):
        self.points = points
        self.time_base = time_base
        self.flicker = flicker
        self.rate = rate
        self.nominal_window = cycles * rate // config.nominal_frequency
        self.per_block = 15 * config.nominal_frequency // (5 * cycles)
        self.nominal_voltage = config.nominal_voltage
        self.coils = config.current_sensor == "rogowski"
        voltage = "v_l1" if wiring.neutral else "v_l12"
        self._table = _table(points, "", {"v_under_l1": voltage, "v_over_l1": voltage})
        self._reference = array("f", (config.nominal_voltage,))
        phases = range(wiring.phases)
        self._voltages = len(phases)
        self._channels = bytes([w.V1 + k for k in phases] + [w.I1 + k for k in phases])
        lists = ["vh_l%d" % (k + 1) for k in phases] + ["ih_l%d" % (k + 1) for k in phases]
        self._short = _Output(points, "3 s", "t3s_", lists)
        self._long = _Output(points, "10 min", "t10min_", lists)
        self._longest = _Output(points, "2 h", "t2h_", ())
        self._f10s = points.at("f10s")
        self._pst = points.at("t10min_pst_l1")
        self._plt = points.at("t2h_plt_l1")

        self.block = Interval(len(self._table), len(lists))  # the running 3 s
        self.ten = Interval(len(self._table), len(lists))  # the running 10 min; while `pending`, see there
        self.two = Interval(len(self._table), 0)
        self.pending = False  # `ten` is the 3 s interval that ran at the tick, `block` both of the new ones
        self._ints = array("i", bytes(4 * (_HIGHEST + 1)))
        self._volts = self._amperes = nan  # of a code; coils: amperes times Hz
        self._cubes = array("f", bytes(12))
        self._changes = 0
        self._tick = None  # end of the running 10 min: ms of the time base, without one since the start
        self._last_sample = self._last_ms = None  # a window's end, and what time it was
        self._known_sample = self._known_ms = None  # the same of what was asked last
        # the running 10 s: their end in ms, periods, samples and 1/65536 samples of their windows
        self._f_end = None
        self._periods = self._samples = self._parts = self._f_flags = 0
        self._window = None
        self._first = self._end = self._given_periods = self._length = self._flags = 0
        self._work = self._windows()

    def tick_in(self, first_sample, end_sample):
        """The sample of the 10-min tick when it lies in this window, or None: there the next window begins."""
        self._follow(first_sample)
        if not self._changes or self._time(end_sample) < self._tick:
            return None
        tick = self.time_base.sample(self._tick)
        return tick if first_sample < tick < end_sample else None

    def window(self, window, quantities, first_sample, end_sample, cycles, length, flags, synced):
        """Gives it a window, whose values are in the stage; `step` must take it before they are published.

        window: dsp.Window; quantities: volts and amperes of a code; first_sample, end_sample: where it began, where it
        ended; cycles: its periods; length: in 1/65536 sample; flags: bits; synced: whether it was synchronised"""
        self._window = window
        self._first, self._end = first_sample, end_sample
        self._given_periods = cycles if synced else 0
        self._length = length
        self._flags = flags
        if synced:
            self._volts = quantities.volts
            self._amperes = quantities.amperes
            if self.coils:
                self._amperes *= self.points.stage[self._table[_F] & _SLOT]

    def unknown(self, first_sample, end_sample, flags):
        """The samples in between were lost, or made no window; `step` must take that, too."""
        self._window = None
        self._first, self._end = first_sample, end_sample
        self._given_periods = self._length = 0
        self._flags = flags | GAP

    def step(self):
        """Does a part of the work with the last window (below 5 ms on the reference board); False when it is done."""
        return next(self._work)

    # The work with a window.

    def _windows(self):
        """Takes window after window: one generator for all, so that nothing is allocated."""
        while True:
            self._follow(self._first)
            begin, end = self._time(self._first), self._time(self._end)
            while begin >= self._tick:  # the time base moved, and no window saw it
                yield from self._close_ten()
            self._frequency(begin, end)
            if self._window is None:
                self._lose()
            else:
                self._add()
            if self.pending and self.ten.passed >= self.per_block:
                yield True
                yield from self._complete_pending()
            if self.block.passed >= self.per_block:
                yield True
                yield from self._publish(self._short, self.block, end)
                self.ten.fold_lists(self.block)
                self.block.clear()
            while end >= self._tick:
                yield True
                yield from self._close_ten()
            self._last_sample, self._last_ms = self._end, end
            yield False

    def _add(self):
        stage = self.points.stage
        for interval in (self.block, self.ten):
            interval.add(stage, self._table, self._reference, self._flags)
            if self._given_periods and (interval is self.block or self.pending):
                interval.add_lists(self._window, self._channels)

    def _lose(self):
        lost = max(1, (self._end - self._first + self.nominal_window // 2) // self.nominal_window)
        self.block.lose(lost, self._flags)
        self.ten.lose(lost, self._flags)

    # Time.

    def _time(self, sample):
        """Unix ms; without a clock ms since the start. The end of a window and the start of the next one are the same,
        although the time base may have moved a little."""
        if sample == self._last_sample:
            return self._last_ms
        if sample != self._known_sample:
            ms = self.time_base.ms(sample)
            self._known_ms = sample * 1000 // self.rate if ms is None else ms
            self._known_sample = sample
        return self._known_ms

    def _follow(self, sample):
        """Finds the end of the running 10 min, at the start and when the clock was set."""
        changes = self.time_base.changes
        if self._tick is not None and changes == self._changes:
            return
        self._last_sample = self._known_sample = None
        now = self._time(sample)
        if self._tick is not None:
            self._f_flags |= GAP
        if self._tick is not None or now % _TEN_MIN_MS > _LATE_MS:
            (self.block if self.pending else self.ten).flags |= GAP
        self._changes = changes
        self._tick = (now // _TEN_MIN_MS + 1) * _TEN_MIN_MS

    # Intervals.

    def _complete_pending(self):
        yield from self._publish(self._short, self.ten, self._time(self._end))
        self.ten.copy_scalars(self.block)
        self.pending = False

    def _close_ten(self):
        """Ends the running 10 min at their tick, which has come, and the 2 h with them if it is their end as well."""
        if self.pending:  # a tick within 3 s of the one before: the clock was set
            self.ten.flags |= GAP
            yield from self._complete_pending()
        if self._changes:
            self.ten.fold_lists(self.block)
        tick = self._tick
        yield from self._publish(self._long, self.ten, tick)
        self.ten.clear()
        if tick % _TWO_HOURS_MS == 0:
            if self.two.passed != _TENS:
                self.two.flags |= GAP
            yield from self._publish(self._longest, self.two, tick)
            self.two.clear()
        self._tick = tick + _TEN_MIN_MS
        if self._changes and self.block.passed:
            self.block, self.ten = self.ten, self.block
            self.pending = True

    def _publish(self, output, interval, end):
        points, table = self.points, output.table
        stage = points.stage
        flags = interval.flags if interval.windows else interval.flags | GAP
        interval.values(stage, table)
        if output is self._long:
            self.two.add(stage, table, self._reference, flags, interval.windows)
            self._flicker()
        elif output is self._longest:
            self._long_flicker()
        self._deviations(stage, table)
        stage[output.windows] = min(interval.windows, _MOST_WINDOWS)
        if interval.synced:
            amperes = self._amperes
            if self.coils:
                amperes /= stage[table[_F] & _SLOT]
            ints, unit = self._ints, interval.unit()
            for number in range(len(output.lists)):
                yield True
                scale = self._volts if number < self._voltages else amperes
                interval.magnitudes(number, ints)
                points.put_list(output.lists[number], 0, ints, _HIGHEST, 1, scale / _DC)
                points.put_list(output.lists[number], 1, ints, 0, _HIGHEST, scale / _PHASOR * unit)
        yield True
        points.publish_interval(output.update, end if self._changes else None, flags)

    def _deviations(self, stage, table):
        """Rms of what is clipped at the nominal voltage to the deviation from it in % (annex D)."""
        nominal = self.nominal_voltage
        for k in range(_DEVIATIONS):
            slot = table[len(table) - _DEVIATIONS + k] & _SLOT
            deviation = (nominal - stage[slot]) * 100 / nominal
            if k >= _DEVIATIONS // 2:
                deviation = 0 - deviation
            stage[slot] = 0.0 if deviation < 0 else deviation  # below 0: the last digit

    def _flicker(self):
        if self.flicker is None:
            return
        for element in range(3):
            pst = self.flicker.pst(element)
            self.points.stage[self._pst + element] = pst
            self._cubes[element] += pst * pst * pst

    def _long_flicker(self):
        """Plt, IEC 61000-4-15: the cubic mean of twelve Pst, unknown when one of them is."""
        for element in range(3):
            if self.flicker is not None and self.two.passed == _TENS:
                self.points.stage[self._plt + element] = (self._cubes[element] / _TENS) ** (1 / 3)
            self._cubes[element] = 0.0

    def _frequency(self, begin, end):
        """Counts the window, which has no periods if it is not synchronised, if it is inside a 10 s interval."""
        if self._f_end is None or not self._f_end - _SHORT_MS <= begin + _JITTER_MS < self._f_end:
            self._next_frequency(begin + _JITTER_MS)
            if begin + _SHORT_MS - self._f_end > _LATE_MS:
                self._f_flags |= GAP
        self._f_flags |= self._flags
        if end - _JITTER_MS >= self._f_end:
            self._next_frequency(end - _JITTER_MS)
            self._f_flags |= self._flags
        elif self._given_periods:
            self._periods += self._given_periods
            self._samples += self._length >> 16
            self._parts += self._length & 0xFFFF

    def _next_frequency(self, now):
        """Publishes the running 10 s, if there are any, and begins those that `now` is in."""
        if self._f_end is not None:
            if self._periods:
                f = self._periods * self.rate / (self._samples + self._parts / 65536)
                self.points.stage[self._f10s] = f
            self.points.publish_interval("10 s", self._f_end if self._changes else None, self._f_flags)
            self._f_flags = 0
        self._f_end = (now // _SHORT_MS + 1) * _SHORT_MS
        self._periods = self._samples = self._parts = 0
