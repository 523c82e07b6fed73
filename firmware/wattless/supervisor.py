"""Feeds the watchdog while everything lives: sampling, services and storage have each reported since the last time.

A part reports by `beat(name)`, from where its work is really done: sampling when samples came, services when the Modbus
and console tasks came round, storage when it had nothing to do or got on. What hangs stops reporting, the watchdog is
not fed, and the board restarts; `late` says who it was, as far as somebody is there to ask.
"""


class Supervisor:
    """watchdog: object with feed(), or None: then nothing is fed, but `late` is known all the same.

    parts: names of those who must report. clock: ticks_ms, diff. A part is late after `late_ms` without a report."""

    def __init__(self, watchdog, clock, parts, late_ms=4000):
        self._watchdog = watchdog
        self._clock = clock
        self._late_ms = late_ms
        self._seen = {name: clock.ticks_ms() for name in parts}
        self._fresh = set()
        self.fed = 0

    def beat(self, name):
        """`name` lives. KeyError for a part that was not announced."""
        self._seen[name]
        self._seen[name] = self._clock.ticks_ms()
        self._fresh.add(name)
        if len(self._fresh) == len(self._seen):
            self._fresh.clear()
            self.fed += 1
            if self._watchdog:
                self._watchdog.feed()

    def late(self):
        """Names of the parts that have not reported for late_ms."""
        now = self._clock.ticks_ms()
        return sorted([name for name in self._seen if self._clock.diff(now, self._seen[name]) > self._late_ms])
