"""host_tools/calibrate/steady.py with series that are known."""

import itertools
import math

import pytest

from host_tools.calibrate.steady import Limit, Unsteady, Watch, state, wait


class Clock:
    """A window of 0.2 s each time it is asked."""

    now = 0.0

    def __call__(self):
        self.now += 0.2
        return self.now


def waited(series, limits, flags=lambda k: (), said=None, **options):
    """series(k): values of window k."""
    count = itertools.count()

    def read():
        k = next(count)
        return k + 1, flags(k), series(k)

    say = said.append if said is not None else lambda text: None
    return wait(read, limits, clock=Clock(), say=say, **options), next(count)


def test_state_of_a_straight_line():
    """Values 0..14: mean 7, sigma sqrt(20), drift end to end 14."""
    found = state(range(15), Limit(absolute=1))
    assert (found.mean, found.drift) == (7, pytest.approx(14)) and found.sigma == pytest.approx(math.sqrt(20))
    assert found.uncertainty == pytest.approx(math.sqrt(20 / 15)) and not found.steady


def test_drift_is_seen_where_scatter_is_not_beyond():
    ramp = [1.0 + 0.001 * k for k in range(15)]  # sigma 0.0045, drift 0.014
    assert not state(ramp, Limit(absolute=0.01)).steady
    assert state(ramp, Limit(absolute=0.015)).steady


def test_limit_takes_the_larger_one():
    assert Limit(0.01, 0.5).at(10) == 0.5 and Limit(0.01, 0.5).at(-100) == 1.0


def test_a_steady_reading_after_settling():
    found, windows = waited(lambda k: {"v": 230.0}, {"v": Limit(1e-4)}, windows=10, settle=5)
    assert found["v"].mean == 230.0 and windows == 15


def test_what_is_of_before_is_left_out():
    found, _ = waited(lambda k: {"v": 100.0 if k < 8 else 230.0}, {"v": Limit(1e-4)}, settle=8)
    assert found["v"].mean == 230.0


def test_it_waits_until_a_source_has_warmed_up():
    said = []
    found, windows = waited(
        lambda k: {"v": 230 + math.exp(-k / 20)}, {"v": Limit(1e-4)}, settle=0, said=said, timeout_s=600
    )
    assert windows > 60 and found["v"].mean == pytest.approx(230, abs=0.05)
    assert any("v: drift" in text and "wanted 0.023" in text for text in said)


def test_time_is_up():
    with pytest.raises(Unsteady, match=r"not steady within 10 s: i: scatter 0.\d+, wanted 0.00499 \(mean 4.99"):
        waited(lambda k: {"v": 230.0, "i": 5 + 0.1 * (-1) ** k}, {"v": Limit(1e-3), "i": Limit(1e-3)}, timeout_s=10)
    with pytest.raises(Unsteady, match="0 of 15 windows of v"):
        waited(lambda k: {"v": None}, {"v": Limit(1e-3)}, timeout_s=10)
    with pytest.raises(Unsteady, match="does the meter measure"):
        wait(lambda: (7, (), {"v": 1.0}), {"v": Limit(1)}, clock=Clock(), pause=lambda: None, timeout_s=10)


def test_windows_that_are_no_measurement_start_it_anew():
    found, windows = waited(
        lambda k: {"v": 230.0}, {"v": Limit(1e-4)}, lambda k: ("gap",) if k == 7 else (), settle=0, windows=10
    )
    assert windows == 18 and found["v"].mean == 230
    with pytest.raises(Unsteady, match="flagged clip"):
        waited(lambda k: {"v": 230.0}, {"v": Limit(1e-4)}, lambda k: ("clip", "offset"), timeout_s=10)
    assert waited(lambda k: {"v": 1.0}, {"v": Limit(1)}, lambda k: ("offset", "noload", "short"))[0]["v"].mean == 1


def test_a_window_counts_once():
    reads = iter([1, 1, 1, 2, 2, 3, 4, 5])
    values = iter([0, 9, 9, 1, 9, 2, 3, 4])
    found = wait(
        lambda: (next(reads), (), {"v": float(next(values))}),
        {"v": Limit(absolute=99)},
        windows=4,
        settle=1,
        clock=Clock(),
        pause=lambda: None,
    )
    assert found["v"].mean == 2.5


def test_angles_go_through_180():
    watch = Watch({"phi1_l1": Limit(absolute=1)}, 4)
    for angle in (179.9, -179.9, 179.8, -179.8):
        watch.add({"phi1_l1": angle})
    assert watch.steady and watch.states()["phi1_l1"].mean == pytest.approx(180)


def test_what_has_no_limit_is_only_averaged():
    found, _ = waited(lambda k: {"v": 1.0, "thd": float(k)}, {"v": Limit(1)}, settle=0, windows=5)
    assert found["thd"].mean == 2
