"""Memory parts as their data sheets describe them, at the level of bytes on the bus.

SPI parts take whole transactions, `command(head, out, into)`: the bytes while the part is selected, in order. Time
passes by `tick(us)` alone, and by `us_a_byte` with each byte on the bus.
"""

import random


class Chip:
    def __init__(self, size: int, seed: int = 1) -> None:
        self.size = size
        self.memory = bytearray(b"\xff" * size)
        self.random = random.Random(seed)
        self.write_enabled = False
        self.busy_us = 0.0
        self.us_a_byte = 0.8  # 10 MHz
        self.longest_us = 0.0  # of one transaction
        self.waited_ms = 0
        self.powered = True

    def command(self, head, out, into) -> None:
        count = len(head) + len(out or b"") + len(into or b"")
        assert out is None or into is None
        self.longest_us = max(self.longest_us, count * self.us_a_byte)
        self.tick(count * self.us_a_byte)
        if not self.powered:
            if into is not None:
                into[:] = b"\xff" * len(into)  # the pull-up
            return
        answer = self.transaction(bytes(head) + bytes(out or b""), len(into or b""))
        if into is not None:
            into[:] = answer

    def tick(self, us: float) -> None:
        self.busy_us = max(0.0, self.busy_us - us)

    def wait(self, ms: int) -> None:
        self.waited_ms += ms
        self.tick(1000 * ms)

    def transaction(self, sent: bytes, wanted: int) -> bytes:
        raise NotImplementedError

    def stored(self, at: int, count: int) -> bytes:
        """Sequential read: on to the first byte behind the last."""
        return bytes(self.memory[(at + k) % self.size] for k in range(count))


class Fram(Chip):
    """MB85RS256B and relatives, FM25V. WREN sets the latch; the end of a WRITE resets it. A write without it is
    ignored. The address counter rolls over at the end of the array."""

    def __init__(self, size: int, ident: bytes, address_bytes: int) -> None:
        super().__init__(size)
        self.ident = ident
        self.address_bytes = address_bytes

    def transaction(self, sent, wanted):
        opcode, rest = sent[0], sent[1:]
        if opcode == 0x06:
            self.write_enabled = True
        elif opcode == 0x04:
            self.write_enabled = False
        elif opcode == 0x9F:
            return self.ident[:wanted].ljust(wanted, b"\x00")
        elif opcode == 0x05:
            return bytes([0x02 * self.write_enabled] * wanted)
        elif opcode in (0x02, 0x03):
            at = int.from_bytes(rest[: self.address_bytes], "big") % self.size
            data = rest[self.address_bytes :]
            if opcode == 0x03:
                assert not data
                return self.stored(at, wanted)
            if self.write_enabled:
                for k, byte in enumerate(data):
                    self.memory[(at + k) % self.size] = byte
            self.write_enabled = False
        return b"\x00" * wanted


class Nor(Chip):
    """W25Q: program only clears bits and wraps inside its page of 256; a sector erase sets 4 KB; both need the latch,
    reset it, and go on by themselves; until then only the status register answers. Asleep, only AB wakes it."""

    PROGRAM_US, ERASE_US = 3000, 400_000  # the longest: AC characteristics, tPP and tSE

    def __init__(self, size: int = 1 << 20, ident: bytes | None = None) -> None:
        super().__init__(size)
        self.ident = ident or bytes([0xEF, 0x40, size.bit_length() - 1])
        self.asleep = True
        self.pending: tuple[int, bytes, bytes] | None = None  # place, before, after
        self.erases: dict[int, int] = {}

    def transaction(self, sent, wanted):
        opcode, rest = sent[0], sent[1:]
        if opcode == 0xAB:
            self.asleep = False
        if self.asleep or opcode == 0xAB:
            return b"\xff" * wanted
        if opcode == 0x05:
            return bytes([(self.busy_us > 0) | 2 * self.write_enabled] * wanted)
        if self.busy_us > 0:
            return b"\xff" * wanted
        if opcode == 0x06:
            self.write_enabled = True
        elif opcode == 0x9F:
            return self.ident
        elif opcode == 0x03:
            return self.stored(int.from_bytes(rest[:3], "big") % self.size, wanted)
        elif opcode in (0x02, 0x20) and self.write_enabled:
            at = int.from_bytes(rest[:3], "big") % self.size
            if opcode == 0x20:
                self._erase(at & ~0xFFF)
            else:
                self._program(at, rest[3:])
        return b"\xff" * wanted

    def _program(self, at, data):
        page = at & ~0xFF
        after = bytearray(self.memory[page : page + 256])
        for k, byte in enumerate(data):
            after[(at + k) & 0xFF] &= byte
        self._start(page, bytes(after), self.PROGRAM_US)

    def _erase(self, at):
        self.erases[at] = self.erases.get(at, 0) + 1
        self._start(at, b"\xff" * 4096, self.ERASE_US)

    def _start(self, at, after, us):
        self.pending = (at, bytes(self.memory[at : at + len(after)]), after)
        self.memory[at : at + len(after)] = after
        self.write_enabled = False
        self.busy_us = us

    def cut(self) -> None:
        """The supply goes and comes: what was under way is done for some bits only."""
        if self.busy_us > 0 and self.pending:
            at, before, after = self.pending
            mask = self.random.randbytes(len(after))
            half = (b & ~m & 0xFF | a & m for b, a, m in zip(before, after, mask, strict=True))
            self.memory[at : at + len(after)] = bytes(half)
        self.busy_us = 0.0
        self.write_enabled = False


class Eeprom(Chip):
    """24LC256: a write fills the buffer of one page, wrapping inside it, and takes 5 ms from the stop bit on; until
    then the part acknowledges nothing (DS20001203, 6.2 and 7)."""

    CYCLE_US = 5000

    def __init__(self, size: int = 32768, page: int = 64, address: int = 0x50) -> None:
        super().__init__(size)
        self.page = page
        self.address = address
        self.us_a_byte = 22.5  # 9 bits at 400 kHz
        self.pending: tuple[int, bytes] | None = None

    def _addressed(self, device: int, count: int) -> None:
        self.longest_us = max(self.longest_us, count * self.us_a_byte)
        self.tick(self.us_a_byte)
        if device != self.address or self.busy_us > 0 or not self.powered:
            raise OSError(19)  # ENODEV: no acknowledge
        self.tick((count - 1) * self.us_a_byte)

    def writeto(self, device, data):
        assert not data
        self._addressed(device, 1)

    def writeto_mem(self, device, at, data, *, addrsize):
        assert addrsize == 16
        self._addressed(device, 3 + len(data))
        page = at % self.size // self.page * self.page
        self.pending = (page, bytes(self.memory[page : page + self.page]))
        for k, byte in enumerate(data):
            self.memory[page + (at + k) % self.page] = byte
        self.busy_us = self.CYCLE_US

    def readfrom_mem_into(self, device, at, into, *, addrsize):
        assert addrsize == 16
        self._addressed(device, 4 + len(into))
        into[:] = self.stored(at % self.size, len(into))

    def cut(self) -> None:
        """The whole page may be anything then: the part erases and programs all of it."""
        if self.busy_us > 0 and self.pending:
            at, _ = self.pending
            self.memory[at : at + self.page] = self.random.randbytes(self.page)
        self.busy_us = 0.0
