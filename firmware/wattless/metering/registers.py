"""Registers of energy: integers that grow for ever and lose nothing, in words that a viper kernel can add.

A power is a single, a time an integer in 1/65536 sample. Their product is taken exactly, in units of 2**-30 W times
1/65536 sample, and added to the remainder of a register. Whole counts (1 mWh, mvarh, mVAh) go from there to the
register's count, modulo 2**64. So a register is the integral of its power, rounded down, for ever; powers below 8 mW
alone are cut, by less than 2e-18 J a window.

Numbers of several words have 28 bits in each, the lowest first. An energy: four words. A register: three words of
count, three of remainder, whose upper word is below the divisor: 1 mWh is 3.6 * rate / 1024 times 2**56 units.
Heap: 24 bytes a register. Adding allocates nothing, reading a count 32 bytes.
"""

from array import array

import micropython
from micropython import const

UNKNOWN = const(2)  # a result of `times`

# Work, array('i'): an energy; sums of energies, each four words, from 4 on, for `add` and `net`; from 28 on: bit k:
# register k moved (for the reader to clear).
SUMS = const(4)
MOVED = const(28)
WORK = const(29)
ALONE = const(-1)  # of `add`
WITH_TOTAL = const(0)

_MASK = const(0xFFFFFFF)
# The state: mark, divisor, two sums; then the registers.
_HEAD = const(4)
_WORDS = const(6)
_COUNT_WORDS = const(3)
_MARK = 0x57454E31  # "WEN1"


@micropython.viper
def clear(work: ptr32):
    """No sums."""
    i = SUMS
    while i < MOVED:
        work[i] = 0
        i += 1


@micropython.viper
def times(stage: ptr32, slot: int, length: int, work: ptr32) -> int:
    """work[0:4] = |stage[slot]| * length, a single times an integer below 2**28. Returns 1 for a power below 0, 0 for
    others, 2 if it is not known or above 2**40 W."""
    bits = stage[slot]
    exponent = (bits >> 23) & 0xFF
    if exponent > 166:
        return 2
    mantissa = negative = 0
    if exponent:
        mantissa = (bits & 0x7FFFFF) | 0x800000
        negative = (bits >> 31) & 1
    a = mantissa >> 14
    mantissa = mantissa & 0x3FFF
    b = length >> 14
    length = length & 0x3FFF
    middle = a * length + mantissa * b
    low = mantissa * length + ((middle & 0x3FFF) << 14)
    high = a * b + (middle >> 14) + (low >> 28)
    low = low & _MASK
    work[0] = 0
    work[3] = 0
    shift = exponent - 120
    if shift < 0:
        shift = 0 - shift
        while shift >= 28:
            low = high
            high = 0
            shift -= 28
            if low == 0:
                shift = 0
        keep = (1 << shift) - 1
        low = (low >> shift) | ((high & keep) << (28 - shift))
        high = high >> shift
        shift = 0
    if shift >= 28:
        work = ptr32(int(work) + 4)
        shift -= 28
    keep = (1 << (28 - shift)) - 1
    work[0] = (low & keep) << shift
    work[1] = (low >> (28 - shift)) | ((high & keep) << shift)
    work[2] = high >> (28 - shift)
    return negative


@micropython.viper
def net(work: ptr32, plus: int) -> int:
    """work[0:4] = |sum at `plus` - the one behind it|; returns 1 if that is below 0, else 0."""
    minus = plus + 4
    a = work[plus] - work[minus]
    b = work[plus + 1] - work[minus + 1]
    c = work[plus + 2] - work[minus + 2]
    d = work[plus + 3] - work[minus + 3]
    negative = 0
    if d + ((c + ((b + (a >> 28)) >> 28)) >> 28) < 0:
        negative = 1
        a = 0 - a
        b = 0 - b
        c = 0 - c
        d = 0 - d
    work[0] = a & _MASK
    b = b + (a >> 28)
    work[1] = b & _MASK
    c = c + (b >> 28)
    work[2] = c & _MASK
    work[3] = d + (c >> 28)
    return negative


@micropython.viper
def add(work: ptr32, state: ptr32, register: int, to: int):
    """Adds the energy in work[0:4] to a register. `to`: ALONE; or WITH_TOTAL: the whole counts that this makes go to
    the last one of its four as well; or the place of a sum in `work`, to which the energy is added too (thrice at
    most)."""
    if to > 0:
        i = 0
        while i < 4:
            work[to + i] = work[to + i] + work[i]
            i += 1
    divisor = state[1]
    at = _WORDS * register + _HEAD
    a = state[at + 3] + work[0]
    state[at + 3] = a & _MASK
    a = state[at + 4] + work[1] + (a >> 28)
    state[at + 4] = a & _MASK
    low = state[at + 5] + work[2] + (a >> 28)
    high = work[3] + (low >> 28)
    low = low & _MASK
    # by the divisor, 14 bits at a time: no word leaves 28 bits
    up = high // divisor
    high = ((high - up * divisor) << 14) | (low >> 14)
    a = high // divisor
    high = ((high - a * divisor) << 14) | (low & 0x3FFF)
    low = high // divisor
    state[at + 5] = high - low * divisor
    low = (a << 14) + low
    if low + up:
        more = 1
        while more:
            at = _WORDS * register + _HEAD
            a = state[at] + low
            state[at] = a & _MASK
            a = state[at + 1] + up + (a >> 28)
            state[at + 1] = a & _MASK
            state[at + 2] = (state[at + 2] + (a >> 28)) & 0xFF
            work[MOVED] = work[MOVED] | (1 << register)
            more = 0
            if to == 0 and register & 3 != 3:
                register = register | 3
                more = 1


@micropython.viper
def _bytes_of(state: ptr32, register: int, out: ptr8):
    """out[0:8] = the count of a register, the lowest byte first."""
    at = _WORDS * register + _HEAD
    a = state[at]
    b = state[at + 1]
    out[0] = a
    out[1] = a >> 8
    out[2] = a >> 16
    out[3] = (a >> 24) | ((b & 0xF) << 4)
    out[4] = b >> 4
    out[5] = b >> 12
    out[6] = b >> 20
    out[7] = state[at + 2]


@micropython.viper
def _check(data: ptr8, size: int, sums: ptr32):
    """sums[2], sums[3] = the two halves of the Adler-32 (RFC 1950) of data[16:size]."""
    a = 1
    b = 0
    i = 16
    while i < size:
        a += data[i]
        if a >= 65521:
            a -= 65521
        b += a
        if b >= 65521:
            b -= 65521
        i += 1
    sums[2] = a
    sums[3] = b


class Registers:
    """count: how many registers, in fours; rate: samples/s.

    words: the state, for `add`."""

    def __init__(self, count, rate):
        divisor = rate * 9 // 2560
        if divisor * 2560 != rate * 9 or not 0 < divisor < 16384:
            raise ValueError("rate must be a multiple of 2560 S/s, not {}".format(rate))
        self.words = array("i", bytes(4 * (_HEAD + _WORDS * count)))
        self.words[0] = _MARK
        self.words[1] = divisor
        self._bytes = bytearray(8)

    def count(self, register):
        """Whole counts of a register."""
        _bytes_of(self.words, register, self._bytes)
        return int.from_bytes(self._bytes, "little")

    def save(self):
        """Counts and remainders as bytes, with a check sum."""
        state = self.words
        _check(state, 4 * len(state), state)
        return bytes(state)

    def restore(self, data):
        """Goes on where `save` was called. ValueError, and nothing changes, if `data` is not from there.

        Saved at another sample rate, the remainders (less than a count) are dropped."""
        state = self.words
        size = 4 * len(state)
        if len(data) != size:
            raise ValueError("energy: {} bytes are no saved registers: want {}".format(len(data), size))
        saved = array("i", bytes(data))
        sums = saved[:_HEAD]
        _check(saved, size, sums)
        if saved[0] != _MARK or saved[2] != sums[2] or saved[3] != sums[3]:
            raise ValueError("energy: the saved registers are damaged, or were never written")
        same = saved[1] == state[1]
        for i in range(_HEAD, len(state)):
            state[i] = saved[i] if same or (i - _HEAD) % _WORDS < _COUNT_WORDS else 0
