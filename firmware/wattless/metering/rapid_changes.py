"""Rapid voltage changes, IEC 61000-4-30:2015 5.11, from Urms(1/2).

A voltage is steady when each of its last 100 (60 Hz: 120) Urms(1/2) is within the threshold of their arithmetic mean,
in a polyphase system when all channels are. A change begins with the value that ends this and is over when the voltages
are steady again; meanwhile the threshold is half of what it was (hysteresis). Delta Umax is the largest distance of a
value during the change from the mean just before it, delta Uss the distance of the mean just behind it, both the
largest of any channel. The 100 (120) values that prove the new steady state belong to it, and not to the change: its
duration and its delta Umax are without them. What goes from one level to the other within a period lasts 0 s. A change
that touched a dip, a swell or an interruption is none.

Values are kept as half codes (1/32 of what comes in): 0.003 % of 230 V where 500 V are full scale.
Cost: metering/watch.py does what comes with every value; here is what is done when a change begins and ends.
"""

from micropython import const
from wattless.metering import watch as w

RVC = const(4)  # code of the event log
_HYSTERESIS = 0.5  # of the threshold


class RapidChanges:
    """watch: Watch; nominal: Udin in 1/64 code; threshold: % of it; channels: the voltages' numbers in the event log;
    log: event_log.EventLog; rate: samples/s

    disturbed: set it when a dip, swell or interruption begins."""

    def __init__(self, watch, nominal, threshold, channels, log, rate):
        self.disturbed = False
        self._watch = watch
        self._udin = nominal / 32
        limit = threshold / 100 * self._udin * watch.count
        self._limits = [min(1 << 27, int(share * limit)) for share in (1, 1 - _HYSTERESIS)]
        self._channels = channels
        self._log = log
        self._rate = rate
        self._first = 0  # the voltage that began the change
        self._begin = None  # with this sample
        self._threshold(0)

    def restart(self):
        """The watch forgot its values: a change in progress is none, nobody knows what it became."""
        self._threshold(0)

    def decide(self, element, sample, unsteady, disturbed):
        """unsteady: mask of the voltages that are not steady, now that voltage `element` had a value; disturbed:
        whether there is a dip, swell or interruption. Returns the number of the entry in the log when a change is over,
        else 0."""
        state = self._watch.state
        if state[w.STEADY]:
            if unsteady:
                self._start(element, sample, disturbed)
        elif not unsteady:
            changing = state[w.CHANGING]
            state[w.STEADY] = 1
            state[w.CHANGING] = 0
            self._threshold(0)
            if changing and not self.disturbed:
                return self._finish(element, sample)
        return 0

    def _threshold(self, which):
        """Sets the limit: 0 the whole threshold, 1 less the hysteresis."""
        self._watch.state[w.LIMIT] = self._limits[which]

    def _start(self, element, sample, disturbed):
        watch, state = self._watch, self._watch.state
        self.disturbed = disturbed
        self._first = element
        self._begin = sample
        state[w.STEADY] = 0
        state[w.CHANGING] = 1
        state[w.UNSTEADY_SEEN] = state[w.UNSTEADY_NOW]
        for i in range(watch.elements):
            p = watch.words(i)
            state[p + w.TURNS] = 0
            state[p + w.LOW] = w.BEYOND
            state[p + w.HIGH] = -1
            if i == element:
                state[p + w.TURNS] = 1
                state[p + w.LOW] = state[p + w.HIGH] = (state[p + w.VALUE] + 16) >> 5
            else:
                state[p + w.BEFORE] = state[p + w.SUM]
        self._threshold(1)

    def _finish(self, element, sample):
        watch, state, count = self._watch, self._watch.state, self._watch.count
        worst = largest = step = mask = 0
        for i in range(watch.elements):
            p = watch.words(i)
            before = state[p + w.BEFORE]
            settled = abs(state[p + w.SUM] - before)
            change = settled
            if state[p + w.HIGH] >= 0:
                change = max(settled, before - state[p + w.LOW] * count, state[p + w.HIGH] * count - before)
            step = max(step, settled)
            if change > largest:
                worst, largest = i, change
            if state[w.UNSTEADY_SEEN] >> i & 1:
                mask |= 1 << (self._channels[i] - 1)
        percent = 100 / (count * self._udin)
        # half periods since the begin: the first value of the voltages from `first` on was of the same time
        turns = state[watch.words(element) + w.TURNS] - (element >= self._first)
        duration = 0.0
        if turns > count:
            duration = (sample - self._begin) / self._rate * (turns - count) / turns
        return self._log.add(RVC, self._channels[worst], self._begin, duration, largest * percent, step * percent, mask)
