"""DMA1: RM0090 10.3 and 10.5, streams with bytes on both sides in direct mode.

The rules that bite: a stream's registers cannot be written while it is enabled (10.5.5 to 10.5.8), it cannot be enabled
while one of its flags is set (10.3.17), it listens to the channel that CHSEL selects (table 42) in the direction that
DIR says, it ends by itself at NDTR 0 and says so in TCIF, which disabling it does too (10.3.14). A byte takes no time.
Without its clock nothing moves. Requests: SPI2_RX on stream 3, SPI2_TX on stream 4, both channel 0.
"""

from host_tools.emulator.stm32f405.gpio import AHB1ENR
from host_tools.emulator.stm32f405.peripheral import ModelError, Peripheral

LISR, HISR, LIFCR, HIFCR = 0, 4, 8, 12
CR, NDTR, PAR, M0AR, M1AR, FCR = range(0, 0x18, 4)
_EN, _MINC, _CIRC = 1, 1 << 10, 1 << 8
_TCIF, _HTIF = 1 << 5, 1 << 4
_SHIFTS = (0, 6, 16, 22)  # of a stream's flags in LISR and HISR
REQUESTS = {(3, 0): "rx", (4, 0): "tx"}  # (stream, channel) -> of SPI2
_DIRECTION = {"rx": 0, "tx": 1}


class Stream:
    def __init__(self):
        self.registers = [0, 0, 0, 0, 0, 0x21]
        self.flags = 0
        self.loaded = 0  # NDTR as written
        self.done = 0


class Dma1(Peripheral):
    """served: bytes moved. refused: what was tried against the rules, in words."""

    def __init__(self, chip):
        super().__init__(chip, 0x40026000, (AHB1ENR, 21))
        self.streams = [Stream() for _ in range(8)]
        self.served = 0
        self.refused: list[str] = []

    def read(self, offset):
        if offset in (LISR, HISR):
            first = 4 * (offset == HISR)
            return sum(self.streams[first + n].flags << _SHIFTS[n] for n in range(4))
        if offset in (LIFCR, HIFCR):
            return 0
        number, register = self._stream(offset)
        return self.streams[number].registers[register]

    def write(self, offset, value):
        if offset in (LIFCR, HIFCR):
            first = 4 * (offset == HIFCR)
            for n in range(4):
                self.streams[first + n].flags &= ~(value >> _SHIFTS[n] & 0x3D)
        elif offset in (LISR, HISR):
            raise ModelError("LISR and HISR are cleared through LIFCR and HIFCR")
        else:
            self._write_stream(*self._stream(offset), value)
        self.serve()

    def _stream(self, offset: int) -> tuple[int, int]:
        number, rest = divmod(offset - 0x10, 0x18)
        if not 0 <= number < 8 or rest % 4:
            raise ModelError(f"DMA1 has no register at offset 0x{offset:02x}")
        return number, rest // 4

    def _write_stream(self, number: int, register: int, value: int) -> None:
        stream = self.streams[number]
        if stream.registers[CR] & _EN:
            if register == 0 and not value & _EN:
                stream.registers[CR] &= ~_EN
                stream.flags |= _TCIF
            else:
                self.refused.append(f"stream {number} is enabled: register {register} was not written")
            return
        if register == 0 and value & _EN and stream.flags:
            self.refused.append(f"stream {number} has flags 0x{stream.flags:02x}: not enabled")
            value &= ~_EN
        stream.registers[register] = value & 0xFFFF if register == 1 else value
        if register == 1:
            stream.loaded = value & 0xFFFF
        if register == 0 and value & _EN:
            self._enable(number, stream, value)

    @staticmethod
    def _enable(number: int, stream: Stream, value: int) -> None:
        if value >> 11 & 15 or value & _CIRC or stream.registers[FCR // 4] & 4:
            raise ModelError(f"stream {number}: only bytes in direct mode are modelled, not CR 0x{value:08x}")
        stream.registers[NDTR // 4] = stream.loaded  # 10.5.6: reloaded when enabled again
        stream.done = 0

    def serve(self) -> None:
        """Moves bytes as long as SPI2 asks for it."""
        if self.clocked():
            while self._serve(3, "rx") or self._serve(4, "tx"):
                pass

    def _serve(self, number: int, request: str) -> bool:
        stream = self.streams[number]
        control, left = stream.registers[CR], stream.registers[NDTR // 4]
        if not (control & _EN and left and self.chip.spi2.asks(request)):
            return False
        if REQUESTS.get((number, control >> 25 & 7)) != request or control >> 6 & 3 != _DIRECTION[request]:
            return False
        address = stream.registers[M0AR // 4] + (stream.done if control & _MINC else 0)
        if request == "rx":
            self.chip.store(address, self.chip.read(stream.registers[PAR // 4]) & 0xFF)
        else:
            self.chip.write(stream.registers[PAR // 4], self.chip.load(address))
        stream.done += 1
        self.served += 1
        stream.registers[NDTR // 4] = left - 1
        if left - 1 == stream.loaded // 2:
            stream.flags |= _HTIF
        if left == 1:
            stream.flags |= _TCIF
            stream.registers[CR] &= ~_EN
        return True
