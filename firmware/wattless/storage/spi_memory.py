"""Memory parts on SPI as media: FRAM, NOR flash. Commands in, bytes out: the bus is handed in.

They get `command(head, out, into)`: with the part selected it sends the bytes of `head`, then those of `out` if it
is not None, else fills `into` if that is not None. Mode 0 or 3, highest bit first.

    def command(head, out, into):       # on a board
        cs(0)
        spi.write(head)
        if out is not None:
            spi.write(out)
        elif into is not None:
            spi.readinto(into)
        cs(1)

Opcodes and times: MB85RS256B "Op-code" and FM25V10 table 1; W25Q80DV "Instructions" and "AC Electrical
Characteristics". The numbers of FRAM's densities and the times of the flash are to be checked on hardware. Not yet run
on hardware. An access allocates nothing.
"""

from micropython import const
from wattless.storage.media import FLASH_CYCLES, FRAM_CYCLES, Medium

_WREN = const(0x06)
_RDSR = const(0x05)
_READ = const(0x03)
_WRITE = const(0x02)  # flash: page program
_RDID = const(0x9F)
_ERASE_4K = const(0x20)
_WAKE = const(0xAB)  # release from power-down
_BUSY = const(1)  # bits of the status register
_WEL = const(2)

_SECTOR = const(4096)


class _Spi(Medium):
    """What FRAM and flash have in common. `base`: where the medium begins in the part."""

    def _bus(self, command, base, address_bytes):
        self._command = command
        self._base = base
        self._address = bytearray(1 + address_bytes)

    def _at(self, opcode, at):
        """Opcode and address, the highest byte first."""
        head, at = self._address, at + self._base
        head[0] = opcode
        for i in range(len(head) - 1, 0, -1):
            head[i] = at & 0xFF
            at >>= 8
        return head

    def _read(self, at, buf):
        self._command(self._at(_READ, at), None, buf)


class SpiFram(_Spi):
    """FRAM with the opcodes of MB85RS and FM25: written at bus speed, nothing to erase, 1e13 cycles and more.

    size: bytes of the part, None: from its device ID (FM25L and FM25CL have none). Parts of up to 64 KB take 2 bytes of
    address, others 3. OSError: no such part answers. page: what is written at once, a free choice."""

    def __init__(self, command, size=None, page=128, name="fram"):
        found = _fram_size(command, name) if size is None else size
        super().__init__(name, found, page, 0, FRAM_CYCLES)
        self._bus(command, 0, 2 if found <= 65536 else 3)
        self._enable = bytes((_WREN,))

    def _write(self, at, buf):
        self._command(self._enable, None, None)
        self._command(self._at(_WRITE, at), buf, None)


class SpiFlash(_Spi):
    """NOR flash like W25Q, 512 KB to 16 MB: pages of 256 bytes, sectors of 4 KB, 1e5 erases.

    base, size: the sectors that are used. A program takes up to 3 ms, an erase 45 to 400 ms; both go on by themselves:
    ready() asks. An access in the meantime waits, wait(1) is called every ms. OSError: no such part answers."""

    def __init__(self, command, base=0, size=262144, wait=None, name="flash"):
        super().__init__(name, size, 256, _SECTOR, FLASH_CYCLES)
        self._bus(command, base, 3)
        self._one = bytearray(1)
        self._status = bytearray(1)
        self.wait = wait
        self._busy = True  # the processor may have been reset in the middle of an erase
        self._send(_WAKE)
        if self.ready() or self._status[0] != 0xFF:  # nobody there
            self.until_ready()
        ident = bytearray(3)
        self._one[0] = _RDID
        command(self._one, None, ident)
        if ident[0] in (0, 0xFF) or not 19 <= ident[2] <= 24:
            raise OSError("{}: no flash of 512 KB to 16 MB answers: its ID is {}".format(name, _hex(ident)))
        if base % _SECTOR or base + size > 1 << ident[2]:
            text = "{}: {} bytes from {} on are not whole sectors of a part of {}"
            raise ValueError(text.format(name, size, base, 1 << ident[2]))

    def ready(self):
        if self._busy:
            self._one[0] = _RDSR
            self._command(self._one, None, self._status)
            self._busy = self._status[0] & _BUSY != 0
        return not self._busy

    def _send(self, opcode):
        self._one[0] = opcode
        self._command(self._one, None, None)

    def _read(self, at, buf):
        self.until_ready()
        super()._read(at, buf)

    def _write(self, at, buf):
        self._start(self._at(_WRITE, at), buf)

    def _erase(self, at):
        self._start(self._at(_ERASE_4K, at), None)

    def _start(self, head, buf):
        self.until_ready()
        self._send(_WREN)
        self._one[0] = _RDSR
        self._command(self._one, None, self._status)
        if not self._status[0] & _WEL:
            raise OSError("{}: does not take the write enable command".format(self.name))
        self._command(head, buf, None)
        self._busy = True


def _fram_size(command, name):
    """Bytes of a FRAM by its device ID: MB85RS: 04 7F, then 5 bits of density (3: 64 Kbit); FM25V: six 7F, C2, then 5
    bits (1: 128 Kbit)."""
    ident = bytearray(9)
    command(bytes((_RDID,)), None, ident)
    if ident[0] == 0x04 and ident[1] == 0x7F and 3 <= ident[2] & 31 <= 9:
        return 1024 << (ident[2] & 31)
    if ident[:7] == b"\x7f\x7f\x7f\x7f\x7f\x7f\xc2" and 1 <= ident[7] & 31 <= 5:
        return 8192 << (ident[7] & 31)
    text = "{}: no FRAM with a device ID answers, but {}: is it there, or has it none? Then say its size"
    raise OSError(text.format(name, _hex(ident)))


def _hex(data):
    return " ".join("{:02x}".format(byte) for byte in data)
