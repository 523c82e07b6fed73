"""Registers of points: singles of the stage and scaled integers to big-endian float32, in viper because every float in
Python is an allocation.

Cost (viper on ARM, measured): encode 104 k instructions a window (206 rows, 16 lists), 2.5 k a half period; scale 340 a
value. No heap.
"""

import micropython

# words of `rows`, of `params`
FIRST, LAST = 0, 1
START, COUNT, MANTISSA, EXPONENT, TO, PAIRS = range(6)


@micropython.viper
def encode(fields: ptr16, singles: ptr32, image: ptr8, fresh: ptr8, lists: ptr8, rows: ptr32):
    """The rows from rows[0] to rows[1] - 1 of the packed table to registers: native singles, which become NaN, and
    lists, 204 bytes each: NaN unless they are fresh. What is not finite becomes 0x7FC00000, as uint16 0xFFFF."""
    nan = 0x7FC0
    nan = nan << 16
    row = rows[0]
    last = rows[1]
    while row < last:
        slot = fields[3 * row]
        to = 2 * fields[3 * row + 1]
        kind = fields[3 * row + 2] & 0xFF
        row += 1
        if kind & 0x80:
            count = 51
            if fresh[slot]:
                fresh[slot] = 0
                bits = 204 * slot
                while count:
                    image[to] = lists[bits]
                    image[to + 1] = lists[bits + 1]
                    image[to + 2] = lists[bits + 2]
                    image[to + 3] = lists[bits + 3]
                    bits += 4
                    to += 4
                    count -= 1
            else:
                while count:
                    image[to] = 0x7F
                    image[to + 1] = 0xC0
                    image[to + 2] = 0
                    image[to + 3] = 0
                    to += 4
                    count -= 1
        elif slot != 0xFFFF:
            bits = singles[slot]
            singles[slot] = nan
            exponent = (bits >> 23) & 0xFF
            if kind:
                if exponent == 0xFF:
                    bits = 0xFFFF
                elif exponent < 127 or exponent > 142:
                    bits = 0
                else:
                    bits = ((bits & 0x7FFFFF) | 0x800000) >> (150 - exponent)
                image[to] = bits >> 8
                image[to + 1] = bits
            else:
                if exponent == 0xFF:
                    bits = nan
                image[to] = bits >> 24
                image[to + 1] = bits >> 16
                image[to + 2] = bits >> 8
                image[to + 3] = bits


@micropython.viper
def scale(ints: ptr32, params: ptr32, image: ptr8):
    """ints[START : START + COUNT] * MANTISSA * 2**EXPONENT as big-endian singles at image[TO].

    PAIRS: 0, or 1: each is two words, high 2**28 + low, 0 <= low < 2**28. 2**23 <= MANTISSA < 2**24. The integers
    are rounded to 24 bits before and the product after: 2e-7 in all. What is too small for a single becomes 0."""
    ints = ptr32(int(ints) + ((4 * params[0]) << params[5]))
    count = params[1]
    high = params[2] >> 12
    low = params[2] & 0xFFF
    to = params[4]
    while count:
        power = params[3] + 150
        x = ints[0]
        sign = 0
        if x < 0:
            x = 0 - x
            sign = 0x80
        if params[5]:
            ints = ptr32(int(ints) + 4)
            b = ints[0]
            if sign:
                b = (0x10000000 - b) & 0xFFFFFFF
                if b:
                    x -= 1
            while x > 0x3FF:
                b = (b >> 8) | ((x & 0xFF) << 20)
                x = x >> 8
                power += 8
            while x > 1:
                b = (b >> 1) | ((x & 1) << 27)
                x = x >> 1
                power += 1
            x = (x << 28) | b
        if x:
            while x >= 0x1000000:
                x = (x >> 1) + (x & 1)
                power += 1
            while x < 0x8000:
                x = x << 8
                power -= 8
            while x < 0x800000:
                x = x << 1
                power -= 1
            # x times the mantissa, of 48 bits the upper 24
            b = x & 0xFFF
            x = x >> 12
            middle = x * low + b * high + ((b * low) >> 12)
            x = x * high + (middle >> 12)
            middle = middle & 0xFFF
            if x < 0x800000:
                x = (x << 1) + ((middle + 0x400) >> 11)
                power -= 1
            else:
                x = x + ((middle + 0x800) >> 12)
            power += 24
            if power > 0:
                x = ((power - 1) << 23) + x  # a carry of the rounding goes into the exponent
            else:
                x = 0
        image[to] = sign | (x >> 24)
        image[to + 1] = x >> 16
        image[to + 2] = x >> 8
        image[to + 3] = x
        to += 4
        ints = ptr32(int(ints) + 4)
        count -= 1


@micropython.viper
def copy(source: ptr8, at: int, dest: ptr8, to: int, n: int):
    """dest[to : to + n] = source[at : at + n], without the slices that this would allocate."""
    for i in range(n):
        dest[to + i] = source[at + i]


@micropython.viper
def find(ids: ptr8, size: int, name: ptr8, n: int) -> int:
    """Which of the words of `ids` (a space before, between and behind them) is `name`: 0, 1, ...; -1: none."""
    number = 0
    i = 1
    while i < size:
        k = 0
        while k < n and ids[i + k] == name[k]:
            k += 1
        if k == n and n > 0:
            if ids[i + k] == 32:
                return number
        i += k
        while ids[i] != 32:
            i += 1
        i += 1
        number += 1
    return 0 - 1
