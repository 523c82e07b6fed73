"""Registers that can be written: the access code, trip points, the calibration of the present range.

All are holding registers (FC03, FC06, FC16) from PDU 20000 on; docs/registers.md has the table. Nothing is taken while
the meter is locked (exception 04), and a value that is not legal is refused as a whole (exception 03): `RESULT` tells
why. A float32 of NaN is null.

    20000  access code, uint32: writing it unlocks for ten minutes; reads as 0
    20002  state: 0 unlocked, 1 locked, 2 no code, 3 blocked, 4 sealed      20003  seconds until it ends by itself
    20004  command: 1 lock, 2 take the calibration written to 20100.., 3 undo it, 4 restart, 5 freeze evidence,
           6 release it; reads as 0
    20005  result of the last write: see RESULTS                            20006  1: a change waits for a restart
    20007  gain_v, gain_i: the range in use
    20010  the settings of TRIP_POINTS, float32 each
    20100  calibration: 8 gains (uint32, 0x800000 is 1), 8 offsets (int32), 8 phases (int16); read: the one in use,
           written: kept aside until command 2
"""

import struct
from array import array

from micropython import const
from wattless.calibration import Calibration
from wattless.settings import MODBUS, OPEN, Refused

FIRST = const(20000)
STATE = const(20002)
COMMAND = const(20004)
TRIPS = const(20010)
CALIBRATION = const(20100)
_CALIBRATION_REGISTERS = const(40)
TRIP_POINTS = (
    "dip_threshold",
    "swell_threshold",
    "interruption_threshold",
    "event_hysteresis",
    "rvc_threshold",
    "offset_limit",
    "noise_limit",
    "aux_minimum",
    "signalling_frequency",
    "demand_current",
    "rated_current",
    "nominal_current",
    "nominal_voltage",
    "full_scale_v",
    "full_scale_i",
)
RESULTS = ("done", "locked", "not legal", "nothing there")
COMMANDS = ("", "lock", "calibrate", "undo", "restart", "freeze", "release")

_REFUSED = const(4)  # exception codes
_ILLEGAL_VALUE = const(3)
_ILLEGAL_ADDRESS = const(2)
_NAN = float("nan")


class SettingsBank:
    """settings: settings.Settings. actions: dict of a word of COMMANDS -> function() for "restart", "freeze",
    "release", as far as there are any. neighbour: the bank of the other addresses."""

    def __init__(self, settings, actions, neighbour):
        self._settings = settings
        self._actions = actions
        self._neighbour = neighbour
        self._result = 0
        self._wanted = None  # a calibration on its way in, packed as its registers are

    def read(self, address, count, dest, offset):
        """As every bank: 0, or an exception code."""
        if address < FIRST:
            return self._neighbour.read(address, count, dest, offset)
        end = address + count
        if FIRST <= address and end <= COMMAND + 5:
            image, first = self._head(), FIRST
        elif TRIPS <= address and end <= TRIPS + 2 * len(TRIP_POINTS):
            image, first = self._trips(), TRIPS
        elif CALIBRATION <= address and end <= CALIBRATION + _CALIBRATION_REGISTERS:
            image, first = self._packed(), CALIBRATION
        else:
            return _ILLEGAL_ADDRESS
        dest[offset : offset + 2 * count] = image[2 * (address - first) : 2 * (end - first)]
        return 0

    def write(self, address, count, source, offset):
        """Takes `count` registers from source[offset:] for PDU `address` on: all of them, or none. 0, or an exception
        code."""
        data = bytes(source[offset : offset + 2 * count])
        try:
            if address == FIRST and count == 2:
                self._settings.unlock(str(struct.unpack(">I", data)[0]), MODBUS)
            elif address == COMMAND and count == 1:
                return self._command(struct.unpack(">H", data)[0])
            elif TRIPS <= address and address + count <= TRIPS + 2 * len(TRIP_POINTS) and not (address | count) & 1:
                self._set_trips((address - TRIPS) // 2, struct.unpack(">%df" % (count // 2), data))
            elif CALIBRATION <= address and address + count <= CALIBRATION + _CALIBRATION_REGISTERS:
                image = bytearray(self._wanted or self._packed())
                image[2 * (address - CALIBRATION) : 2 * (address - CALIBRATION) + len(data)] = data
                self._wanted = image
            else:
                return _ILLEGAL_ADDRESS
        except Refused:
            return self._refused()
        self._result = 0
        return 0

    def _command(self, number):
        name = COMMANDS[number] if number < len(COMMANDS) else ""
        settings = self._settings
        if name == "lock":
            settings.lock()
        elif name == "calibrate" and self._wanted:
            settings.calibrate(self._calibration(), MODBUS)
            self._wanted = None
        elif name == "undo":
            settings.undo(MODBUS)
        elif name in self._actions:
            if name == "restart":
                settings.permit()
            self._actions[name]()
        else:
            self._result = 3
            return _ILLEGAL_VALUE
        self._result = 0
        return 0

    def _refused(self):
        unlocked = self._settings.state == OPEN
        self._result = 2 if unlocked else 1
        return _ILLEGAL_VALUE if unlocked else _REFUSED

    def _set_trips(self, first, values):
        names = TRIP_POINTS[first : first + len(values)]
        self._settings.request_all({n: None if v != v else v for n, v in zip(names, values)}, MODBUS)

    def _head(self):
        settings = self._settings
        head = 0, settings.state, settings.seconds_left(), 0, self._result, settings.restart
        return struct.pack(">IHHHHHHH", *(head + (settings.config.gain_v, settings.config.gain_i)))

    def _trips(self):
        values = [self._settings.get(name) for name in TRIP_POINTS]
        return struct.pack(">%df" % len(values), *[_NAN if value is None else value for value in values])

    def _packed(self):
        made = self._settings.calibration()
        return struct.pack(">8I8i8h", *(tuple(made.gain) + tuple(made.offset) + tuple(made.phase)))

    def _calibration(self):
        """What was written as a Calibration."""
        values = struct.unpack(">8I8i8h", self._wanted)
        config = self._settings.config
        made = Calibration(config.gain_v, config.gain_i)
        made.gain = array("i", [min(value, 0xFFFFFF) for value in values[:8]])
        made.offset = array("i", values[8:16])
        made.phase = array("h", values[16:])
        return made
