"""Records as files of a folder, where there is no raw medium: three files of each kind take turns.

File `k-s`: kind k, place s. The oldest of the three is written anew, in place: while it is, the newest and the one
before stay untouched, whatever the file system makes of a file that was being written. That takes no rename, and with
littlefs fewer erases than a file that replaces another. A record stands in its file as storage/records.py says, without
padding; its place in the head's CRC is 4 * kind + s.

One step writes a whole record and reads it back: as long as the file system takes.
Heap on 32-bit ARM: 0.8 KB.
"""

from binascii import crc32

from micropython import const
from wattless.storage import records
from wattless.storage.kept import Kept
from wattless.storage.log import DONE
from wattless.storage.records import ASIDE, HEAD, KINDS, StoreError

_PLACES = const(3)
_TRIES = const(2)
_ERASES = 1.1  # blocks that littlefs erases for a record that fits one: tests/storage measures it


class Files:
    """medium: storage.media.FileMedium. The same as storage.log.Log."""

    turn = 0
    free = None  # the file system knows

    def __init__(self, medium):
        self.medium = medium
        self._top = bytearray(HEAD)
        self._job = None
        self.mount()

    size = 1 << 29  # of Kept: places are no bytes here
    page = 1

    def mount(self):
        """Reads all files once."""
        self._kept = Kept(self)
        self._job = None
        self.number = self.errors = self.torn = 0
        newest = version = 0
        names = self.medium.names()
        for kind in range(KINDS + ASIDE):
            for at in range(_PLACES * kind, _PLACES * kind + _PLACES):
                if self._name(at) not in names:
                    continue
                data = self.medium.read(self._name(at))
                head = self._parse(data, at)
                if head is None:
                    self.errors += 1
                    version = version or (records.version(data) if data and len(data) >= HEAD else 0)
                    continue
                self._kept.enter(kind, at, head[1], head[3], head[2])
                self.number = newest = max(newest, head[2])
        self.problem, self.blank = None, False
        if not newest:
            name = self.medium.name
            self.blank = not names
            if not names:
                self.problem = "{}: is empty or not there: format it".format(name)
            elif version not in (0, records.VERSION):
                text = "{}: its records are of version {}, this firmware knows version {}"
                self.problem = text.format(name, version, records.VERSION)
            else:
                text = "{}: holds no sound record, but {}: format it if all in it may go"
                self.problem = text.format(name, ", ".join(names[:5]))

    def format(self):
        """Empties the folder, or makes it, and writes the first record."""
        number = self.number
        self.medium.make()
        self.mount()
        self.number, self.problem, self.blank = number, None, False
        self.begin(records.FORMAT, b"files")
        self.step()

    def length(self, kind, back=0):
        """As Log."""
        slot = 2 * kind + back
        return self._kept.length[slot] if self._kept.where[slot] >= 0 else -1

    def read(self, kind, back=0):
        """As Log."""
        if self.length(kind, back) < 0:
            return None
        at = self._kept.where[2 * kind + back]
        for _ in range(_TRIES):
            data = self.medium.read(self._name(at))
            if self._parse(data, at):
                return data[HEAD:]
        self.errors += 1
        return None

    def begin(self, kind, data):
        """As Log."""
        if self.problem:
            raise StoreError(self.problem)
        if self._job:
            raise StoreError("{}: another record is being saved".format(self.medium.name))
        self._job = (kind, data)

    def step(self):
        """Writes the record. DONE; OSError, StoreError: it failed, what was there before is still there."""
        if not self._job:
            return DONE
        kind, data = self._job
        self._job = None
        self.number = number = self.number + 1
        at = self._place(kind)
        records.fill(self._top, at, kind, len(data), number, number, 0, crc32(data))
        for _ in range(_TRIES):
            self.medium.write(self._name(at), self._top, data)
            head = self._parse(self.medium.read(self._name(at)), at)
            if head and head[2] == number:
                self._kept.enter(kind, at, len(data), number, number)
                return DONE
            self.errors += 1
        text = "{}: file {}, written {} times, never read back the same: the medium is worn out"
        raise StoreError(text.format(self.medium.name, self._name(at), _TRIES))

    def abort(self):
        self._job = None

    @property
    def saving(self):
        return self._job is not None

    @property
    def erases(self):
        """Blocks erased since the folder was formatted first; estimated."""
        return int(_ERASES * self.number)

    @property
    def cycles(self):
        """How often the most used block was erased; estimated, littlefs spreads them."""
        return self.number * self.turns(1)

    def turns(self, length):
        """The part of its cycles that one save of so many bytes takes from every block; estimated."""
        medium = self.medium
        return _ERASES * ((HEAD + length) // medium.block + 1) * medium.block / (medium.size or medium.block)

    def _name(self, at):
        return "{}-{}".format(at // _PLACES, at % _PLACES)

    def _place(self, kind):
        """The file that is written next: none that is kept."""
        where = self._kept.where
        at = _PLACES * kind
        while at in (where[2 * kind], where[2 * kind + 1]):
            at += 1
        return at

    def _parse(self, data, at):
        """records.parse of a whole file, None: it is no sound record."""
        if data is None or len(data) < HEAD:
            return None
        head = records.parse(data, at)
        body = memoryview(data)[HEAD:]
        if head is None or head[0] != at // _PLACES or head[1] != len(body) or crc32(body) != head[5]:
            return None
        return head
