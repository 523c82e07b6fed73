"""The table of codes: complete, numbered as the modules that raise them have it, and every code has its sentence."""

import importlib
import re
from math import nan

import pytest

from wattless import codes, event_log
from wattless.codes import BY_NAME, BY_NUMBER, CODES, sentence

NUMBERS = {  # number -> name; a public contract: a code keeps its number for ever
    1: "DIP",
    2: "SWELL",
    3: "INTERRUPTION",
    4: "RVC",
    10: "LOST_FRAMES",
    11: "CRC_ERROR",
    12: "CLIP",
    13: "FLAT",
    14: "JITTER",
    15: "OFFSET",
    16: "NOISE",
    17: "SUPPLY",
    20: "NO_LOAD",
    30: "SEQUENCE_REVERSED",
    31: "VOLTAGE_MISSING",
    32: "SAME_PHASE",
    33: "VOLTAGE_REVERSED",
    34: "NEUTRAL_SHIFTED",
    35: "VOLTAGE_LEVEL",
    36: "CURRENT_MISSING",
    37: "CT_REVERSED_L1",
    38: "CT_REVERSED_L2",
    39: "CT_REVERSED_L3",
    40: "CT_REVERSED_N",
    41: "CURRENTS_SWAPPED",
    42: "VOLTAGES_SWAPPED",
    43: "PAIRING_120",
    44: "PAIRING_240",
    45: "EXPORT",
    46: "LEADING",
    47: "CANNOT_TELL",
    48: "UNPROVEN",
    49: "CONTRADICTION",
    50: "CLOCK_STEP",
    51: "SETTING_CHANGED",
    52: "CALIBRATED",
    53: "UNLOCKED",
    54: "WRONG_CODE",
    55: "RESTART",
    56: "TAMPER",
    57: "STORE_ERROR",
}
# module -> (what comes before and behind the name in its constants, numbers that it raises)
RAISED = {
    "wattless.metering.voltage_checks": ("_", "", range(30, 36)),
    "wattless.metering.diagnosis": ("_", "", (36, 37, 40, 41, 42, 43, 44, 45, 46, 48, 49)),
    "wattless.metering.events": ("", "", (1, 2, 3)),
    "wattless.metering.rapid_changes": ("", "", (4,)),
    "wattless.capture.health": ("", "_CODE", range(11, 18)),
    "wattless.settings": ("", "", range(51, 55)),
    "wattless.station": ("", "", range(55, 58)),
}


def test_numbers_and_names():
    assert {number: code.name for number, code in BY_NUMBER.items()} == NUMBERS
    assert len(BY_NAME) == len(CODES)


@pytest.mark.parametrize("module", RAISED)
def test_the_modules_raise_what_the_table_says(module):
    before, behind, numbers = RAISED[module]
    constants = importlib.import_module(module)
    for number in numbers:
        name = NUMBERS[number].replace("CRC_ERROR", "CRC")
        assert getattr(constants, before + name + behind) == number


def test_other_constants():
    from wattless.capture import health
    from wattless.metering import diagnosis, explanations, voltage_checks

    assert health.GAP_CODE == 10
    assert diagnosis._FIRST == 30
    assert voltage_checks.CANNOT_TELL == 47
    bits = [explanations._SETTING, explanations.NEUTRAL, explanations._STEPS, explanations.BALANCE, diagnosis._OPPOSITE]
    assert [bit for bit, _ in codes._EVIDENCE] == bits
    assert codes._RELATIVE == diagnosis._RELATIVE
    assert (codes._VOLTAGES_ODD, codes._NEUTRAL_ODD) == (voltage_checks._VOLTAGES_ODD, diagnosis._NEUTRAL_ODD)
    assert (explanations.NEXT, explanations.SWAPPED_12) == (8, 10)
    assert len(codes._EXCHANGES) == explanations.COUNT - 8


def test_events_are_called_as_the_event_log_calls_them():
    for number, code in BY_NUMBER.items():
        assert code.event == ("wiring" if 30 <= number < 50 else event_log.NAMES[number])


@pytest.mark.parametrize("code", CODES, ids=lambda code: code.name)
def test_every_code_has_cause_check_and_fix(code):
    assert re.fullmatch(r"[A-Z][A-Z0-9_-]*", code.name)
    for text in (code.cause, code.check, code.fix):
        assert text
        named = re.fullmatch(r"as ([A-Z0-9_]+)", text)
        assert named is None or named.group(1) in BY_NAME


@pytest.mark.parametrize("number", BY_NUMBER)
def test_every_code_has_a_sentence(number):
    for channel in range(8):
        for values in ((12.5, 3.0), (-170.0, 7.0), (0.0, 0.0), (nan, nan)):
            said = sentence(number, channel, *values)
            assert said[0].isupper() and said.endswith("."), said
            assert re.search("  |nan|{| [.,]", said) is None, said


SENTENCES = [
    ((1, 1, 69.8), "The voltage of L1 dipped to 69.8 % of the reference."),
    ((10, 0, 3.0), "Samples are missing (3 frames): values of that time are unknown."),
    ((15, 2, 1.234, 4.0), "The input I2 has a dc part of 1.23 % of full scale."),
    ((31, 2, 0.4), "The voltage of L2 is missing (0.4 % of the nominal voltage)."),
    ((32, 3, 0.3, 1.0), "The voltages L3 and L1 are the same phase (0 degrees apart)."),
    (
        (38, 2, -150.0, 1 + 8),
        "The CT of L2 is mounted backwards: its angle is -150 degrees, and 30 when it is turned (by the direction that "
        "the setting `site` allows, loads that are balanced with it).",
    ),
    (
        (37, 1, 210.0, 2 + 32),
        "The CT of L1 is mounted against the other CTs: its angle is 210 degrees, and 30 when it is turned (by the "
        "neutral current).",
    ),
    ((51, 0, 33.0, 85.0, "modbus"), "The setting `dip_threshold` was changed to 85 by modbus."),
    ((56, 0, 1.0), "The cover was opened."),
    ((41, 1, 120.0, 0.0), "The currents of L2 and L3 are exchanged; L1 is right."),
    (
        (45, 0, 175.0, 4.0),
        "Power flows to the grid: 175 degrees is export, not a reversed CT (by the voltage's answer to load steps).",
    ),
    (
        (46, 1, -41.9, 1.0),
        "The current of L1 leads by 42 degrees: a capacitive load, not a reversed CT (by the direction that the "
        "setting `site` allows).",
    ),
    (
        (47, 0, 180.0, 1 + 128 + 256),
        "The wiring cannot be told from these values (180 degrees): it may be right wiring and export, or backward CTs "
        "of L1 and L2 and L3, or each voltage with the next phase's current.",
    ),
    ((47, 0, 85.0, 8192.0), "The angles between the voltages (85 degrees) fit no known connection."),
    (
        (48, 0, -20.0, 1 + 2 + 4 + 8 + 16),
        "Nothing looks wrong, but nothing has proved the wiring yet: it may be right wiring and a leading load, or one "
        "or more backward CTs.",
    ),
    (
        (47, 0, 170.0, 1 + 2 + 0x1F00),
        "The wiring cannot be told from these values (170 degrees): it may be right wiring and export, or a backward "
        "CT of L1, or voltages and currents of different phases together.",
    ),
]


@pytest.mark.parametrize("arguments, expected", SENTENCES)
def test_sentences(arguments, expected):
    assert sentence(*arguments) == expected


def test_what_there_is_not():
    with pytest.raises(KeyError, match="no code 5: there are 1, 2"):
        sentence(5)
    with pytest.raises(ValueError, match="0..7, not 8"):
        sentence(1, 8)
