"""The parts of metering.source: its kernels against float64, its formulas against closed forms."""

import math
from array import array

import numpy as np
import pytest

from wattless.metering import source_verdict as formulas
from wattless.metering.source_moves import Moves

ZU, ZC = 0.05 + 0.25j, 0.3 + 2.0j  # group I of the reference, order 5
BIG = 1 << 27


# The kernels.


@pytest.mark.parametrize("degrees", [0, 0.001, 45, 90, 137.5, 180, 269.999, 300])
@pytest.mark.parametrize("phasor", [(BIG, 0), (-BIG, BIG), (123457, -98765), (3, -1), (0, -BIG)])
def test_a_phasor_is_turned(degrees, phasor):
    moves, phasors = Moves(2), array("i", [0] * 6 + list(phasor))
    turn = complex(np.exp(1j * math.radians(degrees)))
    moves.aim(3, turn)
    moves.sample(1, phasors, phasors, False, 0.0)
    for got in moves.level(1):
        assert abs(got - complex(*phasor) * turn) < 8
    assert moves.samples(1) == 1 and moves.level(0) == (0, 0)


def test_the_level_is_a_mean():
    moves = Moves(1)
    moves.aim(3, 1 + 0j)
    samples = np.random.default_rng(2).integers(-BIG, BIG, (32, 4))
    for x in samples.tolist():
        moves.sample(0, array("i", [0] * 6 + x[:2]), array("i", [0] * 6 + x[2:]), False, 0.0)
    expected = samples.mean(axis=0)
    v, i = moves.level(0)
    assert np.allclose([v.real, v.imag, i.real, i.imag], expected, atol=64)
    assert moves.samples(0) == 32


def gathered(differences, told=False, turned=0.0):
    """A Moves that saw (dV, dI) in words, one after the other and back again, and its means as floats."""
    moves, v, i = Moves(1), array("i", [0] * 8), array("i", [0] * 8)
    moves.aim(3, 1 + 0j)
    moves.sample(0, v, i, False, turned)
    for n, (dv, di) in enumerate(differences):
        for phasor, move in ((v, dv), (i, di)):
            for at, x in ((6, move.real), (7, move.imag)):
                phasor[at] = 0 if n & 1 else round(x)
        if n & 1:  # from the last place to zero: the difference is that of before, backwards
            dv, di = differences[n - 1]
        moves.sample(0, v, i, told, turned)
    number, at, f, e = moves.evidence(0, told)
    return moves, np.array(moves.means[at : at + 4]) * (1.0 * f * f, 1.0 * e * e, 1.0 * f * e, 1.0 * f * e)


def doubled(values):
    """Each twice: what `gathered` makes of differences, there and back."""
    return [pair for pair in values for _ in (0, 1)]


def normal(rng, n):
    return (rng.normal(size=n) + 1j * rng.normal(size=n)) / np.sqrt(2)


def pairs_of(v, i):
    return doubled(zip(v.tolist(), i.tolist(), strict=True))


@pytest.mark.parametrize("told, n", [(False, 60), (True, 8)])
@pytest.mark.parametrize("volts", [300, 3e4, 3e6, 5e7])
@pytest.mark.parametrize("amperes", [1e4, 1e6, 5e7])
def test_means(volts, amperes, told, n):
    """Differences of the same size: plain means, the impedance to 1e-3."""
    rng = np.random.default_rng(3)
    i = amperes * np.exp(2j * np.pi * rng.random(n))
    v = np.round(-volts / amperes * (0.2 + 0.8j) * i * (1 + 0.02 * normal(rng, n)))
    moves, means = gathered(pairs_of(v, i), told)
    cross = (v * i.conj()).mean()
    expected = [(abs(v) ** 2).mean(), (abs(i) ** 2).mean(), cross.real, cross.imag]
    precise = 1e-3 if volts > 1e3 else 1e-2  # `take` rounds to some words
    assert means == pytest.approx(expected, rel=precise, abs=precise * abs(cross))
    assert moves.evidence(0, told)[0] == 2 * n
    assert moves.evidence(0, not told)[0] == 0


def test_means_follow_what_shrinks_and_grows():
    """After 3000 differences a thousand times smaller, or larger, only those count."""
    rng = np.random.default_rng(4)
    for before, after in ((1e7, 1e4), (1e4, 1e7)):
        i = np.r_[before * normal(rng, 50), after * normal(rng, 1500)]
        i = i[abs(i) > 2000]
        _, means = gathered(pairs_of((0.3 - 0.5j) * i, i))
        assert means[2:] / means[1] == pytest.approx([0.3, -0.5], rel=3e-3)
        assert means[1] == pytest.approx(after**2, rel=0.4)


@pytest.mark.parametrize("size", [2e3, 1e5])
@pytest.mark.parametrize("event", [(1e8, 1e5), (1e5, 1e8), (1e8, 1e8)])
def test_one_event_is_not_the_mean(event, size):
    """It weighs 9 times the mean at most (twice, there and back), and leaves the means their digits."""
    i = size * np.exp(2j * np.pi * np.random.default_rng(5).random(40))
    quiet = gathered(pairs_of((0.3 - 0.5j) * i, i))[1]
    loud = gathered(pairs_of(np.r_[(0.3 - 0.5j) * i, event[0]], np.r_[i, event[1]]))[1]
    assert (loud[:2] < quiet[:2] * (1 + 2 * 9.1 / 82)).all()
    assert (abs(loud - quiet * 80 / 82) < 0.24 * (quiet[0] * quiet[1]) ** 0.5)[2:].all()


def test_what_is_too_small_tells_nothing():
    """dI below 1024 words, or below what the reference's turn may have made of V."""
    for turned, sizes in ((0.0, (1000, 1100)), (0.01, (0.9e5, 1.1e5))):
        numbers = [gathered([(1e7, x)] * 4, turned=turned)[0].evidence(0, False)[0] for x in sizes]
        assert numbers == ([0, 4] if not turned else [2, 4]), turned


def test_signs_tell_who_moves():
    rng = np.random.default_rng(6)
    i = 1e5 * normal(rng, 50)
    assert gathered(pairs_of(-ZU * i, i))[0].sign(0) > 230
    assert gathered(pairs_of(ZC * i, i))[0].sign(0) < 25
    assert 20 < gathered(pairs_of(1e5 * normal(rng, 50), i))[0].sign(0) < 240


# The formulas.


def means_of(a, b, zu=ZU, zc=ZC, n=200, seed=7):
    """Mean products of n differences in which the grid's source moves by `a`, the site's by `b` rms."""
    rng = np.random.default_rng(seed)
    a, b = a * normal(rng, n), b * normal(rng, n)
    i = (a - b) / (zu + zc)
    v = a - zu * i
    cross = (v * i.conj()).mean()
    return [1e6 * float(x) for x in ((abs(v) ** 2).mean(), (abs(i) ** 2).mean(), cross.real, cross.imag)]


@pytest.mark.parametrize("ratio", [0, 0.003, 0.01, 0.03, 0.06, 0.1])
def test_impedance(ratio):
    """As far from Z_u as it says or nearer, and it does not say too much."""
    z, error = formulas.impedance(means_of(ratio, 1), 0, 1.0, 200, 1.0, 10.0)
    assert abs(z - ZU) <= error + 1e-9
    assert error <= 0.02 * abs(ZU) + 2 * ratio * abs(ZU + ZC) / 200**0.5 * 1.2 + 8 * ratio**2


def test_the_bias_is_taken_out():
    """Expected means, no statistics, and Z_s known: Z_u to 3 %, from which the regression alone is 9 % off."""
    a, b, zs = 0.1**2, 1.0, ZU + ZC
    means = [(abs(ZC) ** 2 * a + abs(ZU) ** 2 * b) / abs(zs) ** 2, (a + b) / abs(zs) ** 2]
    cross = (ZC * a - ZU * b) / abs(zs) ** 2
    means += [cross.real, cross.imag]
    assert abs(-cross / means[1] - ZU) > 0.08 * abs(ZU)
    z, _ = formulas.impedance([1e6 * x for x in means], 0, 1.0, 1000, 1.9, 2.0)
    assert abs(z - ZU) < 0.03 * abs(ZU)


@pytest.mark.parametrize(
    "a, b, zu, zc",
    [
        (0.3, 1, ZU, ZC),  # both move the current alike
        (1, 1, ZU, ZC),
        (5, 1, ZU, ZC),
        (1, 0, ZU, ZC),  # only the grid: +Z_c
        (1, 0.01, ZU, 0.5 + 2.0j),
        (1, 0, ZU, 2.0),
        (1, 0, ZU, 0.3 - 2.0j),  # a capacitor of X / R 7
    ],
)
def test_no_impedance(a, b, zu, zc):
    assert formulas.impedance(means_of(a, b, zu, zc), 0, 1.0, 200, 1.0, 10.0)[1] is None


def test_no_impedance_without_current():
    assert formulas.impedance([5, 0, 0, 0], 0, 1.0, 50, 1.0, 10.0)[1] is None


def test_units():
    """Means of V in units of 2, of I in units of 0.5."""
    means = means_of(0.01, 1)
    scaled = [means[0] / 4, means[1] * 4, means[2], means[3]]
    assert formulas.impedance(scaled, 0, 4.0, 200, 1.0, 10.0)[0] == pytest.approx(
        formulas.impedance(means, 0, 1.0, 200, 1.0, 10.0)[0]
    )


@pytest.mark.parametrize("ratio", [0.5, 1, 3])
def test_site_impedance(ratio):
    site, spread = formulas.site_impedance(means_of(ratio, 1), 0, 1.0, 200, ZU, 0.02)
    assert abs(site - (ZU + ZC)) <= spread * abs(ZU + ZC)
    assert spread < 0.4


def test_no_site_impedance():
    assert formulas.site_impedance(means_of(0.01, 1), 0, 1.0, 200, ZU, 0.02)[1] is None


def test_around():
    for z in (3 + 4j, -1 + 2j, 0.5 - 0.1j):
        low, middle, high = (complex(*one) for one in formulas.around(z, 0.2))
        assert middle == pytest.approx(z / abs(z))
        assert low == pytest.approx(middle * np.exp(-1j * math.atan(0.2)))
        assert high == pytest.approx(middle * np.exp(1j * math.atan(0.2)))


def test_critical_impedance():
    """|E_u| > |E_c| exactly when |Z| < CI: with Z known to 1 %, every verdict is right."""
    rng = np.random.default_rng(8)
    for _ in range(500):
        z = np.exp(rng.uniform(-2, 2)) * np.exp(1j * rng.uniform(-1.5, 1.5))
        eu, ec = np.exp(rng.uniform(-1.5, 1.5)) * np.exp(1j * rng.uniform(-3, 3)), 1.0
        if abs(abs(eu) - ec) < 0.1:
            continue
        w = complex(z * eu / (eu - ec))
        size = abs(z)
        code, sure = formulas.verdict(w, 1e-3 * size, 0.99 * size, 1.01 * size, formulas.around(complex(z), 0.01))
        assert code in (formulas.GRID if abs(eu) > ec else formulas.SITE, formulas.BOTH)
        assert sure >= 90 or code == formulas.BOTH
        assert code != formulas.BOTH or 0.7 < abs(eu) < 1.4


@pytest.mark.parametrize("w", [0.1 + 5j, 3 + 3j, -2j, -4 + 0.1j, 0.01 + 0j])
def test_a_wider_band_is_never_surer(w):
    last = 100
    for width in (1.05, 1.5, 3, 10, 100):
        code, sure = formulas.verdict(w, 0.01, 2 / width, 2 * width)
        if code == formulas.BOTH:
            last = 0
        else:
            assert sure <= last + 1
            last = sure
    assert code == formulas.BOTH or sure < 100 or w.imag <= 0.1


@pytest.mark.parametrize("w, expected", [(0.5 + 2j, formulas.GRID), (-0.5 - 1j, formulas.SITE)])
def test_what_is_unsure_makes_both(w, expected):
    assert formulas.verdict(w, 0.01, 0.5, 2.0)[0] == expected
    assert formulas.verdict(w, 4.0, 0.5, 2.0)[0] == formulas.BOTH


@pytest.mark.parametrize(
    "v, w, excuse",
    [
        (-4j, 0.1 - 3.7j, True),  # a capacitor at rest
        (0.5 - 4j, 3j, True),
        (-0.05 - 0.25j, 0.01 + 0.01j, False),  # V = -Z_u I: nothing but the site
        (-4 - 1j, 0.5 - 0.5j, False),
        (-0.1 - 0.3j, 0.05j, False),  # a capacitor beyond the rating
    ],
)
def test_what_a_capacitor_may_do(v, w, excuse):
    assert formulas.excused(v, w, 0.01, 1.0) == excuse
