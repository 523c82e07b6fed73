"""The sums of aggregation: what they lose over 3000 windows, against float64; what is left to single precision."""

from array import array

import numpy as np
import pytest

from tests.metering.aggregation_site import RATE, TICK, Site, rms
from wattless.metering import interval_sums


def summed(values, kind, reference=230.0):
    """The result of interval_sums for singles."""
    stage, table, sums = array("f", (0,)), array("H", (kind << interval_sums.KIND,)), array("i", (0, 0, 0))
    for value in values:
        stage[0] = value
        interval_sums.add_values(stage, table, 1, array("f", (reference,)), sums)
    stage[0] = float("nan")
    interval_sums.means(sums, table, 1, stage)
    return stage[0]


@pytest.mark.parametrize("scale", [1e-18, 230.0, 1e9])
@pytest.mark.parametrize("spread", [0, 1e-6, 3])
def test_the_sums_lose_nothing(scale, spread):
    """Against float64: half the last place of a single, 2**-24 (and a hundredth). What single precision would do to
    the same 3000 values stands beside it."""
    x = np.abs(scale * (1 + spread * np.random.default_rng(3).normal(size=3000))).astype(np.float32)
    exact = x.astype(float)
    assert summed(x.tolist(), interval_sums.MEAN) == pytest.approx(exact.mean(), rel=6.05e-8)
    signed = x * np.where(np.arange(3000) % 3, 1, -1).astype(np.float32)
    assert summed(signed.tolist(), interval_sums.MEAN) == pytest.approx(signed.astype(float).mean(), rel=6.05e-8)
    assert summed(x.tolist(), interval_sums.RMS) == pytest.approx(rms(exact), rel=6.05e-8)
    half = np.float32(0.7 * scale)
    clipped = np.minimum(exact, half), np.maximum(exact, half)
    assert summed(x.tolist(), interval_sums.UNDER, half) == pytest.approx(rms(clipped[0]), rel=6.05e-8)
    assert summed(x.tolist(), interval_sums.OVER, half) == pytest.approx(rms(clipped[1]), rel=6.05e-8)
    single = np.float32(0)
    for value in x:
        single = np.float32(single + value)
    assert abs(single / 3000 / exact.mean() - 1) < 2e-4  # single precision's own bound


def test_sums_of_unlike_sizes():
    tiny, huge = 2.0**-140, float(np.float32(3e38))  # below the normal singles: zero; next to the largest
    assert summed([tiny], interval_sums.RMS) == 0
    assert summed([huge] * 5, interval_sums.RMS) == summed([huge] * 5, interval_sums.MEAN) == huge
    assert summed([1e-30, 1.0, 1e-30], interval_sums.MEAN) == pytest.approx(1 / 3, rel=6e-8)
    assert summed([1e12, 1.0, -1e12], interval_sums.MEAN) == pytest.approx(1 / 3, rel=1e-2)  # 2**-47 of the largest
    assert summed([0.0, -0.0, 0.0], interval_sums.RMS) == 0
    assert summed([float("nan"), 5.0, float("inf")], interval_sums.OVER, 1.0) == 5.0
    assert np.isnan(summed([float("nan")] * 3, interval_sums.UNDER))


def test_single_precision_in_the_last_steps():
    """Deviations and f10s are made with floats: the same code on numpy's singles, as on the board."""
    site = Site(start=TICK)
    exact = 100 * (1 - 0.9)
    site.points.stage = np.array(site.points.stage, dtype=np.float32)
    site.points.publish_interval = lambda update, end, flags: got.append(float(site.points.stage[at]))
    got, at = [], site.points.at("t3s_v_under_l1")
    site.windows(15, values={"v_l1": 207.0})
    assert got[-1] == pytest.approx(exact, abs=2e-5)
    one = np.float32
    for f in (42.5, 50.02, 57.5, 69.0):
        samples, parts = divmod(round(500 * RATE * 65536 / f), 65536)
        board = one(500 * RATE) / (one(samples) + one(parts) / one(65536))
        assert board == pytest.approx(f, abs=1e-5)  # Hz
