"""The meter's part in tests of aggregation: a Site cuts windows, stages values and keeps what is published."""

from array import array
from types import SimpleNamespace

import numpy as np

from wattless import config
from wattless.metering.aggregation import Aggregation
from wattless.metering.wiring import wiring
from wattless.points import Points
from wattless.time_base import TimeBase

RATE = 12800
FIRST = 16  # sample number of the first window
TICK = 1_767_261_600_000  # 2026-01-01 10:00 UTC, an even hour
TEN_MIN = 600_000
GAP, CRC, UNSYNC, EVENT, SHORT = 1, 16, 32, 64, 256
PHASOR = 4096 * 2**0.5
SITE = {"full_scale_v": 800.0, "full_scale_i": 20.0}
VALUES = {"v_l1": 230.0, "p": 1000.0, "f": 50.0, "thd_v_l1": 2.0}


class Site:
    """The meter's part: cuts windows, begins one at the tick, stages values, keeps what was published.

    start: unix ms of the first window; None: no clock. f: mains frequency, or `seconds` of a window."""

    def __init__(self, start=None, f=None, seconds=None, flicker=None, **settings):
        self.config = config.load({"wiring": "1p2w", **SITE, **settings})
        nominal = self.config.nominal_frequency
        self.cycles = nominal // 5 // (2 if self.config.window == "5/6" else 1)
        self.f = self.cycles / seconds if seconds else f or nominal
        self.points = Points()
        self.time_base = TimeBase(RATE)
        if start is not None:
            self.time_base.set(FIRST, start)
        wires = wiring(self.config.wiring)
        self.meter = Aggregation(self.config, wires, self.cycles, RATE, self.points, self.time_base, flicker)
        volts, amperes = self.config.full_scale_v / 32768, self.config.full_scale_i / 32768
        self.quantities = SimpleNamespace(volts=volts * wires.voltage_scale, amperes=amperes)
        self.spectra = SimpleNamespace(
            summaries=[array("i", bytes(4 * 61)) for _ in range(7)], phasors=[array("i", bytes(408)) for _ in range(7)]
        )
        self.at = FIRST << 16
        self.count = 0
        self.published = []
        publish = self.points.publish_interval

        def observed(update, end, flags):
            publish(update, end, flags)
            if update != "window":
                values = {name: self.points.get(name) for name in self.points.ids(update)}
                self.published.append(SimpleNamespace(update=update, end=end, flags=flags, **values))

        self.points.publish_interval = observed

    def window(self, values=VALUES, flags=0, synced=True, f=None):
        """One window with these values; the next one begins where it ends or at the tick."""
        length = round(self.cycles * RATE * 65536 / (f or self.f))
        first, end = self.at >> 16, self.at + length >> 16
        tick = self.meter.tick_in(first, end)
        for name, value in values.items():
            self.points.stage[self.points.at(name)] = value
        self.meter.window(self.spectra, self.quantities, first, end, self.cycles, length, flags, synced)
        while self.meter.step():
            pass
        for name in values:
            self.points.stage[self.points.at(name)] = float("nan")
        self.at = self.at + length if tick is None else tick << 16
        self.count += 1

    def windows(self, count, **given):
        for _ in range(count):
            self.window(**given)

    def lose(self, seconds, flags=GAP):
        end = (self.at >> 16) + round(seconds * RATE)
        self.meter.unknown(self.at >> 16, end, flags)
        while self.meter.step():
            pass
        self.at = end << 16

    def of(self, update):
        return [p for p in self.published if p.update == update]


def rms(values):
    return float(np.sqrt(np.mean(np.square(np.asarray(values, dtype=float)))))
