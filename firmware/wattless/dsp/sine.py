"""The one sine table of the meter: 2048 words of -32768 sin(2 pi k / 2048); [(k + 512) & 2047] is -32768 cos.

Negated, because then the exact factors 1 and (for a sine at 90 degrees) 1 fit a signed 16-bit word; +32768, which does
not occur as a factor of the transforms, is stored as 32767. Cost: 4 KB of heap, once.
"""

from array import array

import micropython
from wattless.dsp.sine_table import QUARTER

POINTS = 2048


@micropython.viper
def _expand(quarter: ptr16, out: ptr16):
    k = 0
    while k < 512:
        s = quarter[k]
        c = quarter[512 - k]
        out[k] = 0 - s
        out[k + 512] = 0 - c
        out[k + 1024] = s - (s >> 15)
        out[k + 1536] = c - (c >> 15)
        k += 1


def table():
    """array('h') of 2048: -32768 sin(2 pi k / 2048), clipped to 32767."""
    out = array("h", bytes(2 * POINTS))
    _expand(QUARTER, out)
    return out
