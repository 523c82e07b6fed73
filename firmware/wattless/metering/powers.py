"""Powers of IEEE 1459-2010 from rms values and fundamental phasors. Load convention: P > 0 is consumption, Q1 > 0 lags.

V in volts, A in amperes, W, var, VA; phasors are complex rms values. Ratios of nothing are NaN.
"""

from math import atan2, degrees, nan, sqrt

_A = complex(-0.5, 0.8660254037844386)  # a third of a turn
_A2 = complex(-0.5, -0.8660254037844386)


def ratio(a, b):
    return a / b if b > 0 else nan


def hypotenuse(a, b):
    return sqrt(a * a + b * b)


def nonactive(s, p):
    """N = sqrt(S**2 - P**2) (3.1.2.16), unsigned; 0 where rounding leaves P above S."""
    return sqrt(max(0.0, s * s - p * p))


def fundamental(v, i):
    """(P1, Q1) of the phasors `v`, `i` (3.1.2.4, 3.1.2.5)."""
    return v.real * i.real + v.imag * i.imag, v.imag * i.real - v.real * i.imag


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


def nonfundamental(v, v1, i, i1, p, p1):
    """(SN, DI, DV, SH, PH, DH) of one phase (3.1.2.8 to 3.1.2.15): rms values, their fundamentals, active powers."""
    vh = sqrt(max(0.0, v * v - v1 * v1))
    ih = sqrt(max(0.0, i * i - i1 * i1))
    sh = vh * ih
    ph = p - p1
    return sqrt(max(0.0, (v * i) ** 2 - (v1 * i1) ** 2)), v1 * ih, vh * i1, sh, ph, nonactive(sh, ph)


def effective(phase_squares, line_squares, current_squares, neutral_square):
    """Se = 3 Ve Ie (3.2.2.8): squares of three phase voltages, three line voltages, three phase currents, the neutral
    current.

    Four wires: Ve**2 = (3 sum V**2 + sum Vll**2) / 18, Ie**2 = (sum I**2 + In**2) / 3. Three wires (`neutral_square`
    None):
    Ve**2 = sum Vll**2 / 9, Ie**2 = sum I**2 / 3.
    """
    if neutral_square is None:
        return sqrt(sum(line_squares) * sum(current_squares) / 3)
    return 3 * sqrt((3 * sum(phase_squares) + sum(line_squares)) / 18 * (sum(current_squares) + neutral_square) / 3)


def sequence(a, b, c):
    """(positive, negative, zero) sequence phasors of three phases (3.2.2.2)."""
    return (a + _A * b + _A2 * c) / 3, (a + _A2 * b + _A * c) / 3, (a + b + c) / 3
