"""Frames of an ADS131M08 in words of 24 bits become samples in the ring: capture/unpack.py, wider.

STATUS and CRC stand in the upper 16 bits of their words, the CRC is that of the 27 bytes before it, and two bytes of
padding make the record 36 bytes long. The ring is one of int32, for the first KEPT channels. A sample is
    floor((code - offset + 8) / 16), saturated to 20 bits, times 256
so that x >> 12 is one of 16 bits.

Cost (viper on ARM, measured): 590 instructions a frame and 122 for each channel; heap: 1 KB of tables.
"""

import micropython
from micropython import const

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
_KEPT = const(11)
_MARGIN = const(12)
_OFFSETS = const(13)
_RECORD = const(36)
_NUMBERS = const(0x3FFFFFFF)
_RESTARTED = const(0x44)  # F_RESYNC, RESET in the upper byte of STATUS: the converter restarted between two frames


@micropython.viper
def unpack_wide(records: ptr8, ring: ptr32, tables: ptr16, state: ptr32):
    """Appends the records START..STOP-1 or those before a gap, as `unpack` does."""
    head = state[_HEAD]
    expected = state[_EXPECTED]
    stride = 4 * (state[_LENGTH] + state[_GUARD])
    margin = 0x800000 + state[_MARGIN]
    mask = 0x1000000 - 2 * state[_MARGIN]
    second = ptr16(int(tables) + 512)
    ring = ptr32(int(ring) + 4 * head)
    records = ptr8(int(records) + _RECORD * state[_START])
    left = state[_STOP] - state[_START]
    while left:
        words = ptr16(int(records))
        number = words[0] | ((words[1] & 0x3FFF) << 16)
        if number != expected:
            state[_LOST] = (number - expected) & _NUMBERS
            break
        expected = (number + 1) & _NUMBERS

        crc = 0xFFFF ^ words[2]
        k = 3
        while k:
            crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[3]
            crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[4]
            crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[5]
            crc = tables[crc & 0xFF] ^ second[crc >> 8] ^ words[6]
            words = ptr16(int(words) + 8)
            k -= 1
        crc = tables[crc & 0xFF] ^ second[crc >> 8]
        crc = (crc >> 8) ^ second[(crc & 0xFF) ^ records[30]]
        bad = crc ^ (records[31] | (records[32] << 8))
        if bad:
            state[_BAD_CRC] = state[_BAD_CRC] + 1
        elif records[4] & _RESTARTED:
            state[_DISTURBED] = state[_DISTURBED] + 1

        before = ptr32(int(ring) + 4 * state[_LENGTH] - 4)
        if head:
            before = ptr32(int(ring) - 4)
        plane = ptr32(int(ring))
        codes = ptr8(int(records) + 7)
        k = 0
        while k < state[_KEPT]:
            if bad:
                x = before[0]
            else:
                x = (codes[0] << 16) | (codes[1] << 8) | codes[2]
                y = ((x ^ 0x800000) - 0x7FFFF8 - state[_OFFSETS + k]) >> 4
                if not ((x + margin) & mask):
                    if x == 0x7FFFFF or x == 0x800000:
                        state[_CLIPPED] = state[_CLIPPED] | (1 << k)
                    if y > 0x7FFFF:
                        y = 0x7FFFF
                    if y < -0x80000:
                        y = -0x80000
                x = y << 8
            plane[0] = x
            if head < state[_GUARD]:
                plane[state[_LENGTH]] = x
            plane = ptr32(int(plane) + stride)
            before = ptr32(int(before) + stride)
            codes = ptr8(int(codes) + 3)
            k += 1
        head += 1
        ring = ptr32(int(ring) + 4)
        if head == state[_LENGTH]:
            head = 0
            ring = ptr32(int(ring) - 4 * state[_LENGTH])
        records = ptr8(int(records) + _RECORD)
        left -= 1
    state[_NEXT] = state[_STOP] - left
    state[_HEAD] = head
    state[_EXPECTED] = expected
