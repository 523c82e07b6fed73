"""How currents and voltages may be connected, and which of these explanations nothing has contradicted yet.

An explanation says on which channel, and with which sign, each phase's current is: right; any set of CTs reversed; all
currents on the next or on the previous phase; two of them exchanged. One act at a time: reversed and exchanged at once
is not looked for. Angles are those by which a fundamental current lags its voltage, in tenths of a degree, -1799..1800.

The wiring does not change by itself, so what contradicts an explanation once (in two looks that follow each other)
removes it for good. Four kinds of evidence do:
    SETTING   site "load" (or "generator"): no phase may give (take) active power. A phase may be anything down to power
              factor 0, and a clamp may be wrong by 10 degrees: within 100 degrees. Three wires: the total, and the
              conventional angle of a line, which a load between two other lines turns by 30 degrees.
    NEUTRAL   Kirchhoff: the phase currents' sum is the neutral current. Used once the neutral's CT has proved that it
              is connected (a tenth of all current, met by a sum within 3 %).
    STEPS     the grid's answer to load steps (load_steps.py): more load, less voltage, in the phase that it is in.
    BALANCE   (only to name a fault that is there for sure, of a site that is set to one direction) the loads of three
              phases are balanced, within 10 % and 10 degrees, while all other explanations make them more different
              than three loads ever are, by more than 100 degrees. Three wires: within 4 % and 4 degrees, and still so
              when the load has changed by 15 %.

Cost: see diagnosis.py.
"""

from array import array
from math import atan2

import micropython
from micropython import const

# Explanations: 1..7 are sets of reversed CTs, bit k for phase k; bit n of a mask is explanation n.
_RIGHT = const(0)
NEXT = const(8)  # channel k has the current of phase k + 1
_PREVIOUS = const(9)  # channel k has the current of phase k - 1
SWAPPED_12 = const(10)
_SWAPPED_23 = const(11)
_SWAPPED_31 = const(12)
COUNT = const(13)
_EXCHANGES = const(0x1F00)

_SETTING = const(1)  # evidence
NEUTRAL = const(2)
_STEPS = const(4)
BALANCE = const(8)

_MINUS = const(8)
# Channel of the current of phases 1, 2, 3 for each explanation, and 8 when it is reversed. Three wires: the fourth
# channel is i1 - i3, which with one of the two CTs reversed is the current of phase 2.
_TRUE = bytes((0, 1, 2, 8, 1, 2, 0, 9, 2, 8, 9, 2, 0, 1, 10, 8, 1, 10, 0, 9, 10, 8, 9, 10))
_TRUE += bytes((2, 0, 1, 1, 2, 0, 1, 0, 2, 0, 2, 1, 2, 1, 0))
_THREE_WIRES = bytearray(_TRUE)
_THREE_WIRES[3:6] = bytes((8, 3, 2))
_THREE_WIRES[12:15] = bytes((0, 11, 10))
_THREE_WIRES[15:18] = bytes((8, 9, 10))

_LIMIT = const(1000)  # tenths of a degree, at which a load's current still may be
_LIMIT_OF_A_LINE = const(1300)
_ALIKE = const(100)
_EQUAL = 0.9
_DIFFERENT = const(1000)
_ALIKE_LINES = const(40)
_EQUAL_LINES = 0.96
_OTHER = 0.15  # of a current: another level
_UNKNOWN = const(0x7FFF)  # in the table of lags: the current is too small
_TENTHS = 572.9577951308232
_FITS = 0.03  # of all current: Kirchhoff's sum is met
_FAILS = 0.12  # it is not
_FLOWS = 0.1  # a neutral current that proves its CT
_WEAK = 0.03  # of the largest current: says nothing


def wrap(angle):
    return (angle + 1799) % 3600 - 1799


def argument(x):
    """Angle of a phasor."""
    return int(atan2(x.imag, x.real) * _TENTHS)


@micropython.viper
def _differences(arguments: ptr16, angles: ptr16, voltages: int, currents: int):
    m = 0
    while m < voltages:
        ahead = (arguments[m] ^ 0x8000) - 0x8000
        k = 0
        while k < currents:
            lag = ahead - ((arguments[4 + k] ^ 0x8000) - 0x8000)
            if lag > 1800:
                lag -= 3600
            elif lag <= 0 - 1800:
                lag += 3600
            angles[4 * m + k] = lag
            k += 1
        m += 1


_arguments = array("h", bytes(16))  # of voltages and currents, for `lags`


def lags(v, i, angles):
    """angles[4 m + k] = lag of current i[k] behind voltage v[m]."""
    for m in range(len(v)):
        _arguments[m] = argument(v[m])
    for k in range(len(i)):
        _arguments[4 + k] = _arguments[k] if v is i else argument(i[k])
    _differences(_arguments, angles, len(v), len(i))


@micropython.viper
def _fill(true: ptr8, angles: ptr16, table: ptr16, strong: int):
    """table[3 n + phase] = lag in `phase` when explanation n is true."""
    at = 0
    phase = 0
    while at < 39:
        k = true[at]
        lag = 0x7FFF
        if (strong >> (k & 7)) & 1:
            lag = (angles[4 * phase + (k & 7)] ^ 0x8000) - 0x8000
            if k & 8:
                lag += 1800
                if lag > 1800:
                    lag -= 3600
        table[at] = lag
        at += 1
        phase += 1
        if phase == 3:
            phase = 0


@micropython.viper
def _within(table: ptr16, centre: int, limit: int) -> int:
    """Mask of the explanations with which every lag is within `limit` of `centre` (0 or 1800)."""
    mask = 0
    n = 0
    while n < 13:
        inside = 1
        at = 3 * n
        while at < 3 * n + 3:
            lag = table[at]
            if lag != 0x7FFF:
                lag = (lag ^ 0x8000) - 0x8000 - centre
                if lag < 0:
                    lag = 0 - lag
                if lag > 1800:
                    lag = 3600 - lag
                if lag > limit:
                    inside = 0
            at += 1
        mask |= inside << n
        n += 1
    return mask


@micropython.viper
def _alike(table: ptr16, limit: int) -> int:
    """Mask of the explanations with which no two lags are further apart than `limit`."""
    mask = 0
    n = 0
    while n < 13:
        inside = 1
        a = 0
        while a < 2:
            b = a + 1
            while b < 3:
                one = table[3 * n + a]
                other = table[3 * n + b]
                if one != 0x7FFF and other != 0x7FFF:
                    apart = ((one ^ 0x8000) - 0x8000) - ((other ^ 0x8000) - 0x8000)
                    if apart < 0:
                        apart = 0 - apart
                    if apart > 1800:
                        apart = 3600 - apart
                    if apart > limit:
                        inside = 0
                b += 1
            a += 1
        mask |= inside << n
        n += 1
    return mask


class Explanations:
    """wiring: metering.wiring.Wiring; site: "load", "generator" or "both"; least: A, below which a current says
    nothing; steps: LoadSteps.

    alive: mask of what nothing has contradicted; evidence: mask of what has removed something; looks: so many since
    `restart`; strong: mask of the currents that were large enough in the last one; turn: what makes an angle one of a
    load, by the setting (None: "both")."""

    def __init__(self, wiring, site, least, steps):
        self.phases = phases = wiring.phases
        self.three_wires = not wiring.neutral
        self.all = (1 << phases) - 1  # all CTs reversed
        if self.three_wires:
            self.universe = 0x33 | _EXCHANGES
        else:
            self.universe = (2 << self.all) - 1
            self.universe |= _EXCHANGES if phases == 3 else 1 << SWAPPED_12 if phases == 2 else 0
        self.turn = None if site == "both" else 0 if site == "load" else 1800
        self._least = least
        self.steps = steps
        self.true = _THREE_WIRES if self.three_wires else _TRUE
        self._angles = array("h", bytes(24))
        self._table = array("h", bytes(78))
        self.sizes = [0.0] * 4
        self.restart()

    def restart(self):
        """Forgets what was seen: all explanations are possible again."""
        self.alive = self._before = self.universe
        self.evidence = 0
        self.looks = 0
        self._lasting = 0  # the explanation with which three wires have been balanced up to now
        self._level = 0.0
        self.neutral_proved = False
        self.strong = 0
        self.steps.restart()

    def look(self, v, i, i_n):
        """Takes the mean phasors of a look: `v`, `i` lists of `phases` (`i` may get one more), `i_n` or None.

        Returns False when no current is large enough to say anything."""
        if self.three_wires:
            i.append(i[0] - i[2])
        lags(v, i, self._angles)
        largest = self._least
        for k in range(len(i)):
            self.sizes[k] = size = abs(i[k])
            largest = max(largest, _WEAK * size)
        self.strong = 0
        for k in range(len(i)):
            if self.sizes[k] >= largest:
                self.strong |= 1 << k
        _fill(self.true, self._angles, self._table, self.strong)
        self._v = v
        self._i = i
        self._i_n = i_n
        return self.strong != 0

    def narrow(self):
        """Removes from `alive` what this look and the one before contradict.

        Returns False when nothing would be left and the wiring does not look right either: then `alive` stays. When
        everything but right wiring was thought possible and now it looks right, somebody has mended it."""
        self.looks += 1
        directed = self._directed()
        summed = self._kirchhoff()
        voted = ~self.steps.outvoted(self.true)
        possible = self.universe & directed & summed & voted
        alive = self.alive & (possible | self._before)
        self._before = possible
        if not alive:
            if not possible & 1:
                return False
            looks = self.looks
            self.restart()
            self.looks = looks
            self._before = alive = possible
        gone = self.alive & ~alive
        for mask, kind in ((directed, _SETTING), (summed, NEUTRAL), (voted, _STEPS)):
            if gone & ~mask:
                self.evidence |= kind
        self.alive = alive
        return True

    def angle(self, n, phase):
        """Lag in `phase` when explanation n is true; None when its current is too small."""
        lag = self._table[3 * n + phase]
        return None if lag == _UNKNOWN else lag

    def alike(self, limit):
        """Mask of the explanations with which the phases' lags are within `limit`."""
        return _alike(self._table, limit)

    def neutral_turned(self, n):
        """When the CTs `n` are reversed: is the neutral's too? 1 yes, -1 no, 0 not known."""
        if self._i_n is None or not self.neutral_proved or n > self.all:
            return 0
        total = self._sum(n)
        straight, turned = abs(total - self._i_n) < self._limit, abs(total + self._i_n) < self._limit
        return turned - straight

    def candidates(self):
        """`alive` without sets of CTs that differ from others there in small currents only."""
        weak = self.all & ~self.strong
        found = self.alive
        for n in range(1, self.all + 1):
            if n & weak and self.alive >> n & self.alive >> (n & ~weak) & 1:
                found &= ~(1 << n)
        return found

    def balanced(self, mask):
        """The one of `mask` with which the loads are balanced, if BALANCE counts; else `mask`."""
        found = mask & self.alike(_ALIKE_LINES if self.three_wires else _ALIKE)
        if self.phases < 3 or not found or found & (found - 1):
            self._lasting = 0
            return mask
        n = 0
        while found >> n != 1:
            n += 1
        sizes = [self.sizes[self.true[3 * n + phase] & 7] for phase in range(3)]
        largest = max(sizes)
        if min(sizes) < (_EQUAL_LINES if self.three_wires else _EQUAL) * largest:
            self._lasting = 0
            return mask
        if not self.three_wires:
            return found if found == mask & self.alike(_DIFFERENT) else mask
        if found != self._lasting:
            self._lasting, self._level = found, largest
            return mask
        if abs(largest - self._level) > _OTHER * self._level:
            self._level = 0.0  # from now on every level is another one
        return mask if self._level else found

    def _directed(self):
        """Mask of the explanations with which the site's power flows as the setting says."""
        if self.turn is None:
            return self.universe
        found = self.universe & _within(self._table, self.turn, _LIMIT_OF_A_LINE if self.three_wires else _LIMIT)
        if self.three_wires:
            for n in range(COUNT):
                if found >> n & 1 and abs(wrap(self.total(n) + self.turn)) > _LIMIT:
                    found &= ~(1 << n)
        return found

    def total(self, n):
        """Lag of the total power of three wires when explanation n is true."""
        total = 0j
        for phase in range(3):
            k = self.true[3 * n + phase]
            i = self._i[k & 7]
            power = self._v[phase] * complex(i.real, 0 - i.imag)
            total = total - power if k & _MINUS else total + power
        return argument(total)

    def flows(self):
        """[(channel of the log, lag)] as measured: of each phase whose current is large enough; three wires: the total.
        Channel 0 stands for all phases."""
        if self.three_wires:
            return [(0, self.total(_RIGHT))]
        found = []
        for phase in range(self.phases):
            angle = self.angle(_RIGHT, phase)
            if angle is not None:
                found.append((phase + 1, angle))
        return found

    def _sum(self, n):
        """Sum of the phase currents when the CTs n are reversed."""
        total = 0j
        for k in range(self.phases):
            total = total - self._i[k] if n >> k & 1 else total + self._i[k]
        return total

    def _kirchhoff(self):
        """Mask of the explanations with which the phase currents add up to the neutral's, whichever way that one's CT
        is mounted. An exchange leaves the sum as it is; sets and their complements differ in the sign of all."""
        if self._i_n is None or self.phases == 1:
            return self.universe
        size = abs(self._i_n)
        everything = size + sum(self.sizes[: self.phases])
        self._limit = best = everything * _FAILS
        found = 0
        whole = self._sum(0)
        for n in (0, 1, 2, 4) if self.phases == 3 else (0, 1):
            total = whole - 2 * self._i[n >> 1] if n else whole
            error = min(abs(total - self._i_n), abs(total + self._i_n))
            best = min(best, error)
            if error < self._limit:
                found |= 1 << n | 1 << (self.all - n)
        if best > everything * _FITS:
            return self.universe  # a neutral that fits nothing proves nothing
        if size > everything * _FLOWS:
            self.neutral_proved = True
        if not self.neutral_proved:
            return self.universe
        return found | _EXCHANGES if found & 1 else found
