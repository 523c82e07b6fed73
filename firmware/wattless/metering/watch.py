"""Watches Urms(1/2) of up to three voltages: thresholds with hysteresis, and whether they are steady.

`take` is called with every value, 60 times a window, and answers 0 as long as the rules of events.py and
rapid_changes.py have nothing to decide. Voltages are in 1/64 of a 16-bit code; for steadiness half codes are kept.

A voltage is steady when none of its last COUNT values is farther than the limit from their mean. All distances are
taken between sums (COUNT times a value, and the sum of all), without a division. With a value the mean moves by
|new - old| / COUNT, so no distance grows by more: as long as this bound is within the limit, or the value that was
beyond it last still is, the others need not be looked at.

Cost: heap 0.3 KB and 200 (COUNT 120: 240) B a voltage; no garbage. `take`, viper on ARM: 550 instructions, 690 on
average while the voltages change, 7 k (8 k) when all values must be looked at; without steadiness 290.
"""

from array import array

import micropython
from micropython import const

BEYOND = const(1 << 24)  # 1/64 codes: above all voltages
_LARGEST = const(65535)  # half codes: no voltage is that high, full scale as a square wave would be 65536
_LONG = const(1 << 29)

# Bits of `take` and of MASKS: a mask of the voltages, bit 0 for voltage 0, at each of these places.
BELOW = const(0)  # below the dip's threshold
NOT_UP = const(3)  # below where a dip ends
ABOVE = const(6)  # above the swell's threshold
NOT_DOWN = const(9)
GONE = const(12)  # below the interruption's threshold
BACK = const(15)  # where an interruption ends
_ALL = const(0x9249)  # one bit of each mask
UNSTEADY = const(18)  # of `take` only
_DECIDE = const(1 << 21)

# Words of the state.
EVERY = const(0)  # the mask of all voltages
OPEN = const(1)  # events in progress: 1 a dip, 2 a swell, 4 an interruption
PENDING = const(2)  # 1: something is to be decided with the next value
MASKS = const(3)
SEEN = const(4)  # all bits of MASKS that were set, until someone clears them
COUNT = const(5)  # values that a steady state is made of; 0: not watched
LIMIT = const(6)  # farthest from the mean, half codes times COUNT
STEADY = const(7)  # 1: decide when a voltage is not steady any more, 0: when all are
CHANGING = const(8)  # 1: a change is in progress
UNSTEADY_NOW = const(9)  # mask
UNSTEADY_SEEN = const(10)
RING = const(11)  # where the ring begins, in half words
HEAD = const(12)
# Words of each voltage, from HEAD + WORDS * its number on.
THRESHOLDS = const(0)  # dip: begin, end; swell: begin, end; interruption: begin, end
VALUE = const(6)  # the last one, -1: none yet
LOWEST = const(7)  # extremes since someone set them
HIGHEST = const(8)
LOWEST_OUT = const(9)
_AT = const(10)  # place of the next value in the ring
SUM = const(11)
_BOUND = const(12)  # no value is farther from the mean than this
_FAR = const(13)  # place of a value that was beyond the limit
BEFORE = const(14)  # the sum before the last value; kept during a change
TURNS = const(15)  # values since the change began
LOW = const(16)  # extremes of those that left the ring
HIGH = const(17)
WORDS = const(18)


@micropython.viper
def take(state: ptr32, element: int, v: int) -> int:
    """Takes a value of voltage `element`. Returns 0, or masks when something is to be decided."""
    p = HEAD + WORDS * element
    bit = 1 << element
    state[p + VALUE] = v
    masks = state[MASKS]
    masks = masks - (masks & (bit * _ALL))
    if v < state[p + 1]:
        masks |= bit << NOT_UP
        if v < state[p]:
            masks |= bit
    if v > state[p + 3]:
        masks |= bit << NOT_DOWN
        if v > state[p + 2]:
            masks |= bit << ABOVE
    if v < state[p + 4]:
        masks |= bit << GONE
    if v >= state[p + 5]:
        masks |= bit << BACK
    state[MASKS] = masks
    state[SEEN] = state[SEEN] | masks
    if v < state[p + LOWEST]:
        state[p + LOWEST] = v
    if v > state[p + HIGHEST]:
        state[p + HIGHEST] = v
    if v < state[p + LOWEST_OUT]:
        state[p + LOWEST_OUT] = v

    decide = state[PENDING]
    opened = state[OPEN]
    if opened & 1:
        if masks & (7 << NOT_UP) == 0:
            decide = 1
    elif masks & 7:
        decide = 1
    if opened & 2:
        if masks & (7 << NOT_DOWN) == 0:
            decide = 1
    elif masks & (7 << ABOVE):
        decide = 1
    if opened & 4:
        if masks & (7 << BACK):
            decide = 1
    elif (masks >> GONE) & 7 == state[EVERY]:
        decide = 1

    n = state[COUNT]
    if n == 0:
        if decide:
            masks |= _DECIDE
            return masks
        return 0

    v = (v + 16) >> 5
    if v >= _LARGEST:
        v = _LARGEST - 1
    limit = state[LIMIT]
    ring = ptr16(int(state) + 2 * (state[RING] + n * element))
    at = state[p + _AT]
    old = ring[at]
    ring[at] = v
    total = state[p + SUM]
    if state[CHANGING]:
        turns = state[p + TURNS]
        if turns < _LONG:
            turns += 1
            state[p + TURNS] = turns
        if turns > n:  # what leaves the ring belongs to the change
            if old < state[p + LOW]:
                state[p + LOW] = old
            if old > state[p + HIGH]:
                state[p + HIGH] = old
    else:
        state[p + BEFORE] = total
    distance = v - old
    total += distance
    state[p + SUM] = total
    if distance < 0:
        distance = 0 - distance
    bound = state[p + _BOUND] + distance
    distance = v * n - total
    if distance < 0:
        distance = 0 - distance
    if distance > bound:
        bound = distance
    unsteady = state[UNSTEADY_NOW]
    unsteady = unsteady - (unsteady & bit)
    if bound > limit:
        distance = ring[state[p + _FAR]] * n - total
        if distance < 0:
            distance = 0 - distance
        if distance > limit:
            unsteady |= bit
        else:
            low = high = v
            value = ptr16(int(ring))
            left = n
            while left:
                if value[0] < low:
                    low = value[0]
                elif value[0] > high:
                    high = value[0]
                if value[1] < low:
                    low = value[1]
                elif value[1] > high:
                    high = value[1]
                value = ptr16(int(value) + 4)
                left -= 2
            bound = high * n - total
            if total - low * n > bound:
                bound = total - low * n
                high = low
            if bound > limit:
                unsteady |= bit
                left = at  # the newest such value: it stays longest
                while ring[left] != high:
                    left -= 1
                    if left < 0:
                        left = n - 1
                state[p + _FAR] = left
    state[p + _BOUND] = bound
    at += 1
    if at == n:
        at = 0
    state[p + _AT] = at
    state[UNSTEADY_NOW] = unsteady
    state[UNSTEADY_SEEN] = state[UNSTEADY_SEEN] | unsteady
    if state[STEADY]:
        if unsteady:
            decide = 1
    elif unsteady == 0:
        decide = 1
    if decide:
        masks = masks | (unsteady << UNSTEADY) | _DECIDE
        return masks
    return 0


class Watch:
    """The state of `take`; the rings of the last values are at its end.

    elements: number of voltages, 1 to 3; count: values that a steady state is made of, 100 or 120, 0: not watched"""

    def __init__(self, elements, count):
        self.elements = elements
        self.count = count
        self._ring = HEAD + WORDS * elements
        self.state = array("i", bytes(4 * self._ring + 2 * count * elements))
        self.state[RING] = 2 * self._ring
        self.state[EVERY] = (1 << elements) - 1
        self.state[COUNT] = count
        self.restart()

    def words(self, element):
        """Where the words of a voltage begin."""
        return HEAD + WORDS * element

    def restart(self):
        """Forgets all values. The ring gets a value that no voltage has: nothing is steady before it is full."""
        state = self.state
        for i in range(self._ring, len(state)):
            state[i] = -1  # _LARGEST, twice
        state[OPEN] = state[PENDING] = state[MASKS] = state[SEEN] = state[STEADY] = state[CHANGING] = 0
        state[UNSTEADY_NOW] = state[EVERY]
        for element in range(self.elements):
            p = self.words(element)
            state[p + VALUE] = -1
            state[p + SUM] = self.count * _LARGEST
            state[p + _BOUND] = 0

    def begin(self, place, word, lowest):
        """An event begins: of the mask at `place` only what is now is remembered, and the extreme `word` begins anew
        with the last values."""
        state = self.state
        mask = 7 << place
        state[SEEN] = (state[SEEN] | mask) - mask + (state[MASKS] & mask)
        for element in range(self.elements):
            p = self.words(element)
            v = state[p + VALUE]
            state[p + word] = v if v >= 0 else BEYOND if lowest else -1
