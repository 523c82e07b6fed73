"""Which voltages reach the meter: all of them, on phases of their own, the right way round, in the right order.

Facts of magnitudes and of angles to each other: no assumption about loads. Four wires: voltages to neutral; three: v12
and v32, which are measured. `check` calls say(code, channel, value, detail) for what it finds; codes.py explains them.
Cost: see diagnosis.py.
"""

from array import array
from math import nan

from micropython import const
from wattless.metering import powers
from wattless.metering.explanations import lags, wrap

_SEQUENCE_REVERSED = const(30)
_VOLTAGE_MISSING = const(31)
_SAME_PHASE = const(32)
_VOLTAGE_REVERSED = const(33)
_NEUTRAL_SHIFTED = const(34)
_VOLTAGE_LEVEL = const(35)
CANNOT_TELL = const(47)

_VOLTAGES_ODD = const(8192)  # in the detail of CANNOT_TELL, where diagnosis.py has bits of explanations

NORMAL, REVERSED, ODD = range(3)  # kinds of voltages: L1 L2 L3; L1 L3 L2; currents say nothing with them

PRESENT = 0.1  # of the nominal voltage: what is less is missing
_LOW, _HIGH = 0.8, 1.2
_THIRD = const(1200)  # tenths of a degree
_NEAR = const(200)
_SMALL = const(50)
_SAME = 0.3  # line voltage between two of the same phase, at most, of the larger one
_UNBALANCED = 0.1  # negative over positive sequence: more than any grid has
_SHIFTED = 0.15  # zero over positive sequence


def near(angle, expected):
    return abs(wrap(angle - expected)) <= _NEAR


class VoltageChecks:
    """wiring: metering.wiring.Wiring; nominal: V, to neutral, of three wires line to line."""

    def __init__(self, wiring, nominal):
        self._phases = wiring.phases
        self._three_wires = not wiring.neutral
        self._nominal = nominal
        self._angles = array("h", [0] * 12)

    def check(self, v, say):
        """`v`: phasors of the phases. Returns the kind of voltages."""
        channels = list(range(self._phases))
        if self._three_wires:
            v = [v[0] - v[1], 0j, v[2] - v[1]]
            channels = [0, 2]
        shares = [abs(x) / self._nominal for x in v]
        missing = [k for k in channels if shares[k] < PRESENT]
        for k in missing:
            say(_VOLTAGE_MISSING, k + 1, 100 * shares[k], nan)
        if missing:
            return ODD
        kind = NORMAL
        if self._phases > 1:
            lags(v, v, self._angles)
            if self._same_phase(v, channels, say):
                kind = ODD
            elif self._three_wires:
                kind = self._two_lines(say)
            elif self._phases == 2:
                kind = self._halves(say)
            elif not self._ordinary(shares):
                kind = self._stars(v, say)
        if kind != ODD:
            self._levels(shares, channels, say)
        return kind

    def _same_phase(self, v, channels, say):
        """Two that are the same voltage; a neutral that floats leaves line voltages as they are."""
        found = False
        for k in channels:
            for m in channels:
                angle = self._angles[4 * m + k]
                if m < k and near(angle, 0) and abs(v[k] - v[m]) < _SAME * max(abs(v[k]), abs(v[m])):
                    say(_SAME_PHASE, k + 1, angle / 10, m + 1)
                    found = True
        return found

    def _two_lines(self, say):
        """v32 leads v12 by 60 degrees."""
        angle = self._angles[2]
        if near(angle, -600):
            return NORMAL
        if near(angle, 600):
            say(_SEQUENCE_REVERSED, 0, angle / 10, nan)
            return REVERSED
        if near(angle, 1800):
            say(_VOLTAGE_MISSING, 2, nan, nan)  # both see half of v13
        elif near(angle, _THIRD) or near(angle, 0 - _THIRD):
            say(_VOLTAGE_REVERSED, 0, angle / 10, nan)
        else:
            say(CANNOT_TELL, 0, angle / 10, _VOLTAGES_ODD)
        return ODD

    def _halves(self, say):
        """Two halves of a transformer, or two phases of three."""
        angle = self._angles[1]
        if near(angle, 1800) or near(angle, _THIRD) or near(angle, 0 - _THIRD):
            return NORMAL
        say(CANNOT_TELL, 0, angle / 10, _VOLTAGES_ODD)
        return ODD

    def _ordinary(self, shares):
        """Spares most looks the sequence components: 5 degrees and 10 % are neither unbalanced nor shifted too far."""
        angles = self._angles
        straight = abs(angles[1] - _THIRD) <= _SMALL and abs(angles[2] + _THIRD) <= _SMALL
        return straight and 0.9 <= min(shares) and max(shares) <= 1.1

    def _stars(self, v, say):
        """Positive and negative sequence are of the line voltages, the zero sequence says where the neutral is."""
        kind = NORMAL
        positive, negative, zero = [abs(x) for x in powers.sequence(v[0], v[1], v[2])]
        if negative > positive:
            positive, negative = negative, positive
            kind = REVERSED
        unbalanced = negative > _UNBALANCED * positive
        if unbalanced:
            third = _THIRD if kind == NORMAL else 0 - _THIRD
            for k in range(3):
                if not near(self._angles[4 * k + (k + 1) % 3], third):
                    self._one_reversed(say)
                    return ODD
        if kind == REVERSED:
            say(_SEQUENCE_REVERSED, 0, self._angles[1] / 10, nan)
        if zero > _SHIFTED * positive and not unbalanced:
            say(_NEUTRAL_SHIFTED, 0, 100 * zero / positive, 100 * negative / positive)
            return ODD
        return kind

    def _one_reversed(self, say):
        """One of three is at 60 degrees to both others, and those at 120 to each other."""
        angles = self._angles
        for k in range(3):
            m, n = (k + 1) % 3, (k + 2) % 3
            if near(abs(angles[4 * m + n]), _THIRD) and near(abs(angles[4 * k + m]), 600):
                if near(abs(angles[4 * k + n]), 600):
                    say(_VOLTAGE_REVERSED, k + 1, angles[4 * k + m] / 10, nan)
                    return
        say(CANNOT_TELL, 0, angles[1] / 10, _VOLTAGES_ODD)

    def _levels(self, shares, channels, say):
        shares = [shares[k] for k in channels]
        if _LOW <= min(shares) and max(shares) <= _HIGH:
            return
        wrong = [n for n in range(len(shares)) if not _LOW <= shares[n] <= _HIGH]
        if len(wrong) == len(shares) > 1 and max(shares) < 1.05 * min(shares):
            say(_VOLTAGE_LEVEL, 0, 100 * sum(shares) / len(shares), nan)
        else:
            for n in wrong:
                say(_VOLTAGE_LEVEL, channels[n] + 1, 100 * shares[n], nan)
