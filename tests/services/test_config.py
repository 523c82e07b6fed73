"""firmware/wattless/config.py: defaults, and one clear line for each value that is not legal."""

import json
import math

import pytest

from wattless import config

DEFAULTS = {
    "wiring": "3p4w",
    "neutral_current": "measured",
    "nominal_frequency": 50,
    "nominal_voltage": 230.0,
    "signalling_frequency": None,
    "current_sensor": "ct",
    "demand_current": None,
    "rated_current": None,
    "nominal_current": None,
    "short_circuit_current": None,
    "short_circuit_xr": 3.0,
    "site": "both",
    "window": "10/12",
    "adc": "ads131m08",
    "adc_rate": 12800,
    "adc_bits": 16,
    "gain_v": 1,
    "gain_i": 1,
    "full_scale_v": 500.0,
    "full_scale_i": 100.0,
    "kernels": "auto",
    "offsets": (0, 0, 0, 0, 0, 0, 0, 0),
    "aux_full_scale": 16.5,
    "aux_minimum": None,
    "offset_limit": 1.0,
    "noise_limit": 0.5,
    "harmonics": "subgroups",
    "interharmonics": "subgroups",
    "smoothing": "none",
    "accuracy_class": "0.2S",
    "starting_current": None,
    "energy_total": "sum",
    "event_reference": "nominal",
    "dip_threshold": 90.0,
    "swell_threshold": 110.0,
    "interruption_threshold": 5.0,
    "event_hysteresis": 2.0,
    "rvc_threshold": 3.0,
    "lamp": "230 V",
    "modbus_unit": 1,
    "modbus_baud": 19200,
    "modbus_parity": "E",
    "modbus_tcp_port": 502,
    "modbus_tcp_clients": 4,
    "modbus_tcp_idle_s": 300,
}
WIRINGS = 'one of "1p2w", "1p3w", "3p4w", "3p3w"'

# setting, a value that is not legal, how the line shows it, the legal range that it states
BAD = (
    ("wiring", "3p5w", '"3p5w"', WIRINGS),
    ("wiring", None, "null", WIRINGS),
    ("wiring", ["3p4w"], '["3p4w"]', WIRINGS),
    ("current_sensor", "coil", '"coil"', 'one of "ct", "rogowski"'),
    ("window", "10", '"10"', 'one of "10/12", "5/6" periods'),
    ("adc_bits", 32, "32", "one of 16, 24 bit"),
    ("kernels", "asm", '"asm"', 'one of "auto", "viper", "thumb"'),
    ("signalling_frequency", 50, "50", "null or a number 100..3000 Hz"),
    ("neutral_current", "none", '"none"', 'one of "measured", "computed"'),
    ("gain_v", 3, "3", "one of 1, 2, 4, 8, 16, 32, 64, 128"),
    ("gain_i", 256, "256", "one of 1, 2, 4, 8, 16, 32, 64, 128"),
    ("nominal_frequency", 55, "55", "one of 50, 60 Hz"),
    ("nominal_frequency", "50", '"50"', "one of 50, 60 Hz"),
    ("nominal_voltage", 0, "0", "a number 1..1000000 V"),
    ("nominal_voltage", "230", '"230"', "a number 1..1000000 V"),
    ("nominal_voltage", True, "true", "a number 1..1000000 V"),
    ("demand_current", 0, "0", "null or a number 1e-06..1000000 A"),
    ("rated_current", -5.5, "-5.5", "null or a number 1e-06..1000000 A"),
    ("nominal_current", 0, "0", "null or a number 1e-06..1000000 A"),
    ("short_circuit_current", 0, "0", "null or a number 1e-06..1000000 A"),
    ("short_circuit_xr", 0, "0", "a number 0.1..50"),
    ("site", "charger", '"charger"', 'one of "load", "generator", "both"'),
    ("aux_full_scale", 0, "0", "a number 1e-06..1000000 V"),
    ("aux_minimum", 0, "0", "null or a number 1e-06..1000000 V"),
    ("offset_limit", 0, "0", "a number 0.01..100 %"),
    ("noise_limit", 0, "0", "a number 0.001..100 %"),
    ("harmonics", "group", '"group"', 'one of "subgroups", "groups", "bins"'),
    ("interharmonics", "bins", '"bins"', 'one of "subgroups", "groups"'),
    ("smoothing", True, "true", 'one of "none", "1.5 s"'),
    ("accuracy_class", 0.2, "0.2", 'one of "0.2S", "0.5S", "1"'),
    ("starting_current", -1, "-1", "null or a number 0..10 %"),
    ("energy_total", "net", '"net"', 'one of "sum", "phase"'),
    ("event_reference", "fixed", '"fixed"', 'one of "nominal", "sliding"'),
    ("dip_threshold", 100, "100", "a number 10..99 %"),
    ("swell_threshold", 100, "100", "a number 101..200 %"),
    ("interruption_threshold", 0, "0", "a number 1..50 %"),
    ("event_hysteresis", 0, "0", "a number 0.5..10 %"),
    ("rvc_threshold", 0, "0", "null or a number 1..6 %"),
    ("lamp", None, "null", 'one of "230 V", "120 V", "none"'),
    ("adc", "ad7606", '"ad7606"', 'one of "ads131m08", "ideal"'),
    ("adc_rate", 8000, "8000", "one of 12800, 10240 S/s"),
    ("full_scale_v", 0, "0", "a number 1e-06..1000000 V"),
    ("full_scale_v", -1, "-1", "a number 1e-06..1000000 V"),
    ("full_scale_i", math.inf, "Infinity", "a number 1e-06..1000000 A"),
    ("full_scale_i", math.nan, "NaN", "a number 1e-06..1000000 A"),
    ("full_scale_i", None, "null", "a number 1e-06..1000000 A"),
    ("offsets", [0] * 7, "[0, 0, 0, 0, 0, 0, 0]", "a list of 8 integers -32768..32767 LSB"),
    ("offsets", [0] * 7 + [32768], "[0, 0, 0, 0, 0, 0, 0, 32768]", "a list of 8 integers -32768..32767 LSB"),
    ("offsets", [0] * 7 + [0.5], "[0, 0, 0, 0, 0, 0, 0, 0.5]", "a list of 8 integers -32768..32767 LSB"),
    ("offsets", 0, "0", "a list of 8 integers -32768..32767 LSB"),
    ("modbus_unit", 0, "0", "an integer 1..247"),
    ("modbus_unit", 248, "248", "an integer 1..247"),
    ("modbus_unit", 1.0, "1.0", "an integer 1..247"),
    ("modbus_unit", True, "true", "an integer 1..247"),
    ("modbus_baud", 300, "300", "an integer 1200..230400 bit/s"),
    ("modbus_baud", 230401, "230401", "an integer 1200..230400 bit/s"),
    ("modbus_parity", "even", '"even"', 'one of "E", "O", "N"'),
    ("modbus_tcp_port", 0, "0", "null or an integer 1..65535"),
    ("modbus_tcp_port", 65536, "65536", "null or an integer 1..65535"),
    ("modbus_tcp_clients", 17, "17", "an integer 1..16"),
    ("modbus_tcp_clients", None, "null", "an integer 1..16"),
    ("modbus_tcp_idle_s", 0, "0", "an integer 1..86400 s"),
)
LIMITS = (
    ("nominal_voltage", 1),
    ("nominal_voltage", 1e6),
    ("demand_current", 100),
    ("offsets", [-32768, 32767, 0, 0, 0, 0, 0, 0]),
    ("modbus_unit", 247),
    ("modbus_baud", 1200),
    ("modbus_baud", 230400),
    ("modbus_tcp_port", 1),
    ("modbus_tcp_port", 65535),
    ("modbus_tcp_port", None),
    ("modbus_tcp_clients", 16),
    ("modbus_tcp_idle_s", 86400),
)


def message(source):
    with pytest.raises(config.ConfigError) as caught:
        config.load(source)
    return str(caught.value)


@pytest.mark.parametrize("source", [None, {}])
def test_defaults(source):
    assert vars(config.load(source)) == DEFAULTS


@pytest.mark.parametrize("name, value", LIMITS)
def test_limits_are_legal(name, value):
    got = getattr(config.load({name: value}), name)
    assert (list(got) if isinstance(got, tuple) else got) == value


def test_numbers_are_floats_and_choices_as_in_the_table():
    loaded = config.load({"full_scale_v": 5, "nominal_frequency": 60.0})
    assert type(loaded.full_scale_v) is float and type(loaded.nominal_frequency) is int


@pytest.mark.parametrize("name, value, shown, legal", BAD)
def test_a_line_for_a_bad_value(name, value, shown, legal):
    assert message({name: value}) == f"{name}: {shown} is not legal: want {legal}"


def test_every_setting_has_a_bad_value_in_this_test():
    assert {name for name, *_ in BAD} == set(DEFAULTS)


def test_a_line_for_each_of_several():
    lines = message({"modbus_baud": 1, "wiring": "x", "modbus_bd": 19200, "adc_rate": 1}).splitlines()
    assert [line.split(":")[0] for line in lines] == ["wiring", "adc_rate", "modbus_baud", "modbus_bd"]


def test_24_bits_need_short_windows():
    line = message({"adc_bits": 24})
    assert line == 'window: "10/12" is not legal with adc_bits 24: want "5/6", the ring holds no more'
    assert config.load({"adc_bits": 24, "window": "5/6"}).adc_bits == 24


def test_unknown_name():
    line = message({"modbus_bd": 19200})
    assert line == "modbus_bd: no such setting: want one of " + ", ".join(DEFAULTS)


def test_an_interruption_is_deeper_than_a_dip():
    line = message({"dip_threshold": 12, "interruption_threshold": 10})
    want = "want it and event_hysteresis, 2.0 %, below dip_threshold, 12.0 %"
    assert line == "interruption_threshold: 10.0 is not legal: " + want


@pytest.mark.parametrize("name", ["demand_current", "rated_current", "nominal_current"])
def test_a_reference_current_that_the_meter_cannot_see(name):
    want = f"{name}: 20.5 is not legal: want at most full_scale_i, 20.0 A: the meter cannot see more"
    assert message({name: 20.5, "full_scale_i": 20}) == want
    assert getattr(config.load({name: 20.0, "full_scale_i": 20}), name) == 20.0


def test_a_long_value_does_not_hide_the_rest():
    line = message({"offsets": list(range(1000))})
    assert len(line) < 150 and line.endswith("want a list of 8 integers -32768..32767 LSB")


def test_from_a_file(tmp_path):
    path = tmp_path / "meter.json"
    path.write_text(json.dumps({"wiring": "3p3w", "modbus_tcp_port": None}))
    for source in (path, str(path)):
        loaded = config.load(source)
        assert (loaded.wiring, loaded.modbus_tcp_port, loaded.nominal_voltage) == ("3p3w", None, 230.0)


@pytest.mark.parametrize(
    "content, says",
    [
        (None, "cannot be read"),
        (b"", "is not JSON"),
        (b"{'a': 1}", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[1, 2]", "has [1, 2]: want an object of settings"),
        (b"null", "has null: want an object of settings"),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, content, says):
    path = tmp_path / "meter.json"
    if content is not None:
        path.write_bytes(content)
    line = message(str(path))
    assert line.startswith(f"{path}: {says}") and "\n" not in line
