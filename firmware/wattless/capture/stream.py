"""The sample ring and what is known about the samples in it: numbers, gaps, errors.

The ring holds the channels one after the other in the board's fast memory: seven of 16-bit samples (56 KB: 4080
samples, 319 ms at 12.8 kS/s), or, "wide", of int32 with 20-bit samples (capture/unpack_wide.py), for which there is
less room: 372 ms of three channels, 159 ms of seven. Samples are numbered from 0 without end; lost frames keep their
numbers, so time never slips. A few lost frames are filled with the last sample and marked; more break the stream, and
the meter starts again behind them.

The number in front of a frame has 30 bits. Of the two above them, bit 31 is the front end's mark of jitter: it sets it
when DRDY came off its time, so that the samples are not where they should be; bit 30 is 0.
"""

from array import array

import micropython
from micropython import const
from wattless.capture import delay, layout
from wattless.capture.layout import BAD_CRC, CLIPPED, DISTURBED, EXPECTED, HEAD, LOST, NEXT, START, STOP

GUARD = 16  # samples kept twice, for filters that run over the end of the ring
FILL_LIMIT = 32  # lost frames filled at most (2.5 ms at 12.8 kS/s); more break the stream
_MARKS = 16

GAP = 1  # bits of a mark, in the order of the points' flags
CLIP = 2
JITTER = 8
CRC = 16

# what _inspect finds
_CLIPPED = const(0)
_JITTER = const(1)
_AUX = const(2)


@micropython.viper
def _inspect(records: ptr8, size: int, first: int, stop: int, found: ptr32):
    """Looks at the records first..stop-1 of `size` bytes. found[0]: channels, bit k: channel k; becomes the number of
    records in which one of them is at an end of the code's range. found[1] = records with the mark of jitter.
    found[2] = code of the eighth input in the last record, without its sign."""
    width = 2
    if size > 24:
        width = 3
    mask = found[0]
    clipped = 0
    jitter = 0
    at = first * size + 3
    count = stop - first
    while count:
        jitter += records[at] >> 7
        at += size
        count -= 1
    at = at - 3
    if mask:
        at = first * size
    else:
        first = stop
    while first < stop:
        left = mask
        place = at + 4 + width
        while left:
            if left & 1:
                # of two bytes below the upper one, or one taken twice
                x = records[place + 1]
                y = records[place + width - 1]
                if (records[place] == 0x7F and (x & y) == 0xFF) or (records[place] == 0x80 and (x | y) == 0):
                    clipped += 1
                    left = 1
            left = left >> 1
            place += width
        at += size
        first += 1
    place = at - size + 4 + 8 * width
    x = (records[place] << 8) | records[place + 1]
    if width == 3:
        x = (x << 8) | records[place + 2]
    found[0] = clipped
    found[1] = jitter
    found[2] = x


class Stream:
    """Samples from a frame source.

    source: object with readinto(buffer) -> bytes of whole records, 0 for none now, -1 at the end
    memory: bytearray for the ring; offsets: codes taken off the channels; block: records read at a time
    wide: frames of 24-bit words, of which the first `channels` are kept (of 16-bit words: all seven)
    kernels: object with unpack, unpack_wide and crc_tables (default: capture/unpack.py)
    """

    def __init__(self, source, memory, offsets, block=64, wide=False, channels=layout.CHANNELS, kernels=None):
        if kernels is None:
            from wattless.capture import unpack as kernels
        if not 1 <= channels <= layout.CHANNELS or (channels < layout.CHANNELS and not wide):
            raise ValueError("channels: 1 to 7 of 24-bit words, all 7 of 16-bit words, not {}".format(channels))
        self.source = source
        self.data = memory
        self.wide = wide
        self.stride = len(memory) // (4 * channels) if wide else len(memory) // (4 * channels) * 2  # 16 bits: even
        self.length = self.stride - GUARD
        self.count = 0  # samples so far
        self.keep = 0  # the oldest sample still needed
        self.lost = 0  # frames that never came
        self.crc_errors = 0
        self.disturbances = 0
        self.gaps = 0  # places where frames are missing or the converter started anew
        self.jitter_frames = 0  # frames with the mark of jitter
        self.clipped_frames = 0  # frames with a watched channel at an end of the code's range
        self.clipped = 0  # bit k: channel k was; for the reader to clear
        self.watched = (1 << channels) - 1  # channels whose clipping counts, as in `clipped`
        self.broken = 0  # frames missing where the stream broke; 0: it did not
        self.ended = False
        self._unpack = kernels.unpack_wide if wide else kernels.unpack
        self._tables = kernels.crc_tables()
        self._state = layout.new_state(self.length, GUARD, offsets, wide, channels)
        self._state[EXPECTED] = -1
        self.record_bytes = layout.RECORD_WIDE if wide else layout.RECORD  # what the source gives
        self._block = memoryview(bytearray(block * self.record_bytes))
        self._found = array("i", bytes(12))
        self._aux_known = False
        self._lost_record = bytearray(self.record_bytes)
        self._next = self._filled = 0  # records of the block
        self._first = [0] * _MARKS
        self._last = [0] * _MARKS
        self._bits = [0] * _MARKS
        self.marks = 0  # how many stretches of samples have bits
        self.tap = None  # function(records, bytes) that sees all that the source gives
        self._delays = []
        self._reach = 0  # the longest delay

    def delay(self, delays):
        """Holds channel k back by delays[k] samples, 0 to 7, from now on."""
        self._delays = []
        for k in range(self._state[layout.KEPT]):
            if delays[k]:
                self._delays += delay.lines(delays[k], k, self)
        self._reach = max(delays)

    def index(self, sample):
        """Where sample number `sample` stands in the ring; it must be one of the last `length`."""
        index = self._state[HEAD] - (self.count - sample)
        return index + self.length if index < 0 else index

    def drain(self):
        """Takes what the source has and the ring can hold. Returns the number of samples appended."""
        before = self.count
        while not self.broken:
            room = self.length - (self.count - self.keep)
            if self._next == self._filled and not self._read(room):
                break
            stop = min(self._filled, self._next + room)
            if stop == self._next:
                break
            self._take(stop)
        return self.count - before

    def _read(self, room):
        if room <= 0 or self.ended:
            return False
        size = self.source.readinto(self._block)
        if size < 0:
            self.ended = True
        elif size and self.tap:
            self.tap(self._block, size)
        self._next = 0
        self._filled = max(0, size) // self.record_bytes
        return self._filled > 0

    def _take(self, stop):
        state = self._state
        if state[EXPECTED] < 0:
            self._expect_next()
        state[BAD_CRC] = state[DISTURBED] = state[CLIPPED] = 0
        first = state[START] = self._next
        state[STOP] = stop
        head = state[HEAD]
        self._swap_newest(head)
        self._unpack(self._block, self.data, self._tables, state)
        self._swap_newest(head)
        done = self._next = state[NEXT]
        if done > first:
            self._hold_back(head, done - first)
            self.count += done - first
            self._mark(self.count - (done - first), self.count - 1, self._troubles(first, done))
        if done < stop:
            self._bridge(state[LOST])

    def _swap_newest(self, head):
        """Puts the newest samples as they came in front of ring index `head`, or takes them off again."""
        for line in self._delays:
            line[delay.START] = head
            delay.swap(self.data, line)

    def _hold_back(self, head, count):
        """Delays the `count` samples from ring index `head` on."""
        for line in self._delays:
            line[delay.START] = head
            line[delay.COUNT] = count
            delay.hold(self.data, line)

    def _troubles(self, first, done):
        """Counts what was wrong with the records first..done-1; bits of a mark."""
        state, found = self._state, self._found
        clipped = found[_CLIPPED] = state[CLIPPED] & self.watched
        _inspect(self._block, self.record_bytes, first, done, found)
        self._aux_known = state[BAD_CRC] == 0
        bits = 0
        if state[BAD_CRC]:
            self.crc_errors += state[BAD_CRC]
            bits |= CRC
        if clipped:
            self.clipped |= clipped
            self.clipped_frames += found[_CLIPPED]
            bits |= CLIP
        if found[_JITTER]:
            self.jitter_frames += found[_JITTER]
            bits |= JITTER
        if state[DISTURBED]:
            self.disturbances += state[DISTURBED]
            self.gaps += state[DISTURBED]
            bits |= GAP
        return bits

    def aux(self):
        """The code of the eighth input in the newest frame, of as many bits as the frame's words; None: not known, or
        there are wrong CRCs just there."""
        if not self._aux_known:
            return None
        sign = 0x800000 if self.wide else 0x8000
        return (self._found[_AUX] ^ sign) - sign

    def _expect_next(self):
        """The first frame, or the first one behind a break, is the expected one whatever its number."""
        i = self._next * self.record_bytes
        b = self._block
        self._state[EXPECTED] = b[i] | b[i + 1] << 8 | b[i + 2] << 16 | (b[i + 3] & 0x3F) << 24

    def _bridge(self, lost):
        """`lost` frames (modulo 2**30) are missing: fill a few, break at more."""
        if lost > FILL_LIMIT or not self.count:
            self.broken = lost
            return
        head = self._state[HEAD]
        self._swap_newest(head)
        self._repeat(lost)
        self._swap_newest(head)
        self._hold_back(head, lost)
        self.gaps += 1
        self._mark(self.count, self.count + lost - 1, GAP)
        self.count += lost
        self.lost += lost

    def _repeat(self, count):
        """Repeats the last sample in place of `count` lost frames, which is what a frame with a wrong CRC does: zeros
        are one."""
        state, record = self._state, self._lost_record
        state[START], state[STOP] = 0, 1
        for _ in range(count):
            number = state[EXPECTED]
            for i in range(4):
                record[i] = number >> 8 * i & 0xFF
            self._unpack(record, self.data, self._tables, state)

    def resume(self):
        """Goes on behind a break: numbers jump by the frames lost; nothing before is in the ring any more.

        A number that runs backwards (the counter was reset) counts as one frame lost."""
        lost = self.broken if self.broken < 1 << 29 else 1
        self.count += lost
        self.lost += lost
        self.gaps += 1
        self.keep = self.count
        self.broken = 0
        self.marks = 0
        self._state[EXPECTED] = -1
        for line in self._delays:
            line[delay.FRESH] = 1

    def _mark(self, first, last, bits):
        if not bits:
            return
        last += self._reach
        n = self.marks
        if n and (n == _MARKS or (self._bits[n - 1] == bits and first <= self._last[n - 1] + 1)):
            self._last[n - 1] = last
            self._bits[n - 1] |= bits
            return
        self._first[n] = first
        self._last[n] = last
        self._bits[n] = bits
        self.marks = n + 1

    def marked(self, first, last):
        """Bits of all marks that touch the samples `first`..`last`; none is forgotten."""
        bits = 0
        for n in range(self.marks):
            if self._first[n] <= last and self._last[n] >= first:
                bits |= self._bits[n]
        return bits

    def flags(self, first, last):
        """Bits of all marks that touch the samples `first`..`last`; marks wholly before `first` are forgotten."""
        bits = kept = 0
        for n in range(self.marks):
            if self._last[n] < first:
                continue
            if self._first[n] <= last:
                bits |= self._bits[n]
            self._first[kept] = self._first[n]
            self._last[kept] = self._last[n]
            self._bits[kept] = self._bits[n]
            kept += 1
        self.marks = kept
        return bits
