"""Memory chips on SPI, as their data sheets have them, as far as a board looks."""


class Fram:
    """MB85RS256B (Fujitsu): 32 KB; opcodes, write enable latch and device ID 04 7F 05 09."""

    SIZE = 32768
    ID = b"\x04\x7f\x05\x09"

    def __init__(self) -> None:
        self.memory = bytearray(self.SIZE)
        self._got = bytearray()
        self._enabled = False

    def select(self, on: bool) -> None:
        if not on and self._got[:1] == b"\x06":
            self._enabled = True
        elif not on and self._got[:1] == b"\x02":
            self._enabled = False
        self._got = bytearray()

    def clock(self, data: bytes) -> bytes:
        return bytes(self._byte(byte) for byte in data)

    def _byte(self, byte: int) -> int:
        got = self._got
        got.append(byte)
        n = len(got) - 1
        if got[0] == 0x9F:
            return self.ID[n - 1] if 1 <= n <= 4 else 0
        if got[0] in (0x02, 0x03) and n >= 3:
            at = (got[1] << 8 | got[2]) + n - 3
            if got[0] == 0x03:
                return self.memory[at % self.SIZE]
            if self._enabled:
                self.memory[at % self.SIZE] = byte
        return 0
