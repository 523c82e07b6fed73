"""Dips, swells and interruptions from Urms(1/2), IEC 61000-4-30:2015 5.4 and 5.5 (class A), polyphase.

    dip           begins when one voltage is below its threshold, ends when all are at or above threshold + hysteresis
    swell         begins when one is above its threshold, ends when all are at or below threshold - hysteresis
    interruption  begins when all are below its threshold, ends when one is at or above threshold + hysteresis

The residual is the lowest, the swell's voltage the largest Urms(1/2) of any channel meanwhile, in % of the reference;
the channel of the entry is the one that had it, the entry's mask has all that were beyond the threshold. An
interruption is logged beside the dip that it is part of. Begin and end carry the times of the values that decided, and
the time of a value is the end of its period.
The reference is the nominal voltage or, for dips and swells, the sliding reference of each channel: Usr(n) = 0.9967
Usr(n-1) + 0.0033 U10/12(n), the nominal voltage at first, not moved by flagged windows (5.4.4). Interruptions are
always in % of the nominal voltage (5.5.1).

Cost: heap 1.8 KB for three voltages, with watch.py and rapid_changes.py. `half`: 2.5 k instructions on ARM (150 k a
window), whether an event is in progress or not, and no garbage; 60 k and 1 KB when one begins or ends. `touched`: 5 k.
"""

from array import array

from micropython import const
from wattless.metering import watch as w
from wattless.metering.rapid_changes import RVC, RapidChanges

DIP = const(1)  # codes of the event log
SWELL = const(2)
INTERRUPTION = const(3)

_ENDED = const(1)  # state of an Entry
_LINES = (5, 6)  # channels of the event log: v12 and v32 of 3p3w
_MOVE = 0.0033  # of the sliding reference, a window
_CODES = 2097152  # 1/64 codes of full scale
_INTERVALS = const(8)  # events that ended in one window, and are kept apart


class _Kind:
    """One of the three kinds of events: the one in progress has a number."""

    def __init__(self, code, bit, place, extreme):
        self.code = code
        self.bit = bit  # in the watch's OPEN
        self.place = place  # of its mask
        self.extreme = extreme
        self.number = 0
        self.start = None
        self.until = None  # it ends with this sample, unless a value of the same time says otherwise


class Events:
    """config: thresholds, nominal_voltage, full_scale_v, rates; wiring: metering.wiring.Wiring; log: EventLog.

    Voltages are numbered as wiring.references has them, and come as Urms(1/2) in 1/64 of a 16-bit code.
    last: the Entry of the dip, swell, interruption or rapid change that ended last, None before."""

    def __init__(self, config, wiring, log):
        self.channels = tuple([channel + 1 for channel in wiring.references]) if wiring.neutral else _LINES
        self.last = None
        self._log = log
        self._rate = config.adc_rate
        self._half = config.adc_rate // (2 * config.nominal_frequency)
        n = len(self.channels)
        self._nominal = nominal = config.nominal_voltage / config.full_scale_v * _CODES
        self._take_shares(config)
        self._sliding = config.event_reference == "sliding"
        self._references = array("f", [nominal] * n)
        rapid = config.rvc_threshold
        self._watch = w.Watch(n, 2 * config.nominal_frequency if rapid is not None else 0)
        self._state = self._watch.state
        self._take = w.take
        for element in range(n):
            self._set_levels(element)
        self._rapid = None
        if rapid is not None:
            self._rapid = RapidChanges(self._watch, nominal, rapid, self.channels, log, self._rate)
        self._dip = _Kind(DIP, 1, w.BELOW, w.LOWEST)
        self._swell = _Kind(SWELL, 2, w.ABOVE, w.HIGHEST)
        self._interruption = _Kind(INTERRUPTION, 4, w.GONE, w.LOWEST_OUT)
        self._kinds = (self._interruption, self._dip, self._swell)
        self._first = [None] * _INTERVALS  # samples that events touched which are over
        self._behind = [None] * _INTERVALS
        self._intervals = 0
        self._published = -1  # log.total then
        self._shown = None  # the last event then

    def set_thresholds(self, config):
        """Other thresholds and another hysteresis, from now on; events in progress go on."""
        self._take_shares(config)
        for element in range(len(self.channels)):
            self._set_levels(element)

    def _take_shares(self, config):
        hysteresis = config.event_hysteresis
        self._shares = (
            config.dip_threshold,
            config.dip_threshold + hysteresis,
            config.swell_threshold,
            config.swell_threshold - hysteresis,
            config.interruption_threshold,
            config.interruption_threshold + hysteresis,
        )

    def half(self, element, sample, v):
        """One Urms(1/2): of voltage `element`, over the period that ends in front of `sample`.

        In order of time, values of the same time in order of the voltages; these may have zero crossings, and with
        them samples, of their own."""
        masks = self._take(self._state, element, v)
        if masks:
            self._decide(element, sample, masks)

    def reference_update(self, element, v, flagged):
        """Moves the sliding reference, if that is chosen: v: rms over 10/12 periods in 1/64 code, flagged: whether the
        window was touched by an event or is not to be trusted."""
        if self._sliding and not flagged:
            self._references[element] += (v - self._references[element]) * _MOVE
            self._set_levels(element)

    def reference(self, element):
        """What the percentages of dips and swells refer to, in 1/64 code."""
        return self._references[element]

    def touched(self, first, last):
        """Whether a dip, swell or interruption, as far as it is known, touched the samples `first`..`last`.

        From the half period on with which the first value fell below (rose above) the threshold, up to the end of the
        period that ended the event. Later calls ask for later samples: what ends before `first` is forgotten."""
        found = False
        if self._state[w.OPEN]:
            for kind in self._kinds:
                if kind.number and kind.start - self._half <= last and (kind.until is None or kind.until > first):
                    found = True
        kept = 0
        for i in range(self._intervals):
            if self._behind[i] > first:
                found = found or self._first[i] <= last
                self._first[kept] = self._first[i]
                self._behind[kept] = self._behind[i]
                kept += 1
        self._intervals = kept
        return found

    def restart(self, end):
        """The samples end in front of `end`; what follows, if anything, comes after a gap. An event in progress is
        closed as cut off: it lasted at least so long. If its cause is still there behind the gap, a new one begins."""
        for kind in self._kinds:
            if kind.until is not None:
                self._close(kind, kind.until)
            elif kind.number:
                self._close(kind, end, True)
        self._watch.restart()
        if self._rapid:
            self._rapid.restart()

    def publish(self, points):
        """The counters and the last event, if they changed since the last call."""
        log, last = self._log, self.last
        if self._published == log.total and self._shown is last:
            return
        self._published = log.total
        self._shown = last
        points.put("event_count", log.total)
        points.put("dip_count", log.count(DIP))
        points.put("swell_count", log.count(SWELL))
        points.put("interruption_count", log.count(INTERRUPTION))
        points.put("rvc_count", log.count(RVC))
        if last:
            points.put("event_code", last.code)
            points.put("event_channel", last.channel)
            points.put("event_start_ms", last.unix_ms)
            whole = last.state == _ENDED  # of one that was cut off only a part is known
            points.put("event_duration_ms", int(last.duration * 1000 + 0.5) if whole else None)
            points.stage[points.at("event_value")] = last.value
        points.publish_interval("event", None, 0)

    def _set_levels(self, element):
        """The thresholds of a voltage; those of interruptions never slide."""
        p = self._watch.words(element) + w.THRESHOLDS
        for i, share in enumerate(self._shares):
            reference = self._references[element] if i < 4 else self._nominal
            self._state[p + i] = min(w.BEYOND, int(reference * share / 100 + 0.5))

    def _decide(self, element, sample, masks):
        state = self._state
        was_open = state[w.OPEN]
        state[w.PENDING] = 0
        gone = masks >> w.GONE & 7 == state[w.EVERY]
        last = element + 1 == self._watch.elements
        self._follow(self._interruption, sample, last, gone, masks >> w.BACK & 7)
        self._follow(self._dip, sample, last, masks >> w.BELOW & 7, not masks >> w.NOT_UP & 7)
        self._follow(self._swell, sample, last, masks >> w.ABOVE & 7, not masks >> w.NOT_DOWN & 7)
        if self._rapid:
            disturbed = was_open or state[w.OPEN]
            if disturbed:
                self._rapid.disturbed = True
            number = self._rapid.decide(element, sample, masks >> w.UNSTEADY & 7, disturbed)
            if number:
                self.last = self._log.get(number)

    def _follow(self, kind, sample, last, begins, ends):
        """last: no other value of this time follows."""
        if kind.until is not None and kind.until < sample:
            self._close(kind, kind.until)
        if kind.number:
            kind.until = None
            if ends:
                if last:
                    self._close(kind, sample)
                else:
                    kind.until = sample
                    self._state[w.PENDING] = 1
        elif begins:
            self._begin(kind, sample)

    def _begin(self, kind, sample):
        self._state[w.OPEN] |= kind.bit
        self._watch.begin(kind.place, kind.extreme, kind.code != SWELL)
        kind.start = sample
        kind.number = self._log.begin(kind.code, self._worst(kind)[0], sample, self._mask(kind))

    def _close(self, kind, sample, cut=False):
        channel, value = self._worst(kind)
        duration = (sample - kind.start) / self._rate
        number, kind.number, kind.until = kind.number, 0, None
        self._state[w.OPEN] &= 7 - kind.bit
        self._remember(kind.start - self._half, sample)
        number = self._log.end(number, kind.code, channel, kind.start, duration, value, mask=self._mask(kind), cut=cut)
        self.last = self._log.get(number)

    def _worst(self, kind):
        """(channel, extreme in % of the reference)"""
        found = None
        for i, channel in enumerate(self.channels):
            reference = self._nominal if kind.code == INTERRUPTION else self._references[i]
            value = 100 * self._state[self._watch.words(i) + kind.extreme] / reference
            if found is None or (value > found[1] if kind.code == SWELL else value < found[1]):
                found = channel, value
        return found

    def _mask(self, kind):
        """The voltages that were beyond the threshold, as the log has them: bit k for channel k + 1."""
        seen = self._state[w.SEEN] >> kind.place
        mask = 0
        for i, channel in enumerate(self.channels):
            if seen >> i & 1:
                mask |= 1 << (channel - 1)
        return mask

    def _remember(self, first, behind):
        n = self._intervals
        if n == _INTERVALS:  # more than anyone asks about: the last two become one
            n -= 1
            self._behind[n] = max(self._behind[n], behind)
            self._first[n] = min(self._first[n], first)
            return
        self._first[n] = first
        self._behind[n] = behind
        self._intervals = n + 1
