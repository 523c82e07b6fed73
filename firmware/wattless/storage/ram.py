"""A medium in memory, for tests and simulations."""

from wattless.storage.media import FRAM_CYCLES, Medium


class RamMedium(Medium):
    """A medium in memory, that ends with the process; `memory` is its content."""

    def __init__(self, size=32768, page=128, erase_size=0, endurance=FRAM_CYCLES, name="ram"):
        super().__init__(name, size, page, erase_size, endurance)
        self.memory = bytearray(b"\xff" * size)

    def _read(self, at, buf):
        buf[:] = self.memory[at : at + len(buf)]

    def _write(self, at, buf):
        self.memory[at : at + len(buf)] = buf

    def _erase(self, at):
        self.memory[at : at + self.erase_size] = b"\xff" * self.erase_size
