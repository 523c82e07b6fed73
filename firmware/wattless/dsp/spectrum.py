"""From a transform of two packed channels to what metering asks for: phasors of the orders 0 to 50 and energies
between them.

With z = x + j y packed, 2 X[k] = Z[k] + conj Z[n-k] and 2j Y[k] = Z[k] - conj Z[n-k]; the factor 2 stays in.
Energies are exact: two words (high, low) = high 2**28 + low each; bins below 2**29, a piece below 2**59.
IEC 61000-4-7 groups are sums of disjoint pieces of the space from an order h to the next one, N bins of 1/N of the
fundamental
(N = 10, 12, or 5, 6): the order's own bin, its upper side bin, the lower half, the middle bin, the upper half, the
lower side bin of h + 1.
Cost (viper on ARM): split about 30, pieces about 60 instructions a bin, no heap.
"""

import micropython

ORDERS = 51
PIECES = 6
OWN, UPPER_SIDE, LOWER_HALF, MIDDLE, UPPER_HALF, LOWER_SIDE = range(PIECES)


def piece_map(cycles):
    """bytes: the piece that the bin k = 0..cycles-1 above an order belongs to. Odd window lengths have no middle
    bin."""
    pieces = bytearray(cycles)
    for k in range(2, cycles - 1):
        pieces[k] = MIDDLE if 2 * k == cycles else LOWER_HALF if 2 * k < cycles else UPPER_HALF
    pieces[1] = UPPER_SIDE
    pieces[cycles - 1] = LOWER_SIDE
    return bytes(pieces)


@micropython.viper
def split(z: ptr32, n: int):
    """In place: z[k] becomes 2 X[k], z[n-k] becomes 2 Y[k], 0 < k < n/2; z[0] becomes (2 X[0], 2 Y[0]). `z`: 2 n
    words."""
    z[0] = z[0] << 1
    z[1] = z[1] << 1
    i = 2
    j = (n << 1) - 2
    while i < j:
        a = z[i]
        b = z[i + 1]
        c = z[j]
        d = z[j + 1]
        z[i] = a + c
        z[i + 1] = b - d
        z[j] = b + d
        z[j + 1] = c - a
        i += 2
        j = j - 2


@micropython.viper
def phasors(z: ptr32, n: int, cycles: int, second: int, out: ptr32):
    """out[2 h], out[2 h + 1] = re, im of order h = 0..50 of the first (`second` 0) or second (1) channel of the split
    `z`."""
    out[0] = z[second]
    out[1] = 0
    h = 1
    k = cycles
    while h < 51:
        i = k << 1
        if second:
            i = (n - k) << 1
        out[h << 1] = z[i]
        out[(h << 1) + 1] = z[i + 1]
        k = k + cycles
        h += 1


@micropython.viper
def pieces(z: ptr32, n: int, cycles: int, second: int, where: ptr8, start: int, stop: int, out: ptr32):
    """Energies |bin|**2 of the pieces above the orders `start`..`stop`-1: words (high, low) at out[2 (6 h + piece)]."""
    h = start
    while h < stop:
        o = h * 12
        i = 0
        while i < 12:
            out[o + i] = 0
            i += 1
        j = 0
        while j < cycles:
            k = h * cycles + j
            i = k << 1
            if second:
                i = (n - k) << 1
            if k == 0:
                x = z[second]
                y = 0
            else:
                x = z[i]
                y = z[i + 1]
            xh = x >> 14
            xl = x & 0x3FFF
            yh = y >> 14
            yl = y & 0x3FFF
            m = xh * xl
            k = yh * yl
            i = o + (where[j] << 1)
            low = out[i + 1] + ((m & 0x1FFF) << 15) + xl * xl
            high = out[i] + xh * xh + (m >> 13) + (low >> 28)
            low = (low & 0xFFFFFFF) + ((k & 0x1FFF) << 15) + yl * yl
            out[i] = high + yh * yh + (k >> 13) + (low >> 28)
            out[i + 1] = low & 0xFFFFFFF
            j += 1
        h += 1


@micropython.viper
def band(z: ptr32, n: int, second: int, start: int, count: int, out: ptr32, slot: int):
    """out[2 slot], out[2 slot + 1] = energy (high, low) of `count` bins from `start` > 0 on, together below 2**59."""
    high = 0
    low = 0
    k = start
    while count:
        i = k << 1
        if second:
            i = (n - k) << 1
        part = 2
        while part:
            x = z[i]
            xh = x >> 14
            xl = x & 0x3FFF
            m = xh * xl
            low = low + ((m & 0x1FFF) << 15) + xl * xl
            high = high + xh * xh + (m >> 13) + (low >> 28)
            low = low & 0xFFFFFFF
            i += 1
            part -= 1
        k += 1
        count -= 1
    out[slot << 1] = high
    out[(slot << 1) + 1] = low
