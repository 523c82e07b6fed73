"""Frames of an ADS131M08 in words of 16 bits become samples in the ring: numbers and CRC checked, offsets taken off.

A record is the frame's number (uint32, little-endian, its lower 30 bits count: DRDY pulses counted by a timer, so that
lost frames show), then the frame as it comes over SPI, high bytes first (data sheet SBAS950, section 8.5.1): STATUS,
CH0 to CH7, CRC-16/CCITT of the 18 bytes before it.

The ring has a plane of LENGTH int16 samples for each of seven channels, and behind each plane its first GUARD samples
once more, so that filters need not wrap. A sample is code - offset, saturated. A frame with a wrong CRC repeats the
sample before it and is counted; else F_RESYNC and RESET in STATUS are counted, and channels at either end of the code's
range noted in CLIPPED. Work stops at a number that is not the next one. LENGTH and the like: words of the state, see
capture/layout.py.

The CRC goes two bytes at a time, as remainders in the byte order of the words in memory: (crc ^ word) has the first
byte in its low half, whose remainder 16 bits on is in the first table; that of the second byte, 8 bits on, is in the
second table.

A sample is written at once as if nothing were wrong with it, and again, with care, if a code lies near the ends of the
range or the CRC is wrong. Near: closer than MARGIN, the power of two above the largest offset: then
code + 0x8000 + MARGIN, modulo 0x10000, is less than twice the margin: a test with one mask.

Cost (viper on ARM, measured): 611 instructions a frame, 1.56 M a window of 2560; 1.7 k for a frame written again. Heap:
1 KB of tables.
"""

import micropython
from micropython import const
from wattless.capture.layout import crc_tables  # noqa: F401 (what a caller passes as `tables`)
from wattless.capture.unpack_wide import unpack_wide  # noqa: F401 (the other of this module's kernels)

# as in capture/layout.py
_HEAD = const(0)
_EXPECTED = const(1)
_LOST = const(2)
_BAD_CRC = const(3)
_DISTURBED = const(4)
_CLIPPED = const(5)
_START = const(6)
_STOP = const(7)
_NEXT = const(8)
_LENGTH = const(9)
_GUARD = const(10)
_MARGIN = const(12)
_OFFSETS = const(13)
_RECORD = const(24)
_NUMBERS = const(0x3FFFFFFF)
_RESTARTED = const(0x44)  # F_RESYNC, RESET in the upper byte of STATUS: the converter restarted between two frames


@micropython.viper
def unpack(records: ptr8, ring: ptr16, tables: ptr16, state: ptr32):
    """Appends the records START..STOP-1 or those before a gap: NEXT, HEAD, EXPECTED, LOST and the counts tell."""
    head = state[_HEAD]
    expected = state[_EXPECTED]
    stride = 2 * (state[_LENGTH] + state[_GUARD])
    margin = 0x8000 + state[_MARGIN]
    mask = 0x10000 - 2 * state[_MARGIN]
    second = ptr16(int(tables) + 512)
    ring = ptr16(int(ring) + 2 * head)
    records = ptr8(int(records) + _RECORD * state[_START])
    left = state[_STOP] - state[_START]
    while left:
        words = ptr16(int(records))
        number = words[0] | ((words[1] & 0x3FFF) << 16)
        if number != expected:
            state[_LOST] = (number - expected) & _NUMBERS
            break
        expected = (number + 1) & _NUMBERS

        special = 0
        x = (records[6] << 8) | records[7]
        if not ((x + margin) & mask):
            special = 1
        ring[0] = x - state[_OFFSETS]
        ring = ptr16(int(ring) + stride)
        x = (records[8] << 8) | records[9]
        if not ((x + margin) & mask):
            special = 1
        ring[0] = x - state[_OFFSETS + 1]
        ring = ptr16(int(ring) + stride)
        x = (records[10] << 8) | records[11]
        if not ((x + margin) & mask):
            special = 1
        ring[0] = x - state[_OFFSETS + 2]
        ring = ptr16(int(ring) + stride)
        x = (records[12] << 8) | records[13]
        if not ((x + margin) & mask):
            special = 1
        ring[0] = x - state[_OFFSETS + 3]
        ring = ptr16(int(ring) + stride)
        x = (records[14] << 8) | records[15]
        if not ((x + margin) & mask):
            special = 1
        ring[0] = x - state[_OFFSETS + 4]
        ring = ptr16(int(ring) + stride)
        x = (records[16] << 8) | records[17]
        if not ((x + margin) & mask):
            special = 1
        ring[0] = x - state[_OFFSETS + 5]
        ring = ptr16(int(ring) + stride)
        x = (records[18] << 8) | records[19]
        if not ((x + margin) & mask):
            special = 1
        ring[0] = x - state[_OFFSETS + 6]
        ring = ptr16(int(ring) - 6 * stride)

        crc = 0xFFFF ^ words[2]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[3]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[4]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[5]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[6]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[7]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[8]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[9]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[10]
        crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[11]
        if crc:
            special = 2
            state[_BAD_CRC] = state[_BAD_CRC] + 1
        elif records[4] & _RESTARTED:
            state[_DISTURBED] = state[_DISTURBED] + 1

        if special:
            plane = ptr16(int(ring))
            before = ptr16(int(ring) + 2 * state[_LENGTH] - 2)
            if head:
                before = ptr16(int(ring) - 2)
            k = 0
            while k < 7:
                if special == 2:
                    x = before[0]
                else:
                    x = (((records[2 * k + 6] << 8) | records[2 * k + 7]) ^ 0x8000) - 0x8000
                    if x == 32767 or x == -32768:
                        state[_CLIPPED] = state[_CLIPPED] | (1 << k)
                    x = x - state[_OFFSETS + k]
                    if x > 32767:
                        x = 32767
                    if x < -32768:
                        x = -32768
                plane[0] = x
                plane = ptr16(int(plane) + stride)
                before = ptr16(int(before) + stride)
                k += 1
        if head < state[_GUARD]:
            plane = ptr16(int(ring))
            k = 7
            while k:
                plane[state[_LENGTH]] = plane[0]
                plane = ptr16(int(plane) + stride)
                k -= 1
        head += 1
        ring = ptr16(int(ring) + 2)
        if head == state[_LENGTH]:
            head = 0
            ring = ptr16(int(ring) - 2 * state[_LENGTH])
        records = ptr8(int(records) + _RECORD)
        left -= 1
    state[_NEXT] = state[_STOP] - left
    state[_HEAD] = head
    state[_EXPECTED] = expected
