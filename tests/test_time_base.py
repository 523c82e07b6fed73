"""Sample numbers and unix time: exact over days, filtered readings, steps."""

import random

import pytest

from wattless.time_base import TimeBase

NOON = 1_767_268_800_000  # 2026-01-01 12:00 UTC
DAY = 86_400


@pytest.mark.parametrize("rate", [12800, 10240, 8000])
@pytest.mark.parametrize("days", [0, 1, 30, 400])
def test_exact_over_days(rate, days):
    time_base = TimeBase(rate)
    time_base.set(777, NOON)
    sample = 777 + days * DAY * rate
    assert time_base.ms(sample) == NOON + days * DAY * 1000
    assert time_base.sample(NOON + days * DAY * 1000) == sample
    assert time_base.ms(sample - 1) == NOON + days * DAY * 1000 - 1


@pytest.mark.parametrize("rate", [12800, 10240, 7321])
def test_there_and_back(rate):
    time_base = TimeBase(rate)
    time_base.set(10**9 + 1, NOON + 7)
    for ms in list(range(NOON - 500, NOON + 500)) + [NOON + 123_456_789]:
        sample = time_base.sample(ms)
        assert time_base.ms(sample) == ms
        assert time_base.ms(sample - 1) < ms


def test_unknown_until_it_is_set():
    time_base = TimeBase(12800)
    assert (time_base.update(0, None), time_base.ms(5), time_base.sample(NOON), time_base.changes) == (0, None, None, 0)
    assert time_base.update(1280, NOON) == 0
    assert (time_base.ms(1280), time_base.changes, time_base.steps) == (NOON, 1, 0)
    assert time_base.update(2560, None) == 0
    assert time_base.ms(2560) == NOON + 100
    with pytest.raises(ValueError, match="rate must be 1"):
        TimeBase(0)


def run(time_base, seconds, jitter, ppm=0.0, late=0.0, rate=12800, seed=5):
    """Errors in ms after each window of 0.2 s, whose reading is late by up to `jitter` ms and by `late` on average."""
    source = random.Random(seed)
    errors = []
    for n in range(1, round(seconds * 5) + 1):
        true_ms = 200 * n
        sample = round(true_ms * rate / 1000 * (1 + ppm * 1e-6))
        time_base.update(sample, round(NOON + true_ms + late + source.uniform(-jitter, jitter)))
        errors.append(time_base.ms(sample) - NOON - true_ms)
    return errors


@pytest.mark.parametrize(
    "jitter, ppm, seconds, limit",
    [
        (0, 0, 60, 1),
        (0, 50, 120, 2),  # stays 64 windows behind: 0.64 ms
        (0, -50, 120, 2),
        (40, 0, 300, 10),  # 40 ms of jitter are 23 ms rms; a 64th a window leaves 2 ms rms
        (40, 50, 300, 11),
    ],
)
def test_readings_are_filtered(jitter, ppm, seconds, limit):
    """Class A: 20 ms."""
    time_base = TimeBase(12800)
    time_base.set(0, NOON)
    errors = run(time_base, seconds, jitter, ppm)
    assert max(map(abs, errors)) <= limit
    assert time_base.steps == 0


def test_a_small_error_is_slewed_by_a_64th_a_window():
    time_base = TimeBase(12800)
    time_base.set(0, NOON + 640)
    errors = run(time_base, 60, 0)
    assert errors[0] == 630
    assert errors[64] == pytest.approx(640 * (63 / 64) ** 65, abs=2)
    assert abs(errors[-1]) <= 6
    assert all(after <= before for before, after in zip(errors, errors[1:], strict=False))
    assert (time_base.changes, time_base.steps) == (1, 0)


@pytest.mark.parametrize(
    "error, steps", [(1000, 0), (-1000, 0), (1001, 1), (-1001, 1), (3_600_000, 1), (-86_400_000, 1)]
)
def test_above_a_second_it_steps(error, steps):
    time_base = TimeBase(12800)
    time_base.set(0, NOON)
    assert time_base.update(12800, NOON + 1000 + error) == steps * error
    assert (time_base.steps, time_base.changes) == (steps, 1 + steps)
    if steps:
        assert time_base.ms(12800) == NOON + 1000 + error
        assert time_base.update(25600, NOON + 2000 + error) == 0
    else:
        assert abs(time_base.ms(12800) - NOON - 1000) == pytest.approx(1000 / 64, abs=1)


def test_integers_all_the_way():
    """Unix time in us takes 51 bits; a single has 24."""
    time_base = TimeBase(12800)
    time_base.set(0, NOON)
    sample = 10**12 + 1
    time_base.update(sample, NOON + sample * 10 // 128)
    assert type(time_base.ms(sample)) is int and type(time_base.sample(NOON)) is int
    assert time_base.ms(sample) == NOON + sample * 10 // 128
