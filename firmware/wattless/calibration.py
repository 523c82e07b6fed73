"""Calibration of the inputs: offset, gain and delay of each of the converter's channels, as integers.

They are applied where samples are made, so that everything behind them agrees and samples are rounded once: the
ADS131M08 takes offset and gain in its registers OCAL and GCAL and delays in steps of its modulator clock (SBAS950,
8.3.11 calibration registers, 8.3.10 phase); whole samples of a delay are taken by capture/delay.py.

A calibration belongs to one range of the converter, that is to one gain of its voltage and one of its current inputs;
a meter keeps one for each range it was calibrated in.

    channel     0..7: v1 v2 v3 i1 i2 i3 in, spare
    gain        GCAL: 0x800000 is 1; 2**-23 a step, below 2
    offset      OCAL: signed, in LSB of 24 bits, taken off before the gain
    phase       delay, in periods of the modulator (2 / fCLKIN: 305 ns at 12.8 kS/s, 0.0055 degrees of 50 Hz)

Heap on 32-bit ARM: the module 4 KB from .mpy, a Calibration 0.2 KB.
"""

import struct
from array import array

from micropython import const

CHANNELS = const(8)
NAMES = ("v1", "v2", "v3", "i1", "i2", "i3", "in", "spare")
UNITY = const(0x800000)
OSR = const(256)  # modulator periods a sample
DELAY_SAMPLES = const(7)  # the most that capture/delay.py holds back
PHASE_LEAST = const(-127)
PHASE_MOST = const(1920)  # DELAY_SAMPLES * OSR + 128

GAIN_LIMITS = (0.8, 1.2)  # beyond +-20 % the divider or burden is another one than was told
OFFSET_LIMIT = const(838860)  # LSB of 24 bits: 10 % of full scale
_VERSION = const(1)
_FORMAT = "<BBBB8i8i8h"
BYTES = const(84)


class CalibrationError(ValueError):
    """The message says which channel, what was given and what is allowed."""


class Calibration:
    """The neutral one. gain_v, gain_i: the range, gains of the converter's inputs."""

    def __init__(self, gain_v=1, gain_i=1):
        self.gain_v = gain_v
        self.gain_i = gain_i
        self.gain = array("i", [UNITY] * CHANNELS)
        self.offset = array("i", [0] * CHANNELS)
        self.phase = array("h", [0] * CHANNELS)

    def coarse(self, channel):
        """Whole samples of the channel's delay, 0..7."""
        return (self.phase[channel] + OSR // 2 - 1) // OSR

    def fine(self, channel):
        """The rest in modulator periods, -127..128. The converter takes it with the opposite sign: what its PHASE
        samples later looks earlier."""
        return self.phase[channel] - OSR * self.coarse(channel)

    def check(self):
        """CalibrationError unless every value is legal."""
        for k in range(CHANNELS):
            name = NAMES[k]
            _within(name, "gain", self.gain[k] / UNITY, GAIN_LIMITS[0], GAIN_LIMITS[1])
            _within(name, "offset", self.offset[k], 0 - OFFSET_LIMIT, OFFSET_LIMIT)
            _within(name, "phase", self.phase[k], PHASE_LEAST, PHASE_MOST)

    def is_neutral(self):
        return all(self.gain[k] == UNITY and not self.offset[k] and not self.phase[k] for k in range(CHANNELS))

    def pack(self):
        """As BYTES bytes, for the store and for Modbus."""
        head = _VERSION, self.gain_v, self.gain_i, 0
        return struct.pack(_FORMAT, *(head + tuple(self.gain) + tuple(self.offset) + tuple(self.phase)))

    def as_dict(self):
        """For JSON: {"gain_v": 1, "gain_i": 1, "v1": {"gain": 1.0, "offset": 0, "phase": 0}, ...}"""
        line = {"gain_v": self.gain_v, "gain_i": self.gain_i}
        for k in range(CHANNELS):
            line[NAMES[k]] = {"gain": self.gain[k] / UNITY, "offset": self.offset[k], "phase": self.phase[k]}
        return line


def unpack(data):
    """The Calibration of packed bytes. CalibrationError for others."""
    if len(data) != BYTES or data[0] != _VERSION:
        raise CalibrationError("a calibration of version 1 has 84 bytes, these are {}".format(len(data)))
    values = struct.unpack(_FORMAT, data)
    made = Calibration(values[1], values[2])
    made.gain = array("i", values[4:12])
    made.offset = array("i", values[12:20])
    made.phase = array("h", values[20:28])
    made.check()
    return made


def from_dict(line):
    """The Calibration of `as_dict`'s form; channels and values that are left out are neutral. CalibrationError for
    what is not legal."""
    made = Calibration(line.get("gain_v", 1), line.get("gain_i", 1))
    for name in line:
        if name not in NAMES and name not in ("gain_v", "gain_i"):
            raise CalibrationError("{}: no such channel: want one of {}".format(name, ", ".join(NAMES)))
    for k in range(CHANNELS):
        values = line.get(NAMES[k], {})
        for name in values:
            if name not in ("gain", "offset", "phase"):
                raise CalibrationError("{}: {}: want gain, offset, phase".format(NAMES[k], name))
        gain = values.get("gain", 1)
        _within(NAMES[k], "gain", gain, GAIN_LIMITS[0], GAIN_LIMITS[1])
        _within(NAMES[k], "offset", values.get("offset", 0), 0 - OFFSET_LIMIT, OFFSET_LIMIT)
        _within(NAMES[k], "phase", values.get("phase", 0), PHASE_LEAST, PHASE_MOST)
        made.gain[k] = int(gain * UNITY + 0.5)
        made.offset[k] = round(values.get("offset", 0))
        made.phase[k] = round(values.get("phase", 0))
    return made


def _within(channel, name, value, least, most):
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise CalibrationError("{}: {} {} is not legal: want {}..{}".format(channel, name, value, least, most))


class Ranges:
    """The calibrations of a meter, one a range, at most MOST. pack(), unpack(): as one record."""

    MOST = 6

    def __init__(self, items=()):
        self._items = list(items)

    def get(self, gain_v, gain_i):
        """The Calibration of a range; a neutral one where there is none."""
        for item in self._items:
            if item.gain_v == gain_v and item.gain_i == gain_i:
                return item
        return Calibration(gain_v, gain_i)

    def put(self, calibration):
        """Ranges with that calibration in place of the one of its range. CalibrationError when there are too many."""
        same = (calibration.gain_v, calibration.gain_i)
        items = [item for item in self._items if (item.gain_v, item.gain_i) != same] + [calibration]
        if len(items) > self.MOST:
            raise CalibrationError("no place for one more range: calibrations of {} are kept".format(self.MOST))
        return Ranges(items)

    def __len__(self):
        return len(self._items)

    def __iter__(self):
        return iter(self._items)

    def pack(self):
        return b"".join([item.pack() for item in self._items])

    @staticmethod
    def unpack(data):
        """CalibrationError for bytes that are none."""
        if len(data) % BYTES:
            raise CalibrationError("calibrations have 84 bytes each, {} are no whole number".format(len(data)))
        return Ranges([unpack(data[at : at + BYTES]) for at in range(0, len(data), BYTES)])
