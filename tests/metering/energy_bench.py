"""What the tests of energy share: a stage to fill, registers to read, and what they must be, in exact fractions."""

import math
from array import array
from fractions import Fraction

import numpy as np

from wattless import config
from wattless.metering.energy import LINES, QUANTITIES, Energy
from wattless.metering.wiring import wiring

RNG = np.random.default_rng(6205324)
STAGED = ("v", "p", "q1", "s", "s1")
WINDOW = 2560 * 65536
NAN = math.nan
PHASES = {"1p2w": 1, "1p3w": 2, "3p4w": 3, "3p3w": 3}


class Fake:
    """Points with the rows that Energy knows: five stages of four, and the registers that were put."""

    def __init__(self):
        self.stage = array("f", [NAN] * 4 * len(STAGED))
        self.put_values = {}
        self.puts = 0

    def at(self, name):
        family, line = name.rsplit("_", 1)
        return 4 * STAGED.index(family) + int(line[1]) - 1

    def put(self, name, value):
        assert 0 <= value < 1 << 64
        self.put_values[name] = value
        self.puts += 1

    def load(self, p, q, v=230.0, s=None, s1=None):
        """Powers of the phases into the stage; S and S1 so large that nothing is suppressed."""
        for k in range(len(p)):
            apparent = (math.hypot(p[k], q[k]) + 1000 if s is None else s[k]) if p[k] == p[k] else NAN
            size = (1e9 if s1 is None else s1[k]) if q[k] == q[k] else NAN
            for row, value in enumerate((v, p[k], q[k], apparent, size)):
                self.stage[4 * row + k] = value


def meter(**given):
    points = Fake()
    settings = config.load(given)
    return Energy(settings, wiring(settings.wiring), points), points


def registers(energy, points):
    energy.publish(points)
    return dict(points.put_values)


def quadrant(p, q):
    """IEC 62053-23 annex C."""
    return {(1, 1): 1, (0, 1): 2, (0, 0): 3, (1, 0): 4}[p >= 0, q >= 0]


def expected(windows, phases, rate, netting):
    """The registers that `windows`, tuples (length, p, q, s) of singles, leave. Exact: Fractions of a mWh."""
    exact = {}

    def add(quantity, line, power, length):
        if power != 0:
            joules = abs(power) * length / (65536 * rate)
            key = quantity + LINES[line]
            exact[key] = exact.get(key, 0) + joules * 1000 / 3600

    for length, *powers in windows:
        p, q, s = ([Fraction(x) for x in row] for row in powers)
        lines = [(k, p[k], q[k], s[k]) for k in range(phases)]
        if netting:
            lines.append((3, sum(p), sum(q), sum(s)))
        for line, active, reactive, apparent in lines:
            add("wh_import" if active >= 0 else "wh_export", line, active, length)
            add(f"varh_q{quadrant(active, reactive)}", line, reactive, length)
            add("vah", line, apparent, length)
    lines = [*range(phases), 3]
    counts = {name + LINES[k]: math.floor(exact.get(name + LINES[k], 0)) for name in QUANTITIES for k in lines}
    if not netting:
        for name in QUANTITIES:
            counts[name] = sum(counts[name + LINES[k]] for k in range(phases))
    for k in lines:
        line = LINES[k]
        counts["varh_import" + line] = counts["varh_q1" + line] + counts["varh_q2" + line]
        counts["varh_export" + line] = counts["varh_q3" + line] + counts["varh_q4" + line]
    return counts


def singles(values):
    return [float(x) for x in np.asarray(values, np.float32)]


def walk(count, phases, watts):
    """Windows of a random walk through all four quadrants, lengths between those of 42.5 and 57.5 Hz."""
    p, q = (watts * np.cumsum(RNG.normal(size=(count, phases)), 0) / 5 for _ in range(2))
    lengths = RNG.integers(2226, 3012, count) * 65536 + RNG.integers(0, 65536, count)
    s = np.hypot(p, q) * 1.1
    return [(int(n), singles(a), singles(b), singles(c)) for n, a, b, c in zip(lengths, p, q, s, strict=True)]


def feed(energy, points, windows):
    for length, p, q, s in windows:
        points.load(p, q, s=s)
        assert energy.window(length) is False
