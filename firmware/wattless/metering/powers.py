"""Powers of IEEE 1459-2010 from rms values and fundamental phasors. Load convention: P > 0 is consumption, Q1 > 0 lags.

V in volts, A in amperes, W, var, VA; phasors are complex rms values. Ratios of nothing are NaN.
"""

from math import atan2, degrees, nan, sqrt

_THIRD = 1 / 3
_TURN = complex(0.0, 0.8660254037844386) * _THIRD  # half the difference of a third of a turn and two thirds


def ratio(a, b):
    return a / b if b > 0 else nan


def hypotenuse(a, b):
    return sqrt(a * a + b * b)


def rest(a, b):
    """sqrt(a**2 - b**2), 0 where rounding leaves b above a."""
    return sqrt(max(0.0, (a - b) * (a + b)))


def nonactive(s, p, n):
    """N = sqrt(S**2 - P**2) (3.1.2.16) of phases together: their S, P and N in lists, S arithmetic. Each term is free
    of cancellation, so that single precision leaves the result good to 1e-6 of S."""
    total = 0.0
    for j in range(len(s)):
        total += n[j] * n[j]
        for k in range(j):
            active, apparent = p[j] * p[k], s[j] * s[k]
            if active > 0:
                total += 2 * ((s[j] * n[k]) ** 2 + (p[k] * n[j]) ** 2) / (apparent + active)
            else:
                total += 2 * (apparent - active)
    return sqrt(total)


def active(v, i):
    """P1 of the phasors `v`, `i` (3.1.2.4)."""
    return v.real * i.real + v.imag * i.imag


def reactive(v, i):
    """Q1 of the phasors `v`, `i` (3.1.2.5)."""
    return v.imag * i.real - v.real * i.imag


def angle(p1, q1):
    """phi1 in degrees, the sign of Q1; NaN without power."""
    return degrees(atan2(q1, p1)) if p1 or q1 else nan


def quadrant(p, q1):
    """1..4 by the signs of P and Q1 (IEC 62053-23 annex C); NaN without power."""
    if not (p or q1):
        return nan
    if q1 >= 0:
        return 1 if p >= 0 else 2
    return 4 if p >= 0 else 3


def nonfundamental(v1, vh, i1, ih, ph, units=1.0):
    """(SN, DI, DV, SH, DH) from the fundamentals and the rests of voltage and current and the harmonic active power
    PH: of a phase (3.1.2.8 to 3.1.2.15), or with the effective values and 3 units in total (3.2.2.8)."""
    if units != 1:
        v1, vh = units * v1, units * vh
    di, dv, sh = v1 * ih, vh * i1, vh * ih
    return sqrt(di * di + dv * dv + sh * sh), di, dv, sh, rest(sh, abs(ph))


def effective_voltage(phase_squares, line_squares):
    """Ve (3.2.2.8): four wires sqrt((3 sum V**2 + sum Vll**2) / 18); three wires (`phase_squares` None)
    sqrt(sum Vll**2 / 9)."""
    if phase_squares is None:
        return sqrt(sum(line_squares)) / 3
    return sqrt((3 * sum(phase_squares) + sum(line_squares)) / 18)


def effective_current(phase_squares, neutral_square):
    """Ie (3.2.2.8) = sqrt((sum I**2 + In**2) / 3); three wires: `neutral_square` is 0."""
    return sqrt((sum(phase_squares) + neutral_square) / 3)


def sequence(a, b, c):
    """(positive, negative, zero) sequence phasors of three phases (3.2.2.2)."""
    both = b + c
    turned = _TURN * (b - c)
    rest = (a - 0.5 * both) * _THIRD
    return rest + turned, rest - turned, (a + both) * _THIRD
