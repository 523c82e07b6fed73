"""The frequency over 10 s of the clock, IEC 61000-4-30 5.1: whole windows over their duration."""

import pytest

from tests.metering.aggregation_site import GAP, RATE, TICK, UNSYNC, Site

# f; start in ms from a 10 s mark -> intervals: end, first window inside, the one behind the last, flags
INTERVALS = [
    (50, 0, [(10_000, 0, 50, 0), (20_000, 50, 100, 0)]),
    (50, -100, [(0, 0, 0, GAP), (10_000, 1, 50, 0), (20_000, 51, 100, 0)]),
    (50, -5000, [(0, 0, 25, GAP), (10_000, 25, 75, 0)]),
    (40, -3000, [(0, 0, 12, GAP), (10_000, 12, 52, 0)]),
    (57.5, -1000, [(0, 0, 5, GAP), (10_000, 6, 63, 0), (20_000, 64, 120, 0)]),
]


@pytest.mark.parametrize("f, start, expected", INTERVALS)
def test_whole_windows_between_the_marks(f, start, expected):
    """A window that crosses a mark counts for neither side."""
    site = Site(start=TICK + 60_000 + start, f=f)
    lengths = []
    while len(site.of("10 s")) < len(expected):
        before = site.at
        site.window({}, f=f * (1.002 if site.count % 2 else 0.998))
        lengths.append((site.at - before) / 65536)
        assert site.count < 200
    for got, (end, first, stop, flags) in zip(site.of("10 s"), expected, strict=True):
        assert (got.end - TICK - 60_000, got.flags) == (end, flags)
        inside = lengths[first:stop]
        assert got.f10s == (pytest.approx(10 * len(inside) * RATE / sum(inside), rel=1e-7) if inside else None)


def test_frequency_leaves_out_what_was_not_synchronised():
    site = Site(start=TICK)
    for n in range(100):
        off = 20 <= n < 30
        site.window({}, UNSYNC * off, not off, f=50.0 if not off else 49.0)
    assert site.of("10 s")[0].f10s == pytest.approx(50, abs=1e-5)
    assert site.of("10 s")[0].flags == UNSYNC
    site = Site(start=TICK)
    site.windows(51, flags=UNSYNC, synced=False)
    assert (site.of("10 s")[0].f10s, site.of("10 s")[0].flags) == (None, UNSYNC)
    site = Site(start=TICK)
    site.windows(10)
    site.lose(5)
    site.windows(20)
    assert (site.of("10 s")[0].f10s, site.of("10 s")[0].flags) == (50.0, GAP)


def test_no_windows_of_the_overlap_count_twice_for_the_frequency():
    site = Site(start=TICK - 10_100, f=50.0)
    site.windows(103, values={})
    assert [p.end - TICK for p in site.of("10 s")] == [-10_000, 0, 10_000]
    assert [p.f10s for p in site.of("10 s")] == [None, 50.0, 50.0]
