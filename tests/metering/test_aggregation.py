"""Aggregation of IEC 61000-4-30: what counts for which interval, by timelines made by hand, and what comes of it."""

from array import array
from types import SimpleNamespace

import numpy as np
import pytest

from tests.metering.aggregation_site import (
    CRC,
    EVENT,
    FIRST,
    GAP,
    PHASOR,
    RATE,
    SHORT,
    SITE,
    TEN_MIN,
    TICK,
    UNSYNC,
    Site,
    rms,
)

# Window n reads 100 + n V. Rows: update, end in ms from the tick, first and last window that count.
TIMELINES = {
    "tick in a window": (
        {"start": -7900},
        [("3 s", -4900, 0, 14), ("3 s", -1900, 15, 29), ("10 min", 0, 0, 39), ("3 s", 1000, 30, 44)]
        + [("3 s", 3000, 40, 54), ("3 s", 6000, 55, 69)],
    ),
    "tick at a window's end": (
        {"start": -8000},
        [("3 s", -5000, 0, 14), ("3 s", -2000, 15, 29), ("10 min", 0, 0, 39), ("3 s", 1000, 30, 44)]
        + [("3 s", 3000, 40, 54), ("3 s", 6000, 55, 69)],
    ),
    "tick in the fifteenth window": (
        {"start": -2900},
        [("3 s", 100, 0, 14), ("10 min", 0, 0, 14), ("3 s", 3000, 15, 29)],
    ),
    "tick in the first window": (
        {"start": -3100},
        [("3 s", -100, 0, 14), ("10 min", 0, 0, 15), ("3 s", 2800, 15, 29), ("3 s", 3000, 16, 30)],
    ),
    "tick at the end of the fifteenth": (
        {"start": -3000},
        [("3 s", 0, 0, 14), ("10 min", 0, 0, 14), ("3 s", 3000, 15, 29)],
    ),
    "60 Hz": (
        {"start": -7900, "nominal_frequency": 60},
        [("3 s", -4900, 0, 14), ("3 s", -1900, 15, 29), ("10 min", 0, 0, 39), ("3 s", 1000, 30, 44)]
        + [("3 s", 3000, 40, 54)],
    ),
    "windows of 5 periods": (
        {"start": -7950, "window": "5/6"},
        [("3 s", -4950, 0, 29), ("3 s", -1950, 30, 59), ("10 min", 0, 0, 79), ("3 s", 1000, 60, 89)]
        + [("3 s", 3000, 80, 109)],
    ),
    "windows of 6 periods": (
        {"start": -7950, "window": "5/6", "nominal_frequency": 60},
        [("3 s", -4950, 0, 29), ("3 s", -1950, 30, 59), ("10 min", 0, 0, 79), ("3 s", 1000, 60, 89)]
        + [("3 s", 3000, 80, 109)],
    ),
    "40 Hz: 250 ms": (
        {"start": -4100, "f": 40},
        [("3 s", -350, 0, 14), ("10 min", 0, 0, 16), ("3 s", 3250, 15, 29), ("3 s", 3750, 17, 31)],
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_which_windows_count(name):
    """IEC 61000-4-30 4.5.2, 4.5.3, figure 2: overlap 1 (windows) and overlap 2 (150/180 periods) at the 10-min tick."""
    given, expected = TIMELINES[name]
    site = Site(**{**given, "start": TICK + given["start"]})
    while len(site.of("3 s") + site.of("10 min")) < len(expected):
        site.window({"v_l1": 100.0 + site.count})
        assert site.count < 200
    found = [p for p in site.published if p.update in ("3 s", "10 min")]
    for got, (update, end, first, last) in zip(found, expected, strict=True):
        prefix = {"3 s": "t3s", "10 min": "t10min"}[update]
        assert (got.update, got.end - TICK) == (update, end)
        assert getattr(got, prefix + "_windows") == last - first + 1
        assert getattr(got, prefix + "_v_l1") == pytest.approx(rms(range(100 + first, 101 + last)), rel=1e-7)
        assert got.flags == (GAP if update == "10 min" else 0)  # the first 10 min are not all there


def test_the_first_window_begins_anywhere_and_the_next_ten_minutes_at_the_tick():
    """With every offset of the tick in a window, two ticks later: 3000 windows, gapless, the first one at the tick."""
    for offset in (1, 37, 199):
        site = Site(start=TICK - offset, seconds=0.2)
        site.window()
        assert site.time_base.ms(site.at >> 16) == TICK


# what a quantity makes of the 15 windows 1, 2, ... 15 (times a unit)
KINDS = {
    "rms": (rms(range(1, 16)), "v_l1 v_l3 v_l12 v_l31 i_l2 i_n v_u2 v_u0 thd_v_l3 thd_i_l1 tdd_i_l2 trd_i_l3"),
    "mean": (8.0, "p_l1 p_l3 p q1_l1 q1 s f"),
}


@pytest.mark.parametrize("kind, name", [(kind, name) for kind in KINDS for name in KINDS[kind][1].split()])
def test_root_of_the_mean_square_or_mean(kind, name):
    site = Site(start=TICK, wiring="3p4w")
    for n in range(1, 16):
        site.window({name: 7.5 * n}, synced=False)
    (got,) = site.of("3 s")
    assert getattr(got, "t3s_" + name) == pytest.approx(7.5 * KINDS[kind][0], rel=1e-7)
    others = [row for row in site.points.ids("3 s") if row not in ("t3s_" + name, "t3s_windows")]
    known = {row for row in others if getattr(got, row) not in (None, [None] * 51)}
    deviations = {"t3s_v_under_" + name[2:], "t3s_v_over_" + name[2:]} if name in ("v_l1", "v_l3") else set()
    assert known == deviations


def test_signed_powers_may_cancel():
    site = Site(start=TICK)
    for n in range(15):
        site.window({"p": 1e6 if n % 2 else -1e6, "q1": -300.25})
    (got,) = site.of("3 s")
    assert got.t3s_p == pytest.approx(-1e6 / 15, rel=1e-7)
    assert got.t3s_q1 == -300.25


# E7 and around it: rms values in Udin, one a window; under- and over-deviation in %
DEVIATIONS = [
    ([0.7875, 1], 10.00, 0),
    ([1.1917, 1], 0, 10.00),
    ([1], 0, 0),
    ([0.9, 1.1], 100 * (1 - rms([0.9, 1])), 100 * (rms([1.1, 1]) - 1)),
    ([0], 100, 0),
    ([1.5], 0, 50),
]


@pytest.mark.parametrize(
    "shares, under, over, wires, nominal, name",
    [(*row, "3p4w", 230, "v_l1") for row in DEVIATIONS]
    + [(*DEVIATIONS[0], *site) for site in (("1p3w", 120, "v_l2"), ("3p3w", 400, "v_l23"), ("1p2w", 230, "v_l1"))],
)
def test_deviations(shares, under, over, wires, nominal, name):
    """Annex D, on 10 min and 2 h; between phases and neutral, or between the lines where there is none."""
    site = Site(start=TICK, seconds=30, wiring=wires, nominal_voltage=nominal, **{**SITE, "full_scale_v": 1000.0})
    while not site.of("2 h"):
        site.window({name: nominal * shares[site.count % len(shares)]}, synced=False)
    row = {"v_l1": "l1", "v_l2": "l2", "v_l23": "l2"}[name]
    for update, prefix in (("10 min", "t10min"), ("2 h", "t2h")):
        got = site.of(update)[-1]
        assert getattr(got, f"{prefix}_v_under_{row}") == pytest.approx(under, abs=0.005 if under == 10 else 2e-5)
        assert getattr(got, f"{prefix}_v_over_{row}") == pytest.approx(over, abs=0.005 if over == 10 else 2e-5)
        assert getattr(got, f"{prefix}_v_under_l3") is None


def test_deviations_of_3_s():
    site = Site(start=TICK)
    for n in range(15):
        site.window({"v_l1": 230 * (0.9 if n < 5 else 1.05)})
    (got,) = site.of("3 s")
    assert got.t3s_v_under_l1 == pytest.approx(100 * (1 - rms([0.9, 1, 1])), abs=2e-5)
    assert got.t3s_v_over_l1 == pytest.approx(100 * (rms([1, 1.05, 1.05]) - 1), abs=2e-5)


# windows of 20 s: 30 in 10 min. (window, its flag) -> flags of the 10-min and of the 2-h intervals
FLAGS = [
    ([], [0] * 12, [0]),
    ([(0, EVENT)], [EVENT] + [0] * 11, [EVENT]),
    ([(29, EVENT)], [EVENT] + [0] * 11, [EVENT]),
    ([(30, EVENT), (359, CRC)], [0, EVENT] + [0] * 9 + [CRC], [EVENT | CRC]),
    ([(360, EVENT)], [0] * 12, [0]),
]


@pytest.mark.parametrize("given, tens, two", FLAGS)
def test_flags_go_upwards(given, tens, two):
    """4.7"""
    site = Site(start=TICK, seconds=20)
    for n in range(361):
        site.window(flags=dict(given).get(n, 0), synced=False)
    assert [p.flags for p in site.of("10 min")] == tens
    assert [p.flags for p in site.of("2 h")] == two


def test_a_flag_in_the_overlap_is_one_of_both_3_s():
    site = Site(start=TICK - 7900, window="5/6")
    while len(site.of("3 s")) < 5:
        site.window(flags=SHORT | (EVENT if site.count == 81 else 0))
    assert [p.flags for p in site.of("3 s")] == [SHORT, SHORT, SHORT | EVENT, SHORT | EVENT, SHORT]


def test_lost_windows():
    """4 known, 3 lost, 8 known: 12 of 15, flagged; the gap moves the end by its length."""
    site = Site(start=TICK)
    site.windows(4, values={"v_l1": 220.0})
    site.lose(0.61, CRC)
    site.windows(8, values={"v_l1": 230.0})
    site.windows(15)
    first, second = site.of("3 s")
    assert (first.t3s_windows, first.flags, first.end) == (12, GAP | CRC, TICK + 3010)
    assert first.t3s_v_l1 == pytest.approx(rms([220] * 4 + [230] * 8), rel=1e-7)
    assert (second.t3s_windows, second.flags, second.end) == (15, 0, TICK + 6010)


def test_intervals_of_which_nothing_is_known():
    site = Site(start=TICK)
    site.windows(5)
    site.lose(1500, 0)  # over the ticks at 10 and 20 min
    site.windows(20)
    assert [(p.update, p.end - TICK, p.flags) for p in site.published if p.update != "10 s"] == [
        ("3 s", 1501_000, GAP),
        ("10 min", TEN_MIN, GAP),
        ("10 min", 2 * TEN_MIN, GAP),
        ("3 s", 1504_000, 0),
    ]
    long, empty = site.of("10 min")
    assert (long.t10min_windows, long.t10min_v_l1) == (5, 230.0)
    known = {name: getattr(empty, name) for name in site.points.ids("10 min")}
    assert known.pop("t10min_windows") == 0
    assert all(value in (None, [None] * 51) for value in known.values())


def test_a_quantity_counts_the_windows_that_knew_it():
    """A window without synchronism has no f, no harmonics, no distortion."""
    site = Site(start=TICK)
    for n in range(15):
        site.spectra.summaries[0][5] = 1_000_000 if n < 5 else 2
        synced = n < 5
        values = {"v_l1": 200.0 + n} | ({"f": 50.0 + n, "q1": 5.0} if synced else {})
        site.window(values, UNSYNC * (not synced), synced)
    site.windows(15, values={"v_l1": 100.0}, flags=UNSYNC, synced=False)
    first, second = site.of("3 s")
    assert first.t3s_v_l1 == pytest.approx(rms(range(200, 215)), rel=1e-7)
    assert (first.t3s_f, first.t3s_q1, first.flags) == (52.0, 5.0, UNSYNC)
    assert first.t3s_vh_l1[5] == pytest.approx(1e6 * 800 / 32768 / PHASOR, rel=2e-6)
    assert (second.t3s_v_l1, second.t3s_f, second.t3s_q1) == (100.0, None, None)
    assert second.t3s_vh_l1 == [None] * 51


@pytest.mark.parametrize("wires, phases", [("1p2w", 1), ("1p3w", 2), ("3p4w", 3), ("3p3w", 3)])
def test_harmonics(wires, phases):
    """3 s over the tick and 10 min: rms of what the windows had, in V and A; order 0: mean of the dc with its sign."""
    site = Site(start=TICK - 4400, wiring=wires)
    random = np.random.default_rng(7)
    m = random.integers(0, 2 ** np.linspace(4, 28, 51), (45, 6, 51))
    dc = random.integers(-(2**20), 2**18, (45, 6))
    for n in range(45):
        for channel in range(6):
            site.spectra.summaries[channel][:51] = array("i", m[n, channel].tolist())
            site.spectra.phasors[channel][0] = int(dc[n, channel])
        site.window()
    assert [(p.update, p.end - TICK) for p in site.published if p.update not in ("10 s", "2 h")][1:3] == [
        ("10 min", 0),
        ("3 s", 1600),
    ]
    scale = {"v": site.quantities.volts, "i": site.quantities.amperes}
    for got, prefix, windows in (
        (site.of("3 s")[1], "t3s", slice(15, 30)),
        (site.of("10 min")[0], "t10min", slice(22)),
    ):
        for k in range(6):
            q, phase = "vi"[k // 3], k % 3
            found = getattr(got, f"{prefix}_{q}h_l{phase + 1}")
            if phase >= phases:
                assert found == [None] * 51
                continue
            expected = np.sqrt(np.mean(m[windows, k].astype(float) ** 2, axis=0))
            error = np.abs(np.array(found) * PHASOR / scale[q] - expected)[1:]
            assert (error < 1 + 1e-6 * expected[1:]).all()  # of whole numbers
            assert found[0] == pytest.approx(dc[windows, k].mean() / 8192 * scale[q], abs=scale[q] / 8192)


def test_rogowski_lists_have_the_scale_of_the_mean_frequency():
    """A coil's amperes a code go with 1 / f: what is summed are codes, f comes in the end."""
    site = Site(start=TICK, current_sensor="rogowski")
    for n in range(15):
        f = 49.0 + 0.1 * n
        site.quantities.amperes = 1e-3 * 50 / f
        site.spectra.summaries[3][1] = round(1e6 * f / 50)  # 1e6 / PHASOR mA, all the time
        site.window({"f": f}, f=f)
    (got,) = site.of("3 s")
    assert got.t3s_ih_l1[1] == pytest.approx(1e3 / PHASOR, rel=2e-4)


def test_two_hours_and_flicker():
    """12 values of 10 min, each as good as any other; Plt is the cubic mean of 12 Pst."""
    pst = [0.1 * (n + 1) for n in range(24)]
    flicker = SimpleNamespace(pst=lambda element: pst[len(site.of("10 min"))] * (element + 1))
    site = Site(start=TICK, seconds=60, flicker=flicker)
    for n in range(240):
        if not 121 <= n < 124:  # three windows of the 13th interval are missing: it counts like the others
            site.window({"v_l1": 200.0 + n // 10, "q1": 10.0 * (n // 10)})
        elif n == 121:
            site.lose(180)
    assert [(p.end, p.flags, p.t2h_windows) for p in site.of("2 h")] == [
        (TICK + 12 * TEN_MIN, 0, 120),
        (TICK + 24 * TEN_MIN, GAP, 117),
    ]
    for got, first in zip(site.of("2 h"), (0, 12), strict=True):
        tens = range(first, first + 12)
        assert got.t2h_v_l1 == pytest.approx(rms([200 + n for n in tens]), rel=1e-7)
        assert got.t2h_q1 == pytest.approx(10 * np.mean(tens), rel=1e-7)
        assert got.t2h_plt_l2 == pytest.approx(2 * np.mean([pst[n] ** 3 for n in tens]) ** (1 / 3), rel=1e-6)
    assert [p.t10min_pst_l3 for p in site.of("10 min")] == pytest.approx([3 * x for x in pst], rel=1e-6)


def test_two_hours_that_are_not_whole():
    flicker = SimpleNamespace(pst=lambda element: float("nan") if len(site.of("10 min")) == 15 else 1.0)
    site = Site(start=TICK + 3 * TEN_MIN, seconds=60, flicker=flicker)
    site.windows(90 + 120)
    short, whole = site.of("2 h")
    assert (short.end, short.flags, short.t2h_windows, short.t2h_plt_l1) == (TICK + 12 * TEN_MIN, GAP, 90, None)
    assert (whole.flags, whole.t2h_plt_l1) == (0, None)  # a Pst is not known
    assert whole.t2h_v_l1 == 230.0


def test_without_a_clock_intervals_count_samples():
    """No times, no ticks, no overlap. The 86th window, of 7 s, began at 595 s."""
    site = Site(seconds=7.0)
    site.windows(90)
    assert [(p.end, p.flags, p.t10min_windows) for p in site.of("10 min")] == [(None, 0, 86)]
    assert [(p.end, p.t3s_windows) for p in site.of("3 s")] == [(None, 15)] * 6
    assert {p.end for p in site.of("10 s")} == {None}
    assert site.at == (FIRST + 630 * RATE) << 16


def test_a_clock_that_comes_later():
    site = Site(seconds=10.0)
    site.windows(10)
    site.time_base.set(site.at >> 16, TICK - 55_000)
    site.windows(70)
    assert [(p.end, p.flags, p.t10min_windows) for p in site.of("10 min")] == [
        (TICK, GAP, 16),
        (TICK + TEN_MIN, 0, 60),
    ]
    assert site.of("10 s")[9].flags & site.of("10 s")[10].flags == GAP


@pytest.mark.parametrize("step, ends", [(-3_600_000, -5), (7 * TEN_MIN, 8), (200_000, 2), (-300_000, 1)])
def test_a_clock_step(step, ends):
    """The interval that saw it is flagged and ends with the next tick; the next one is whole."""
    site = Site(start=TICK, seconds=10.0)
    site.windows(40)
    assert site.time_base.update(site.at >> 16, TICK + 400_000 + step) == step
    site.windows(130)
    first, whole = site.of("10 min")[:2]
    assert (first.end, first.flags) == (TICK + ends * TEN_MIN, GAP)
    assert (whole.end, whole.flags, whole.t10min_windows) == (first.end + TEN_MIN, 0, 60)
