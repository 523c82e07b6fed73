"""Sites of the virtual meter, measured here in float64 from their frames."""

import numpy as np
import pytest

from host_tools import adc_model, scenarios
from host_tools.recording import InputError

RATE = scenarios.RATE


def records(site, frames, block=256):
    blocks = site.blocks(block)
    data = b"".join(next(blocks) for _ in range(-(-frames // block)))
    return np.frombuffer(data, adc_model.FRAME)[:frames]


def physical(site, rows):
    """(frames, 7) V and A."""
    scale = np.array([site.config["full_scale_v"]] * 3 + [site.config["full_scale_i"]] * 4) / adc_model.CODE_PEAK
    return rows["words"][:, 1:8].astype(np.int16) * scale


def powers(site, seconds=0.2):
    """P and Q1 of each phase over the first window."""
    values = physical(site, records(site, round(seconds * RATE)))
    f = site.config["nominal_frequency"]
    phasors = np.sqrt(2) * np.exp(-2j * np.pi * f * np.arange(len(values)) / RATE) @ values / len(values)
    return np.mean(values[:, :3] * values[:, 3:6], axis=0), (phasors[:3] * phasors[3:6].conj()).imag


@pytest.mark.parametrize("name", scenarios.NAMES)
def test_frames_are_endless_and_sound(name):
    site = scenarios.make(name)
    rows = records(site, len(site.loop) + 1000, block=300)
    assert np.array_equal(rows["number"], np.arange(len(rows)))
    assert np.array_equal(adc_model.crc16(rows["words"][:, :9]), rows["words"][:, 9])
    assert np.array_equal(rows["words"][-1000:], rows["words"][:1000])
    again = records(scenarios.make(name), 600, block=17)
    assert np.array_equal(again, rows[:600])


@pytest.mark.parametrize("name", scenarios.NAMES)
def test_loop_is_seamless_and_does_not_clip(name):
    """The step from the last frame to the first is no larger than the steps beside it; peaks stay at 70 %."""
    site = scenarios.make(name)
    codes = site.loop["words"][:, 1:9].astype(np.int16).astype(int)
    assert 0.45 * 32768 < np.abs(codes).max() <= 0.7 * 32768 + 1
    turn = np.concatenate((codes[-3:], codes[:3]))
    bend = np.abs(np.diff(turn, 2, axis=0)).max(axis=0)
    usual = np.abs(np.diff(codes, 2, axis=0)).max(axis=0)
    assert np.all(bend <= usual + 2)
    periods = len(codes) * site.config["nominal_frequency"] / RATE
    assert periods == round(periods)


def test_numbers_wrap_and_the_waveform_goes_on():
    site = scenarios.make("steady-50")
    rows = np.frombuffer(next(site.blocks(512, first=2**30 - 256)), adc_model.FRAME)
    assert rows["number"][[0, 255, 256, 511]].tolist() == [2**30 - 256, 2**30 - 1, 0, 255]
    assert np.array_equal(rows["words"][:256], rows["words"][256:])


def test_wrong_name_lists_the_right_ones():
    with pytest.raises(InputError, match="no scenario 'nowhere': there are ev-site, steady-50"):
        scenarios.make("nowhere")


def test_ev_site():
    """L1: the car at 120 V with its recorded current (reference/metering-and-pq.md section 5: P 5940.82 W at 195.571 V,
    30.4038 A, so 120 / 195.571 of that here), L2: fan motor, L3: laptop charger; the ADC's sinc3 takes a little."""
    site = scenarios.make("ev-site")
    p, q1 = powers(site)
    scale = 120 / 195.571
    assert p == pytest.approx([5940.82 * scale, 47.5363, 24.6158], rel=1e-3)
    assert q1 == pytest.approx([-187.916 * scale, 9.4010, -21.3610], rel=2e-3)
    values = physical(site, records(site, 2560))
    rms = np.sqrt(np.mean(values**2, axis=0))
    assert rms[:3] == pytest.approx([120, 121.63, 121.82], rel=2e-4)
    assert rms[3:5] == pytest.approx([30.4038, 0.40004], rel=2e-3)
    assert values[:, 6] == pytest.approx(values[:, 3:6].sum(axis=1), abs=2 * site.config["full_scale_i"] / 32768)
    v = np.exp(-2j * np.pi * 60 * np.arange(2560) / RATE) @ values[:, :3]
    assert np.degrees(np.angle(v[1:] / v[0])) == pytest.approx([-120, 120], abs=1.0)  # each record has its own start


def test_steady_50():
    p, q1 = powers(scenarios.make("steady-50"))
    assert p == pytest.approx([2300 * np.cos(np.pi / 6)] * 3, rel=5e-4)
    assert q1 == pytest.approx([1150] * 3, rel=5e-4)


def test_export_leading_is_in_the_third_quadrant():
    p, q1 = powers(scenarios.make("export-leading"))
    assert sum(p) == pytest.approx(-9560.920, rel=5e-4)  # B4 of reference/metering-and-pq.md section 6
    assert sum(q1) == pytest.approx(-5520.0, rel=5e-4)


def test_reversed_ct_flips_p_and_q1_together():
    p, q1 = powers(scenarios.make("reversed-ct"))
    assert np.sign(p).tolist() == [1, -1, 1] and np.sign(q1).tolist() == [1, -1, 1]
    assert np.ptp(np.abs(p)) < 0.5 and np.ptp(np.abs(q1)) < 0.5


def test_harmonic_site():
    site = scenarios.make("harmonic-site")
    p, q1 = powers(site)
    assert np.all(p > 0) and np.all(q1 > 0)
    spectrum = np.abs(np.fft.rfft(physical(site, records(site, 256))[:, :6], axis=0))
    thd = np.sqrt(np.sum(spectrum[2:51] ** 2, axis=0)) / spectrum[1]
    assert thd[3:6] == pytest.approx([0.25] * 3, abs=0.01)
    assert thd[:3] == pytest.approx([0.042] * 3, abs=0.005)
    orders = np.flatnonzero(spectrum[2:60, 3] > 0.005 * spectrum[1, 3]) + 2
    assert all(order % 6 in (1, 5) for order in orders)


def test_motor_start():
    site = scenarios.make("motor-start")
    values = physical(site, records(site, 20 * RATE))
    rms = np.sqrt(np.mean(values.reshape(1000, 256, 7) ** 2, axis=1))  # of each period
    assert rms[:100, 3:6] == pytest.approx(np.full((100, 3), 3.0), abs=0.05)
    assert rms[103:110, 3:6].max() == pytest.approx(120, rel=0.1)
    assert rms[100:, :3].min() < 0.9 * 230  # a dip
    assert rms[780, 3:6] == pytest.approx([22.7] * 3, abs=0.3)  # running, with the lighting
    assert rms[820:, 3:6] == pytest.approx(np.full((180, 3), 3.0), abs=0.05)
    assert np.abs(values[:, 6]).max() < 0.02  # nothing in the neutral
