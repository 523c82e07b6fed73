"""The larger source of one harmonic of one phase, from what metering/source.py has gathered: pure functions of numbers.

Model: V = E_u - Z_u I = E_c + Z_c I, I flowing from the grid (u) to the site (c). Between two samples the grid's source
moves by a, the site's by b, independent of each other. Then with Z_s = Z_u + Z_c and r = |a| / |b|:

    -<dV dI*> / <|dI|**2> = Z_u - r**2 / (1 + r**2) Z_s          what a regression finds
    rest: s**2 = <|dV|**2> / <|dI|**2> - |...|**2 = (r / (1 + r**2) |Z_s|)**2

so the rest that the regression leaves (coherence g**2 = |z|**2 / (|z|**2 + s**2)) tells how far off it is: r**2 Z_s is
about s**2 / Z_s*, within the band that Z_s is known to lie in. `impedance` takes this bias out and counts what it may
still be, and the statistical error 2 s / sqrt(n), as its error; a background that moves too much makes that error
large.

The verdict is that of the critical impedance (W. Xu, X. Liu, Y. Liu 2004): with w = E_u / I = V / I + Z_u,

    |E_u| > |E_c|   <=>   |Z_s| < CI = 2 Re(w* e^(j arg Z_s))

over a band of |Z_s| and three angles. A verdict needs _SURE of that band (uniform in the logarithm) on its side.
"""

from math import log, sqrt

from micropython import const

UNKNOWN = const(0)
GRID = const(1)
SITE = const(2)
BOTH = const(3)

_MOST_ERROR = 0.4  # of |Z_u|: beyond it, it is not known
_SURE = 0.9  # share of the band
_ANGLES = (  # cos, sin of arg Z_s: resistances with X / R of 1.2 to 6
    (0.6428, 0.7660),  # 50 degrees
    (0.4226, 0.9063),  # 65
    (0.1736, 0.9848),  # 80
)


def impedance(means, at, ratio, n, low, high):
    """(Z_u, error) in ohm from means[at:]: <|dV|**2>, <|dI|**2>, re, im of <dV dI*> of `n` differences. (0j, None): not
    known.

    ratio: ohm of equal units of V and I; low, high: the band of |Z_c| in ohm."""
    if means[at + 1] <= 0:
        return 0j, None
    scale = ratio / means[at + 1]
    zr = means[at + 2] * scale
    zi = means[at + 3] * scale
    square = zr * zr + zi * zi
    size = sqrt(square)
    rest = (means[at] * ratio * scale - square) * n / (n - 1)
    if rest < 0:
        rest = 0.0
    most = rest / (low + 0.7 * size)  # two impedances at most 45 degrees apart
    least = rest / (high + size)
    error = 2 * sqrt(rest / (n - 1)) + (most - least) / 2
    if not error < _MOST_ERROR * size:
        return 0j, None
    bias = (most + least) / 2
    r = 0.42 * bias - zr
    x = 0.91 * bias - zi
    # A grid is passive; +Z_c, the mark of a grid that moves, lies opposite.
    if r < -0.1 * x or x < -0.3 * r:
        return 0j, None
    return complex(r, x), error


def site_impedance(means, at, ratio, n, z, error):
    """(Z_s, relative error) from the means of movements that nobody told of, with Z_u = `z` known from elsewhere;
    (0j, None): not known.

    a = dV + Z_u dI is then the grid's own movement, and <a dI*> = <|a|**2> / Z_s*."""
    squares = means[at + 1]
    d = complex(means[at + 2], means[at + 3]) * ratio + z * squares  # <a dI*>
    a = means[at] * ratio * ratio + abs(z) ** 2 * squares
    a += 2 * ratio * (z.real * means[at + 2] + z.imag * means[at + 3])  # <|a|**2>
    size = abs(d)
    if a <= 0:
        return 0j, None
    unsure = error * squares + 2 * sqrt(a * squares / n)
    if not unsure < _MOST_ERROR * size:
        return 0j, None
    return d * (a / (size * size)), max(0.05, unsure / size)


def around(z, spread):
    """Angles as `verdict` wants them: that of `z`, and `spread` radians to both sides."""
    size = abs(z)
    cos = z.real / size
    sin = z.imag / size
    across, along = spread * sin, spread * cos
    shorter = 1 / sqrt(1 + spread * spread)
    return (
        ((cos + across) * shorter, (sin - along) * shorter),
        (cos, sin),
        ((cos - across) * shorter, (sin + along) * shorter),
    )


def excused(v, w, unsure, least):
    """Could a site that is a capacitor, of `least` ohm to 100 times that, make the grid the larger source?

    At rest it would be v = V / I itself; else E_c / I = v + jX, and a third of all capacitors must not do it.
    w, unsure: as for `verdict`."""
    x = -v.imag
    if x > least and abs(v.real) < 0.2 * x:
        return True
    size = abs(w) + unsure / 2
    square = size * size - v.real * v.real
    if square <= 0:
        return False
    aside = sqrt(square)
    return min(100 * least, x + aside) > 4.6 * max(least, x - aside)


def verdict(w, unsure, least, most, angles=_ANGLES):
    """(verdict, confidence in %): `w` = E_u / I with its uncertainty in ohm, the band of |Z_s| in ohm.

    The confidence in `both` is what the less likely side has."""
    re, im = 2 * w.real, 2 * w.imag
    cos, sin = angles[1]
    critical = re * cos + im * sin
    grid = critical > 0 and critical * critical > least * most  # the likelier one
    if grid:
        unsure = -unsure
    product = 1.0
    for cos, sin in angles:
        # How much of the band lies below the critical impedance, in logarithms summed over the angles.
        critical = re * cos + im * sin + unsure
        if critical > least:
            product *= (critical if critical < most else most) / least
    share = log(product) / (len(angles) * log(most / least))
    if not grid:
        share = 1 - share
    if share > _SURE:
        return GRID if grid else SITE, int(100 * share)
    return BOTH, int(100 * (share if share < 0.5 else 1 - share))
