"""The store: the state of the meter, by kind, on whatever medium the board has; each kind with the one before.

    store = Store(medium)               reads the medium once. It raises nothing: see `problem`
    store.load(kind)                    newest sound record; back=1: the one before; None: there is none
    store.save(kind, data)              waits until it is saved: then it survives. A cut before: the one before does
    store.begin(kind, data), step()     the same in slices, for a meter that measures (storage/persistence.py)
    store.format()                      clears the medium: the only thing that makes a blank or foreign one usable

Kinds: ENERGY EVENTS CALIBRATION CONFIG SECRETS (1 to 5; 6 and 7 are free); kind + ASIDE: a record that the meter
refused, one of each. Data: 0 to 4096 bytes.
"""

from wattless.storage import records
from wattless.storage.records import ASIDE, KINDS, LARGEST


class Store:
    """medium: one of storage/media.py.

    step()      goes on with what was begun: 0: all is saved; 1: there is more; 2: the medium is busy, come back later
    abort()     gives up what is being saved; the records before stay"""

    def __init__(self, medium):
        self.medium = medium
        if medium.files:
            from wattless.storage.files import Files as Ring  # only what the board uses takes its memory
        else:
            from wattless.storage.log import Log as Ring
        self._ring = ring = Ring(medium)
        self.step = ring.step
        self.abort = ring.abort

    problem = property(lambda self: self._ring.problem)  # why nothing can be saved, None: it can
    blank = property(lambda self: self._ring.blank)  # ... because nothing was ever written on it
    errors = property(lambda self: self._ring.errors)  # records met with a wrong CRC
    saving = property(lambda self: self._ring.saving)  # between begin() and its last step()

    def load(self, kind, back=0):
        """Data of the newest sound record (back=1: of the one before), bytes; None: there is none."""
        self._check(kind)
        for k in range(records.keep(kind) if back in (0, 1) else 0):
            data = self._ring.read(kind, k)
            if data is not None:
                if not back:
                    return data
                back -= 1
        return None

    def save(self, kind, data):
        """Saves, and waits for it, after what is being saved already. StoreError, OSError: it is not saved."""
        self._finish()
        self.begin(kind, data)
        self._finish()

    def begin(self, kind, data):
        """Begins to save. `data` must not change before step() is 0. StoreError: it cannot be saved."""
        self._check(kind)
        if len(data) > LARGEST:
            text = "a record has at most {} bytes, not {}: {}"
            raise ValueError(text.format(LARGEST, len(data), records.NAMES[kind % KINDS]))
        self._ring.begin(kind, data)

    def format(self):
        """Clears the medium. All records are lost; waits for seconds on a large one."""
        self._ring.abort()
        self._ring.format()

    def health(self, saves=()):
        """saves: (bytes, times a year) for each kind that is saved regularly.

        medium, problem   name; why nothing can be saved, None: it can
        writes, erases    records written, blocks erased since the medium was new (files: erases estimated)
        errors, torn      records met with a wrong CRC since the start; 1: the last write before it was cut off
        wear              0..1 of the cycles that the medium's maker promises
        years             until 1 at the rate of `saves`, None: not known
        free              bytes that are not needed for what is kept, None: not known"""
        ring, endurance = self._ring, self.medium.endurance
        rate = 0.0
        for length, times in saves:
            rate += ring.turns(length) * times
        left = max(0, endurance - ring.cycles)
        return {
            "medium": self.medium.name,
            "problem": ring.problem,
            "writes": ring.number,
            "erases": ring.erases,
            "errors": ring.errors,
            "torn": ring.torn,
            "wear": ring.cycles / endurance,
            "years": left / rate if rate else None,
            "free": ring.free,
        }

    def _finish(self):
        while True:
            state = self._ring.step()
            if state == 0:
                return
            if state == 2:
                self.medium.until_ready()

    def _check(self, kind):
        if not 0 < kind % ASIDE or not 0 < kind < KINDS + ASIDE:
            raise ValueError("kind must be 1..7, or {} more, not {}".format(ASIDE, kind))
