"""Frame records of the simulated ADC, from a pipe: whole records only, never waiting.

A record is the frame number (uint32, little-endian) and the 20 bytes of the ADS131M08 frame as the SPI clocks them out:
24 bytes; with words of 24 bits it is 36 (the frame's 30, two of padding). The number's bits 0 to 29 are the DRDY count.
Bit 31 is set by a front end that saw DRDY come off its time (jitter); bit 30 is 0.
The descriptor's flags stay as they are (standard input is shared with whoever started us): every read is preceded by a
poll. Heap: 36 bytes; a memoryview (32 bytes) for a read that continues a record cut in two.
"""

import posix_io

RECORD_BYTES = 24
LARGEST_RECORD_BYTES = 36


class FramePipe:
    """record_bytes: size of a record, 24 or 36; the meter sets it. torn_bytes: what the source left of a last,
    incomplete record when it ended. tell: function(dict), called with what the simulated converter has to be set to;
    None: whoever writes the frames does not want to know."""

    def __init__(self, fd=0, tell=None):
        self._fd = fd
        self._tell = tell
        self._range = {}
        self.record_bytes = RECORD_BYTES
        self._head = bytearray(LARGEST_RECORD_BYTES)  # the start of a record whose rest has not come yet
        self._held = 0
        self.torn_bytes = 0

    def open(self, settings, calibration):
        """Sets the simulated converter up: rate, word, range and calibration."""
        self._range = {"rate": settings.adc_rate, "bits": settings.adc_bits}
        self._range.update({"gain_v": settings.gain_v, "gain_i": settings.gain_i})
        self.calibrate(calibration)

    def calibrate(self, calibration):
        """Another calibration, from the frames on that are made next."""
        if self._tell:
            told = dict(self._range)
            told["gain"] = list(calibration.gain)
            told["offset"] = list(calibration.offset)
            told["phase"] = [calibration.fine(channel) for channel in range(len(calibration.gain))]
            self._tell(told)

    def counters(self):
        """Troubles of the front end: a pipe has none."""
        return {}

    def readinto(self, buf):
        """Bytes put into buf, a multiple of record_bytes; 0: no whole record at the moment; -1: the source ended.

        What buf holds past the count is scratch. ValueError for a buf too small for a record, OSError when the
        pipe fails."""
        if len(buf) < self.record_bytes:
            raise ValueError(f"frame buffer of {len(buf)} bytes; a record takes {self.record_bytes}")
        if not posix_io.poll(self._fd, posix_io.POLLIN):
            return 0
        held = self._held
        if held:
            buf[:held] = self._head[:held]
            n = posix_io.read(self._fd, memoryview(buf)[held:])
        else:
            n = posix_io.read(self._fd, buf)
        if n == 0:
            self.torn_bytes = held
            return -1
        if n in (-posix_io.EAGAIN, -posix_io.EINTR):
            return 0
        if n < 0:
            raise OSError(-n)
        n += held
        self._held = held = n % self.record_bytes
        whole = n - held
        if held:
            self._head[:held] = buf[whole:n]
        return whole
