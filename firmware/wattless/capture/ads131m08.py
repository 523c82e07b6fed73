"""Driver of the ADS131M08, the converter of the reference front end: resets it, sets it up, reads frames. No pins here:
who has them gives functions. Not yet run on hardware.

From the data sheet, SBAS950B: commands 8.5.1.10, frames 8.5.1.4 and 8.5.1.7, CRC 8.3.12, registers 8.6, reset 8.4.1,
synchronisation 8.4.5, a pause in reading 8.5.1.9.1. Where it was not to be had word by word, this says "to be checked
on hardware".

A frame is always ten words of 16 or 24 bits, high byte first: DIN  command, CRC if it is checked, zeros
                                                                DOUT response to the last frame's command, CH0..7, CRC
Response to a NULL is STATUS. Registers go eight a frame, so that the answer's CRC is its tenth word too. Everything is
written in 24-bit words, which the chip has after a reset; MODE, with the length of the words, comes last, alone. The
frame that brings registers carries a NULL: on an ADS131M03 another command was seen to be ignored there.

Phase: the data sheet calls the channel of the largest PHASEn the most lagging one (8.5.1.5): it is sampled last, so its
signal looks earlier. A delay, which a Calibration has, therefore is a negative PHASEn: to be checked on hardware, first
of all with one 50 Hz tone on two channels. The whole samples of a delay are not taken here (capture/delay.py).

SPI mode 1, SCLK <= 25 MHz. Heap on 32-bit ARM: 8.7 KB of code, 0.6 KB an object; frame(), code() and silent() allocate
nothing. open() is 38 frames and 2.1 ms of waiting.
"""

from array import array

import micropython
from micropython import const

# commands; those without an underscore are for command()
RESET = const(0x0011)
STANDBY = const(0x0022)
WAKEUP = const(0x0033)
_NULL = const(0x0000)
_LOCK = const(0x0555)
_UNLOCK = const(0x0655)
_RREG = const(0xA000)  # | address << 7 | registers - 1
_READ = const(0xE000)  # response to RREG of several: | address << 7 | registers - 1
_WREG = const(0x6000)
_WRITTEN = const(0x4000)  # response to WREG: | address << 7 | registers written - 1

# bits of STATUS; below them CRC_TYPE 0x0800, WLENGTH 0x0300 (0: 16 bits, 0x0100: 24), DRDY7..0 0x00FF
LOCKED = const(0x8000)
RESYNCED = const(0x4000)  # F_RESYNC: the filters started anew
MAP_CHANGED = const(0x2000)  # REG_MAP: a register changed
INPUT_CRC = const(0x1000)  # CRC_ERR: a frame of ours came with a wrong CRC
WAS_RESET = const(0x0400)  # RESET: the registers are at their defaults, or were
_READY = const(0x00FF)
_FIXED = const(0x8F00)  # what is always the same: LOCK, CRC_TYPE, RESET, WLENGTH

RESET_LOW_US = const(500)  # how long reset() holds SYNC/RESET low: at least 2048 tCLKIN, 391 us at 5.24288 MHz
SYNC_LOW_US = const(10)  # sync(): 1 to 2047 tCLKIN, 0.2 to 312 us at 6.5536 MHz
_DRDY_PERIODS = const(8)  # without DRDY before silent() says so

_CHANNELS = const(8)
_WORDS = const(10)
_BATCH = const(8)  # registers a frame

# registers, SBAS950 table 8-12
_ID = const(0)
_STATUS = const(1)
_MODE = const(2)
_CLOCK = const(3)
_GAIN1 = const(4)
_CFG = const(6)
_CH0 = const(9)  # CHn_CFG; behind it OCAL_MSB, OCAL_LSB, GCAL_MSB, GCAL_LSB; then the next channel
_LAST = const(0x30)
_REGMAP_CRC = const(0x3E)
_NAMES = "ID STATUS MODE CLOCK GAIN1 GAIN2 CFG THRSHLD_MSB THRSHLD_LSB".split()
_OF_CHANNEL = "CFG OCAL_MSB OCAL_LSB GCAL_MSB GCAL_LSB".split()
_CHIP = const(0x2800)  # ID: 8 channels; the lower byte is a revision

_MODE_BASE = const(0x2010)  # REGCRC_EN, TIMEOUT; CCITT; DRDY of the most lagging channel, low until it was read
_RX_CRC_EN = const(0x1000)
_CLOCK_BASE = const(0xFF02)  # all channels on; high resolution, for CLKIN up to 8.2 MHz
_CFG_BASE = const(0x0600)  # no global chop (it would disable PHASEn), no current detection; GC_DLY as after a reset
_DC_BLOCK_OFF = const(0x0004)  # DCBLKn_DIS; MUXn 0: the pins
_UNITY = const(0x800000)

CLOCKS = (6553600, 5242880)  # CLKIN in Hz
GAINS = (1, 2, 4, 8, 16, 32, 64, 128)
_SLOWEST = const(7)  # OSR code: 16384; the code c is an OSR of 128 << c


class AdcError(OSError):
    """The converter did not answer as it must. The message names the register or word, what was read and wanted."""


@micropython.viper
def crc16(data: ptr8, size: int) -> int:
    """CRC-16/CCITT of `size` bytes: polynomial 0x1021, start 0xFFFF."""
    crc = 0xFFFF
    while size:
        x = (crc >> 8) ^ data[0]
        x = x ^ (x >> 4)
        crc = ((crc << 8) ^ (x << 12) ^ (x << 5) ^ x) & 0xFFFF
        data = ptr8(int(data) + 1)
        size -= 1
    return crc


def clocking(rate, clkin=None):
    """(CLKIN in Hz, OSR code) of a rate in samples/s: CLKIN / 2 / OSR exactly. clkin: the only one there is. ValueError
    with the rates that there are."""
    legal = []
    for clock in CLOCKS if clkin is None else (clkin,):
        for code in range(1, _SLOWEST + 1):
            if clock % (256 << code) == 0:
                legal.append(clock // (256 << code))
                if legal[-1] == rate:
                    return clock, code
    raise ValueError("rate: {} S/s is not legal: want one of {}".format(rate, ", ".join([str(r) for r in legal])))


def register_name(address):
    if address < _CH0:
        return _NAMES[address]
    if address <= _LAST:
        return "CH{}_{}".format((address - _CH0) // 5, _OF_CHANNEL[(address - _CH0) % 5])
    return "REGMAP_CRC" if address == _REGMAP_CRC else "0x{:02X}".format(address)


class Ads131m08:
    """transfer(tx, rx): one frame with CS low, both of the same length; reset(), sync(): a low pulse on SYNC/RESET (see
    RESET_LOW_US, SYNC_LOW_US); sleep_us(n) waits that long or longer. clkin: CLKIN in Hz, None: what the rate needs.
    crc_in: whether the chip checks the CRC of our frames.

    tx: the frame with a NULL, for who moves frames by itself; rx: the last frame read. Both are made by open().
    crc_errors: frames read with a wrong CRC; rate, bits, clkin: as opened."""

    def __init__(self, transfer, reset, sync, sleep_us, clkin=None, crc_in=False):
        self._transfer = transfer
        self._reset = reset
        self._pulse = sync
        self._sleep_us = sleep_us
        self._only = clkin
        self._crc_in = crc_in
        self.clkin = self.rate = self.bits = None
        self.crc_errors = 0
        self._map_crc = None
        self._image = array("H", [0] * (_LAST + 1))
        self._count = self._since = 0
        self._set_width(3, False)

    # frames ---------------------------------------------------------------------------------------------------------

    def frame(self):
        """Reads a frame into rx: STATUS, or -1 when its CRC is wrong, which is counted."""
        self._transfer(self.tx, self.rx)
        if not self._crc_fits():
            self.crc_errors += 1
            return -1
        return self.rx[0] << 8 | self.rx[1]

    def code(self, channel):
        """The code of channel 0..7 in rx, signed, of `bits` bits."""
        rx, width = self.rx, self._width
        at = (1 + channel) * width
        x = rx[at] << 8 | rx[at + 1]
        if width == 2:
            return (x ^ 0x8000) - 0x8000
        return ((x << 8 | rx[at + 2]) ^ 0x800000) - 0x800000

    def silent(self, count, now_us):
        """Periods without a DRDY, 0 as long as they are fewer than 8. count: DRDYs so far, any number that
        changes with them; now_us: microseconds, of which 30 bits count. Ask again within 15 minutes."""
        if count != self._count:
            self._count = count
            self._since = now_us
            return 0
        waited = min((now_us - self._since) & 0x3FFFFFFF, 0x3FFFFFF)  # times 16 no big integer
        periods = waited * 16 // self._period_16us
        return periods if periods >= _DRDY_PERIODS else 0

    def sync(self):
        """Starts the filters anew: the FIFOs are empty, the channels in step. The last thing before frames are read at
        every DRDY, also after a pause. The first one says RESYNCED; from the third on samples are settled.

        Two pulses, as one on the beat of the data rate does nothing (8.4.5). In place of this the data sheet offers
        reading two frames at once; but then channels whose PHASE differ may come out of step by a sample."""
        self._pulse()
        self._sleep_us(self._periods_us(1) // 2)
        self._pulse()

    def _converts(self):
        """Lets it convert and looks at STATUS. AdcError when that is not as it must be."""
        self.sync()
        self._sleep_us(self._periods_us(4))
        self.frame()
        status = self.frame()  # of the two in the FIFO
        wanted = LOCKED | (0x0100 if self._width == 3 else 0)
        if status < 0:
            self._wrong_crc()
        if status & _FIXED != wanted:
            raise AdcError("STATUS: read 0x{:04X}, wanted 0x{:04X}".format(status, wanted | _READY))
        if status & _READY != _READY:
            raise AdcError("STATUS: read 0x{:04X}, wanted DRDY of all channels: is there CLKIN?".format(status))

    def _periods_us(self, n):
        return n * self._period_16us // 16 + 1

    # set up -----------------------------------------------------------------------------------------------------------

    def open(self, rate, bits, gain_v=1, gain_i=1, calibration=None):
        """Resets the chip and sets it up for `rate` samples/s and words of 16 or 24 bits; gain_v: of channels 0..2,
        gain_i: of 3..6; calibration: a Calibration, None: neutral. Reads every register back, locks them,
        sees that it converts; then sync() starts the frames. ValueError for what is not legal, before anything is
        done; AdcError."""
        if bits not in (16, 24):
            raise ValueError("bits: {} is not legal: want 16 or 24".format(bits))
        clkin, osr = clocking(rate, self._only)
        image = self._image
        image[_CLOCK] = _CLOCK_BASE | osr << 2
        v, i = _gain("gain_v", gain_v), _gain("gain_i", gain_i)
        image[_GAIN1] = v | v << 4 | v << 8 | i << 12
        image[_GAIN1 + 1] = i | i << 4 | i << 8
        image[_CFG] = _CFG_BASE
        image[_MODE] = _MODE_BASE | (_RX_CRC_EN if self._crc_in else 0) | (0x0100 if bits == 24 else 0)
        self._calibration(calibration, 64 << osr)
        self.rate, self.bits, self.clkin = rate, bits, clkin
        self._period_16us = 16000000 // rate

        self._set_width(3, False)
        self._reset()
        self._sleep_us(1000)  # registers after 5 us (6.7, tREGACQ); the rest for slow supplies
        self._identify()
        self._write(_CLOCK, _LAST)
        self._compare(_CLOCK, _LAST)
        self._send(_WREG | _MODE << 7, image[_MODE])
        self._set_width(bits // 8, self._crc_in)
        self._acknowledged(_MODE, 1)
        self._same(_MODE, self.read(_MODE))
        self._close()

    def calibrate(self, calibration):
        """Other calibration, while it is open: nobody else may read frames meanwhile. Then sync(), as after open()."""
        self._calibration(calibration, 64 << (self._image[_CLOCK] >> 2 & 7))
        self._answer(_UNLOCK, _UNLOCK, "UNLOCK")
        self._write(_CH0, _LAST)
        self._compare(_CH0, _LAST)
        self._close()

    def map_changed(self):
        """Whether a register changed since open() or calibrate(): by the CRC that the chip forms of them (8.3.13)."""
        return self.read(_REGMAP_CRC) != self._map_crc

    def read(self, address):
        """Contents of one register."""
        return self.command(_RREG | address << 7)

    def command(self, word):
        """Sends a command and, behind it, a NULL. Returns the response."""
        self._send(word)
        return self._response()

    def _close(self):
        self._answer(_LOCK, _LOCK, "LOCK")
        self._sleep_us(2 * 752 * 1000000 // self.clkin + 1)  # two passes of the registers' CRC, a bit a tCLKIN (8.3.13)
        self._map_crc = self.read(_REGMAP_CRC)
        self._converts()

    def _identify(self):
        """That the chip is there, is the right one, and was reset."""
        self._send(_NULL)
        self._send(_RREG | _ID << 7)
        rx = self.rx
        self._send(_RREG | _STATUS << 7)
        found = rx[0] << 8 | rx[1]
        if found & 0xFF00 != _CHIP:
            hint = ": MISO does not move, is the chip powered, CS wired?" if found in (0x0000, 0xFFFF) else ""
            raise AdcError("ID: read 0x{:04X}, wanted 0x28xx{}".format(found, hint))
        self._send(_NULL)
        found = rx[0] << 8 | rx[1]
        if found & _FIXED != 0x0500:
            raise AdcError("STATUS: read 0x{:04X}, wanted 0x05xx: the reset did not reach the chip".format(found))

    def _calibration(self, calibration, limit):
        """PHASE, OCAL, GCAL of every channel into the image. limit: half of the OSR."""
        image = self._image
        for k in range(_CHANNELS):
            phase = offset = 0
            gain = _UNITY
            if calibration is not None:
                phase = calibration.fine(k)
                offset, gain = calibration.offset[k], calibration.gain[k]
                if limit != 128:  # capture/delay.py takes samples of 256 periods
                    phase = calibration.phase[k]
                _within("phase", k, phase, -127, 128)
                _within("offset", k, offset, -0x800000, 0x7FFFFF)
                _within("gain", k, gain, 0, 0xFFFFFF)
            at = _CH0 + 5 * k
            image[at] = ((0 - phase) & 0x3FF) << 6 | _DC_BLOCK_OFF
            image[at + 1] = offset >> 8 & 0xFFFF
            image[at + 2] = (offset & 0xFF) << 8
            image[at + 3] = gain >> 8
            image[at + 4] = (gain & 0xFF) << 8

    def _write(self, first, last):
        while first <= last:
            n = min(_BATCH, last + 1 - first)
            self._send(_WREG | first << 7 | (n - 1), *self._image[first : first + n])
            self._acknowledged(first, n)
            first += n

    def _acknowledged(self, first, n):
        answer = self._response()
        if answer != _WRITTEN | first << 7 | (n - 1):
            wanted = _WRITTEN | first << 7 | (n - 1)
            text = "{}: writing {} registers was answered by 0x{:04X}, wanted 0x{:04X}"
            raise AdcError(text.format(register_name(first), n, answer, wanted))

    def _compare(self, first, last):
        """Reads registers back, eight a frame, the last of them once more when there are not eight left."""
        while first <= last:
            first = min(first, last + 1 - _BATCH)
            word = first << 7 | (_BATCH - 1)
            self._answer(_RREG | word, _READ | word, "reading " + register_name(first))
            for k in range(_BATCH):
                at = (1 + k) * self._width
                self._same(first + k, self.rx[at] << 8 | self.rx[at + 1])
            first += _BATCH

    def _same(self, address, found):
        wanted = self._image[address]
        if found != wanted:
            raise AdcError("{}: read 0x{:04X}, wanted 0x{:04X}".format(register_name(address), found, wanted))

    def _answer(self, word, wanted, what):
        found = self.command(word)
        if found != wanted:
            raise AdcError("{} was answered by 0x{:04X}, wanted 0x{:04X}".format(what, found, wanted))

    def _response(self):
        """What the last command was answered, by the frame of a NULL."""
        found = self.frame()
        if found < 0:
            self._wrong_crc()
        return found

    # words ------------------------------------------------------------------------------------------------------------

    def _set_width(self, width, crc_in):
        """Frames of ten words of `width` bytes from now on."""
        self._width = width
        self._checked = crc_in
        self.tx = bytearray(_WORDS * width)
        self.rx = bytearray(_WORDS * width)
        self._command = bytearray(_WORDS * width)
        if crc_in:
            self._put(self.tx, 1, crc16(self.tx, width))

    def _put(self, frame, index, word):
        frame[index * self._width] = word >> 8
        frame[index * self._width + 1] = word & 0xFF

    def _send(self, *words):
        """A frame of these words; behind them their CRC when it is checked."""
        frame, width = self._command, self._width
        for k in range(len(frame)):
            frame[k] = 0
        for k in range(len(words)):
            self._put(frame, k, words[k])
        if self._checked:
            self._put(frame, len(words), crc16(frame, len(words) * width))
        self._transfer(frame, self.rx)

    def _crc_fits(self):
        rx = self.rx
        at = 9 * self._width
        return crc16(rx, at) == (rx[at] << 8 | rx[at + 1])

    def _wrong_crc(self):
        at = 9 * self._width
        found = self.rx[at] << 8 | self.rx[at + 1]
        raise AdcError("CRC of a frame: read 0x{:04X}, wanted 0x{:04X}".format(found, crc16(self.rx, at)))


def _gain(name, gain):
    if gain not in GAINS:
        raise ValueError("{}: {} is not legal: want one of {}".format(name, gain, ", ".join([str(g) for g in GAINS])))
    return GAINS.index(gain)


def _within(name, channel, value, least, most):
    if not least <= value <= most:
        raise ValueError("{} of channel {}: {} is not legal: want {}..{}".format(name, channel, value, least, most))
