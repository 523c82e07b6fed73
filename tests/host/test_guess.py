"""Fundamental, nominal values and whole periods of recordings that do not say them."""

from pathlib import Path

import numpy as np
import pytest

from host_tools import guess
from host_tools.recording import InputError, Recording, Segment, load

WAVEFORMS = Path(__file__).parents[1] / "data/waveforms"
HARMONICS = ((1, 1.0, 0.3), (3, 0.1, 1.0), (5, 0.06, 2.0), (7, 0.04, 2.0))


def mains(fs, f, samples, scale=325.0):
    t = np.arange(samples) / fs
    v = sum(share * np.sin(2 * np.pi * order * f * t + phase) for order, share, phase in HARMONICS) + 0.02
    return Recording("mains", (Segment(0.0, fs, {"v1": scale * v}),))


@pytest.mark.parametrize("fs, f, seconds", [(12800, 50.02, 1.0), (10240, 61.3, 0.5), (3200, 47.1, 0.3), (1e6, 59.9, 2)])
def test_fundamental(fs, f, seconds):
    assert guess.fundamental(mains(fs, f, round(fs * seconds))) == pytest.approx(f, abs=0.02)


def test_fundamental_of_single_periods():
    """Close enough to tell 50 from 60 Hz and to see that the file is one period."""
    for path in sorted(WAVEFORMS.glob("plaid60_*.csv")):
        loaded = load(path, fs=30000, mapping={"v1": "v_V", "i1": "i_A"})
        f = guess.fundamental(loaded)
        assert f == pytest.approx(60, abs=0.2)
        kept, looped = guess.whole_periods(loaded, f)
        assert kept is loaded and looped == 60


def test_frequency_of_a_loop_is_fs_over_n():
    loaded = load(WAVEFORMS / "ev60_nissan_leaf_charging.csv", fs=30732.35, mapping={"v1": "v_V", "i1": "i_A"})
    _, looped = guess.whole_periods(loaded, guess.fundamental(loaded))
    assert looped == 30732.35 / 512


def test_loop_is_cut_to_whole_periods():
    """5.013 s of 50 Hz at 8 kS/s: 250 periods and a bit."""
    recording = mains(8000.0, 50.0, 40104)
    kept, f = guess.whole_periods(recording, guess.fundamental(recording))
    assert kept.segments[0].samples % 160 == 0 and f == pytest.approx(50, abs=1e-9)
    assert "looped: the first" in kept.notes[-1]


def test_loop_is_cut_where_a_sample_ends_a_period():
    """61.3 Hz at 10.24 kS/s: the loop's frequency is off by half a sample in the whole loop, at most."""
    recording = mains(10240.0, 61.3, 5120)
    kept, f = guess.whole_periods(recording, guess.fundamental(recording))
    assert f == pytest.approx(61.3, rel=0.5 / kept.segments[0].samples + 1e-4)


def test_records_that_cannot_be_looped():
    with pytest.raises(InputError, match="--repeat needs one"):
        guess.whole_periods(mains(10000.0, 50.0, 150), 50.0)
    with pytest.raises(InputError, match="less than a period of 50 Hz"):
        guess.whole_periods(mains(10000.0, 50.0, 50), 50.0)
    segment = mains(10000.0, 50.0, 400).segments[0]
    with pytest.raises(InputError, match="one segment; this has 2"):
        guess.whole_periods(Recording("two", (segment, segment)), 50.0)


def test_constant_voltage_has_no_frequency():
    flat = Recording("flat", (Segment(0.0, 5000.0, {"v1": np.full(2000, 5.0)}),))
    with pytest.raises(InputError, match="v1 is constant: give --nominal-frequency"):
        guess.fundamental(flat)
    assert guess.nominal_voltage(flat, 50)[0] == 230.0
    assert guess.nominal_voltage(flat, 60)[0] == 120.0


@pytest.mark.parametrize("rms, nominal", [(57.9, 57.735), (117.4, 120.0), (195.6, 208.0), (242, 240.0), (3.2, 3.22)])
def test_nominal_voltage(rms, nominal):
    recording = mains(12800.0, 50.0, 12800, scale=rms * np.sqrt(2))  # harmonics add 0.8 %
    assert guess.nominal_voltage(recording, 50)[0] == nominal


@pytest.mark.parametrize(
    "channels, wiring",
    [("v1 i1", "1p2w"), ("v1 v2 i1 i2", "1p3w"), ("v1 v2 v3 in", "3p4w"), ("v12 v32 i1 i3", "3p3w")],
)
def test_wiring(channels, wiring):
    recording = Recording("r", (Segment(0.0, 5000.0, {name: np.zeros(2) for name in channels.split()}),))
    assert guess.wiring(recording) == wiring


@pytest.mark.parametrize("f, nominal", [(50.0, 50), (54.9, 50), (55.1, 60), (69.0, 60)])
def test_nominal_frequency(f, nominal):
    assert guess.nominal_frequency(f) == nominal
