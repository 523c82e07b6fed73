"""What the serial console can be told: the commands of services/shell.py."""

import json
from binascii import b2a_base64

from micropython import const
from wattless import config
from wattless.calibration import from_dict
from wattless.services.shell import CommandError
from wattless.settings import CONSOLE, Refused

REFUSED = (CommandError, Refused)
_MOST_READ = const(512)  # bytes of evidence in an answer
_MOST_EVENTS = const(8)  # entries in an answer


# name, words it wants, help; done by the method of that name behind a _
TABLE = (
    ("diag", "", "how the meter is"),
    ("get", "ID...", "points or settings by name"),
    ("set", "NAME VALUE...", "changes a setting; null, numbers and words as in meter.json"),
    ("settings", "", "what differs from the defaults, and what waits for a restart"),
    ("events", "[BEFORE]", "the newest events, or those before number BEFORE"),
    ("code", "NEW", "sets the access code, 4 to 9 digits"),
    ("unlock", "CODE", "allows changes for ten minutes"),
    ("lock", "", "ends that"),
    ("calibration", "", "of all ranges"),
    ("calibrate", "JSON...", "takes the calibration of a range"),
    ("undo", "", "goes back to the calibration before"),
    ("freeze", "", "keeps the raw frames of the latest window"),
    ("evidence", "", "what is kept"),
    ("read", "AT COUNT", "bytes of it, base64"),
    ("release", "", "gives it up"),
    ("console", "ON", "on: a JSON line for each window; off"),
    ("format", "", "clears a store that is foreign or damaged"),
    ("restart", "", "starts the meter again"),
)


class Commands:
    """points, log, settings, status as their classes say; kept: (capture.evidence.Evidence or None, why there is none);
    restart(): starts the meter again; follow(on): starts or stops the JSON lines of the console."""

    def __init__(self, restart, points, log, settings, status, kept, follow):
        self._start_again = restart
        self._points = points
        self._log = log
        self.settings = settings
        self._status = status
        self.evidence, self.no_evidence = kept
        self._follow = follow

    def _diag(self, words):
        return self._status.report()

    def _get(self, words):
        found = {}
        for name in words:
            try:
                value = self._points.get(name)
            except KeyError:
                try:
                    value = self.settings.get(name)
                except KeyError:
                    raise CommandError("{}: no such point or setting".format(name))
            found[name] = value
        return {"values": found}

    def _set(self, words):
        text = " ".join(words[1:])
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        live = self.settings.request(words[0], value, CONSOLE)
        return {"set": words[0], "value": self.settings.get(words[0]), "restart_needed": not live}

    def _settings(self, words):
        settings = self.settings
        found = {}
        for name, _, _, _, default in config.SETTINGS:
            value = settings.get(name)
            if value != default:
                found[name] = value
        return {"settings": found, "changed": settings.changes, "restart_needed": settings.restart}

    def _events(self, words):
        last = self._log.total
        if words:
            if not words[0].isdigit():
                raise CommandError("BEFORE is the number of an event, not {}".format(words[0]))
            last = min(last, int(words[0]) - 1)
        found = []
        while len(found) < _MOST_EVENTS and last > 0:
            entry = self._log.get(last)
            if entry is None:
                break
            found.append(entry.as_dict())
            last -= 1
        return {"total": self._log.total, "events": found}

    def _code(self, words):
        self.settings.set_code(words[0], CONSOLE)
        return {"state": self.settings.state_name}

    def _unlock(self, words):
        self.settings.unlock(words[0], CONSOLE)
        return {"state": self.settings.state_name, "seconds": self.settings.seconds_left()}

    def _lock(self, words):
        self.settings.lock()
        return {"state": self.settings.state_name}

    def _calibration(self, words):
        current = self.settings.calibration()
        return {
            "range": {"gain_v": current.gain_v, "gain_i": current.gain_i},
            "present": current.as_dict(),
            "ranges": [item.as_dict() for item in self.settings.ranges],
        }

    def _calibrate(self, words):
        try:
            made = from_dict(json.loads(" ".join(words)))
        except ValueError as error:
            raise CommandError(str(error))
        self.settings.calibrate(made, CONSOLE)
        return {"calibration": made.as_dict()}

    def _undo(self, words):
        self.settings.undo(CONSOLE)
        return {"calibration": self.settings.calibration().as_dict()}

    def _kept(self):
        if self.evidence is None:
            raise CommandError(self.no_evidence)
        return self.evidence

    def _freeze(self, words):
        self._kept().freeze()
        return self._evidence(words)

    def _evidence(self, words):
        return self._kept().status()

    def _read(self, words):
        if not (words[0].isdigit() and words[1].isdigit() and 0 < int(words[1]) <= _MOST_READ):
            raise CommandError("want an address and a count of 1 to {} bytes".format(_MOST_READ))
        buffer = bytearray(int(words[1]))
        try:
            n = self._kept().read(int(words[0]), buffer)
        except ValueError as error:
            raise CommandError(str(error))
        return {"at": int(words[0]), "data": b2a_base64(memoryview(buffer)[:n]).decode().strip()}

    def _release(self, words):
        self._kept().release()
        return self._evidence(words)

    def _console(self, words):
        if words[0] not in ("on", "off"):
            raise CommandError("want on or off")
        self._follow(words[0] == "on")
        return {"console": words[0]}

    def _format(self, words):
        """A store that is in use holds the access code: it is cleared by those who know it."""
        store = self._status.store
        if store is None:
            raise CommandError("this board has no store")
        if store.problem is None:
            self.settings.permit()
        store.format()
        return {"problem": store.problem}

    def _restart(self, words):
        self.settings.permit()
        self._start_again()
        return {}
