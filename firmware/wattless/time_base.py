"""Which sample was taken when: sample numbers to unix time and back, in integers, exact over days of samples.

The converter's clock is the better one from second to second, the wall clock (RTC, NTP) from hour to hour. So samples
count the time, and what they start from follows the readings of the wall clock by 1/64 of the difference a window: a
reading late by tens of ms moves it by less than one, and a sample clock that is off by 50 ppm leaves it 0.6 ms behind.
More than a second is a clock that was set: the time base steps with it.

Time is kept at an anchor that moves along with the samples, in whole ms and a rest of 1/rate ms, so that nothing is
rounded and nearly all that is computed with are small integers. `ms` takes 4 k ARM instructions and 32 bytes of
garbage, `update` 9 k and 100.
"""

from micropython import const

_STEP_MS = const(1000)
_SLEW = const(64)
_NEAR = const(1000000)  # samples from the anchor: times 1000 still a small integer


class TimeBase:
    """rate: samples/s, nominal.

    changes: how often the time was set, by `set` or by a step; 0: it is not known. steps: those of `update` alone."""

    def __init__(self, rate):
        if rate < 1:
            raise ValueError("rate must be 1 sample/s or more, not {}".format(rate))
        self.rate = rate
        self.changes = 0
        self.steps = 0
        self._sample = 0  # the anchor: sample number, unix ms, rest in 1/rate ms
        self._ms = None
        self._rest = 0

    def set(self, sample, unix_ms):
        """Sample number `sample` is of the time `unix_ms`, whatever was before."""
        self._sample, self._ms, self._rest = sample, unix_ms, 0
        self.changes += 1

    def update(self, sample, unix_ms):
        """A reading of the wall clock, `unix_ms` (None: it has none now), while `sample` was the newest one; once a
        window, in real time. Returns by how many ms the time stepped; 0: it did not. The first reading sets it."""
        if unix_ms is None:
            return 0
        if self._ms is None:
            self.set(sample, unix_ms)
            return 0
        self._move(sample)
        error = unix_ms - self._ms
        if not 0 - _STEP_MS <= error <= _STEP_MS:
            self.set(sample, unix_ms)
            self.steps += 1
            return error
        rest = self._rest + (error * self.rate - self._rest + _SLEW // 2) // _SLEW
        if not 0 <= rest < self.rate:
            self._ms += rest // self.rate
            rest %= self.rate
        self._rest = rest
        return 0

    def ms(self, sample):
        """Unix time of a sample in ms, rounded down; None: not known."""
        if self._ms is None:
            return None
        ahead = sample - self._sample
        if not 0 - _NEAR < ahead < _NEAR:
            self._move(sample)
            ahead = 0
        return self._ms + (ahead * 1000 + self._rest) // self.rate

    def sample(self, unix_ms):
        """Number of the first sample at `unix_ms` or later, so that ms(sample(t)) is t; None: not known. Negative
        before sample 0."""
        if self._ms is None:
            return None
        return self._sample - ((self._ms - unix_ms) * self.rate + self._rest) // 1000

    def _move(self, sample):
        """Moves the anchor to `sample`."""
        rest = (sample - self._sample) * 1000 + self._rest
        self._sample = sample
        self._ms += rest // self.rate
        self._rest = rest % self.rate
