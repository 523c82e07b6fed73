"""Which records are kept, and where: the newest two of each kind. Heap on 32-bit ARM: 0.7 KB."""

from array import array

from micropython import const
from wattless.storage import records

SLOTS = const(32)  # slot 2 * kind: the newest record of a kind, + 1: the one before


class Kept:
    """where[slot] (-1: none), length[slot], bytes[slot]: place, bytes of data, bytes on the medium; born[slot],
    written[slot]: two of its numbers."""

    def __init__(self, medium):
        self._size = medium.size
        self._page = medium.page
        self.where = array("i", bytes(4 * SLOTS))
        self.length = array("H", bytes(2 * SLOTS))
        self.bytes = array("H", bytes(2 * SLOTS))
        self.born = array("i", bytes(4 * SLOTS))
        self.written = array("i", bytes(4 * SLOTS))
        self._room = None
        for slot in range(SLOTS):
            self.where[slot] = -1

    def enter(self, kind, at, length, born, number):
        """Keeps a sound record, if it is one of the newest of its kind; of copies the newest one. In any order."""
        slot = 2 * kind
        last = slot + records.keep(kind) - 1
        while self.where[slot] >= 0 and born < self.born[slot]:
            if slot == last:
                return
            slot += 1
        if self.where[slot] >= 0:
            if born == self.born[slot]:
                if number < self.written[slot]:
                    return
            elif slot < last:
                self._shift(slot, last)
        self._room = None
        self.where[slot], self.length[slot] = at, length
        self.bytes[slot] = records.pages(length, self._page) * self._page
        self.born[slot], self.written[slot] = born, number

    def forget(self, slot):
        """A record is lost: the one before takes its place."""
        if not slot & 1 and self.where[slot + 1] >= 0:
            self._shift(slot + 1, slot)
            slot += 1
        self.where[slot] = -1
        self._room = None

    def _shift(self, of, to):
        for numbers in (self.where, self.length, self.bytes, self.born, self.written):
            numbers[to] = numbers[of]

    def room(self):
        """(bytes, bytes of the longest, number) of all records that are kept."""
        if self._room is None:
            total = longest = count = 0
            where, sizes = self.where, self.bytes
            for slot in range(SLOTS):
                if where[slot] >= 0:
                    size = sizes[slot]
                    total += size
                    count += 1
                    if size > longest:
                        longest = size
            self._room = (total, longest, count)
        return self._room

    def needed(self, length, block):
        """Bytes that a medium must have to keep what is kept, and one more record of `length` (-1: none more)."""
        total, longest, count = self.room()
        if length >= 0:
            size = records.pages(length, self._page) * self._page
            total += size
            longest = max(longest, size)
            count += 1
        return total + longest + (3 + 2 * count) * block

    def first_from(self, place):
        """(bytes, slot): how far from `place` on the next record begins; (size, -1): there is none."""
        where, size = self.where, self._size
        space, first = size, -1
        for slot in range(SLOTS):
            at = where[slot]
            if at >= 0:
                at -= place
                if at < 0:
                    at += size
                if at < space:
                    space, first = at, slot
        return space, first

    def touches(self, place, count):
        """Whether a part of a record lies in the `count` bytes from `place` on."""
        for slot in range(SLOTS):
            if self.where[slot] >= 0:
                ahead = (self.where[slot] - place) % self._size
                if ahead < count or ahead + self.bytes[slot] > self._size:
                    return True
        return False
