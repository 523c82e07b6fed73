"""The generated tables are what their generator makes, and do what their headers say."""

import numpy as np
import pytest

from host_tools import make_tables
from host_tools.toolchain.paths import ROOT
from tests.dsp.jobs_resample import bank_of, taps_at
from wattless.dsp import phase
from wattless.dsp.sine_table import TABLE
from wattless.meter import filter_bank

RATES = [12800, 10240]
ADCS = ["ads131m08", "ideal"]
ROWS = np.repeat(np.arange(32), 256)
STEPS = np.tile(np.arange(256), 32)
DELAYS = (ROWS + (STEPS + 0.5) / 256) / 32


def test_checked_in_tables_are_the_generated_ones():
    for name, text in make_tables.tables().items():
        checked_in = (ROOT / "firmware/wattless/dsp" / name).read_text()
        assert checked_in == text, f"{name}: run python -m host_tools.make_tables"


def test_sine():
    exact = np.minimum(-32768 * np.sin(np.pi * np.arange(2048) / 1024), 32767)
    assert np.abs(np.frombuffer(TABLE, "<i2") - exact).max() <= 0.5


def test_arctangents():
    exact = np.arctan(2.0 ** -np.arange(24)) / (2 * np.pi) * phase.TURN
    assert np.abs(np.array(phase.ARCTANGENTS) - exact).max() <= 0.5


def gain(taps, f, droop):
    """Complex gain at `f` (share of the rate) for all places that the resampler tells apart, times `droop`."""
    wave = np.exp(2j * np.pi * f * (np.arange(16) - 7))
    return taps @ wave / 16384 * np.exp(-2j * np.pi * f * DELAYS) * droop


def taps_of(rate, adc):
    return taps_at(bank_of(filter_bank(rate, adc)), ROWS, STEPS)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("adc", ADCS)
def test_the_filters_are_flat_to_order_50_of_the_highest_frequency(rate, adc):
    taps = taps_of(rate, adc)
    for f_hz in (42.5, 50, 69, 500, 1000, 1500, 2000, 2500, 2875, 3000, 3200, 3450):
        f = f_hz / rate
        sinc3 = 1.0 if adc == "ideal" else (np.sin(np.pi * f) / (256 * np.sin(np.pi * f / 256))) ** 3
        found = gain(taps, f, sinc3)
        assert np.abs(found - 1).max() < (2e-4 if f_hz < 100 else 2e-3), f_hz
        assert abs(found.mean() - 1) < (2e-6 if f_hz < 100 else 5e-4), f_hz


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("adc", ADCS)
@pytest.mark.parametrize("f_hz", [42.5, 50, 69])
def test_images_of_the_fundamental_are_below_85_db(rate, adc, f_hz):
    """Its gain, as the place runs through a sample, is a periodic function: all its Fourier components but the mean."""
    images = np.abs(np.fft.fft(gain(taps_of(rate, adc), f_hz / rate, 1.0)))[1:] / len(DELAYS)
    assert 20 * np.log10(images.max()) < -85


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("adc", ADCS)
def test_dc_passes_exactly_and_full_scale_fits_in_32_bits(rate, adc):
    taps = taps_of(rate, adc)
    assert (taps.sum(axis=1) == 16384).all()
    assert np.abs(taps).sum(axis=1).max() * 32768 < 2**31
    assert len(filter_bank(rate, adc)) <= {12800: 1928, 10240: 2312}[rate]
