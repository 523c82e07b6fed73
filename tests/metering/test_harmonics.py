"""Groups of IEC 61000-4-7, those without a point of their own too: by hand, and the cases of table C."""

import asyncio

import pytest

from tests.simulate import meter, records_of
from wattless.dsp import spectrum as spectrum_of
from wattless.metering import harmonics


def spectrum(components, **settings):
    """(pieces, scale) of v1 in the last window: scale is the energy of 1 V rms."""
    made = meter(records_of(components, 0.5, settings), settings, keep=(0,))
    asyncio.run(made.run())
    assert made.published[-1].flags == []
    volts = made.quantities._volts
    return made.window.pieces[0], 2 * (4096 / volts) ** 2


def thd(pieces):
    """THD of single bins (3.3.1) in %."""
    total = sum(harmonics.harmonic(pieces, h) for h in range(2, 51))
    return 100 * (total / harmonics.harmonic(pieces, 1)) ** 0.5


def rms(kind, pieces, scale, h):
    return (kind(pieces, h) / scale) ** 0.5


def test_c1():
    tones = [("v1", 50, 230, 0), ("v1", 150, 23, 10), ("v1", 245, 4.6, 20), ("v1", 285, 2.3, 30)]
    pieces, scale = spectrum(tones, wiring="1p2w")
    expected = {
        harmonics.harmonic: {3: 23, 5: 0},
        harmonics.subgroup: {5: 4.6, 6: 0},
        harmonics.interharmonic_group: {4: 4.6, 5: 2.3},
        harmonics.interharmonic_subgroup: {4: 0, 5: 2.3},
        harmonics.group: {6: 2.3},
    }
    for kind, orders in expected.items():
        for h, value in orders.items():
            assert rms(kind, pieces, scale, h) == pytest.approx(value, rel=1e-3, abs=0.01), (kind.__name__, h)
    assert thd(pieces) == pytest.approx(10.0, rel=1e-4)


def test_c3():
    pieces, scale = spectrum([("v1", 50, 230, 0), ("v1", 175, 10, 0)], wiring="1p2w")
    assert rms(harmonics.group, pieces, scale, 3) == pytest.approx(7.0711, rel=1e-3)
    assert rms(harmonics.group, pieces, scale, 4) == pytest.approx(7.0711, rel=1e-3)
    assert rms(harmonics.interharmonic_group, pieces, scale, 3) == pytest.approx(10, rel=1e-3)
    assert rms(harmonics.interharmonic_subgroup, pieces, scale, 3) == pytest.approx(10, rel=1e-3)
    assert thd(pieces) < 0.01


def test_c5_at_60_hz():
    pieces, scale = spectrum(
        [("v1", 60, 100, 0), ("v1", 110, 5, 0)], wiring="1p2w", nominal_frequency=60, nominal_voltage=100
    )
    assert rms(harmonics.interharmonic_subgroup, pieces, scale, 1) == pytest.approx(5.0, rel=1e-3)


def test_c6_interharmonic():
    tones = [("v1", 53, 1, 0), ("v1", 79.5, 0.1, 0), ("v1", 106, 0.1, 0)]
    pieces, scale = spectrum(tones, wiring="1p2w", full_scale_v=2.0, nominal_voltage=1)
    assert rms(harmonics.interharmonic_group, pieces, scale, 1) == pytest.approx(0.1, rel=1e-3)


def hand_made(**orders):
    """pieces with the energies {piece index: value} of the orders h1, h2, ..."""
    pieces = [0] * (51 * 6 * 2)
    for name, six in orders.items():
        for piece, value in six.items():
            pieces[2 * (6 * int(name[1:]) + piece) + 1] = value
    return pieces


def test_definitions_by_hand():
    pieces = hand_made(h1={0: 1000, 5: 7}, h2={0: 90, 1: 1, 2: 20, 3: 400, 4: 50, 5: 6}, h3={0: 5})
    assert harmonics.harmonic(pieces, 2) == 90
    assert harmonics.subgroup(pieces, 2) == 90 + 1 + 7
    assert harmonics.group(pieces, 2) == 98 + 20 + 200
    assert harmonics.group(pieces, 3) == 5 + 6 + 50 + 200
    assert harmonics.interharmonic_subgroup(pieces, 2) == 470
    assert harmonics.interharmonic_group(pieces, 2) == 477


def test_energy_has_two_words():
    pieces = [0] * (51 * 6 * 2)
    pieces[12], pieces[13] = 3, 5
    assert harmonics.energy(pieces, 1, 0) == 3 * 2**28 + 5


def test_the_summary_has_the_sums_of_the_definitions():
    """dsp.spectrum.summary against the readable definitions, on a spectrum of a real window."""
    tones = [("v1", 50, 230, 0)] + [("v1", 50 * h + 5 * (h % 5), 9 / h, 77 * h) for h in range(2, 51)]
    settings = {"wiring": "1p2w"}
    made = meter(records_of(tones, 0.5, settings), settings, keep=(0,))
    asyncio.run(made.run())
    pieces, summary = made.window.pieces[0], made.window.summaries[0]
    orders = range(2, 51)
    sums = {
        spectrum_of.SG1: harmonics.subgroup(pieces, 1),
        spectrum_of.THDS: sum(harmonics.subgroup(pieces, h) for h in orders),
        spectrum_of.THDS40: sum(harmonics.subgroup(pieces, h) for h in range(2, 41)),
        spectrum_of.G1: 2 * harmonics.group(pieces, 1),
        spectrum_of.THDG: 2 * sum(harmonics.group(pieces, h) for h in orders),
    }
    for place, expected in sums.items():
        assert summary[place] * 2**28 + summary[place + 1] == pytest.approx(expected, rel=1e-12), place
    assert harmonics.square(summary) == pytest.approx(sums[spectrum_of.SG1] + sums[spectrum_of.THDS], rel=1e-12)
    for h in (1, 2, 17, 50):
        assert summary[h] == int(harmonics.subgroup(pieces, h) ** 0.5)
