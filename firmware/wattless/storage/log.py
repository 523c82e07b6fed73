"""A ring of records on a byte or block store: whatever is cut off, every kind has its last state or the one before.

Records (storage/records.py) are written one behind the other, page by page, around the whole medium for ever, so that
every cell is used equally often. A record that must be kept (the newest two of each kind) and that the head comes near
is copied to the head first; only then its place is written over or erased. So there is no moment at which a kind has
fewer than two sound records, but for the first ones.

    T                                                 head
    |kept .. dead .. kept .. kept .. dead .. dead .. kept| erased | free: dead, to be erased          |T ...

F = bytes from the head to T, the first record to be kept. Copying that record to the head makes F never smaller (T
moves as far as the head, and past the dead ones behind it), but starting anew does: after a cut, the page at the head
and half-erased blocks are not to be trusted, so the head goes on in a fresh block. A new record is written only if F
stays at least the longest record and (2 + number of records kept) blocks; before, records are copied. Then a cut
behind every single copy still leaves room to copy the next, and after one turn all that is dead is free. So the ring
cannot get stuck on a medium that has, new record included, sum + longest + (3 + 2 * number) * block bytes; on one that
is written over, sum + longest.

A step does at most one of: begin an erase; read one page and write it; read one page. Every record is read back; what
is not as written is written anew, elsewhere, three times in all.
Heap on 32-bit ARM: 0.9 KB and two pages. A step leaves 0.1 to 0.4 KB of garbage, a save of 688 bytes 2.3 KB; it
takes 30 k instructions, the one with the first page 78 k (with 4 KB of data 120 k), the first of all 66 k.
"""

from binascii import crc32

from micropython import const
from wattless.storage import records
from wattless.storage.kept import Kept
from wattless.storage.records import HEAD, KINDS, StoreError

DONE = const(0)  # results of step()
MORE = const(1)
WAIT = const(2)  # the medium is busy

_IDLE, _CHOOSE, _ERASE, _WRITE, _VERIFY = range(5)
_TRIES = const(3)
_COPIES = const(100)  # for one record: far above what a turn of the ring takes


class Log:
    """medium: storage.media.Medium.

    problem     why it cannot be used, None: it can; blank: because nothing was ever written there
    number      of the last record, since the medium was new; turn: how often the ring went around
    errors      records with a wrong CRC met since the start
    torn        1: the last thing before the start was a write that was cut off"""

    def __init__(self, medium):
        self.medium = medium
        self._page = bytearray(medium.page)
        self._view = memoryview(self._page)
        self._body = self._view[HEAD:]
        self._blank = memoryview(b"\xff" * medium.page)
        self._top = bytearray(HEAD)
        try:
            self.mount()
        except OSError as error:
            self.problem = "{}: cannot be read: {}".format(medium.name, error)

    def mount(self):
        """Reads the whole medium once."""
        medium, size, page = self.medium, self.medium.size, self.medium.page
        self._kept = Kept(medium)
        self._phase = _IDLE
        self._job = self.problem = None
        self.number = self.turn = self.errors = self.torn = self._head = self._ahead = 0
        self.blank = False
        newest = other = end = at = 0
        while at < size:
            medium.readinto(at, self._top)
            head = records.parse(self._top, at)
            if head is None:
                other = other or records.version(self._top)
                at += page
                continue
            kind, length, number, born, turn, crc = head
            self.number = max(self.number, number)
            count = records.pages(length, page)
            if self._sum(at, count) != crc and self._sum(at, count) != crc:  # the second time: a disturbed transfer
                self.errors += 1
                at += page
                continue
            self._kept.enter(kind, at, length, born, number)
            at += count * page
            if number > newest:
                newest, end, self.turn = number, at, turn
        self._fresh = True  # erased blocks and the page at the head are not to be trusted
        self._head = end % size  # `_ahead` bytes from there on are erased
        self.turn += end // size
        self._safe = (self._head, self.turn)  # behind the last sound record
        self.torn = int(self.number > newest)
        self.errors -= self.torn
        self._decayed = self.errors > 0
        if not newest:
            from wattless.storage import formatting  # seldom needed: memory

            self.problem, self.blank = formatting.why(medium, other)

    def format(self):
        """Clears the medium and writes the first record. Waits until it is done: a block of 4 KB takes up to 0.4 s."""
        from wattless.storage import formatting

        number, turn = self.number, self.turn
        formatting.clear(self.medium)
        self.mount()
        self.problem, self.blank = None, False
        self.number, self.turn = number, turn + (number > 0)
        self._safe = (self._head, self.turn)
        self.begin(records.FORMAT, formatting.geometry(self.medium))
        while self.step():
            self.medium.until_ready()

    def length(self, kind, back=0):
        """Bytes of data of a record that is kept, -1: there is none."""
        slot = 2 * kind + back
        return self._kept.length[slot] if self._kept.where[slot] >= 0 else -1

    def read(self, kind, back=0):
        """The data of a record, bytes; None: there is none, or it is damaged by now."""
        size = self.length(kind, back)
        if size < 0:
            return None
        at = self._kept.where[2 * kind + back]
        data = bytearray(size)
        for _ in range(_TRIES):
            self.medium.readinto(at, self._top)
            head = records.parse(self._top, at)
            if head and self._sum(at, records.pages(size, self.medium.page), data) == head[5]:
                return bytes(data)
        self.errors += 1
        return None

    def begin(self, kind, data):
        """Begins to save `data` (which must not change until step() says DONE). StoreError: it cannot be."""
        if self.problem:
            raise StoreError(self.problem)
        if self._phase != _IDLE:
            raise StoreError("{}: another record is being saved".format(self.medium.name))
        missing = self._kept.needed(len(data), self.medium.erase_size) - self.medium.size
        if missing > 0:
            text = "{}: full: no room for {} bytes more, of {}: {} are missing"
            raise StoreError(text.format(self.medium.name, len(data), records.NAMES[kind % KINDS], missing))
        self._job = (kind, memoryview(data))
        self._born = 0
        self._copies = 0
        self._tries = _TRIES
        self._phase = _CHOOSE

    def step(self):
        """Goes on with it. DONE: it is saved; MORE: call again; WAIT: call again later, the medium is busy.

        StoreError, OSError: it is given up; what was there before is still there."""
        phase = self._phase
        if phase == _IDLE:
            return DONE
        if not self.medium.ready():
            return WAIT
        try:
            if phase == _CHOOSE:
                self._choose()
            elif phase == _ERASE:
                self._erase()
            elif phase == _WRITE:
                self._write()
            else:
                self._verify()
        except OSError:
            self.abort()
            raise
        return MORE if self._phase != _IDLE else DONE

    def abort(self):
        """Gives up what is being saved."""
        if self._phase != _IDLE:
            self._fresh = True
            self._head, self.turn = self._safe
            self._phase = _IDLE
            self._job = None

    @property
    def saving(self):
        return self._phase != _IDLE

    @property
    def cycles(self):
        """How often the most used cell was erased (where nothing is: written) since the medium was new."""
        return self.turn + (self.number > 0)

    @property
    def erases(self):
        """Blocks erased since the medium was new."""
        block = self.medium.erase_size
        blocks = self.medium.size // block if block else 0
        return self.cycles * blocks + (self._head + self._ahead + block - 1) // block if block else 0

    @property
    def free(self):
        """Bytes that are neither kept nor needed to keep them."""
        return max(0, self.medium.size - self._kept.needed(-1, self.medium.erase_size))

    def turns(self, length):
        """The part of a turn of the ring that one save of so many bytes takes at most: all that is kept is copied."""
        page = self.medium.page
        return records.pages(length, page) * page / max(page, self.medium.size - self._kept.room()[0])

    def _advance(self, count):
        self._head += count
        self._ahead -= count
        if self._head >= self.medium.size:
            self._head -= self.medium.size
            self.turn += 1

    # steps -----------------------------------------------------------------------------------------------------------

    def _choose(self):
        """What is written next: the new record, or first a copy of the one that is in its way."""
        block, page = self.medium.erase_size, self.medium.page
        if self._fresh:
            self._fresh = False
            if block:
                self._advance((0 - self._head) % block)
            self._ahead = 0
        need = records.pages(len(self._job[1]), page) * page
        space, slot = self._kept.first_from(self._head)
        _, longest, count = self._kept.room()
        self._slot = -1
        if slot >= 0 and space - need < max(longest, need) + (2 + count) * block:
            need = self._kept.bytes[slot]
            self._copies += 1
            if space < need + block and self._decayed:
                self._lose(slot)  # one that was dead before newer ones of its kind turned out to be damaged
                return
            if space < need + block or self._copies > _COPIES:
                raise StoreError("{}: no room is left to copy what must be kept".format(self.medium.name))
            self._slot = slot
        self._count = need // page
        self._index = self._crc = 0
        self._phase = _ERASE if block else _WRITE

    def _erase(self):
        """Erases one block, until the record fits."""
        block, size = self.medium.erase_size, self.medium.size
        if self._ahead >= self._count * self.medium.page:
            self._phase = _WRITE
            return
        at = (self._head + self._ahead) % size
        if self._kept.touches(at, block):
            raise StoreError("{}: block {} holds what must be kept".format(self.medium.name, at))
        self.medium.erase(at)
        self._ahead += block

    def _write(self):
        """Writes one page."""
        at, index, page, size = self._head, self._index, self.medium.page, self.medium.size
        if index == 0:
            self.number += 1
        if self._slot < 0:
            self._new_page(index)
        elif not self._copied_page(index):
            return
        self.medium.write((at + index * page) % size, self._page)
        self._index = index + 1
        if self._index == self._count:
            if self._slot >= 0 and self._crc != self._wanted:
                self._again()
                return
            self._index = self._crc = 0
            self._phase = _VERIFY

    def _new_page(self, index):
        """Page `index` of the new record."""
        kind, data = self._job
        page, buf, length = self.medium.page, self._page, len(data)
        if index == 0:
            rest = self._count * page - HEAD - length
            self._wanted = crc32(self._blank[:rest], crc32(data))
            self._born = self._born or self.number
            records.fill(buf, self._head, kind, length, self.number, self._born, self.turn, self._wanted)
        offset = 0 if index else HEAD
        first = index * page + offset - HEAD
        n = min(page - offset, length - first)
        buf[offset : offset + n] = data[first : first + n]
        if offset + n < page:
            buf[offset + n :] = self._blank[offset + n :]

    def _copied_page(self, index):
        """Page `index` of the record in the way. False: it is damaged."""
        page, size, slot = self.medium.page, self.medium.size, self._slot
        source = (self._kept.where[slot] + index * page) % size
        self.medium.readinto(source, self._page)
        self._crc = crc32(self._page if index else self._body, self._crc)
        if index == 0:
            head = records.parse(self._page, source)
            if head is None:
                self._again()
                return False
            self._wanted = head[5]
            length, born = self._kept.length[slot], self._kept.born[slot]
            records.fill(self._page, self._head, slot >> 1, length, self.number, born, self.turn, self._wanted)
        return True

    def _verify(self):
        """Reads one page back."""
        page, size, index = self.medium.page, self.medium.size, self._index
        self.medium.readinto((self._head + index * page) % size, self._page)
        if index == 0:
            head = records.parse(self._page, self._head)
            if not head or head[2] != self.number or head[5] != self._wanted:
                self._again()
                return
        self._crc = crc32(self._page if index else self._body, self._crc)
        self._index = index + 1
        if self._index < self._count:
            return
        if self._crc != self._wanted:
            self._again()
            return
        at, slot, kept = self._head, self._slot, self._kept
        self._advance(self._count * page)
        self._safe = (self._head, self.turn)
        self._tries = _TRIES
        if slot >= 0:
            kept.enter(slot >> 1, at, kept.length[slot], kept.born[slot], self.number)
            self._phase = _CHOOSE
            return
        kind, data = self._job
        kept.enter(kind, at, len(data), self._born, self.number)
        self._phase = _IDLE
        self._job = None

    def _again(self):
        """What was written is not what it should be, or the record to be copied is not: once more, elsewhere."""
        self.errors += 1
        self._advance(self._count * self.medium.page)
        self._phase = _CHOOSE
        self._tries -= 1
        if self._tries == 0:
            self._tries = _TRIES
            if self._slot < 0 or self._sound(self._slot):
                text = "{}: written {} times, never read back the same: worn out, write-protected or disturbed"
                raise StoreError(text.format(self.medium.name, _TRIES))
            self._lose(self._slot)

    def _sound(self, slot):
        return self.read(slot >> 1, slot & 1) is not None

    def _lose(self, slot):
        self.errors += 1
        self._kept.forget(slot)

    def _sum(self, at, count, data=None):
        """CRC of a record's pages; its data goes into `data`."""
        page, size, crc, done = self.medium.page, self.medium.size, 0, 0
        for index in range(count):
            self.medium.readinto((at + index * page) % size, self._page)
            crc = crc32(self._page if index else self._body, crc)
            if data is not None:
                offset = 0 if index else HEAD
                n = min(page - offset, len(data) - done)
                data[done : done + n] = self._view[offset : offset + n]
                done += n
        return crc
