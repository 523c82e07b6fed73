"""Wiring diagnosis: what 15 windows (3 s) of fundamental phasors say of how the meter is connected.

Every finding is certain under what is written here, or it is not made: CANNOT_TELL then carries the explanations that
are left, UNPROVEN that ordinary values have other explanations too. Findings come and go when two looks agree.
Voltages: their magnitudes and angles to each other are facts. Currents: explanations.py removes what the evidence
contradicts (the setting `site`, Kirchhoff with a measured neutral, the grid's answer to load steps, all over time),
- until right wiring alone is left: then P < 0 is export, and Q1 < 0 with P > 0 is a capacitive load;
- or until right wiring is gone: then the fault is what is left, or, of what is left, what makes the loads balanced.
One reversed CT of four wires is also told by its current being the exact opposite of a balanced three-phase load at
least 10 degrees off the axis of P: then, as with Kirchhoff alone, it is known against the other CTs, not absolutely.

A key is 8 code + channel (0 all, 1 to 3 = L1 to L3, 4 = N).
Cost of it all, on 32-bit ARM with doubles: heap 1.5 KB; garbage 0.6 KB a window, 2.6 KB one with a load step, 3.8 KB a
look (complex numbers of singles take half); 80 k instructions a window, 440 k with a look.
"""

from math import nan

from micropython import const
from wattless.metering import explanations, voltage_checks
from wattless.metering.explanations import Explanations, wrap
from wattless.metering.load_steps import LoadSteps
from wattless.metering.voltage_checks import CANNOT_TELL, VoltageChecks

_FIRST = const(30)  # code of bit 0 of the point wiring_codes; codes.py says what each is. 30 to 35: voltage_checks.py
_CURRENT_MISSING = const(36)
_CT_REVERSED_L1 = const(37)  # L2 38, L3 39
_CT_REVERSED_N = const(40)
_CURRENTS_SWAPPED = const(41)
_VOLTAGES_SWAPPED = const(42)
_PAIRING_120 = const(43)
_PAIRING_240 = const(44)
_EXPORT = const(45)
_LEADING = const(46)
_UNPROVEN = const(48)
_CONTRADICTION = const(49)

# evidence, in the detail of a fault of the currents: bits of explanations.py and
_OPPOSITE = const(16)  # the exact opposite of a balanced load
_RELATIVE = const(32)  # known against the other CTs only
# explanations in the detail of CANNOT_TELL and UNPROVEN: bits of explanations.py,
# _VOLTAGES_ODD of voltage_checks.py, and
_NEUTRAL_ODD = const(16384)  # the neutral's CT against all others

_UNFIT = const(1 | 2 | 16 | 32 | 64 | 128)  # flags: gap, clip, crc, unsync, event, overrun
_WINDOWS = const(15)
_LEAST_CURRENT = 0.01  # of the nominal current: smaller ones say nothing
_LEAST_STEP = 0.03
_CARRIES = 0.05
_NOTHING = 0.01  # of the largest current
_BACK = const(950)  # lag beyond which P < 0 for sure
_LEADS = const(100)  # a clamp is wrong by up to 8 degrees
_ORDINARY_LEAD = const(450)  # a load's angle that needs no explanation
_ORDINARY_LAG = const(650)
_OF_A_LINE = const(300)  # more, of a line of three wires
_BALANCED = 0.04
_BALANCED_ANGLE = const(40)
_OFF_AXIS = const(100)

_VERDICTS = (37, 38, 39, 40, 41, 42, 43, 44, 47, 49)
_NOTES = (_CURRENT_MISSING, _EXPORT, _LEADING, _UNPROVEN)  # not logged


class Diagnosis:
    """config: nominal_voltage, nominal_current, full_scale_i, neutral_current, site, adc_rate; wiring:
    metering.wiring.Wiring; points, log: where findings go.

    mask: bit k for code 30 + k, None: not known yet; windows: of a look."""

    def __init__(self, config, wiring, points, log):
        self._points = points
        self._log = log
        self._rate = config.adc_rate
        self._phases = wiring.phases
        self._three_wires = not wiring.neutral
        self._present = voltage_checks.PRESENT * config.nominal_voltage
        nominal = config.nominal_current or config.full_scale_i / 1.867
        self._carries = _CARRIES * nominal
        self._neutral = config.neutral_current == "measured" and wiring.neutral
        steps = LoadSteps(wiring, _LEAST_STEP * nominal, self._present)
        self.explanations = Explanations(wiring, config.site, _LEAST_CURRENT * nominal, steps)
        self._voltages = VoltageChecks(wiring, config.nominal_voltage)
        self.windows = _WINDOWS
        self.mask = None
        self._v = [0j] * self._phases
        self._i = [0j] * self._phases
        self._sums = [0j] * 7  # of V1 V2 V3 I1 I2 I3 IN
        self._reference = 0
        self._seen = 0
        self._found = {}  # what is reported: key -> (value, detail, sample)
        self.forget()

    def restart(self):
        """Windows are missing: what was begun is dropped, what is known stays."""
        self.explanations.steps.interrupt()
        self._seen = 0
        self._restart_sums()

    def forget(self):
        """The wiring was changed: what it has shown so far does not count any more."""
        self.explanations.restart()
        self._kind = voltage_checks.NORMAL
        self._basis = 0  # the currents that the last verdict saw
        self._before = {}
        self.restart()

    def findings(self):
        """[(code, channel, value, detail), ...] as reported now; what the numbers mean is in codes.py."""
        return [(key // 8, key % 8) + self._found[key][:2] for key in sorted(self._found)]

    def window(self, quantities, synced, flags, sample):
        """Takes the phasors of a window; `sample`: its first one. Every 15th window: a look."""
        if synced and not flags & _UNFIT:
            self._take(quantities)
        else:
            self.explanations.steps.interrupt()
        self._seen += 1
        if self._seen < self.windows:
            return
        if 2 * self._taken > self.windows:
            self._look(sample)
        else:
            if not synced:
                self.forget()  # no voltage: that is when people change the wiring
            self._before = {}
            self.mask = None
            self._points.put("wiring_codes", None)
        self._seen = 0
        self._restart_sums()

    def _restart_sums(self):
        self._taken = 0
        for k in range(len(self._sums)):
            self._sums[k] = 0j

    def _take(self, quantities):
        """Adds up the phasors, rotated so that the first voltage that is present is real."""
        v = quantities.v[self._reference]
        size = abs(v)
        if size < self._present:
            self._reference = (self._reference + 1) % self._phases
            self._restart_sums()
            self.explanations.steps.interrupt()
            return
        turn = complex(v.real, 0 - v.imag) / size
        for k in range(self._phases):
            self._v[k] = x = quantities.v[k] * turn
            self._sums[k] += x
            self._i[k] = x = quantities.i[k] * turn
            self._sums[3 + k] += x
        if self._neutral:
            self._sums[6] += quantities.i_n * turn
        self._taken += 1
        self.explanations.steps.window(self._v, self._i)

    def _look(self, sample):
        self._now = {}
        v, i, means = [], [], self._sums
        for k in range(self._phases):
            v.append(means[k] / self._taken)
            i.append(means[3 + k] / self._taken)
        kind = self._voltages.check(v, self._say)
        if kind != self._kind:
            self.explanations.restart()
            self._basis = 0
            self._kind = kind
        self._missing_currents(i)
        if kind != voltage_checks.ODD:
            self._currents(v, i, means[6] / self._taken if self._neutral else None)
            self._settle()
        self._report(sample)

    def _say(self, code, channel, value, detail):
        self._now[8 * code + channel] = (value, detail)

    # Currents.

    def _missing_currents(self, i):
        if self._phases == 1:
            return
        largest = max([abs(x) for x in i])
        if largest < self._carries:
            return
        for k in range(self._phases):
            if abs(i[k]) < _NOTHING * largest and not (self._three_wires and k == 1):
                self._say(_CURRENT_MISSING, k + 1, abs(i[k]), largest)

    def _currents(self, v, i, i_n):
        known = self.explanations
        if not known.look(v, i, i_n):
            self._hold(True)
            return
        before = known.alive
        if not known.narrow():
            self._say(_CONTRADICTION, 0, self._angle(), known.alive)
            return
        if known.looks < 2:
            self._hold(True)  # nothing is ruled out yet
            return
        left = known.candidates()
        if left == 1:
            self._basis = known.strong
            self._flow()
            if known.alive != 1:
                self._say(_UNPROVEN, 0, self._angle(), known.alive)
        elif known.alive == before and known.strong != self._basis and known.strong & ~self._basis == 0:
            self._hold(False)  # fewer currents than the last verdict had: they know no better
        else:
            self._basis = known.strong
            if left & 1:
                self._open(left)
            else:
                self._fault(left)

    def _settle(self):
        """Verdicts that change from look to look are none."""
        now = before = same = False
        for key in self._now:
            if key // 8 in _VERDICTS:
                now = True
                same = same or key in self._before
        for key in self._before:
            before = before or key // 8 in _VERDICTS
        if now and before and not same:
            self._say(CANNOT_TELL, 0, self._angle(), self.explanations.alive)

    def _hold(self, all_of_them):
        """What was reported of the currents stays."""
        for key in self._found:
            if key // 8 > _CURRENT_MISSING and (all_of_them or key // 8 not in (_EXPORT, _LEADING)):
                self._now[key] = self._found[key][:2]

    def _angle(self):
        """Degrees by which the first current that is large enough lags, as measured."""
        flows = self.explanations.flows()
        return flows[0][1] / 10 if flows else nan

    def _flow(self):
        """The wiring is right: what else would look like a fault is explained."""
        known = self.explanations
        self._neutral_ct(0)
        flows = known.flows()
        self._explain(_EXPORT, [(k, angle) for k, angle in flows if abs(angle) > _BACK])
        self._explain(_LEADING, [(k, angle) for k, angle in flows if 0 - _BACK <= angle < 0 - _LEADS])

    def _explain(self, code, flows):
        if len(flows) == self._phases > 1:
            flows = [(0, flows[0][1])]
        for channel, angle in flows:
            self._say(code, channel, angle / 10, self.explanations.evidence)

    def _open(self, left):
        """Right wiring is one of several explanations."""
        known = self.explanations
        opposite = self._opposite()
        if opposite and left >> opposite & 1:
            self._reversed(opposite, _OPPOSITE | _RELATIVE)
            return
        left = known.alive
        ordinary = True
        more = 0
        if self._three_wires:
            ordinary = self._ordinary(known.total(0), 0)
            more = _OF_A_LINE
        for phase in range(self._phases):
            angle = known.angle(0, phase)
            if angle is not None and not self._ordinary(angle, more):
                ordinary = False
        if known.neutral_turned(0) > 0:
            ordinary = False
            left |= _NEUTRAL_ODD
        self._say(_UNPROVEN if ordinary else CANNOT_TELL, 0, self._angle(), left)

    def _ordinary(self, angle, more):
        """Is it a load's (or, where the setting says so, a generator's) angle that needs no explanation?"""
        angle = wrap(angle + (self.explanations.turn or 0))
        return 0 - _ORDINARY_LEAD - more <= angle <= _ORDINARY_LAG + more

    def _opposite(self):
        """The reversed CT that would make of these currents a balanced load, 0: none or not one for sure."""
        known = self.explanations
        if self._phases < 3 or self._three_wires or known.strong & 7 != 7:
            return 0
        largest = max(known.sizes[:3])
        if min(known.sizes[:3]) < (1 - _BALANCED) * largest:
            return 0
        balanced = known.alike(_BALANCED_ANGLE)
        for n in (1, 2, 4):
            if balanced >> n & 1 and _OFF_AXIS <= known.angle(n, 0) % 1800 <= 1800 - _OFF_AXIS:
                return n
        return 0

    def _fault(self, left):
        """Right wiring is not among the explanations."""
        known = self.explanations
        evidence = 0
        if left & (left - 1) and known.turn is not None:
            balanced = known.balanced(left)
            if balanced != left:
                left = balanced
                evidence = explanations.BALANCE
        if left & (left - 1):
            for n in (1, 2, 4):
                if known.phases == 3 and left == 1 << n | 1 << (7 - n) and known.neutral_turned(n) <= 0:
                    self._reversed(n, evidence | _RELATIVE)
                    return
            self._say(CANNOT_TELL, 0, self._angle(), known.alive)
            return
        n = 0
        while left >> n != 1:
            n += 1
        if n <= known.all:
            self._reversed(n, evidence)
            self._neutral_ct(n)
            return
        evidence |= known.evidence
        if n < explanations.SWAPPED_12:
            self._say(_PAIRING_120 if n == explanations.NEXT else _PAIRING_240, 0, self._angle(), evidence)
        else:
            code = _VOLTAGES_SWAPPED if self._kind == voltage_checks.REVERSED else _CURRENTS_SWAPPED
            alone = (n - explanations.SWAPPED_12 + 2) % 3 + 1
            self._say(code, alone, self._angle(), evidence)

    def _reversed(self, n, evidence):
        known = self.explanations
        for k in range(self._phases):
            if n >> k & 1:
                angle = known.angle(0, k)
                self._say(_CT_REVERSED_L1 + k, k + 1, nan if angle is None else angle / 10, evidence | known.evidence)

    def _neutral_ct(self, n):
        if self.explanations.neutral_turned(n) > 0:
            self._say(_CT_REVERSED_N, 4, nan, self.explanations.evidence | explanations.NEUTRAL)

    # Reports.

    def _report(self, sample):
        now, before, found = self._now, self._before, self._found
        for key in now:
            value, detail = now[key]
            if key in found:
                found[key] = (value, detail, found[key][2])
            elif key in before:
                found[key] = (value, detail, sample)
                self._tell(key, sample, nan)
        for key in list(found):
            if key not in now and key not in before:
                since = found[key][2]
                self._tell(key, since, (sample - since) / self._rate)
                del found[key]
        self.mask = 0
        for key in found:
            self.mask |= 1 << (key // 8 - _FIRST)
        self._before = now
        self._points.put("wiring_codes", self.mask)

    def _tell(self, key, sample, duration):
        if key // 8 not in _NOTES:
            value, detail, _ = self._found[key]
            self._log.add(key // 8, key % 8, sample, duration, value, detail)
