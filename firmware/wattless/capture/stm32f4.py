"""Frames of the converter on a STM32F4, and the RS-485 port whose bytes leave with the frames' interrupt.

Capture is the frame source that the meter reads, Port the UART that Modbus serves; both live on the block and the
handler of capture/stm32f4_irq.py. Pins and registers come as one object, hardware, from boards/ (boards/pybv11):

    words            the block's first words, in the order of capture/stm32f4_irq.py
    timer_hz, spi_hz of the timer that captures DRDY, of SCLK
    address_of(b)    of a buffer that the DMA reaches
    prepare()        clocks, pins, SPI and timers; once
    count()          of DRDYs, as the handler reads it
    start(block, command)   streams and SPI for DMA; then DRDY calls the handler. Addresses: of the block, of what is
                     sent
    stop()           no more interrupts, streams off, SPI at rest
    sleep_us(n)

The converter is an object like capture/ads131m08.py: open, calibrate, sync, tx.

Without a frame for 10 ms the converter is set up anew, then once a second. Frames go on with the number that the clock
says. A converter that lost its settings shows in STATUS: likewise. All else is counted (counters()).

Heap on 32-bit ARM: the ring, 25 ms: 7.7 KB, of 24-bit words 11.6 KB; the port 0.3 KB. readinto and write of either
allocate nothing. Not yet run on hardware.
"""

from array import array

from micropython import const
from wattless.capture.layout import RECORD, RECORD_WIDE
from wattless.capture.stm32f4_irq import BLOCK_WORDS, copy, take

SLOTS = const(322)  # 25 ms at 12.8 kS/s, the one being written, and one that keeps full from empty
_LOSS_MS = const(10)
_RETRY_MS = const(1000)
_BLIND_MS = const(10000)  # the timer comes round in 51 s
_STRANGE = const(8)  # readings in succession with a STATUS that cannot be
_JITTER_US = const(1)  # by which a DRDY may be off: 1 % of a sample
_STATUS = const(0x8F)  # upper byte: LOCK, CRC_TYPE, RESET, WLENGTH never change (SBAS950 8.6.3)
_SYNCED = const(3)  # of _IDLE
_LONGEST_REPLY = const(256)
_BITS = const(11)  # a character on the line

# as in capture/stm32f4_irq.py
_MARK = const(22)
_BYTES = const(23)
_SIZE = const(24)
_RING = const(25)
_END = const(26)
_PERIOD = const(27)
_SHORTEST = const(28)
_LONGEST = const(29)
_LATE = const(30)
_SLOT = const(31)
_TAIL = const(32)
_IDLE = const(33)
_KNOWN = const(34)
_LAST_COUNT = const(35)
_SHIFT = const(37)
_SENDING = const(38)
_SEND_AT = const(39)
_SEND_LEFT = const(40)
_DRIVING = const(41)
_UNFINISHED = const(42)
_FULL = const(43)
_MISSED = const(44)
_LATES = const(45)
_WORST = const(46)
_SPURIOUS = const(47)
_JITTER = const(48)
_UNTIMED = const(49)


def _signed(word):
    return ((word + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)


class Capture:
    """hardware: see above; adc: the converter's driver; clock: ticks_ms(), diff(a, b).

    record_bytes: of what readinto gives, as opened; streaming: whether DRDY's interrupt is on; fault: why the last
    attempt to set the converter up failed, None: it did not; restarts: how often it was set up anew; port: a Port."""

    def __init__(self, hardware, adc, clock):
        self.hardware = hardware
        self.adc = adc
        self.clock = clock
        self.port = None
        self.record_bytes = RECORD
        self.streaming = False
        self.fault = None
        self.restarts = 0
        self.block = array("i", bytes(4 * BLOCK_WORDS))
        for k in range(len(hardware.words)):
            self.block[k] = hardware.words[k]
        self.block[_MARK] = -1 << 31
        self._ring = None
        self._opened = None
        self._calibration = None
        self._last = None  # when the last frames came or their number was set, ms
        self._heard = self._tried = 0
        self._strange = 0
        self._synced = False  # and no frame since
        self._missed = 0
        self._phased = False  # whether channels differ in their PHASE

    def open(self, settings, calibration):
        """Starts the converter: settings.adc_rate (samples/s), adc_bits (16, 24), gain_v, gain_i. OSError says why it
        does not answer, ValueError what it cannot do."""
        if self._opened is None:
            self.hardware.prepare()
        else:
            self._stop()
        self._opened = (settings.adc_rate, settings.adc_bits, settings.gain_v, settings.gain_i)
        self._calibration = calibration
        self._tried = self.clock.ticks_ms()
        self._lay_out()
        self.adc.open(*self._opened, calibration)
        self._start()

    def calibrate(self, calibration):
        """Another calibration, while frames come; those of the next milliseconds are lost. OSError."""
        self._stop()
        self.adc.calibrate(calibration)
        self._calibration = calibration
        self._start()

    def readinto(self, buf):
        """Bytes of whole records put into buf; 0: none at the moment. ValueError for a buf too small for a record."""
        size = self.record_bytes
        most = len(buf) // size
        if most == 0:
            raise ValueError("frame buffer of {} bytes; a record takes {}".format(len(buf), size))
        if self._opened is None:
            return 0
        now = self.clock.ticks_ms()
        done = take(self.block, self._ring, buf, most)
        if done:
            self._heard = self._last = now
            status = buf[(done - 1) * size + 4]
            self._strange = 0 if status & _STATUS == self._expected else self._strange + 1
            if self._strange < _STRANGE:
                if self._synced:
                    self._synced = False
                    self._missed = self.block[_MISSED]
                elif self._phased and self._missed != self.block[_MISSED]:
                    self._stop()
                    self._start()
                return done * size
        elif self.streaming:
            if self.clock.diff(now, self._heard) < _LOSS_MS:
                return 0
        elif self.clock.diff(now, self._tried) < _RETRY_MS:
            return 0
        self._recover()
        return done * size

    def counters(self):
        """What the front end had to bear, and worst_us: the longest from a DRDY to its frame."""
        block = self.block
        return {
            "overruns": block[_FULL],  # frames for which the ring had no room
            "spi_errors": block[_UNFINISHED],  # frames that did not finish
            "drdy_missed": block[_MISSED],
            "drdy_late": block[_LATES],  # interrupts too late to read the frame before the next one
            "drdy_spurious": block[_SPURIOUS],
            "drdy_jitter": block[_JITTER],
            "drdy_untimed": block[_UNTIMED],  # DRDYs that the timer did not capture
            "resyncs": self.restarts,
            "replies_refused": self.port.refused if self.port else 0,
            "worst_us": block[_WORST] * 1000 // (self.hardware.timer_hz // 1000),
        }

    def _lay_out(self):
        rate, bits = self._opened[:2]
        block, hardware = self.block, self.hardware
        self.record_bytes = RECORD if bits == 16 else RECORD_WIDE
        self._expected = 0x80 if bits == 16 else 0x81
        if self._ring is None or len(self._ring) != SLOTS * self.record_bytes:
            self._ring = bytearray(SLOTS * self.record_bytes)
        start = hardware.address_of(self._ring)
        frame = 10 * bits // 8
        period = (hardware.timer_hz + rate // 2) // rate
        off = hardware.timer_hz // 1000000 * _JITTER_US
        block[_BYTES] = frame
        block[_SIZE] = self.record_bytes
        block[_RING] = block[_SLOT] = block[_TAIL] = start
        block[_END] = start + len(self._ring)
        block[_PERIOD] = period
        block[_SHORTEST] = period - off
        block[_LONGEST] = period + off
        block[_LATE] = period - frame * 8 * (hardware.timer_hz // 1000) // (hardware.spi_hz // 1000)

    def _start(self):
        block = self.block
        calibration = self._calibration
        self._phased = calibration is not None and len({calibration.fine(k) for k in range(7)}) > 1
        now = self.clock.ticks_ms()
        away = 0 if self._last is None else self.clock.diff(now, self._last)
        if away >= _BLIND_MS or not block[_KNOWN]:
            # There is no frame to measure from, or the timer may have come round: the clock says how many are gone.
            count = self.hardware.count()
            block[_SHIFT] = _signed(block[_LAST_COUNT] + block[_SHIFT] + away * self._opened[0] // 1000 - count)
            block[_LAST_COUNT] = _signed(count)
            block[_KNOWN] = 0
            self._last = now
        block[_IDLE] = 2
        self._heard = now
        self._strange = 0
        self.fault = None
        self.streaming = True
        self.hardware.start(self.hardware.address_of(block), self.hardware.address_of(self.adc.tx))
        # The FIFOs are emptied only now that every frame is read. Two frames at once, as the handler reads them to make
        # room behind missed DRDYs, may put channels whose PHASE differs out of step by a sample: then all this again.
        self.adc.sync()
        block[_IDLE] = _SYNCED
        self._synced = True

    def _stop(self):
        self.hardware.stop()
        self.streaming = False
        self._tried = self.clock.ticks_ms()
        if self.port:
            self.port.finish()

    def _recover(self):
        self._stop()
        self.restarts += 1
        try:
            self.adc.open(*self._opened, self._calibration)
        except OSError as error:
            self.fault = str(error)
            return
        self._start()


class Port:
    """RS-485 half duplex: serial is a machine.UART for settings and reception, direction(0 | 1) its driver's pin, path
    a name. While frames come, write leaves the sending to their interrupt; else it waits until all is sent.

    refused: replies that came while one was on its way."""

    def __init__(self, capture, serial, direction, path):
        self.path = path
        self.refused = 0
        self.baud = self.parity = None
        self._capture = capture
        self._serial = serial
        self._direction = direction
        self._buffer = bytearray(_LONGEST_REPLY)
        self._address = capture.hardware.address_of(self._buffer)
        capture.port = self

    def init(self, baud, parity):
        """Line settings: baud in bit/s, parity "E", "O" or "N" (then two stop bits: 11 bits a character always)."""
        self._serial.init(
            baud,
            bits=8,
            parity={"N": None, "E": 0, "O": 1}[parity],
            stop=2 if parity == "N" else 1,
            timeout=0,
            rxbuf=_LONGEST_REPLY + 4,
        )
        self.baud = baud
        self.parity = parity

    def readinto(self, buf):
        """Bytes put into buf, 0: none there. Never waits: machine.UART would, for the next byte of a frame."""
        n = min(self._serial.any(), len(buf))
        if not n:
            return 0
        return self._serial.readinto(buf, n) or 0

    def write(self, buf):
        """Sends buf, 256 bytes at most; returns its length. A reply before the last one has left is not sent."""
        n = len(buf)
        if n > _LONGEST_REPLY:
            raise ValueError("a reply of {} bytes; {} are allowed".format(n, _LONGEST_REPLY))
        block = self._capture.block
        if block[_SEND_LEFT]:
            self.refused += 1
            return n
        copy(buf, self._buffer, n)
        block[_SEND_AT] = self._address
        block[_SEND_LEFT] = n
        block[_SENDING] = 1  # from here on the handler sends
        if not self._capture.streaming:
            self.finish()
        return n

    def finish(self):
        """Sends what is left, and waits for it: without interrupts nobody else would, and the bus would stay ours."""
        block = self._capture.block
        left = block[_SEND_LEFT]
        if not block[_SENDING]:
            return
        block[_SENDING] = block[_SEND_LEFT] = block[_DRIVING] = 0
        self._direction(1)
        if left:
            at = block[_SEND_AT] - self._address
            self._serial.write(memoryview(self._buffer)[at : at + left])  # until the last stop bit, on a STM32
        else:
            self._capture.hardware.sleep_us(2 * _BITS * 1000000 // self.baud)
        self._direction(0)
