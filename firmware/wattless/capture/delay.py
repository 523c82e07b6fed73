"""Delays of whole samples, channel by channel: the coarse part of a phase calibration, in the ring itself.

A current transformer or a filter turns a channel by some degrees. Up to 0.7 degrees of 50 Hz the converter takes back
by itself (PHASE registers, SBAS950 8.3.10); a sample more or less is 1.4 degrees, and what is more than half of that
is done here: a channel's new samples are exchanged for those of up to 7 samples ago, before anybody has read them. So
half periods, sums and spectra agree, nothing is rounded, and a channel without a delay costs nothing.

A ring of int32 has two lines a channel, one for each half of its words.
Cost (viper on ARM, counted): 97 instructions a sample of a delayed channel, 248 k a window; a line 112 bytes of heap.
"""

from array import array

import micropython
from micropython import const

LONGEST = const(7)  # samples

# words of a line
_LENGTH = const(0)  # of the ring
_GUARD = const(1)
_BASE = const(2)  # where the channel's plane begins, in halfwords
_DELAY = const(3)
_NEXT = const(4)  # the oldest of the samples held back
START = const(5)  # in: index of the first new sample in the ring
COUNT = const(6)  # in: how many there are
FRESH = const(7)  # in: 1: what is held back is of before a gap: the first new sample stands for it
_STEP = const(8)  # halfwords a sample
_HELD = const(9)


def lines(delay, channel, ring):
    """The lines of a channel that is delayed by `delay` samples, 1 to 7: a list of one array('i'), or of two for a ring
    of int32. ring: object with length, stride, wide."""
    if not 1 <= delay <= LONGEST:
        raise ValueError("delay: 1..{} samples, not {}".format(LONGEST, delay))
    made = []
    step = 2 if ring.wide else 1
    for half in range(step):
        words = array("i", bytes(4 * (_HELD + LONGEST)))
        words[_LENGTH], words[_GUARD], words[_DELAY] = ring.length, ring.stride - ring.length, delay
        words[_BASE], words[_STEP], words[FRESH] = channel * ring.stride * step + half, step, 1
        made.append(words)
    return made


@micropython.viper
def hold(ring: ptr16, words: ptr32):
    """Delays the new samples of a channel."""
    length = words[_LENGTH]
    guard = words[_GUARD]
    delay = words[_DELAY]
    step = words[_STEP]
    next = words[_NEXT]
    index = words[START]
    count = words[COUNT]
    at = words[_BASE] + index * step
    if words[FRESH]:
        words[FRESH] = 0
        next = 0
        while next < delay:
            words[_HELD + next] = ring[at]
            next += 1
        next = 0
    while count:
        x = ring[at]
        y = words[_HELD + next]
        words[_HELD + next] = x
        ring[at] = y
        if index < guard:
            ring[at + length * step] = y
        next += 1
        if next == delay:
            next = 0
        at += step
        index += 1
        if index == length:
            index = 0
            at -= length * step
        count -= 1
    words[_NEXT] = next


@micropython.viper
def swap(ring: ptr16, words: ptr32):
    """Exchanges the sample in front of START in the ring with the newest one held back, as which it came: what repeats
    the sample before, a lost frame, repeats that. A second time puts both back."""
    if words[FRESH] == 0:
        index = words[START]
        if index == 0:
            index = words[_LENGTH]
        at = words[_BASE] + (index - 1) * words[_STEP]
        newest = words[_NEXT]
        if newest == 0:
            newest = words[_DELAY]
        newest = newest + _HELD - 1
        x = ring[at]
        ring[at] = words[newest]
        words[newest] = x
