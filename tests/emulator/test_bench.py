"""`make bench`: the figures follow from what a window's kernels took."""

import json

import pytest

from host_tools import bench
from host_tools.emulator.window import FRAMES, SIZES, Costs, Tally


@pytest.fixture(scope="module")
def measured():
    return bench.measure()


def test_a_window_of_the_real_pipeline(measured):
    viper = measured["viper"]
    assert viper.kernels["capture.unpack.unpack"].units == FRAMES
    assert {name.split(".")[1] for name in viper.kernels if name.startswith("dsp.")} >= {"fft", "resample", "spectrum"}
    signal = {n: t.instructions for n, t in viper.kernels.items() if n.startswith(("capture.", "dsp."))}
    halves = {n for n in signal if n.startswith(("dsp.half.", "dsp.flicker."))}
    assert bench.window(viper) == sum(signal[n] for n in signal if n not in halves)
    assert bench.half_periods(viper) == sum(signal[n] for n in halves) > 0
    assert all(t.calls > 0 and t.longest <= t.instructions for t in viper.kernels.values())
    assert viper.transforms[512] * 4 < viper.transforms[2048] < viper.transforms[512] * 6
    assert not viper.thumb


def test_the_figures_of_a_real_window_can_be_written_and_read(measured):
    rows = bench.figures(measured)
    assert json.loads(json.dumps(rows)) == rows
    assert rows["window"]["viper"] == bench.window(measured["viper"])
    lines = bench.table(measured, rows).splitlines()
    assert all(any(line.strip().startswith(name) for line in lines) for name in measured["viper"].kernels)


FOUND = {
    "viper": Costs(
        {
            "dsp.sums.dot": Tally("product", 2, 100, 11_000, 4, 6_000),
            "dsp.fft.radix4_pass": Tally("butterfly", 1, 10, 340_000, 1, 340_000),
            "points._copy": Tally("call", 1, 1, 500, 1, 500),
        },
        {n: 900 * n for n in SIZES},
    ),
    "thumb": Costs(
        {"dsp.sums.dot": Tally("product", 2, 0, 1_000, 0, 500), "dsp.fft.pair": Tally("call", 3, 0, 30_000, 0, 9_000)},
        {n: 80 * n for n in SIZES},
        thumb=True,
    ),
}


def test_figures():
    rows = bench.figures(FOUND)
    assert (rows["window"]["viper"], rows["window"]["thumb"]) == (351_000, 31_000)
    assert rows["window"]["viper_pass"] is True
    assert rows["window"]["estimated_cpu_percent_at_168_mhz"] == {"viper": [2.1, 2.6], "thumb": [0.1, 0.2]}
    assert rows["dsp.sums.dot"]["per_unit"] == {"viper": 110.0, "thumb": 10.0}
    assert rows["dsp.fft.pair"]["viper"] == 0
    assert rows["dsp.fft.pair"]["per_unit"] == {"viper": None, "thumb": None}
    assert rows["fft_complex_2048"]["viper_pass"] is False
    assert rows["fft_complex_2048"]["thumb_pass"] is True
    assert rows["fft_complex_2048"]["yardsticks"]["CMSIS-DSP q31"] == 268_900
    assert rows["longest_call"]["viper_target"] == 336_000
    assert rows["longest_call"]["viper_pass"] is False


def test_an_empty_column():
    rows = bench.figures({**FOUND, "thumb": None})
    assert rows["window"]["thumb"] is rows["fft_complex_512"]["thumb"] is rows["dsp.sums.dot"]["thumb"] is None
    assert rows["fft_complex_2048"]["thumb_pass"] is None
    assert rows["window"]["estimated_cpu_percent_at_168_mhz"]["thumb"] is None
    text = bench.table({**FOUND, "thumb": None}, rows)
    assert "340,000   target    336,000" in text
    assert "1.01 times too many" in text


def test_a_table_with_both_columns():
    text = bench.table(FOUND, bench.figures(FOUND))
    assert "dsp.fft.pair" in text
    assert "points._copy" in text and "(not)" in text
