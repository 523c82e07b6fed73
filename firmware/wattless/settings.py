"""Who may change what the meter runs with: settings, trip points, calibration, behind an access code.

What meter.json says is the ground; changes lie over it and survive in the store. A change is asked for by
`request`, `calibrate` or `undo`, whoever asks, and it is refused with the reason while the meter is locked. Each change
is logged with who, what and the new value; so are unlocking and wrong codes.

    no code     nobody has set an access code yet: nothing can be changed but the code, and that on the console only
    locked      `unlock(code)` opens for UNLOCKED_S seconds after the last change
    blocked     a wrong code was given: the next try counts in 1, 2, 4, ... 64 s
    sealed      the jumper of the board's write protection is set: nothing can be changed by anybody

The thresholds in LIVE hold at once, other settings from the next start on.

Heap on 32-bit ARM: the module 7.7 KB from .mpy, the object 1.3 KB with its Config.
"""

import json
from hashlib import sha256

from micropython import const
from wattless import config as configuration
from wattless.calibration import CalibrationError, Ranges

OPEN, LOCKED, NO_CODE, BLOCKED, SEALED = range(5)
STATES = ("unlocked", "locked", "no code", "blocked", "sealed")

CONSOLE, MODBUS, MQTT = range(3)  # who asks, as event_log.WHO calls them

UNLOCKED_S = const(600)
_LONGEST_BLOCK_S = const(64)
_NAN = float("nan")
_CODE_LEAST, _CODE_MOST = 4, 9  # digits: a register takes 32 bits

# codes of the event log
SETTING_CHANGED = 51
CALIBRATED = 52
UNLOCKED = 53
WRONG_CODE = 54

NAMES = tuple([row[0] for row in configuration.SETTINGS])
LIVE = (
    "dip_threshold",
    "swell_threshold",
    "interruption_threshold",
    "event_hysteresis",
    "offset_limit",
    "noise_limit",
    "aux_minimum",
)


class Refused(Exception):
    """Nothing was changed. The message says why."""


class Settings:
    """given: the settings of meter.json, a dict (config.ConfigError when they are not legal). clock: ticks_ms, diff.
    seal: function that is true while the hardware write protection is set; None: there is none.

    config: the Config that the meter runs with; ranges: calibrations (calibration.Ranges)
    log: EventLog or None; sample(): the number of the present sample, for its entries
    save(what): called after a change with "config", "calibration" or "code"; earlier(): the packed ranges before the
    present ones, or None. on_change: functions(config) for what is LIVE; on_calibration: functions(ranges)
    restart: a change waits for the next start
    """

    def __init__(self, given, clock, seal=None):
        self.given = given
        self.changes = {}
        self.config = configuration.load(given)
        self.ranges = Ranges()
        self.log = None
        self.sample = None
        self.save = None
        self.earlier = None
        self.on_change = []
        self.on_calibration = []
        self.restart = False
        self._clock = clock
        self._seal = seal
        self._code = b""  # salt (8) and digest (16)
        self._open_until = None
        self._blocked_until = None
        self._block_s = 0

    # Who may.

    @property
    def state(self):
        """One of OPEN, LOCKED, NO_CODE, BLOCKED, SEALED. To be asked for once a day at least: ticks come round."""
        if not self._left(self._open_until):
            self._open_until = None
        if not self._left(self._blocked_until):
            self._blocked_until = None
        if self._seal and self._seal():
            return SEALED
        if not self._code:
            return NO_CODE
        if self._blocked_until is not None:
            return BLOCKED
        return LOCKED if self._open_until is None else OPEN

    @property
    def state_name(self):
        return STATES[self.state]

    def seconds_left(self):
        """Until the state ends by itself: of OPEN and BLOCKED; else 0."""
        return (self._left(self._open_until if self.state == OPEN else self._blocked_until) + 999) // 1000

    def unlock(self, code, who):
        """Opens for changes. Refused: wrong code, or too soon behind one."""
        state = self.state
        if state == SEALED:
            raise Refused("sealed: take the write protection jumper off first")
        if state == NO_CODE:
            raise Refused("no access code is set: set one on the console with `code`")
        if state == BLOCKED:
            raise Refused("blocked after a wrong code: try again in {} s".format(self.seconds_left()))
        if self._digest(self._code[:8], code) != self._code:
            self._block_s = min(_LONGEST_BLOCK_S, 2 * self._block_s or 1)
            self._blocked_until = self._in(self._block_s)
            self._open_until = None
            self._note(WRONG_CODE, who)
            raise Refused("wrong access code: the next try counts in {} s".format(self._block_s))
        self._block_s = 0
        self._blocked_until = None
        self._open_until = self._in(UNLOCKED_S)
        self._note(UNLOCKED, who)

    def lock(self):
        self._open_until = None

    def set_code(self, new, who):
        """Sets or changes the access code, 4 to 9 digits, the first not 0. Refused: not on the console, or locked."""
        if self.state != NO_CODE:
            self.permit()
        elif who != CONSOLE:
            raise Refused("the first access code can only be set on the console")
        if not (new.isdigit() and _CODE_LEAST <= len(new) <= _CODE_MOST) or new[0] == "0":
            raise Refused("an access code has {} to {} digits, the first is not 0".format(_CODE_LEAST, _CODE_MOST))
        self._code = self._digest(_salt(self._clock), new)
        self._saved("code")

    # What changes.

    def get(self, name):
        """What a setting is, from the next start on if it was changed; KeyError for a name that is none."""
        if name not in NAMES:
            raise KeyError(name)
        return self.changes.get(name, getattr(self.config, name))

    def request(self, name, value, who):
        """Changes a setting. Returns whether it holds at once (else from the next start on). Refused, with the reason,
        when the meter is locked or the value is not legal."""
        return self.request_all({name: value}, who)

    def request_all(self, wanted, who):
        """The same of several settings by name: all of them are changed, or none."""
        self.permit()
        for name in wanted:
            if name not in NAMES:
                raise Refused("{}: no such setting: want one of {}".format(name, ", ".join(NAMES)))
        changes = dict(self.changes)
        changes.update(wanted)
        try:
            config = configuration.load(self._together(changes))
        except configuration.ConfigError as error:
            raise Refused(str(error))
        self.changes = changes
        live = True
        for name in wanted:
            value = getattr(config, name)
            if name in LIVE:
                setattr(self.config, name, value)
            else:
                live = False
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            self._note(SETTING_CHANGED, who, NAMES.index(name), value if is_number else _NAN)
        self.restart = self.restart or not live
        for function in self.on_change:
            function(self.config)
        self._saved("config")
        return live

    def calibration(self):
        """The Calibration of the range in use."""
        return self.ranges.get(self.config.gain_v, self.config.gain_i)

    def calibrate(self, calibration, who):
        """Takes the Calibration of a range. Refused when locked, or when it is not legal."""
        self.permit()
        try:
            calibration.check()
            ranges = self.ranges.put(calibration)
        except CalibrationError as error:
            raise Refused(str(error))
        self._use(ranges, who)

    def undo(self, who):
        """Goes back to the calibrations before the present ones, before the first ones there were none. Refused when
        locked, or when there is nothing to undo."""
        self.permit()
        earlier = self.earlier() if self.earlier else None
        if earlier is None and not len(self.ranges):
            raise Refused("there is no calibration to undo")
        self._use(Ranges.unpack(earlier or b""), who)

    def _use(self, ranges, who):
        self.ranges = ranges
        for function in self.on_calibration:
            function(ranges)
        self._note(CALIBRATED, who, len(ranges))
        self._saved("calibration")

    # What survives.

    def pack(self, what):
        """Bytes for the store: of "config", "calibration" or "code"; None: there is none."""
        if what == "config":
            return json.dumps(self.changes).encode()
        return self.ranges.pack() if what == "calibration" else self._code or None

    def restore(self, what, data):
        """What was saved. ValueError, and nothing changes, for bytes that make no sense (any more)."""
        if what == "config":
            changes = json.loads(data)
            try:
                self.config = configuration.load(self._together(changes))
            except configuration.ConfigError as error:
                raise ValueError("changed settings do not go with meter.json: {}".format(error))
            self.changes = changes
        elif what == "calibration":
            self.ranges = Ranges.unpack(data)
        elif len(data) == 24:
            self._code = bytes(data)
        else:
            raise ValueError("an access code is kept in 24 bytes, not {}".format(len(data)))

    def _together(self, changes):
        settings = dict(self.given)
        settings.update(changes)
        return settings

    def permit(self):
        """Refused unless the meter is open; then it stays open for a while."""
        state = self.state
        if state == NO_CODE:
            raise Refused("no access code is set: set one on the console with `code`")
        if state != OPEN:
            raise Refused("{}: `unlock` with the access code first".format(STATES[state]))
        self._open_until = self._in(UNLOCKED_S)

    def _saved(self, what):
        if self.save:
            self.save(what)

    def _note(self, code, who, value=_NAN, detail=_NAN):
        if self.log:
            sample = self.sample() if self.sample else None
            self.log.add(code, sample=sample, value=value, detail=detail, mask=1 << who)

    def _in(self, seconds):
        return self._clock.ticks_ms() + 1000 * seconds & 0x3FFFFFFF

    def _left(self, until):
        """Milliseconds until then; 0: it is over, or was never."""
        if until is None:
            return 0
        return max(0, self._clock.diff(until, self._clock.ticks_ms()))

    @staticmethod
    def _digest(salt, code):
        return salt + sha256(salt + code.encode()).digest()[:16]


def _salt(clock):
    try:
        from os import urandom
    except ImportError:
        ticks = clock.ticks_us()
        return sha256(b"%d" % ticks).digest()[:8]
    return urandom(8)
