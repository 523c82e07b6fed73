"""calibration.py: what is packed comes back, delays are split as the converter wants them, limits are stated."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattless import calibration as c
from wattless.calibration import Calibration, CalibrationError, Ranges, from_dict, unpack

GAINS = st.lists(st.integers(int(0.81 * c.UNITY), int(1.19 * c.UNITY)), min_size=8, max_size=8)
OFFSETS = st.lists(st.integers(-c.OFFSET_LIMIT, c.OFFSET_LIMIT), min_size=8, max_size=8)
PHASES = st.lists(st.integers(c.PHASE_LEAST, c.PHASE_MOST), min_size=8, max_size=8)


def made(gain, offset, phase, gain_v=1, gain_i=1):
    calibration = Calibration(gain_v, gain_i)
    for k in range(8):
        calibration.gain[k], calibration.offset[k], calibration.phase[k] = gain[k], offset[k], phase[k]
    return calibration


def values(calibration):
    return [list(calibration.gain), list(calibration.offset), list(calibration.phase)]


@given(GAINS, OFFSETS, PHASES)
def test_there_and_back(gain, offset, phase):
    calibration = made(gain, offset, phase, 2, 16)
    calibration.check()
    data = calibration.pack()
    assert len(data) == c.BYTES
    back = unpack(data)
    assert values(back) == [gain, offset, phase]
    assert (back.gain_v, back.gain_i) == (2, 16)
    assert values(from_dict(json.loads(json.dumps(calibration.as_dict())))) == [gain, offset, phase]


def test_a_delay_is_whole_samples_and_a_rest_that_the_converter_takes():
    """PHASEn has ten bits, of which +-128 are used at OSR 256 (SBAS950, 8.3.10); its sign is the opposite."""
    for phase in range(c.PHASE_LEAST, c.PHASE_MOST + 1):
        calibration = made([c.UNITY] * 8, [0] * 8, [phase] * 8)
        coarse, fine = calibration.coarse(5), calibration.fine(5)
        assert 256 * coarse + fine == phase
        assert 0 <= coarse <= 7 and -128 <= -fine <= 127


@pytest.mark.parametrize(
    "line, words",
    [
        ({"v1": {"gain": 1.3}}, r"v1: gain 1\.3 is not legal: want 0\.8\.\.1\.2"),
        ({"in": {"offset": 900000}}, "in: offset 900000 is not legal: want -838860..838860"),
        ({"i2": {"phase": -128}}, "i2: phase -128 is not legal: want -127..1920"),
        ({"i2": {"phase": "x"}}, "i2: phase x"),
        ({"i2": {"gain": True}}, "i2: gain True"),
        ({"i2": {"gain": float("nan")}}, "i2: gain nan"),
        ({"i4": {}}, "i4: no such channel: want one of v1, v2, v3, i1, i2, i3, in, spare"),
        ({"i1": {"scale": 1}}, "i1: scale: want gain, offset, phase"),
    ],
)
def test_what_is_not_legal(line, words):
    with pytest.raises(CalibrationError, match=words):
        from_dict(line)


@pytest.mark.parametrize("data", [b"", bytes(84), Calibration().pack()[:-1], b"\x02" + Calibration().pack()[1:]])
def test_other_bytes(data):
    with pytest.raises(CalibrationError):
        unpack(data)


def test_ranges():
    ranges = Ranges()
    for gain_i in (1, 2, 4, 8, 16, 32):
        ranges = ranges.put(made([c.UNITY + gain_i] * 8, [0] * 8, [0] * 8, 1, gain_i))
    with pytest.raises(CalibrationError, match="6"):
        ranges.put(Calibration(2, 1))
    again = ranges.put(made([c.UNITY + 99] * 8, [0] * 8, [0] * 8, 1, 4))
    assert ranges.get(1, 4).gain[0] == c.UNITY + 4  # the old ones are as they were
    back = Ranges.unpack(again.pack())
    assert [back.get(1, g).gain[0] - c.UNITY for g in (1, 2, 4, 8, 16, 32)] == [1, 2, 99, 8, 16, 32]
    assert back.get(64, 64).is_neutral() and not back.get(1, 1).is_neutral()
    with pytest.raises(CalibrationError):
        Ranges.unpack(bytes(83))
