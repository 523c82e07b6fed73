"""What capture's kernels and their caller share: records of frames, and the words of the kernels' state.

The kernels, capture/unpack.py, unpack_wide.py and their Thumb-2 twins, have the same numbers as constants of their own.
"""

from array import array

RECORD = 24  # bytes: the frame's number and ten words of 16 bits
RECORD_WIDE = 36  # and ten words of 24 bits, and padding
CHANNELS = 7  # v1 v2 v3 i1 i2 i3 in; the eighth, a spare, is not kept
LARGEST_NUMBER = (1 << 30) - 1  # of a frame: then comes 0

HEAD = 0  # ring index of the next sample
EXPECTED = 1  # number of the next frame
LOST = 2  # frames missing before the record where work stopped
BAD_CRC = 3  # counts since the caller cleared them
DISTURBED = 4
CLIPPED = 5  # bit k: channel k met an end of the code's range
START = 6  # in: the records to take, START..STOP-1
STOP = 7
NEXT = 8  # out: the first record not taken: STOP unless frames are missing before it
LENGTH = 9  # of the ring, in samples
GUARD = 10  # samples kept twice
KEPT = 11  # channels in the ring
MARGIN = 12  # a power of two, see capture/unpack.py
OFFSETS = 13  # one for each channel, in codes
STATE_WORDS = OFFSETS + CHANNELS


def new_state(length, guard, offsets, wide=False, channels=CHANNELS):
    """array('i') of STATE_WORDS at the start: ring index 0, frame 0. offsets: codes taken off channel 0, 1, ..."""
    state = array("i", bytes(4 * STATE_WORDS))
    state[LENGTH] = length
    state[GUARD] = guard
    state[KEPT] = channels
    needed = 0
    for k in range(channels):
        state[OFFSETS + k] = offsets[k]
        needed = max(needed, abs(offsets[k]))
    if wide:
        needed += 8  # what rounding adds
    margin, largest = 1, 1 << (23 if wide else 15)
    while margin <= needed and margin < largest:
        margin *= 2
    state[MARGIN] = margin
    return state


def crc_tables():
    """array('H') of 2 x 256: remainders (polynomial 0x1021) of each byte 16 bits on and 8 bits on, low byte first."""
    tables = array("H", bytes(1024))
    for byte in range(256):
        crc = byte << 8
        for start in (256, 0):
            for _ in range(8):
                crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
            crc &= 0xFFFF
            tables[start + byte] = crc >> 8 | (crc & 0xFF) << 8
    return tables
