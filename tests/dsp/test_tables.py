"""The generated tables are what their generator makes, and do what their headers say."""

import numpy as np
import pytest

from host_tools import make_tables
from host_tools.toolchain.paths import ROOT
from tests.dsp import models
from wattless.dsp import phase
from wattless.dsp.sine_table import QUARTER
from wattless.meter import filter_bank

RATES = [12800, 10240]
ADCS = ["ads131m08", "ideal"]


def test_checked_in_tables_are_the_generated_ones():
    for name, text in make_tables.tables().items():
        checked_in = (ROOT / "firmware/wattless/dsp" / name).read_text()
        assert checked_in == text, f"{name}: run python -m host_tools.make_tables"


def test_quarter_sine():
    exact = 32768 * np.sin(np.pi / 2 * np.arange(513) / 512)
    assert np.abs(np.frombuffer(QUARTER, "<u2") - exact).max() <= 0.5


def test_arctangents():
    exact = np.arctan(2.0 ** -np.arange(24)) / (2 * np.pi) * phase.TURN
    assert np.abs(np.array(phase.ARCTANGENTS) - exact).max() <= 0.5


def gain(bank, f, droop):
    """Complex gain at `f` (share of the rate) for 512 delays, interpolated as by the resampler, times `droop`."""
    delays = np.arange(512) / 512
    row = (delays * 64).astype(int)
    r = (delays * 64 - row)[:, None]
    taps = (bank[row] * (1 - r) + bank[row + 1] * r) / 16384
    wave = np.exp(2j * np.pi * f * (np.arange(16) - 7))
    return taps @ wave * np.exp(-2j * np.pi * f * delays) * droop


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("adc", ADCS)
def test_the_filters_are_flat_to_order_50_of_the_highest_frequency(rate, adc):
    bank = models.s16(np.frombuffer(filter_bank(rate, adc), "<u2")).reshape(65, 16)
    for f_hz in (42.5, 50, 69, 500, 1000, 2000, 2500, 2875, 3000, 3450):
        f = f_hz / rate
        sinc3 = 1.0 if adc == "ideal" else (np.sin(np.pi * f) / (256 * np.sin(np.pi * f / 256))) ** 3
        error = np.abs(gain(bank, f, sinc3) - 1)
        assert error.max() < (2e-4 if f_hz < 100 else 2e-3), f_hz
        assert abs(gain(bank, f, sinc3).mean() - 1) < (2e-6 if f_hz < 100 else 5e-4), f_hz


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("adc", ADCS)
def test_dc_passes_exactly_and_full_scale_fits_in_32_bits(rate, adc):
    bank = models.s16(np.frombuffer(filter_bank(rate, adc), "<u2")).reshape(65, 16)
    assert (bank.sum(axis=1) == 16384).all()
    assert np.abs(bank).sum(axis=1).max() * 32768 < 2**31
