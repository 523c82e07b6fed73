"""Media: the byte and block stores that storage/log.py keeps its ring on, and what every one of them promises.

    name        for messages
    size        bytes
    page        the largest write, in bytes, aligned to itself. A power cut in a write may leave any bytes in its page,
                none in another one
    erase_size  bytes that erase() clears to 0xFF; only then they can be written, each page once. 0: bytes can be
                written over
    endurance   erase cycles (erase_size 0: write cycles) that the maker promises of a cell
    files       False; True: no byte store but a folder (FileMedium, for storage/files.py)

    ready()             False: the last write or erase still goes on
    readinto(at, buf)   fills buf
    write(at, buf)      starts to write; buf lies in one page
    erase(at)           starts to erase the block that begins there

Each of the three waits for the one before if it must; who may not wait asks ready() first. OSError when the part does
not do it, ValueError outside the medium. Heap of a medium: 0.3 KB.
"""

import os

FRAM_CYCLES = 1e13  # MB85RS series, reads among them; FM25V: 1e14
EEPROM_CYCLES = 1e6  # 24LC256, DS20001203 page 1
FLASH_CYCLES = 1e5  # W25Q series, chapter "Features"


class Medium:
    """The checks. Subclasses do _read(at, buf), _write(at, buf), _erase(at) and may override ready()."""

    files = False
    wait = None

    def __init__(self, name, size, page, erase_size, endurance):
        if page < 32 or size < 8 * page or size % page:
            text = "{}: want 8 pages of 32 bytes, or more and longer ones, not {} bytes in pages of {}"
            raise ValueError(text.format(name, size, page))
        if erase_size and (erase_size % page or size % erase_size):
            text = "{}: blocks of {} bytes are no whole pages of {}, or no whole number of them makes {} bytes"
            raise ValueError(text.format(name, erase_size, page, size))
        self.name = name
        self.size = size
        self.page = page
        self.erase_size = erase_size
        self.endurance = endurance

    def ready(self):
        return True

    def until_ready(self):
        """Waits for the last operation: `wait(1)`, if there is one, is called every ms."""
        for _ in range(1000 if self.wait else 20000):
            if self.ready():
                return
            if self.wait:
                self.wait(1)
        raise OSError("{}: does not get ready, or is not there".format(self.name))

    def readinto(self, at, buf):
        if at < 0 or at + len(buf) > self.size:
            raise ValueError("{}: bytes {} to {} are outside its {}".format(self.name, at, at + len(buf), self.size))
        self._read(at, buf)

    def write(self, at, buf):
        if not 0 <= at < self.size or at % self.page + len(buf) > self.page:
            text = "{}: {} bytes at {} do not lie in one page of {}"
            raise ValueError(text.format(self.name, len(buf), at, self.page))
        self._write(at, buf)

    def erase(self, at):
        if not self.erase_size or not 0 <= at < self.size or at % self.erase_size:
            raise ValueError("{}: no block to erase begins at {}".format(self.name, at))
        self._erase(at)


class FileMedium:
    """A folder of a file system (littlefs; on a PC any), where there is no raw medium. Made when it is formatted.

    size: bytes that the file system spreads its wear over, None: what the file system says; block: what it erases at
    once; endurance: erase cycles of a block. Writes wait for the file system: as long as its medium takes to erase."""

    files = True
    page = 0
    erase_size = 0

    def __init__(self, folder, size=None, block=4096, endurance=FLASH_CYCLES):
        self.name = self.folder = folder
        self.block = block
        self.endurance = endurance
        self._size = size

    @property
    def size(self):
        if self._size is None and hasattr(os, "statvfs"):
            try:
                status = os.statvfs(self.folder)
                self._size = status[0] * status[2]
            except OSError:  # not formatted yet
                return None
        return self._size

    def names(self):
        """Names of the files in the folder, sorted; none when it does not exist."""
        try:
            return sorted(os.listdir(self.folder))
        except OSError:
            return []

    def make(self):
        """Makes the folder, or empties it."""
        try:
            os.mkdir(self.folder)
        except OSError:  # it is there; if not, listdir says so
            for name in os.listdir(self.folder):
                os.remove(self.folder + "/" + name)

    def read(self, name):
        """The bytes of a file, None: there is none."""
        try:
            with open(self.folder + "/" + name, "rb") as file:
                return file.read(8192)
        except OSError:
            return None

    def write(self, name, head, data):
        """Writes a file anew and has the file system put it on its medium."""
        with open(self.folder + "/" + name, "wb") as file:
            file.write(head)
            file.write(data)
            file.flush()
            if hasattr(os, "fsync"):  # CPython
                os.fsync(file.fileno())
        if not hasattr(os, "fsync") and hasattr(os, "sync"):  # a board whose flash has a cache
            os.sync()
