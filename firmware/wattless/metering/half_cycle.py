"""Every half period of every voltage: Urms(1/2) (IEC 61000-4-30, 5.4.1), and I, P, Q1 over the same period, as soon as
its last sample is in the ring.

An element is a voltage and a current, (V1, I1) and so on; of three wires (V12, I1) and (V32, I3), whose P and Q1 add up
to the totals exactly. Each has half periods of its own, from zero crossing to zero crossing of its own voltage's
fundamental: the correlation over a period (dsp/half.py) gives the phase against a reference angle that runs on; the
phase says where the next crossing will be, and what it moved in half a period betters the frequency. Every value is of
the period, two half periods, that ends with the half period.

    searching   The frequency is not known: the same three half periods are worked through with the nominal one, then
                with what was found, until it stays; and once more, from the first crossing on, to tell their values.
    following   The frequency takes a quarter of every change; crossings move towards the measured ones by a quarter
                sample a half period at most, so that a period stays a period. A phase jump is sat out while the phase
                moves; then the half periods are laid out anew.
    weak        Below 1/WEAK of the nominal voltage there is no phase: half periods go on as another element's do, as
                those of the windows (`follow`), or with the last frequency. Values are told: the voltage is near 0.

The samples are those that were measured: the converter's droop (8e-5 of a 50 Hz fundamental) is in them.
Error without noise, of full reading (P, Q1: of S), at every frequency of the range, with 10 % h3, 5 % h5, 5 % h7: V and
I 0.004 %, P and Q1 0.012 %; 0.03 % in the first ten half periods; V 0.01 % while f moves by 1 Hz/s, 0.2 % at 4 Hz/s.
From the end of a half period to the points: the block of frames that it ends in (64: 5 ms), a slice of other work for
each element (131 k instructions: 1.6 ms), and until the other elements have their values, too: of three phases two
thirds of a half period (7.8 ms at 42.5 Hz), never more than one: below 20 ms. Events and flicker do not wait for those.

Cost of a half period of an element (ARM instructions, measured): sums 12.4 k (viper; twins 1 k), other kernels 8.2 k,
bytecode 15 k, without points, events, flicker. Heap: 1.7 KB for three elements, both modules 4.6 KB and native code.
Nothing is allocated on the way, but for numbers of samples beyond 2**30, after a day.
"""

from array import array

import micropython
from micropython import const
from wattless.dsp import half
from wattless.metering import half_values as values

WEAK = 50
GAP = 1  # bits of the points' flags
UNSYNCHRONISED = 32

_TURN = const(1 << 26)
_FAMILIES = ("half_v_l1", "half_i_l1", "half_p_l1", "half_q1_l1")  # in the order of half_values
_NOT_KNOWN = 0x7FC00000  # a single that is NaN

# words of an element's array: of dsp/half.py and half_values.py, those that the functions here use
_ANGLE = const(3)
_STEP = const(4)
_GROUPS = const(5)
_VV = const(9)
_EVV = const(19)
_POSITION = const(27)
_END = const(28)  # WEIGHT: how far the end is behind the last whole group, 1/4096 sample
_VV_BEFORE = const(29)
_FIRST = const(39)
_MIDDLE = const(46)
_NOW = const(53)
_BEFORE = const(54)
_HALVES = const(55)
_LINE = const(57)
_V = const(58)
_V_HALF = const(61)
_PHASE = const(63)
_MAGNITUDE = const(64)
_FLAGS = const(66)
_FLAGS_BEFORE = const(67)
# and more
_NUMBER = const(68)  # of the element
_ADVANCE = const(69)  # samples from the end before to this one
_PHASE_BEFORE = const(70)
_CHANGE = const(71)  # of the frequency, half a period ago
_V_BEFORE = const(72)  # -1: it says nothing
_SEEN = const(73)  # half periods in a row that had a phase
_KNOWN = const(74)  # 1: the frequency is
_STRAYS = const(75)  # half periods in a row whose phase moved too much
_ROUNDS = const(76)  # of the search
_ERROR = const(77)  # angle from the crossing to the end
_SLOWEST = const(78)
_FASTEST = const(79)
_FEEBLE = const(80)  # magnitude below which a voltage is weak
_WORDS = const(81)
# words of the common array: those of half_values.py, and more
_COUNT = const(50)  # of elements
_ENDS = const(51)  # the samples in which their half periods end, modulo 2**30
_SOONEST = const(54)  # the element whose half period ends first
_COMMON = const(55)

# what `_steer` says
_SILENT = const(0)  # there are no values yet
_TELL = const(1)  # there are
_DRIFT = const(2)  # tell; but the voltage is weak
_ALIGN = const(3)  # tell; but the crossings are elsewhere: lay the half periods out anew
_AGAIN = const(4)  # search on, with the same samples
_FOUND = const(5)  # the frequency: begin with the same samples, at a crossing
_FAILED = const(6)  # search on, with other samples

_HELD = const(17)  # flags GAP and CRC: samples held in place of lost ones
_MOST = const(1 << 19)  # 1/128 turn in half a period: no mains frequency does that
_QUIET = const(1 << 16)  # 1/1024 turn: 0.2 % of the frequency
_FIXED = const(1 << 14)  # the search's end: 0.05 % of the frequency
_ASTRAY = const(1 << 21)  # 1/32 turn from the crossing
_PATIENCE = const(4)  # a jump moves three
_MOST_ROUNDS = const(6)


@micropython.viper
def _steer(p: ptr32, flags: int) -> int:
    """From phase and rms value of the voltage to STEP and ERROR; what to do next. flags: of the half period."""
    p[_FLAGS_BEFORE] = p[_FLAGS]
    p[_FLAGS] = flags
    p[_ERROR] = 0
    if p[_HALVES] < 1:
        return _SILENT
    seen = p[_SEEN]
    if p[_MAGNITUDE] < p[_FEEBLE]:
        p[_SEEN] = 0
        return _DRIFT
    p[_SEEN] = seen + 1
    step = p[_STEP]
    angle = p[_PHASE]
    moved = ((angle - p[_PHASE_BEFORE] + (_TURN >> 1)) & (_TURN - 1)) - (_TURN >> 1)
    change = (moved << 5) // (p[_NOW] >> 7)
    p[_PHASE_BEFORE] = angle
    before = p[_CHANGE]
    p[_CHANGE] = 0
    # half turns from the maximum of the cosine to the end; a crossing is a quarter turn off
    angle = p[_ANGLE] + (((step >> 4) * (p[_END] - 2048)) >> 8) + angle
    error = (angle & ((_TURN >> 1) - 1)) - (_TURN >> 2)
    # a step of the voltage, or samples held, shift the phase of the periods that they are in
    v = p[_V]
    if (flags | p[_FLAGS_BEFORE]) & _HELD:
        v = -1
    t = v - p[_V_BEFORE]
    p[_V_BEFORE] = v
    if seen == 0:
        return p[_KNOWN]  # _SILENT or _TELL
    t = t if t > 0 else 0 - t
    moved = moved if moved > 0 else 0 - moved
    if p[_KNOWN]:
        if t > v >> 5:
            return _TELL
        if moved > _MOST:
            p[_STRAYS] = p[_STRAYS] + 1
            if p[_STRAYS] < _PATIENCE:
                return _TELL
            p[_KNOWN] = 0
            p[_ROUNDS] = 0
            return _AGAIN
        p[_STRAYS] = 0
        p[_CHANGE] = change
        if change > 0:  # the smaller one of two changes in a row
            change = 0 if before < 0 else before if before < change else change
        else:
            change = 0 if before > 0 else before if before > change else change
        step = step + (change >> 2)
        p[_STEP] = step
        if p[_SLOWEST] <= step and step <= p[_FASTEST]:
            if moved < _QUIET:
                p[_ERROR] = error
                if error > _ASTRAY or error < 0 - _ASTRAY:
                    return _ALIGN
            return _TELL
    elif t <= v >> 3:
        step = step + change
        if step < p[_SLOWEST]:
            step = p[_SLOWEST]
        if step > p[_FASTEST]:
            step = p[_FASTEST]
        p[_STEP] = step
        p[_ROUNDS] = p[_ROUNDS] + 1
        if moved <= _FIXED:
            p[_KNOWN] = 1
            p[_STRAYS] = 0
            p[_ERROR] = error
            return _FOUND
        if p[_ROUNDS] < _MOST_ROUNDS:
            return _AGAIN
    p[_KNOWN] = 0
    p[_ROUNDS] = 0
    return _FAILED


@micropython.viper
def _plan(p: ptr32, c: ptr32):
    """The half period that was becomes the one before. The next: half a turn less a part of ERROR, from END on; and
    which element's ends first."""
    p[_HALVES] = 1
    p[_BEFORE] = p[_NOW]
    n = 0
    while n < 10:
        p[_VV_BEFORE + n] = p[_VV + n]
        n += 1
    n = 0
    while n < 7:
        p[_FIRST + n] = p[_MIDDLE + n]
        p[_MIDDLE + n] = p[_EVV + n]
        n += 1
    step = p[_STEP]
    angle = p[_ERROR] >> 1
    if angle > step >> 2 or p[_KNOWN] == 0:
        angle = (step >> 2) * p[_KNOWN]
    if angle < 0 - (step >> 2):
        angle = 0 - (step >> 2)
    angle = (_TURN >> 1) - angle
    t = angle // step
    t = (t << 12) + ((angle - t * step) << 12) // step
    p[_NOW] = t
    t = t + p[_END]
    n = (t >> 12) - (p[_END] >> 12)
    p[_ADVANCE] = n
    p[_GROUPS] = t >> 14
    p[_END] = t & 0x3FFF
    t = _ENDS + p[_NUMBER]
    c[t] = (c[t] + n) & 0x3FFFFFFF
    t = 0
    n = 1
    while n < c[_COUNT]:
        if (c[_ENDS + n] - c[_ENDS + t]) & 0x20000000:
            t = n
        n += 1
    c[_SOONEST] = t


class HalfCycles:
    """stream: capture.stream.Stream; sine: dsp.sine.table(); kernels: object with half; wiring: metering.wiring.Wiring;
    points: where the values go; events, flicker: told of each half period, or None:

        events.half(element, sample, v)      v: Urms(1/2); sample: number of the one in which the period ends
        flicker.half(element, v_half)        v_half: rms of the last half period alone
    element: 0, 1, 2; v, v_half: in 1/64 of a 16-bit code, integers.

    Points are published when every element that has values has a new one.
    """

    def __init__(self, stream, sine, kernels, config, wiring, points, events=None, flicker=None):
        self.stream = stream
        self._sine = sine
        self._points = points
        self._stage = points.stage
        self._followed = 0
        rate, nominal = config.adc_rate, config.nominal_frequency
        self._nominal = (nominal * _TURN + rate // 2) // rate
        self._reach = 3 * rate // nominal  # samples between the last one of a half period and where it may go back to
        self._elements = [self._element(n, line, config) for n, line in enumerate(wiring.references)]
        self._ends = [0 for _ in self._elements]  # the samples in which their half periods end
        self._common = self._shared(points, wiring, config)
        self._sinks = kernels.half, events, flicker
        self._begin(0)

    def _element(self, number, line, config):
        p = array("i", bytes(4 * _WORDS))
        p[half.V], p[half.I] = line * self.stream.stride, (line + 3) * self.stream.stride
        p[half.LENGTH] = self.stream.length
        p[half.WIDE] = 1 if self.stream.wide else 0
        p[values.LINE] = line
        p[values.COIL] = 1 if config.current_sensor == "rogowski" else 0
        p[_NUMBER] = number
        p[_SLOWEST] = self._nominal * 21 // 25
        p[_FASTEST] = self._nominal * 29 // 25
        amplitude = min(32768, max(16, config.nominal_voltage * 1.4142 / WEAK / config.full_scale_v * 32768))
        p[_FEEBLE] = int(8 * config.adc_rate / config.nominal_frequency * amplitude)
        return p

    def _shared(self, points, wiring, config):
        c = array("i", bytes(4 * _COMMON))
        c[_COUNT] = len(wiring.references)
        c[values.ELEMENTS] = sum([1 << line for line in wiring.references])
        volts, amperes = config.full_scale_v / 32768, config.full_scale_i / 32768
        units = [volts / 1024, amperes / 1024, volts * amperes, volts * amperes]
        if config.current_sensor == "rogowski":  # neither its rms value nor P are in the samples
            units = [units[0], None, None, units[3] * 512 * config.nominal_frequency / config.adc_rate]
        for family in range(4):
            at = points.at(_FAMILIES[family])
            for line in range(4):
                row = 4 * family + line
                there = line in wiring.references or line == 3 and family >= 2
                c[values.BITS + row] = _NOT_KNOWN
                c[values.SLOTS + row] = at + line if there else -1
            c[values.FACTORS + 2 * family], c[values.FACTORS + 1 + 2 * family] = values.factor(units[family])
        return c

    @property
    def needs(self):
        """Number of the oldest sample that is still needed."""
        return min(self._ends) - self._reach

    def follow(self, step):
        """The fundamental's angle a sample, 2**26 a turn, in the last window; None: it was not synchronised."""
        self._followed = step or 0

    def restart(self, sample):
        """Behind a gap: half periods begin at `sample`, the first value is that of the first period. What was before is
        not known any more; frequencies are kept."""
        for p in self._elements:
            values.forget(p, self._common)
        self._begin(sample)
        self._publish(sample, GAP)

    def poll(self):
        """Does the half period whose last sample came first, of one element. False: there is none to do."""
        if self.stream.count <= self._due:
            return False
        self._due = next(self._work)
        return True

    def _forever(self, kernels, events, flicker):
        """One half period at each `next`, which gives the last sample that the coming one needs. A generator, because
        its variables cost less than attributes do."""
        stream, sine, elements, ends, c = self.stream, self._sine, self._elements, self._ends, self._common
        data, marked = stream.data, stream.marked
        sums = kernels.sums_wide if stream.wide else kernels.sums
        aim, edge, evaluate, singles, steer, plan = half.aim, half.edge, values.evaluate, values.singles, _steer, _plan
        tell_events = events.half if events else None
        tell_flicker = flicker.half if flicker else None
        while True:
            e = c[_SOONEST]
            end = ends[e]
            yield end
            p = elements[e]
            position = p[_POSITION]
            aim(sine, p)
            sums(position, p[_GROUPS], data, p)
            edge(data, sine, p)
            evaluate(p)
            what = steer(p, marked(end - p[_ADVANCE], end) if stream.marks else 0)
            if what >= _AGAIN:
                if values.forget(p, c):
                    self._publish(end, 0)
            elif what:
                if what == _DRIFT:
                    self._drift(p)
                if singles(p, c):
                    self._publish(end, 0)
                if tell_events:
                    tell_events(e, end, p[_V] >> 4)
                if tell_flicker:
                    tell_flicker(e, p[_V_HALF] >> 4)
            if what < _ALIGN:
                plan(p, c)
                ends[e] = end + p[_ADVANCE]
            else:
                self._turn(p, what)

    def _drift(self, p):
        """The voltage of an element is too weak for a phase: another one's rhythm, or the last frequency."""
        rhythm = self._rhythm(p)
        if rhythm:
            p[_STEP], p[_KNOWN] = rhythm, 1
        elif not p[_KNOWN]:
            p[_FLAGS] |= UNSYNCHRONISED

    def _rhythm(self, mine):
        """The frequency of another element or of the windows; 0: none is known."""
        for p in self._elements:
            if p is not mine and p[_KNOWN] and p[_SEEN]:
                return p[_STEP]
        return self._followed

    def _turn(self, p, what):
        """Lays the half periods of an element out as `_steer` says."""
        back = 0
        if what == _AGAIN:
            back = 3 * p[_NOW]
        elif what == _FAILED:
            p[_STEP] = self._rhythm(p) or self._nominal
        else:  # to the first crossing after half a period back, or one and a half
            angle = p[_ERROR] + (_TURN >> 1 if what == _ALIGN else _TURN)
            back = angle // p[_STEP]
            back = (back << 12) + ((angle - back * p[_STEP]) << 10) // p[_STEP] * 4
        self._lay_out(p, self._ends[p[_NUMBER]] - (p[_END] >> 12), p[_END] - back)

    def _lay_out(self, p, start, begin):
        """Half periods of an element begin anew, `begin` / 4096 samples behind the sample `start`, at POSITION."""
        n = begin >> 12
        if (p[_POSITION] + n) & 1:
            n -= 1
        p[_POSITION] = (p[_POSITION] + n + p[half.LENGTH]) % p[half.LENGTH]
        p[_ANGLE] = (p[_ANGLE] + n * p[_STEP]) & (_TURN - 1)
        p[_END] = begin - (n << 12)
        p[_SEEN] = p[_ERROR] = p[_FLAGS] = p[_FLAGS_BEFORE] = 0
        half.edge(self.stream.data, self._sine, p)
        start += n + (p[_END] >> 12)
        self._common[_ENDS + p[_NUMBER]] = start & 0x3FFFFFFF
        _plan(p, self._common)
        p[_HALVES] = 0
        self._ends[p[_NUMBER]] = start + p[_ADVANCE]

    def _begin(self, sample):
        """All elements begin at `sample`, or one behind it where that has an odd index."""
        position = self.stream.index(sample)
        for p in self._elements:
            if not p[_KNOWN]:
                p[_STEP] = self._rhythm(p) or self._nominal
            p[_POSITION] = position
            self._lay_out(p, sample, (position & 1) << 12)
        self._work = self._forever(*self._sinks)
        self._due = next(self._work)

    def _publish(self, sample, flags):
        flags |= values.stage(self._common, self._stage)
        self._points.publish_interval("half-cycle", sample & 0x3FFFFFFF, flags)
