"""When what is saved: the meter's parts say what they have, this says when, a slice at a time.

    p = Persistence(store, board.clock)
    p.add(ENERGY, energy.state, energy.restore)
    p.add(CONFIG, config.packed, config.unpack, 0)      0: only when told
    p.restore()                                         at the start, in the order of add()
    while True: ...; p.poll()                           once a window, 0.2 s
    p.soon(CONFIG)                                      with one of the next polls; saved when not p.pending(CONFIG)
    p.save_now(ENERGY)                                  waits: the mains are going, or a restart was ordered

Periods by the medium: where bytes are written over (FRAM, EEPROM) a minute; flash and files, whose erase takes long and
wears, 15 minutes. State is taken, and the saving of it begun, a tenth of the period early, so that what a cut takes is
at most one period, the time that saving needs within it. State that is the same as saved last (length and CRC-32) is
not saved again, so quiet events cost nothing.

What a part refuses (ValueError: it does not fit, it is of another version) is put aside in the store under kind +
ASIDE, where it stays for who wants to look, and the part gets the record before. What is damaged on the medium the
store leaves out by itself; then all is saved anew at once, while it is here.

A poll with nothing due allocates nothing. One that saves takes SLICE_US and one step of the store's at most, see
docs/storage.md. Heap on 32-bit ARM: 0.2 KB and 0.1 KB a kind.
"""

from binascii import crc32

from micropython import const
from wattless.storage.records import ASIDE, ENERGY, EVENTS, NAMES, keep

OFTEN_S = const(60)
SELDOM_S = const(900)
LONGEST_S = const(86400)
SLICE_US = const(1000)  # after that much time, a poll begins no further step
ALIVE_MS = const(5000)
STUCK_MS = const(60000)  # a save that takes so long is given up
RETRY_MS = const(10000)  # after a save that failed none is begun for so long

_WAIT = const(2)
_YEAR_S = 31557600


class _Part:
    """One kind: its functions, its period in ms (0: only when told), what became of it."""

    def __init__(self, kind, take, give, period):
        self.kind = kind
        self.take = take
        self.give = give
        self.period = period
        self.taken = 0  # ticks_ms of when it was taken last
        self.due = False  # told so
        self.crc = None  # of the last state that was saved, and its length
        self.length = 0
        self.saves = 0
        self.asked = False  # restore() was there
        self.from_back = None  # which record it was restored from, None: none


class Persistence:
    """store: storage.store.Store; clock: the board's, with ticks_ms(), ticks_us(), diff(a, b).

    refused: records that a part would not have; failed: saves that did not succeed; reason: what the last one said,
    None: it succeeded; reasons: {kind: why its record was refused}."""

    def __init__(self, store, clock):
        self.store = store
        self.refused = 0
        self.failed = 0
        self.reason = None
        self.reasons = {}
        self._clock = clock
        self._parts = []
        self._part = None  # whose state is being saved
        self._crc = 0
        self._length = 0
        self._polled = self._begun = self._failed_at = clock.ticks_ms()

    def add(self, kind, take, give, every_s=None):
        """take() -> bytes, or None: nothing to save now; give(bytes): restores it, or ValueError and changes nothing.

        every_s: 0: only when told; None: by the medium for energy and events, 0 for others."""
        medium = self.store.medium
        if every_s is None:
            every_s = (SELDOM_S if medium.files or medium.erase_size else OFTEN_S) if kind in (ENERGY, EVENTS) else 0
        if not 0 <= every_s <= LONGEST_S:
            raise ValueError("every_s must be 0 to {} s, not {}".format(LONGEST_S, every_s))
        part = _Part(kind, take, give, every_s * 900)
        part.taken = self._clock.ticks_ms()
        self._parts.append(part)

    def restore(self):
        """Gives every part that was added since the last time its newest record that it accepts. Waits for the medium
        where records are put aside."""
        store = self.store
        for part in self._parts:
            if part.asked:
                continue
            part.asked = True
            for back in range(keep(part.kind)):
                data = store.load(part.kind, back)
                if data is None:
                    break
                try:
                    part.give(data)
                except ValueError as error:
                    self._refuse(part.kind, data, back, error)
                    continue
                part.from_back = back
                if back == 0:
                    part.crc, part.length = crc32(data), len(data)
                break
        if store.errors:
            for part in self._parts:
                if part.from_back is not None:
                    part.crc = None
                    part.due = True

    def poll(self):
        """Once a window. Begins or goes on with one save; returns True while it is not done."""
        now = self._clock.ticks_ms()
        self._polled = now
        try:
            if self._part is None and not self._begin(now):
                return False
            start = self._clock.ticks_us()
            while True:
                done = self.store.step()
                if done == 0:
                    self._saved()
                    return False
                if done == _WAIT or self._clock.diff(self._clock.ticks_us(), start) >= SLICE_US:
                    break
            if self._clock.diff(now, self._begun) > STUCK_MS:
                self._fail("{}: saving takes longer than {} s".format(self.store.medium.name, STUCK_MS // 1000))
                return False
            return True
        except (OSError, ValueError) as error:  # ValueError: take() gave too much
            self._fail(error)
            return False

    def soon(self, kind):
        """It is saved with the next polls, even if nothing of it changed."""
        part = self._find(kind)
        part.due = True
        part.crc = None

    def pending(self, kind):
        """Whether it waits to be saved, or is being saved."""
        part = self._find(kind)
        return part.due or part is self._part

    def save_now(self, kind):
        """Saves it, and waits until it is; what is being saved comes later, anew. StoreError, OSError: it is not saved;
        ValueError: it is too long."""
        part = self._find(kind)
        if self._part:
            self.store.abort()
            self._part.due = True
            self._part = None
        try:
            data = part.take()
            if data is not None:
                self._take(part, data, self._clock.ticks_ms())
                self.store.save(kind, data)
                self._saved()
        except (OSError, ValueError) as error:
            self._fail(error)
            raise

    @property
    def alive(self):
        """For the watchdog: poll() was called a short time ago. A medium that fails is a fault to show, in status(),
        not one that a restart would help."""
        return self._clock.diff(self._clock.ticks_ms(), self._polled) < ALIVE_MS

    def status(self):
        """What the diagnosis prints: the store's health, and

        refused, failed     records that a part would not have; saves that did not succeed since the start
        reason              what the last save that failed said, None: the last one succeeded
        reasons             {name: why its record was refused}
        parts               {name: {every_s, saves, bytes, age_s, restored}}: period (0: when told), saves since the
                            start, bytes of the last, seconds since it was looked at (None: when told); restored: 0:
                            from the newest record, 1: from the one before, None: not"""
        saves, parts, now = [], {}, self._clock.ticks_ms()
        for part in self._parts:
            if part.period and part.length:
                saves.append((part.length, _YEAR_S * 1000 / part.period))
            parts[NAMES[part.kind]] = {
                "every_s": part.period // 900,
                "saves": part.saves,
                "bytes": part.length,
                "age_s": self._clock.diff(now, part.taken) // 1000 if part.period else None,
                "restored": part.from_back,
            }
        status = self.store.health(saves)
        status["refused"] = self.refused
        status["failed"] = self.failed
        status["reason"] = self.reason
        status["reasons"] = {NAMES[kind]: self.reasons[kind] for kind in self.reasons}
        status["parts"] = parts
        return status

    def _begin(self, now):
        """Begins to save what is due. False: nothing is."""
        if self.store.problem or (self.reason and self._clock.diff(now, self._failed_at) < RETRY_MS):
            return False
        for part in self._parts:
            if part.due or (part.period and self._clock.diff(now, part.taken) >= part.period):
                data = part.take()
                if data is None or (len(data) == part.length and crc32(data) == part.crc):
                    part.taken = now
                    part.due = False
                    continue
                self._take(part, data, now)
                self._begun = now
                self.store.begin(part.kind, data)
                return True
        return False

    def _take(self, part, data, now):
        self._part = part
        self._length, self._crc = len(data), crc32(data)
        part.taken = now
        part.due = False

    def _saved(self):
        part = self._part
        part.length, part.crc = self._length, self._crc
        part.saves += 1
        self._part = None
        self.reason = None

    def _fail(self, reason):
        """What was there before is still there; it is tried again later."""
        self.store.abort()
        self.failed += 1
        self.reason = str(reason)
        self._failed_at = self._clock.ticks_ms()
        part = self._part
        if part:
            part.due = True
            self._part = None
            self._parts.remove(part)  # others come first: it may be the one that cannot be saved
            self._parts.append(part)

    def _refuse(self, kind, data, back, reason):
        """Puts a record aside that its part does not accept: the newest of them."""
        self.refused += 1
        if back and kind in self.reasons:
            return
        self.reasons[kind] = str(reason)
        try:
            if self.store.load(kind + ASIDE) != data:
                self.store.save(kind + ASIDE, data)
        except OSError as error:
            self._fail(error)

    def _find(self, kind):
        for part in self._parts:
            if part.kind == kind:
                return part
        raise ValueError("nothing was added for kind {}".format(kind))
