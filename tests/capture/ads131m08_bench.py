"""The driver of the ADS131M08 on the model of the chip, and a record of what went over the wires."""

from host_tools.ads131m08_model import Chip
from wattless.calibration import Calibration
from wattless.capture import ads131m08
from wattless.capture.ads131m08 import RESYNCED, Ads131m08


class Stuck(Chip):
    """A register whose bits cannot be written."""

    def __init__(self, address, bits):
        super().__init__()
        self.stuck_at = address, bits

    def register(self, address):
        flip = self.stuck_at[1] if address == self.stuck_at[0] else 0
        return super().register(address) ^ flip


class Bench:
    """driver talks to chip; sent: DIN of every frame, got: DOUT."""

    def __init__(self, chip: Chip | None = None, crc_in: bool = False) -> None:
        self.chip = chip or Chip()
        self.sent: list[bytes] = []
        self.got: list[bytes] = []
        self.driver = Ads131m08(self._transfer, self._reset, self._sync, self._sleep_us, crc_in=crc_in)

    def _transfer(self, tx, rx):
        assert len(tx) == len(rx)
        self.sent.append(bytes(tx))
        rx[:] = self.chip.transfer(bytes(tx))
        self.got.append(bytes(rx))

    def _periods(self, us):
        return -(-us * self.chip.clkin // 1_000_000)

    def _reset(self):
        self.chip.pulse(self._periods(ads131m08.RESET_LOW_US))

    def _sync(self):
        self.chip.pulse(self._periods(ads131m08.SYNC_LOW_US))

    def _sleep_us(self, us):
        self.chip.advance(self._periods(us))

    def start(self):
        """SYNC and the first frame after it."""
        self.driver.sync()
        (status,) = self.frames(1)
        assert status & RESYNCED
        return self

    def open(self, rate=12800, bits=16, gain_v=1, gain_i=1, calibration=None):
        self.driver.open(rate, bits, gain_v, gain_i, calibration)
        return self.start()

    def frames(self, n):
        """The STATUS of the next n frames, each read when DRDY falls."""
        out = []
        for _ in range(n):
            assert self.chip.next_drdy()
            out.append(self.driver.frame())
        return out


def din(*words, width=3):
    """A frame's bytes: these words at the left of ten of `width` bytes."""
    cells = [word.to_bytes(2, "big") + bytes(width - 2) for word in words]
    return b"".join(cells).ljust(10 * width, b"\0")


def calibration(**channels):
    """A Calibration with ch3=(gain, offset, phase) and the like."""
    made = Calibration()
    for name, (gain, offset, phase) in channels.items():
        k = int(name[2:])
        made.gain[k], made.offset[k], made.phase[k] = gain, offset, phase
    return made
