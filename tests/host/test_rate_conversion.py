"""Tones through the rate converter against the same tones written down at the new instants."""

import numpy as np
import pytest

from host_tools.rate_conversion import convert, looped, one_pass

RATES = [(30000.0, 12800.0), (3200.0, 12800.0), (30732.35, 10240.0), (12800.0, 12800.0), (1e6, 12800.0)]


def through(fetch, fs, rate, count, **options):
    return np.concatenate(list(convert(fetch, fs, rate, 0, count, **options)), axis=1)


@pytest.mark.parametrize("fs, rate", RATES)
@pytest.mark.parametrize("relative", [0.0, 0.0163, 0.1, 0.3, 0.45, 0.48])
def test_tone_comes_out_as_it_is(fs, rate, relative):
    f = relative * fs
    samples = int(0.8 * fs)
    record = np.cos(2 * np.pi * f * np.arange(samples) / fs + 0.7)[None]
    count = int((samples - 1) / fs * rate)
    out = through(one_pass(record), fs, rate, count)[0]
    expected = np.cos(2 * np.pi * f * np.arange(count) / rate + 0.7)
    middle = slice(int(0.2 * rate), -int(0.2 * rate))
    assert np.max(np.abs(out - expected)[middle]) < 2e-6


def test_mains_at_the_ends_of_one_pass():
    fs, rate = 3200.0, 12800.0
    record = np.sin(2 * np.pi * 50 * np.arange(1280) / fs + 0.9)[None]
    count = 4 * 1279 + 1
    out = through(one_pass(record), fs, rate, count)[0]
    error = np.abs(out - np.sin(2 * np.pi * 50 * np.arange(count) / rate + 0.9))
    assert np.max(error) < 2e-3  # turned about its end, a sine keeps value and slope but not curvature
    assert np.max(error[64:-64]) < 2e-4  # 5 ms


def test_loop_has_no_seam():
    """A period of 500 samples, cut at 30 degrees, looped for two seconds: the same series of harmonics everywhere."""
    orders, phases = np.array([1, 3, 50, 131]), np.array([0.5, 1.0, 2.0, 3.0])

    def wave(cycles):
        return np.cos(2 * np.pi * np.outer(cycles, orders) + phases).sum(axis=1)

    out = through(looped(wave(np.arange(500) / 500)[None]), 30000.0, 12800.0, 25600)[0]
    assert np.max(np.abs(out - wave(60 * np.arange(25600) / 12800))) < 1e-6


def test_blocks_join(monkeypatch):
    """Where a block begins changes nothing; every channel goes its own way; the time of the first sample shifts it."""
    record = np.random.default_rng(1).standard_normal((3, 40000))
    whole = through(one_pass(record), 30732.35, 10240.0, 13000)
    monkeypatch.setattr("host_tools.rate_conversion.BLOCK", 2048)
    cut = through(one_pass(record), 30732.35, 10240.0, 13000)
    assert np.max(np.abs(whole - cut)) < 1e-6
    alone = through(one_pass(record[1:2]), 30732.35, 10240.0, 13000)
    assert np.max(np.abs(whole[1:2] - alone)) < 1e-6
    later = np.concatenate(list(convert(one_pass(record), 30732.35, 10240.0, 512, 12000, start=0.05)), axis=1)
    assert np.max(np.abs(whole[:, :12000] - later)) < 1e-6


def test_odd_reflection_goes_on_and_on():
    fetch = one_pass(np.array([[1.0, 2.0, 4.0]]))
    assert fetch(-4, 7).tolist() == [[-5.0, -4.0, -2.0, 0.0, 1.0, 2.0, 4.0, 6.0, 7.0, 8.0, 10.0]]
