"""Exact sums of products of two sequences, to 56 bits and beyond, in 32-bit arithmetic; smallest and largest value.

A result is two words (high, low) = high 2**28 + low, 0 <= low < 2**28. Values up to +-2**24, any number of them as long
as the sum stays below 2**58. Cost (viper on ARM): about 55 instructions a product, 20 a value for the extremes; no
heap.
"""

import micropython


@micropython.viper
def dot(a: ptr32, first_a: int, b: ptr32, first_b: int, count: int, out: ptr32, slot: int):
    """out[2 slot], out[2 slot + 1] = sum of a[first_a + 2 k] b[first_b + 2 k] for k < `count`, a multiple of 32."""
    high = 0
    low = 0
    i = first_a
    j = first_b
    while count:
        h = 0
        m = 0
        s = 0
        n = 32
        while n:
            x = a[i]
            y = b[j]
            xh = x >> 12
            xl = x & 0xFFF
            yh = y >> 12
            yl = y & 0xFFF
            h = h + xh * yh
            m = m + xh * yl + xl * yh
            s = s + xl * yl
            i += 2
            j += 2
            n -= 1
        count = count - 32
        m = m + (s >> 12)
        h = h + (m >> 12)
        low = low + ((h & 15) << 24) + ((m & 0xFFF) << 12) + (s & 0xFFF)
        high = high + (h >> 4) + (low >> 28)
        low = low & 0xFFFFFFF
    out[slot << 1] = high
    out[(slot << 1) + 1] = low


@micropython.viper
def extremes(a: ptr32, first: int, count: int, out: ptr32, slot: int):
    """out[2 slot], out[2 slot + 1] = smallest and largest of a[first + 2 k], k < `count`."""
    i = first
    low = a[i]
    high = low
    while count:
        x = a[i]
        if x < low:
            low = x
        if x > high:
            high = x
        i += 2
        count -= 1
    out[slot << 1] = low
    out[(slot << 1) + 1] = high
