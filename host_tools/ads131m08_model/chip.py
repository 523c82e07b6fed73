"""The model's SPI: frames, commands and their responses, CRC, the SYNC/RESET pin, faults to inject.

A frame's first word is the response to the command of the frame before (8.5.1.4). Out of the ordinary:

- RESET needs a whole frame of ten words; its answer is FF28h, and that of an unfinished one 0011h (8.5.1.10.2).
- With a wrong input CRC only a WREG is executed; the answer is STATUS with CRC_ERR (8.3.12).
- Several registers: ack, registers, CRC, zeros; no conversion data (8.5.1.10.7.2). A command sent while they come is
  taken for a NULL: seen on an ADS131M03, to be checked on hardware.
- WREG: as many registers as came in whole words are written; the answer counts those that exist (8.5.1.10.8). A new
  word length counts from the next frame on: to be checked on hardware.
- STATUS's F_RESYNC, REG_MAP and CRC_ERR are cleared when it was sent; for F_RESYNC to be checked on hardware.
- For 5 us after a reset (tREGACQ) the chip neither hears nor speaks.
"""

from host_tools.ads131m08_model import registers as r
from host_tools.ads131m08_model.converter import Converter

WORDS = 10
NULL, RESET, STANDBY, WAKEUP, LOCK, UNLOCK = 0x0000, 0x0011, 0x0022, 0x0033, 0x0555, 0x0655
RESET_PERIODS = 2048  # of the pin, tw(RSL)
REGISTERS_S = 5e-6  # tREGACQ
SCLK_MOST = 25_000_000
MAP_PERIODS = 16 * (r.LAST + 1 - r.MODE)  # a bit a period
_WORD_BYTES = (2, 3, 4, 4)


class Chip(Converter):
    """sclk: Hz, what a frame's time comes from; 0: frames take none. complaints: what the data sheet does not allow."""

    def __init__(self, clkin: int = 6553600, sclk: int = 10_500_000) -> None:
        super().__init__(clkin)
        self.sclk = sclk
        self.complaints: list[str] = []
        self.corrupt = 0  # how many of the next frames get a wrong CRC
        self.stuck: int | None = None  # level at which DOUT is stuck
        self.frames = 0
        self._low_since: int | None = None
        self._power_on()

    # pins

    def transfer(self, sent: bytes) -> bytes:
        """One frame, as long as `sent`."""
        if self.sclk > SCLK_MOST:
            self.complaints.append(f"SCLK of {self.sclk} Hz")
        self.frames += 1
        end = self.now + (8 * len(sent) * self.clkin // self.sclk if self.sclk else 0)
        if self.seconds() < self._deaf_until:
            self.complaints.append("a frame within tREGACQ after a reset")
            self._run_to(end)
            return bytes(len(sent))
        width = _WORD_BYTES[(self.regs[r.MODE] & r.WLENGTH) >> 8]
        several = self._response[0] == "registers"
        answer = self._answer(width, len(sent) // width)
        self._busy_until = end
        self._run_to(end)
        if len(sent) >= WORDS * width:
            self._read_through()
        self._hear(sent, width, several)
        return self._out(answer, len(sent))

    def pin(self, level: int) -> None:
        """SYNC/RESET."""
        if level == 0 and self._low_since is None:
            self._low_since = self.now
        elif level and self._low_since is not None:
            low = self.now - self._low_since
            if low >= RESET_PERIODS:
                self._reset()
            elif low >= 1:
                self._synchronise(self._low_since)
            else:
                self.complaints.append("SYNC/RESET low for less than a tCLKIN")
            self._low_since = None

    def pulse(self, periods: int) -> None:
        """SYNC/RESET low for so many CLKIN periods."""
        self.pin(0)
        self.advance(periods)
        self.pin(1)

    # faults; also: corrupt, stuck, flat, lost_drdys, jitter

    def brown_out(self) -> None:
        """The supply dipped: all is as after power came."""
        self._power_on()

    def upset(self, address: int, bits: int) -> None:
        """Bits of a register turn over by themselves."""
        self.regs.values[address] ^= bits

    # the inside

    def _power_on(self) -> None:
        self.regs = r.Registers()
        self._flags = 0  # LOCK, F_RESYNC, REG_MAP, CRC_ERR
        self._response: tuple[str, int, int] = ("word", 0xFF28, 0)
        self._map_crc: int | None = None
        self._map_pass = self.now
        self._deaf_until = self.seconds() + REGISTERS_S
        self._restart(fast=True)

    _reset = _power_on

    def _synchronise(self, fell: int) -> None:
        if (fell - self._origin) % self.period == 0 or self._standby:
            return
        now, self.now = self.now, fell
        self._restart()
        self.now = now
        self._flags |= r.F_RESYNC

    def _run_to(self, end: int) -> None:
        super()._run_to(end)
        if not self.regs[r.MODE] & r.REGCRC_EN:
            self._map_crc = None
            self._map_pass = end
        elif end - self._map_pass >= MAP_PERIODS:
            crc = self.regs.map_crc()
            if crc != (self._map_crc or 0):
                self._flags |= r.REG_MAP
            self._map_crc = crc
            self._map_pass = end

    def status(self) -> int:
        same = self.regs[r.MODE] & (r.CRC_TYPE | r.RESET | r.WLENGTH)
        return self._flags | same | self._ready()

    def register(self, address: int) -> int:
        if address == r.STATUS:
            return self.status()
        if address == r.REGMAP_CRC:
            return self._map_crc or 0
        return self.regs[address]

    def _answer(self, width: int, words: int) -> list[bytes]:
        """The words of this frame, at least ten."""
        kind, first, n = self._response
        if kind == "registers":
            out = [0xE000 | first << 7 | (n - 1), *(self.register(first + k) for k in range(n))]
            cells = [_left(word, width) for word in out]
        else:
            out = [self.register(first) if kind == "register" else self.status() if kind == "status" else first]
            if kind == "status" or (kind == "register" and first == r.STATUS):
                self._flags &= r.LOCK
            cells = [_left(out[0], width)]
            codes = self._take() if words >= WORDS else [0] * r.CHANNELS
            cells += [self._data(code, width) for code in codes]
        crc = r.crc16(b"".join(cells), r.POLYNOMIALS[self.regs[r.MODE] & r.CRC_TYPE])
        if self.corrupt:
            self.corrupt -= 1
            crc ^= 0x0100
        return [*cells, _left(crc, width)]

    def _data(self, code: int, width: int) -> bytes:
        if width == 2:
            return (code >> 8).to_bytes(2, "big", signed=True)
        if width == 3:
            return code.to_bytes(3, "big", signed=True)
        padded = (self.regs[r.MODE] & r.WLENGTH) >> 8 == 2
        return (code << 8 if padded else code).to_bytes(4, "big", signed=True)

    def _out(self, cells: list[bytes], size: int) -> bytes:
        if self.stuck is not None:
            return bytes([0xFF if self.stuck else 0]) * size
        return b"".join(cells)[:size].ljust(size, b"\0")

    def _hear(self, sent: bytes, width: int, several: bool) -> None:
        """Executes the frame's command."""
        words = [int.from_bytes(sent[at : at + 2], "big") for at in range(0, len(sent) - width + 1, width)]
        if not words:
            self._response = ("status", 0, 0)
            return
        command = words[0]
        writes = command >> 13 == 3
        fits = True
        if self.regs[r.MODE] & r.RX_CRC_EN:
            at = 1 + (command & 0x7F) + 1 if writes else 1
            polynomial = r.POLYNOMIALS[self.regs[r.MODE] & r.CRC_TYPE]
            fits = len(words) > at and r.crc16(sent[: at * width], polynomial) == words[at]
        if not fits:
            self._flags |= r.CRC_ERR
        locked = self._flags & r.LOCK and command not in (NULL, UNLOCK) and command >> 13 != 5
        self._response = ("status", 0, 0)
        if several or locked:
            return
        if writes:
            self._write(command, words[1:])
            if not fits:
                self._response = ("status", 0, 0)
        elif fits:
            self._obey(command, len(words))

    def _obey(self, command: int, words: int) -> None:
        if command >> 13 == 5:
            first, n = command >> 7 & 0x3F, (command & 0x7F) + 1
            self._response = ("register", first, 1) if n == 1 else ("registers", first, n)
        elif command == RESET:
            self._response = ("word", RESET, 0)
            if words >= WORDS:
                self._reset()
        elif command in (STANDBY, WAKEUP, LOCK, UNLOCK):
            self._response = ("word", command, 0)
            if command == LOCK:
                self._flags |= r.LOCK
            elif command == UNLOCK:
                self._flags &= ~r.LOCK
            elif command == STANDBY:
                self._standby = True
            elif self._standby:
                self._restart()

    def _write(self, command: int, values: list[int]) -> None:
        first, n = command >> 7 & 0x3F, (command & 0x7F) + 1
        osr, enabled = self.regs.osr, self.regs[r.CLOCK] >> 8
        written = sum([self.regs.write(first + k, value) for k, value in enumerate(values[:n])])
        self._response = ("word", 0x4000 | first << 7 | (written - 1 & 0x7F), 0)
        self._check()
        if (self.regs.osr, self.regs[r.CLOCK] >> 8) != (osr, enabled) and not self._standby:
            self._restart(fast=self._fast_left[0] > 0)

    def _check(self) -> None:
        """What this model cannot do, and what the data sheet forbids (6.3)."""
        if self.regs[r.CFG] & (r.GC_EN | r.CD_EN):
            raise NotImplementedError("global chop and current detection are not modelled")
        if self.regs[r.THRSHLD_LSB] & r.DCBLOCK:
            if not all(self.regs.config(k) & r.DCBLK_DIS for k in range(r.CHANNELS)):
                raise NotImplementedError("the DC block filter is not modelled")
        most = (2_080_000, 4_150_000, 8_400_000, 8_400_000)[self.regs[r.CLOCK] & 3]
        if any(self.regs.gain(k) > 2 for k in range(r.CHANNELS)):
            most = min(most, 8_200_000)
        if self.clkin > most:
            self.complaints.append(f"CLKIN of {self.clkin} Hz in this power mode")


def _left(word: int, width: int) -> bytes:
    """16 bits at the left of a word."""
    return word.to_bytes(2, "big") + bytes(width - 2)
