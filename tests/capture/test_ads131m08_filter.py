"""What the model of the ADS131M08 makes of volts, against closed forms: sinc3, phase, offset, gain, clipping."""

import numpy as np
import pytest

from host_tools import adc_model
from host_tools.ads131m08_model import Chip, constant, tone
from host_tools.ads131m08_model import registers as r
from host_tools.ads131m08_model.decimator import calibrated, impulse_response
from tests.capture.ads131m08_bench import Bench, calibration
from wattless.capture.ads131m08 import clocking

FS = 1 << 23


def gain_of(frequency, osr, fmod):
    """(sin(pi f N T) / (N sin(pi f T)))^3 with N up to 1024, times that of a boxcar over whole samples above."""
    n = min(osr, 1024)
    x = np.pi * frequency / fmod
    gain = (np.sin(n * x) / (n * np.sin(x))) ** 3
    m = osr // n
    return gain * (np.sin(m * n * x) / (m * np.sin(n * x)) if m > 1 else 1.0)


def codes(bench, n, channel=0, settle=3):
    """[(CLKIN period of DRDY, code)] of n frames, after `settle` others."""
    out = []
    for _ in range(n + settle):
        bench.frames(1)
        out.append((bench.chip.falls[-1], bench.driver.code(channel)))
    return out[settle:]


@pytest.mark.parametrize(
    "rate, frequency",
    [(12800, 50.0), (12800, 2500.0), (12800, 6000.0), (12800, 10300.0), (10240, 2500.0), (2560, 777.0), (1280, 333.0)],
)
def test_sinc_in_magnitude_and_delay(rate, frequency):
    clkin, osr = clocking(rate)
    osr = 128 << osr
    bench = Bench(Chip(clkin=clkin)).open(rate, 24)
    bench.chip.sources[0] = tone(0.9, frequency, 30.0)
    got = codes(bench, 20)
    n = min(osr, 1024)
    taps = 3 * (n - 1) / 2 + (osr - n) / 2  # half the length of the response: its delay in modulator periods
    expected = [
        0.9 / 1.2 * FS * gain_of(frequency, osr, clkin / 2)
        * np.cos(2 * np.pi * frequency * (at / clkin - taps * 2 / clkin) + np.pi / 6)
        for at, _ in got
    ]  # fmt: skip
    assert [code for _, code in got] == pytest.approx(expected, abs=0.6)


def test_it_is_the_sinc3_of_the_simulated_front_end():
    f = np.array([1e-3, 50.0, 1000.0, 2500.0, 6400.0, 9000.0, 12799.0])
    assert gain_of(f, 256, 3276800) == pytest.approx(adc_model.sinc3(f, 12800.0), abs=1e-12)
    response = impulse_response(256)
    assert len(response) == 766 and response.sum() == 256**3 and list(response) == list(response[::-1])
    assert impulse_response(4096).sum() == 1024**3 * 4


def test_the_first_two_samples_after_a_reset_are_of_the_fast_filter():
    chip = Chip()
    chip.sources[0] = lambda t: np.where(t > 2.3 * 2048 / chip.clkin, 0.6, 0.0)  # a step within the third conversion
    chip.sources[1] = constant(0.6)
    seen = []
    for _ in range(7):
        assert chip.next_drdy()
        frame = chip.transfer(bytes(30))
        seen.append([int.from_bytes(frame[3 * k : 3 * k + 3], "big") for k in (1, 2)])
    half = FS // 2
    assert [b for _, b in seen] == [half] * 7  # settled from the first one on
    first = [a for a, _ in seen]
    assert first[:2] == [0, 0] and first[5:] == [half] * 2 and 0 < first[2] < first[3] < first[4] <= half


def test_after_a_sync_samples_settle_in_three():
    chip = Bench().open().chip
    chip.sources[0] = constant(0.6)
    chip.advance(5000)
    chip.pulse(10)
    seen = []
    for _ in range(5):
        assert chip.next_drdy()
        seen.append(int.from_bytes(chip.transfer(bytes(20))[2:4], "big") / 16384)
    # sums of the first 256 and 512 of the 766 coefficients: C(258, 3) and what three boxcars leave, of 256^3
    assert seen[0] == pytest.approx(258 * 257 * 256 / 6 / 256**3, abs=1e-4)
    assert 0.8 < seen[1] < 0.9 and seen[2:] == [1.0] * 3


@pytest.mark.parametrize("phase", [127, 1, -1, -128])
def test_phase_moves_the_instant_of_sampling(phase):
    bench = Bench().open(bits=24, calibration=calibration(ch3=(0x800000, 0, -phase)))
    assert bench.chip.regs.phase(3) == phase
    bench.chip.sources[3] = bench.chip.sources[0] = tone(1.0, 50.0)
    for at, code in codes(bench, 10, channel=3):
        # DRDY waits for the most lagging channel (DRDY_SEL 0): that is channel 3, if its PHASE is positive
        instant = (at - 2 * max(phase, 0) + 2 * phase - 3 * 255) / bench.chip.clkin
        assert code == pytest.approx(gain_of(50.0, 256, 3276800) / 1.2 * FS * np.cos(2 * np.pi * 50 * instant), abs=0.6)


def test_four_degrees_are_three_samples_and_the_rest():
    """A channel that leads by 4 degrees of 50 Hz: 728.18 modulator periods of delay bring it back in line."""
    delay = round(4 / 360 / 50 * 3276800)
    given = calibration(ch3=(0x800000, 0, delay))
    assert (delay, given.coarse(3), given.fine(3)) == (728, 3, -40)
    bench = Bench().open(bits=24, calibration=given)
    bench.chip.sources[0], bench.chip.sources[3] = tone(1.0, 50.0), tone(1.0, 50.0, 4.0)
    pairs = []
    for _ in range(256 + 8):
        bench.frames(1)
        pairs.append((bench.driver.code(0), bench.driver.code(3)))
    voltage, current = np.array(pairs[5:261]).T, np.array(pairs[2:258]).T  # the current of three samples ago
    turn = np.exp(-2j * np.pi * np.arange(256) / 256)
    angle = np.angle((current[1] @ turn) / (voltage[0] @ turn), deg=True)
    assert angle == pytest.approx(4 - 728 / 3276800 * 50 * 360, abs=1e-5)  # 0.001 degrees are left: under half a step


def test_limits_of_the_phase_by_osr():
    """Table 8-5: what is beyond is clipped, as in the data sheet's example of 100 at an OSR of 128."""
    regs = r.Registers()
    limits = ((-64, 63), (-128, 127), (-256, 255), (-512, 511), *[(-512, 511)] * 4)
    for code, (least, most) in enumerate(limits):
        regs.write(r.CLOCK, 0xFF02 | code << 2)
        for phase in (-512, -100, 0, 100, 511):
            regs.write(r.CH0_CFG, (phase & 0x3FF) << 6)
            assert regs.phase(0) == max(least, min(most, phase))
    regs.write(r.CLOCK, 0xFF02)
    regs.write(r.CH0_CFG, 0b0001100100 << 6)
    assert regs.phase(0) == 63


def test_offset_then_gain():
    bench = Bench().open(
        bits=24,
        calibration=calibration(
            ch0=(0x800000, 1000, 0), ch1=(0x7DA91E, 0, 0), ch2=(0x400000, -500, 0), ch3=(0xFFFFFF, 0, 0), ch4=(0, 5, 0)
        ),
    )
    bench.chip.sources = [constant(0.6)] * 8
    bench.frames(5)
    half = FS // 2
    assert [bench.driver.code(k) for k in range(6)] == [
        half - 1000,
        half * 0x7DA91E // FS,
        (half + 500) // 2,
        half * 0xFFFFFF // FS,
        0,
        half,
    ]
    assert calibrated(FS - 1, -1, 0x800000) == FS - 1 and calibrated(-FS, 0, 0xFFFFFF) == -FS  # clipped


def test_the_multiplexer():
    """8.3.2, 8.3.9: shorted, and a DC signal of 2/15 of full scale at whatever gain."""
    bench = Bench().open(bits=24, gain_v=4)
    bench.chip.sources = [constant(0.2)] * 8
    bench.driver.command(0x0655)
    for k, mux in enumerate((0, 1, 2, 3)):
        bench.chip.regs.write(r.CH0_CFG + 5 * k, 4 | mux)
    bench.frames(3)
    assert [bench.driver.code(k) for k in range(4)] == [FS * 4 // 6, 0, round(FS * 2 / 15), round(-FS * 2 / 15)]


def test_input_range():
    """+-1.2 V / gain; code 7FFFFFh from full scale less one LSB on, 800000h at minus full scale (8.5.1.8)."""
    lsb = 1.2 / FS
    for gain in (1, 32):
        bench = Bench().open(bits=24, gain_v=gain)
        values = ((FS - 1) * lsb, FS * lsb, -FS * lsb)
        bench.chip.sources[:3] = [constant(v / gain) for v in values]
        bench.frames(5)
        assert [bench.driver.code(k) for k in range(3)] == [FS - 1, FS - 1, -FS]
