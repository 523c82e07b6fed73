"""The simulated ADC: sinc3, instants, codes, CRC and frame numbers."""

import struct

import numpy as np
import pytest

from host_tools import adc_model
from host_tools.adc_model import Adc
from host_tools.recording import Recording, Segment

FS = [(30000.0, 12800.0), (3200.0, 12800.0), (30732.35, 10240.0)]


def record(fs, samples, wave, start=0.0, **others):
    t = np.arange(samples) / fs
    return Segment(start, fs, {"v1": wave(t), **{name: other(t) for name, other in others.items()}})


def values_of(recording, adc, repeat=None):
    blocks = list(adc_model.sample(recording, adc, repeat))
    first = [number for number, _ in blocks]
    for number, (_, block), following in zip(first, blocks, first[1:], strict=False):
        assert following >= number + len(block)
    return np.concatenate([block for _, block in blocks])


def sinc3_by_convolution(f, rate):
    """Gain of three moving averages of 256 modulator samples, from their coefficients."""
    box = np.ones(256) / 256
    taps = np.convolve(np.convolve(box, box), box)
    times = (np.arange(taps.size) - (taps.size - 1) / 2) / (256 * rate)
    return np.sum(taps * np.cos(2 * np.pi * f * times))


@pytest.mark.parametrize("f", [0.0, 50.0, 2500.0, 6400.0, 9000.0, 14000.0, 40000.0])
def test_sinc3_is_what_three_averages_do(f):
    for rate in (12800.0, 10240.0):
        assert adc_model.sinc3(np.float64(f), rate) == pytest.approx(sinc3_by_convolution(f, rate), abs=1e-12)


def test_droop_of_order_50():
    """-1.66 dB at 12.8 kS/s, -2.61 dB at 10.24 kS/s: reference/dsp-and-acquisition.md 5a."""
    for rate, decibels in ((12800.0, -1.66), (10240.0, -2.61)):
        assert 20 * np.log10(adc_model.sinc3(np.float64(2500.0), rate)) == pytest.approx(decibels, abs=0.005)


@pytest.mark.parametrize("fs, rate", FS)
@pytest.mark.parametrize("kind", adc_model.KINDS)
@pytest.mark.parametrize("relative", [0.0, 0.0156, 0.1, 0.31, 0.45, 0.479])
def test_tone_through_rate_conversion_is_the_closed_form(fs, rate, kind, relative):
    """Amplitude times sinc3 and phase, to 1e-5; above half the ADC's rate it folds down like the real one's."""
    f, adc = relative * fs, Adc(rate, kind)
    recording = Recording("tone", (record(fs, int(fs), lambda t: np.cos(2 * np.pi * f * t + 1.1)),))
    out = values_of(recording, adc)
    expected = adc_model.tones([("v1", f, np.sqrt(0.5), np.degrees(1.1))], len(out), adc)
    middle = slice(int(0.2 * rate), -int(0.2 * rate))
    assert np.max(np.abs(out - expected)[middle]) < 1e-5
    k = np.arange(len(out))[middle]
    gain = sinc3_by_convolution(f, rate) if kind == "ads131m08" else 1.0
    assert np.max(np.abs(expected[middle, 0] - gain * np.cos(2 * np.pi * f * k / rate + 1.1))) < 1e-9


def test_ideal_adc_at_the_records_own_rate_changes_nothing():
    samples = np.random.default_rng(2).standard_normal(40000)
    recording = Recording("noise", (Segment(0.0, 12800.0, {"v1": samples, "in": -samples}),))
    out = values_of(recording, Adc(12800.0, "ideal"))
    assert np.array_equal(out[:, 0], samples) and np.array_equal(out[:, 6], -samples)
    assert not out[:, 1:6].any()
    looped = values_of(recording, Adc(12800.0, "ideal"), repeat=5.0)
    assert np.array_equal(looped[:, 0], np.resize(samples, 64000))


def test_loop_of_one_period_has_the_frequency_fs_over_n():
    fs, samples = 30732.35, 512
    f = fs / samples
    recording = Recording("loop", (record(fs, samples, lambda t: np.sin(2 * np.pi * f * t)),))
    adc = Adc(12800.0)
    out = values_of(recording, adc, repeat=3.0)
    assert len(out) == 38400
    assert np.max(np.abs(out - adc_model.tones([("v1", f, np.sqrt(0.5), -90.0)], 38400, adc))) < 1e-6


def test_gap_is_a_jump_of_the_frame_number():
    wave = np.cos
    segments = (record(3200.0, 1280, wave), record(50.0, 36, wave, 0.4), record(3200.0, 1472, wave, 1.12))
    blocks = list(adc_model.sample(Recording("gap", segments), Adc(12800.0)))
    numbers = np.concatenate([np.arange(first, first + len(values)) for first, values in blocks])
    assert numbers[0] == 0 and numbers[-1] == round(1.12 * 12800) + 4 * 1471
    jumps = np.flatnonzero(np.diff(numbers) != 1)
    assert numbers[jumps].tolist() == [4 * 1279] and numbers[jumps + 1].tolist() == [14336]


def test_columns():
    names = ("v12", "v32", "i1", "i3")
    data = {name: np.full(2000, float(n + 1)) for n, name in enumerate(names)}
    out = values_of(Recording("3p3w", (Segment(0.0, 12800.0, data),)), Adc(12800.0, "ideal"))
    assert out[0].tolist() == [1, 0, 2, 3, 0, 4, 0]


def test_quantise_rounds_and_clips():
    adc = Adc(full_scale_v=32768.0, full_scale_i=16384.0)
    values = np.zeros((5, 7))
    values[:, 0] = [0.5, 1.5, -0.5, 40000, -40000]
    values[:, 3] = [0.25, 0.75, 16383.9, -16384, 1]
    codes = adc_model.quantise(values, adc)
    assert codes.dtype == np.int16 and codes.shape == (5, 8)
    assert codes[:, 0].tolist() == [0, 2, 0, 32767, -32768]
    assert codes[:, 3].tolist() == [0, 2, 32767, -32768, 2]
    assert not codes[:, 7].any()


def bytewise_crc(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def test_crc_against_the_published_check_value():
    assert bytewise_crc(b"123456789") == 0x29B1  # CRC-16/CCITT-FALSE (CRC-16/IBM-3740) of the CRC catalogue
    words = np.random.default_rng(3).integers(0, 65536, (200, 9)).astype(np.uint16)
    words[0] = np.frombuffer(b"123456789123456789", ">u2")
    expected = [bytewise_crc(row.astype(">u2").tobytes()) for row in words]
    assert adc_model.crc16(words).tolist() == expected


def test_records_byte_by_byte():
    codes = np.array([[1, -2, 300, -32768, 32767, 0, 7, 0], [0] * 8], dtype=np.int16)
    data = adc_model.frames(codes, first=0x3FFFFFFF).tobytes()
    assert len(data) == 48
    body = struct.pack(">H8h", 0x00FF, *codes[0].tolist())
    assert data[:24] == struct.pack("<I", 0x3FFFFFFF) + body + struct.pack(">H", bytewise_crc(body))
    assert data[24:28] == bytes(4)  # the number wraps


def test_wide_records_byte_by_byte():
    codes = np.array([[1, -1, 0x7FFFFF, -0x800000, 0, 2, 3, 4]], dtype=np.int32)
    record = adc_model.frames(codes, first=0x01020304).tobytes()
    body = bytes.fromhex("00ff00 000001 ffffff 7fffff 800000 000000 000002 000003 000004")
    crc = 0xFFFF
    for byte in body:  # bit by bit, from the definition
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    assert record == bytes.fromhex("04030201") + body + crc.to_bytes(2, "big") + bytes(3)


def test_24_bits_quantise_to_2_to_the_23():
    codes = adc_model.quantise(np.full((1, 7), 25.0), Adc(full_scale_v=50.0, full_scale_i=20.0, bits=24))
    assert codes.dtype == np.int32
    assert codes.tolist() == [[2**22] * 3 + [2**23 - 1] * 4 + [0]]


def test_injected_faults():
    adc = Adc()
    clean = b"".join(adc_model.frame_bytes([(0, np.zeros((10, 7)))], adc))
    faulty = b"".join(adc_model.frame_bytes([(0, np.zeros((10, 7)))], adc, drop=(3, 4), corrupt=(7,)))
    rows = np.frombuffer(faulty, adc_model.FRAME)
    assert rows["number"].tolist() == [0, 1, 2, 5, 6, 7, 8, 9]
    good = adc_model.crc16(rows["words"][:, :9]) == rows["words"][:, 9]
    assert rows["number"][~good].tolist() == [7]
    assert np.frombuffer(clean, adc_model.FRAME)["number"].tolist() == list(range(10))


def test_tones_keep_their_phase_for_hours():
    adc, hour = Adc(12800.0, "ideal"), 3600 * 12800
    late = adc_model.tones([("i2", 49.99, 1.0, 30.0)], 5, adc, first=hour, dc={"i2": 0.5})
    cycles = (49.99 * 3600) % 1 + 49.99 * np.arange(5) / 12800
    assert late[:, 4] == pytest.approx(0.5 + np.sqrt(2) * np.cos(2 * np.pi * cycles + np.radians(30)), abs=1e-6)


@pytest.mark.parametrize(
    "peak, full_scale",
    [(0.0, 0.0), (0.7, 1.0), (0.71, 1.2), (325.0, 500.0), (170.0, 250.0), (61.0, 100.0), (1e-4, 0.00015)],
)
def test_full_scale_is_readable_and_holds_the_peak_at_70_percent(peak, full_scale):
    assert adc_model.readable_full_scale(peak) == full_scale


def test_full_scale_of_a_recording_without_currents():
    recording = Recording("v", (record(12800.0, 2560, lambda t: 325 * np.sin(314 * t)),))
    assert adc_model.full_scales(recording) == (500.0, adc_model.DEFAULT_FULL_SCALE["i"])
