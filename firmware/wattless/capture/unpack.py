"""One frame record of an ADS131M08 becomes one sample of seven channels in the ring.

A record is 24 bytes: the frame's number (uint32, little-endian: DRDY pulses counted by a timer, so that lost frames
show) and the
20 bytes of the frame in 16-bit words (data sheet SBAS950, section 8.5.1: STATUS, eight channels, CRC-16/CCITT of the
18 bytes before it).
Cost (viper on ARM): about 500 instructions a frame, more than half of them the CRC; no heap.
"""

from array import array

import micropython
from micropython import const

RECORD = 24
CHANNELS = 7  # v1 v2 v3 i1 i2 i3 in; the eighth, a spare, is not kept
STATUS_DISTURBED = const(0x4400)  # F_RESYNC, RESET: the converter restarted between two frames

# words of the state
HEAD = const(0)  # ring index of the next sample
EXPECTED = const(1)  # number of the next frame, modulo 2**30
LOST = const(2)  # frames missing before the record where unpack stopped
BAD_CRC = const(3)  # counts since the state was cleared
DISTURBED = const(4)
CLIPPED = const(5)
STATE_WORDS = const(6)


@micropython.viper
def unpack(
    records: ptr8,
    start: int,
    stop: int,
    ring: ptr16,
    length: int,
    guard: int,
    offsets: ptr16,
    crc_table: ptr16,
    state: ptr32,
) -> int:
    """Appends the records `start`..`stop`-1; returns the index of the first one not taken: `stop`, or one before
    which frames are missing.

    A frame with a wrong CRC repeats the sample before it and is counted. Samples are saturated to 16 bits after their
    offset is taken off. The first `guard` samples of each channel are kept a second time behind its end, so that
    filters need not wrap.
    """
    head = state[HEAD]
    expected = state[EXPECTED]
    stride = length + guard
    n = start
    while n < stop:
        i = n * 24
        number = records[i] | (records[i + 1] << 8) | (records[i + 2] << 16) | ((records[i + 3] & 0x3F) << 24)
        if number != expected:
            state[LOST] = (number - expected) & 0x3FFFFFFF
            state[HEAD] = head
            state[EXPECTED] = expected
            return n
        expected = (number + 1) & 0x3FFFFFFF
        i += 4
        crc = 0xFFFF
        j = 0
        while j < 18:
            crc = ((crc << 8) & 0xFF00) ^ crc_table[(crc >> 8) ^ records[i + j]]
            j += 1
        good = 1
        if crc != (records[i + 18] << 8) | records[i + 19]:
            good = 0
            state[BAD_CRC] = state[BAD_CRC] + 1
        elif ((records[i] << 8) | records[i + 1]) & STATUS_DISTURBED:
            state[DISTURBED] = state[DISTURBED] + 1
        previous = head - 1
        if previous < 0:
            previous = length - 1
        channel = 0
        base = 0
        while channel < 7:
            if good:
                i += 2
                x = (((records[i] << 8) | records[i + 1]) ^ 0x8000) - 0x8000
                if x == 32767 or x == -32768:
                    state[CLIPPED] = state[CLIPPED] | (1 << channel)
                x = x - ((offsets[channel] ^ 0x8000) - 0x8000)
                if x > 32767:
                    x = 32767
                if x < -32768:
                    x = -32768
            else:
                x = ring[base + previous]
            ring[base + head] = x
            if head < guard:
                ring[base + length + head] = x
            base = base + stride
            channel += 1
        head += 1
        if head == length:
            head = 0
        n += 1
    state[HEAD] = head
    state[EXPECTED] = expected
    return n


@micropython.viper
def hold(ring: ptr16, length: int, guard: int, state: ptr32, count: int):
    """Repeats the last sample `count` times in place of lost frames."""
    head = state[HEAD]
    state[EXPECTED] = (state[EXPECTED] + count) & 0x3FFFFFFF
    while count:
        previous = head - 1
        if previous < 0:
            previous = length - 1
        channel = 0
        base = 0
        while channel < 7:
            x = ring[base + previous]
            ring[base + head] = x
            if head < guard:
                ring[base + length + head] = x
            base = base + length + guard
            channel += 1
        head += 1
        if head == length:
            head = 0
        count -= 1
    state[HEAD] = head


def crc_table():
    """array('H') of 256: CRC-16/CCITT (polynomial 0x1021, most significant bit first) of one byte."""
    table = array("H", bytes(512))
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        table[byte] = crc & 0xFFFF
    return table
