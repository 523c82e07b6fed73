"""The one sine table of the meter: 2048 words of -32768 sin(2 pi k / 2048); [(k + 512) & 2047] is -32768 cos.

Negated, because then the exact factors 1 and (for a sine at 90 degrees) 1 fit a signed 16-bit word; +32768, which does
not occur as a factor of the transforms, is stored as 32767. Cost: 4 KB of heap, once; none where it is frozen.
"""

from wattless.dsp.sine_table import TABLE

POINTS = 2048


def table():
    """2048 little-endian 16-bit words as bytes, for kernels: -32768 sin(2 pi k / 2048), clipped to 32767."""
    return TABLE
