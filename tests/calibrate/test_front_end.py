"""host_tools/front_end.py: planted errors and the converter's registers, measured here in the frames."""

import json

import numpy as np
import pytest

from host_tools import adc_model, scenarios
from host_tools.adc_model import Adc, tones
from host_tools.front_end import NO_ERROR, UNITY, Error, FrontEnd, Registers, parse, read, shifted
from host_tools.recording import InputError

ADC = Adc(12800, "ads131m08", 500.0, 10.0)
WAVE = tones([("v1", 50.0, 230.0, 0.0), ("i1", 50.0, 5.0, -30.0), ("in", 50.0, 1.0, 0.0)], 256, ADC)
GAIN_50 = float(adc_model.sinc3(np.float64(50.0), 12800))
SAID = {"rate": 12800, "bits": 16, "gain_v": 1, "gain_i": 1, "gain": [UNITY] * 8, "offset": [0] * 8, "phase": [0] * 8}


def values(front_end, scale=None):
    """V and A in a loop's frames."""
    codes = front_end.codes()[:, :7].astype(float)
    return codes / (1 << front_end.registers.bits - 1) * np.array(scale or [500.0] * 3 + [10.0] * 4)


def phasor(wave):
    n = len(wave)
    return np.sqrt(2) / n * np.exp(-2j * np.pi * 50 / 12800 * np.arange(n)) @ wave


def test_without_errors_it_is_the_ideal_converter():
    front_end = FrontEnd(WAVE, ADC, 50)
    assert np.array_equal(front_end.codes(), adc_model.quantise(WAVE, ADC))
    site = scenarios.make("harmonic-site")
    assert np.array_equal(site.front_end().loop, site.loop)


def test_gain_offset_and_phase():
    made = values(FrontEnd(WAVE, ADC, 50, parse("i1:gain=3,phase=4;v1:offset=1.5;in:offset=0.5%")))
    assert phasor(made[:, 3]) == pytest.approx(5 * GAIN_50 * 1.03 * np.exp(-34j * np.pi / 180), abs=1e-4)
    assert phasor(made[:, 0]) == pytest.approx(230 * GAIN_50, abs=5e-3)
    assert made[:, 0].mean() == pytest.approx(1.5, abs=5e-3)
    assert made[:, 6].mean() == pytest.approx(0.05, abs=1e-4)


def test_registers_take_them_back():
    """OCAL in LSB of 24 bits before GCAL; PHASE in modulator periods, 256 a sample, 256 samples a period of 50 Hz."""
    front_end = FrontEnd(WAVE, ADC, 50, parse("i1:gain=3,phase=-0.5,offset=0.02"))
    said = json.loads(json.dumps(SAID))
    said["gain"][3] = round(UNITY / 1.03)
    said["offset"][3] = round(0.02 / 10 * (1 << 23))
    said["phase"][3] = round(0.5 / 360 * 256 * 256)
    front_end.take(said)
    made = values(front_end)
    assert phasor(made[:, 3]) == pytest.approx(5 * GAIN_50 * np.exp(-30j * np.pi / 180), abs=4e-4)
    assert abs(made[:, 3].mean()) < 1e-4
    assert np.array_equal(front_end.codes()[:, 0], adc_model.quantise(WAVE, ADC)[:, 0])


def test_a_shift_is_exact_at_every_frequency():
    n = np.arange(256)
    wave = np.stack([np.cos(2 * np.pi * h * n / 256 + h) for h in (1, 7, 100)], axis=1)
    late = np.array([0.3, -2.7, 11.25])
    h = np.array([1, 7, 100])
    wanted = np.cos(2 * np.pi * h * (n[:, None] - late) / 256 + h)
    assert np.abs(shifted(wave, late) - wanted).max() < 1e-12
    assert shifted(wave, np.zeros(3)) is wave


def test_words_of_24_bits_and_another_range():
    front_end = FrontEnd(WAVE, ADC, 50)
    said = {**SAID, "bits": 24, "gain_i": 1}
    front_end.take(said)
    block = next(front_end.blocks(256))
    assert len(block) == 256 * 36
    assert np.abs(values(front_end)[:, 3] - WAVE[:, 3]).max() < 10 / 2**23
    front_end.take({**SAID, "gain_i": 4})  # the same current, four times the code: it clips
    assert front_end.codes()[:, 3].max() == 32767
    assert values(front_end)[:, 6].max() == pytest.approx(4 * np.sqrt(2) * GAIN_50, rel=1e-3)


def test_noise():
    quiet = FrontEnd(np.zeros((256, 7)), ADC, 50, parse("i:noise=10"))
    codes = quiet.codes()
    assert codes[:, 3:6].std() == pytest.approx(10, rel=0.02) and not codes[:, :3].any()
    assert len(codes) >= 5 * 12800 and len(codes) % 256 == 0


def test_a_change_comes_with_the_next_block_and_numbers_go_on():
    front_end = FrontEnd(WAVE, ADC, 50)
    blocks = front_end.blocks(256)
    first = np.frombuffer(next(blocks), adc_model.FRAME)
    front_end.take({**SAID, "gain": [UNITY // 2] * 8})
    second = np.frombuffer(next(blocks), adc_model.FRAME)
    front_end.connect(np.zeros((256, 7)))
    third = np.frombuffer(next(blocks), adc_model.FRAME)
    assert np.array_equal(np.concatenate((first, second, third))["number"], np.arange(768))
    peaks = [block["words"][:, 1].astype(np.int16).max() for block in (first, second, third)]
    assert peaks[1] == pytest.approx(peaks[0] / 2, abs=1) and peaks[2] == 0


def test_another_rate_is_refused():
    with pytest.raises(InputError, match="12800 S/s, not 10240"):
        FrontEnd(WAVE, ADC, 50).take({**SAID, "rate": 10240})
    assert FrontEnd(WAVE, ADC, 50).registers == Registers()


def test_texts():
    assert parse("i1:gain=3,phase=4; v2:offset=0.5") == {"i1": Error(3, phase=4), "v2": Error(offset=0.5)}
    assert parse("all:noise=0.5;i:gain=1;i2:gain=2")["i2"] == Error(gain=2, noise=0.5)
    assert parse("v1:offset=-0.1%") == {"v1": Error(offset_percent=-0.1)}
    assert parse("") == {} and NO_ERROR == Error()


@pytest.mark.parametrize("text", ["i4:gain=1", "i1", "i1:gain", "i1:colour=1", "i1:gain=1%", "i1:gain=1e", "i1:gain=x"])
def test_texts_that_are_none(text):
    with pytest.raises(InputError, match="want|no number"):
        parse(text)


def test_files(tmp_path):
    path = tmp_path / "errors.json"
    path.write_text('{"i1": {"gain": 3, "phase": -4}, "v": {"offset_percent": 0.1}}')
    found = read(str(path))
    assert found["i1"] == Error(3, phase=-4) and found["v3"] == Error(offset_percent=0.1)
    path.write_text('{"i1": 3}')
    with pytest.raises(InputError, match="want JSON as"):
        read(str(path))
    assert read("i1:gain=1") == {"i1": Error(1)}
