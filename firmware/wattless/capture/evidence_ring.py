"""A ring of raw records, and where a window's frames lie in it. Part of capture/evidence.py.

Instructions on 32-bit ARM: 11 k a block and 5 a word; 220 k to find a window among 4096 records. Nothing is allocated.
"""

from array import array

import micropython
from micropython import const

BEFORE = const(64)  # records in front of a window: the filter, delayed channels, what a bad frame at the start repeats
NUMBERS = const((1 << 30) - 1)  # a frame's number has 30 bits
_HALF = const(1 << 29)
_FILL_LIMIT = const(32)  # of capture/stream.py: where more are lost, the stream began anew

# words of a ring's place
_WORDS = const(0)  # of a record
_CAPACITY = const(1)
_NEXT = const(2)  # where the next record goes
_HELD = const(3)  # how many there are


@micropython.viper
def copy_words(source: ptr32, dest: ptr32, at: int, to: int, n: int):
    """dest[to : to + n] = source[at : at + n], in words."""
    source = ptr32(int(source) + (at << 2))
    dest = ptr32(int(dest) + (to << 2))
    while n >= 6:
        dest[0] = source[0]
        dest[1] = source[1]
        dest[2] = source[2]
        dest[3] = source[3]
        dest[4] = source[4]
        dest[5] = source[5]
        source = ptr32(int(source) + 24)
        dest = ptr32(int(dest) + 24)
        n -= 6
    while n:
        dest[0] = source[0]
        source = ptr32(int(source) + 4)
        dest = ptr32(int(dest) + 4)
        n -= 1


@micropython.viper
def _find(ring: ptr32, place: ptr32, number: int) -> int:
    """Index (0: the oldest record) of the frame `number` or, where that one is lost, of the next; -1: not there."""
    words = place[_WORDS]
    capacity = place[_CAPACITY]
    index = place[_HELD]
    at = place[_NEXT]
    ahead = 0
    nearest = _HALF
    while index:
        at -= 1
        if at < 0:
            at = capacity - 1
        ahead = (((ring[at * words] & NUMBERS) - number + _HALF) & NUMBERS) - _HALF
        if ahead < 0:
            break
        nearest = ahead
        index -= 1
    if nearest > _FILL_LIMIT:
        return 0 - 1
    return index


@micropython.viper
def _begin(ring: ptr32, place: ptr32, index: int) -> int:
    """Index of the record BEFORE others, or of the first one where the stream began anew among them; -1: the ring has
    less."""
    words = place[_WORDS]
    capacity = place[_CAPACITY]
    at = place[_NEXT] - place[_HELD] + index
    if at < 0:
        at += capacity
    left = BEFORE
    while left:
        if index == 0:
            return 0 - 1
        number = ring[at * words]
        at -= 1
        if at < 0:
            at = capacity - 1
        step = (number - ring[at * words]) & NUMBERS
        if step < 1 or step > _FILL_LIMIT + 1:
            return index
        index -= 1
        left -= 1
    return index


class RecordRing:
    """memory: bytearray on whole words; record_bytes: 24 or 36.

    capacity: records it has place for."""

    def __init__(self, memory, record_bytes):
        self.record_bytes = record_bytes
        self.capacity = len(memory) // record_bytes
        self.memory = memoryview(memory)[: self.capacity * record_bytes]
        self._place = array("i", (record_bytes >> 2, self.capacity, 0, 0))

    def __len__(self):
        return self._place[_HELD]

    def clear(self):
        self._place[_NEXT] = self._place[_HELD] = 0

    def append(self, records, size):
        """Takes `size` bytes of whole records (memoryview on whole words) in place of the oldest."""
        place = self._place
        to, words, capacity = place[_NEXT], place[_WORDS], self.capacity
        count = size // self.record_bytes
        place[_HELD] = min(capacity, place[_HELD] + count)
        at = 0
        while count:
            part = min(count, capacity - to)
            copy_words(records, self.memory, at, to * words, part * words)
            at += part * words
            count -= part
            to += part
            if to == capacity:
                to = 0
        place[_NEXT] = to

    def around(self, first, last):
        """(where the first record lies, how many there are) of the frames with the numbers `first` to `last` and of
        BEFORE records in front of them, fewer where the stream began anew; None: they are not wholly there."""
        place = self._place
        end = _find(self.memory, place, last & NUMBERS)
        begin = _find(self.memory, place, first & NUMBERS)
        if begin < 0 or end < 0:
            return None
        begin = _begin(self.memory, place, begin)
        if begin < 0:
            return None
        return (place[_NEXT] - place[_HELD] + begin) % self.capacity, end + 1 - begin
