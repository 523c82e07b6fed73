"""meter.json: every setting of the meter with its unit, its legal range and its default.

`load` gives all settings as attributes, or raises ConfigError with a line for each value that is not legal:

    modbus_baud: 300 is not legal: want an integer 1200..230400 bit/s

A setting that is not in the file has its default. A name that is no setting is an error, so that a typing error shows.
On 32-bit ARM: .mpy 3.0 KB, heap 6.5 KB for the module, 0.4 KB for a configuration.
"""

import json

from micropython import const

# Kinds of settings. Constants, so that the table below is one, too, and stays in flash where it is frozen.
CHOICE = const("one of")
INTEGER = const("an integer")
NUMBER = const("a number")
OPTIONAL_INTEGER = const("null or an integer")
OPTIONAL_NUMBER = const("null or a number")
OFFSETS = const("a list of 8 integers")

_SMALLEST = const(1e-6)  # no input of a meter has a smaller full scale
_LARGEST = const(1000000)

# (name, kind, limits, unit, default); limits: (low, high), or the choices.
SETTINGS = (
    # The site.
    ("wiring", CHOICE, ("1p2w", "1p3w", "3p4w", "3p3w"), "", "3p4w"),  # phases and wires of the site
    ("neutral_current", CHOICE, ("measured", "computed"), "", "measured"),  # by its own CT, or from the phase currents
    ("nominal_frequency", CHOICE, (50, 60), "Hz", 50),  # of the mains; sets 10 or 12 periods a window
    ("nominal_voltage", NUMBER, (1, _LARGEST), "V", 230.0),  # rms, to neutral; line to line for 3p3w
    ("signalling_frequency", OPTIONAL_NUMBER, (100, 3000), "Hz", None),  # of ripple control; null: not measured
    ("current_sensor", CHOICE, ("ct", "rogowski"), "", "ct"),  # rogowski: integrated in the spectrum, orders 1 to 50
    ("demand_current", OPTIONAL_NUMBER, (_SMALLEST, _LARGEST), "A", None),  # rms; reference of TDD; null: no TDD
    ("rated_current", OPTIONAL_NUMBER, (_SMALLEST, _LARGEST), "A", None),  # rms; reference of TRD; null: no TRD
    ("nominal_current", OPTIONAL_NUMBER, (_SMALLEST, _LARGEST), "A", None),  # In; null: a 1.867th of full_scale_i
    ("short_circuit_current", OPTIONAL_NUMBER, (_SMALLEST, _LARGEST), "A", None),  # of the grid here; null: not known
    ("short_circuit_xr", NUMBER, (0.1, 50), "", 3.0),  # X / R of the grid at the nominal frequency
    ("site", CHOICE, ("load", "generator", "both"), "", "both"),  # which way its active power may flow
    ("window", CHOICE, ("10/12", "5/6"), "periods", "10/12"),  # at 50/60 Hz; 5/6: half the work, not IEC 61000-4-7
    # The front end.
    ("adc", CHOICE, ("ads131m08", "ideal"), "", "ads131m08"),  # ideal: no sinc3 droop to correct
    ("adc_rate", CHOICE, (12800, 10240), "S/s", 12800),  # samples of each channel
    ("adc_bits", CHOICE, (16, 24), "bit", 16),  # of a word on the SPI; 24: carried as 20, windows of 5/6 periods only
    ("gain_v", CHOICE, (1, 2, 4, 8, 16, 32, 64, 128), "", 1),  # of the converter's voltage inputs; in full_scale_v
    ("gain_i", CHOICE, (1, 2, 4, 8, 16, 32, 64, 128), "", 1),  # and of its current inputs: the range
    ("full_scale_v", NUMBER, (_SMALLEST, _LARGEST), "V", 500.0),  # peak volts just beyond the largest code
    ("full_scale_i", NUMBER, (_SMALLEST, _LARGEST), "A", 100.0),  # peak amperes just beyond the largest code
    ("kernels", CHOICE, ("auto", "viper", "thumb"), "", "auto"),  # of the signal core; auto: the fastest that is right
    ("offsets", OFFSETS, (-32768, 32767), "LSB", (0, 0, 0, 0, 0, 0, 0, 0)),  # of the ADC's channels, taken off codes
    ("aux_full_scale", NUMBER, (_SMALLEST, _LARGEST), "V", 16.5),  # at full code of the eighth channel
    ("aux_minimum", OPTIONAL_NUMBER, (_SMALLEST, _LARGEST), "V", None),  # of the auxiliary supply; null: not watched
    ("offset_limit", NUMBER, (0.01, 100), "%", 1.0),  # dc that is taken for an error, of full scale
    ("noise_limit", NUMBER, (0.001, 100), "%", 0.5),  # noise floor that is taken for an error, of full scale
    # What is computed.
    ("harmonics", CHOICE, ("subgroups", "groups", "bins"), "", "subgroups"),  # in the lists of harmonics
    ("interharmonics", CHOICE, ("subgroups", "groups"), "", "subgroups"),  # in the lists of interharmonics
    ("smoothing", CHOICE, ("none", "1.5 s"), "", "none"),  # of the lists of harmonics, IEC 61000-4-7 5.5.2
    ("accuracy_class", CHOICE, ("0.2S", "0.5S", "1"), "", "0.2S"),  # whose starting currents hold
    ("starting_current", OPTIONAL_NUMBER, (0, 10), "%", None),  # of nominal_current; null: as the class says; 0: none
    ("energy_total", CHOICE, ("sum", "phase"), "", "sum"),  # energy of the summed power, or sum of the phases' energies
    # Events, in % of nominal_voltage or of the sliding reference (IEC 61000-4-30).
    ("event_reference", CHOICE, ("nominal", "sliding"), "", "nominal"),
    ("dip_threshold", NUMBER, (10, 99), "%", 90.0),
    ("swell_threshold", NUMBER, (101, 200), "%", 110.0),
    ("interruption_threshold", NUMBER, (1, 50), "%", 5.0),
    ("event_hysteresis", NUMBER, (0.5, 10), "%", 2.0),
    ("rvc_threshold", OPTIONAL_NUMBER, (1, 6), "%", 3.0),  # of rapid voltage changes; null: not watched
    ("lamp", CHOICE, ("230 V", "120 V", "none"), "", "230 V"),  # of the flickermeter; none: no flicker
    # Modbus.
    ("modbus_unit", INTEGER, (1, 247), "", 1),  # address on the serial line, unit identifier on TCP
    ("modbus_baud", INTEGER, (1200, 230400), "bit/s", 19200),  # of the RS-485 ports
    ("modbus_parity", CHOICE, ("E", "O", "N"), "", "E"),  # even, odd, none (then two stop bits)
    ("modbus_tcp_port", OPTIONAL_INTEGER, (1, 65535), "", 502),  # null: no Modbus TCP
    ("modbus_tcp_clients", INTEGER, (1, 16), "", 4),  # connected at the same time; one more is refused
    ("modbus_tcp_idle_s", INTEGER, (1, 86400), "s", 300),  # a client silent for so long is disconnected
)


class ConfigError(Exception):
    """Values that the meter cannot run with. The message has one line for each: setting, value, what is legal."""


class Config:
    """The settings as attributes, by the names of SETTINGS. All of them are legal, together too."""


def load(source=None):
    """The configuration from `source`: the path of a JSON file, a dict of settings, or None for all defaults.

    Raises ConfigError: a file that cannot be read, is not JSON or not an object, or values that are not legal.
    """
    given = source if isinstance(source, dict) else read(source)
    config = Config()
    errors = []
    for name, kind, limits, unit, default in SETTINGS:
        value = given.get(name, default)
        legal, value = _checked(value, kind, limits)
        if not legal:
            errors.append("%s: %s is not legal: want %s" % (name, _shown(value), _wanted(kind, limits, unit)))
        setattr(config, name, value)
    known = [row[0] for row in SETTINGS]
    for name in sorted(given):
        if name not in known:
            errors.append("%s: no such setting: want one of %s" % (name, ", ".join(known)))
    if errors:
        raise ConfigError("\n".join(errors))
    _check_together(config)
    return config


def _check_together(config):
    """No setting may forbid another one."""
    errors = []
    if config.adc_bits == 24 and config.window != "5/6":
        errors.append('window: "%s" is not legal with adc_bits 24: want "5/6", the ring holds no more' % config.window)
    if config.interruption_threshold + config.event_hysteresis >= config.dip_threshold:
        errors.append(
            "interruption_threshold: %s is not legal: want it and event_hysteresis, %s %%, below dip_threshold, %s %%"
            % (config.interruption_threshold, config.event_hysteresis, config.dip_threshold)
        )
    for name in ("demand_current", "rated_current", "nominal_current"):
        value = getattr(config, name)
        if value is not None and value > config.full_scale_i:
            # The rms of a waveform cannot exceed its peak.
            errors.append(
                "%s: %s is not legal: want at most full_scale_i, %s A: the meter cannot see more"
                % (name, _shown(value), config.full_scale_i)
            )
    if errors:
        raise ConfigError("\n".join(errors))


def read(path):
    """The settings in a JSON file as a dict, not checked; {} for no path (None). ConfigError when it cannot be read."""
    if path is None:
        return {}
    try:
        with open(path) as file:
            given = json.load(file)
    except OSError as error:
        raise ConfigError("%s: cannot be read: %s" % (path, error))
    except ValueError as error:
        raise ConfigError("%s: is not JSON: %s" % (path, error))
    if not isinstance(given, dict):
        raise ConfigError("%s: has %s: want an object of settings" % (path, _shown(given)))
    return given


def _checked(value, kind, limits):
    """(is it legal?, the value as the meter uses it: numbers as floats, lists as tuples, choices as in the table)."""
    if kind == CHOICE:
        for choice in limits:
            if value == choice and not isinstance(value, bool):
                return True, choice
        return False, value
    if value is None:
        return kind in (OPTIONAL_INTEGER, OPTIONAL_NUMBER), None
    if kind == OFFSETS:
        legal = isinstance(value, (list, tuple)) and len(value) == 8
        return (True, tuple(value)) if legal and all(_is_integer(v, limits) for v in value) else (False, value)
    if kind in (INTEGER, OPTIONAL_INTEGER):
        return _is_integer(value, limits), value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not limits[0] <= value <= limits[1]:
        return False, value
    return True, float(value)


def _is_integer(value, limits):
    return isinstance(value, int) and not isinstance(value, bool) and limits[0] <= value <= limits[1]


def _wanted(kind, limits, unit):
    unit = " " + unit if unit else ""
    if kind == CHOICE:
        return "one of " + ", ".join([_shown(choice) for choice in limits]) + unit
    return "%s %s..%s%s" % (kind, limits[0], limits[1], unit)


def _shown(value):
    """A value as meter.json has it, cut where a long one would hide the rest of the line."""
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
