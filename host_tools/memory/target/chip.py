"""A FRAM of 32 KB whose content lies in a file, as the board's memory chip: nothing of it in the heap."""

from wattless.storage.media import FRAM_CYCLES, Medium


class Chip(Medium):
    def __init__(self, path, size=32768):
        super().__init__("fram", size, 128, 0, FRAM_CYCLES)
        self._file = open(path, "r+b")

    def _read(self, at, buf):
        self._file.seek(at)
        self._file.readinto(buf)

    def _write(self, at, buf):
        self._file.seek(at)
        self._file.write(buf)
