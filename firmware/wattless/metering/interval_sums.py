"""Sums of an aggregation interval: what a window adds, and means and roots of means in the end.

A 10-minute value is made of 3000 windows. Sums of singles would be off by thousands of their last digits, and boxed
floats are garbage; so the bits of the singles are taken apart and summed as integers.

A value's sum is three words: count 2**11 + E, high, low, with 0 <= low < 2**24 and the sum = (high 2**24 + low)
2**(E - 512); high has the sign, |high| < 2**29. What is added is exact, 48 bits; at most 2**-47 of the largest sum is
lost with each, and the results are single precision, correct but for 2**-24 (5.96e-8) and a hundredth of it.

A magnitude's sum of squares is one word: E 2**26 + m, the sum = m 2**E, rounded to nearest: n sums are off by at most n
2**-27, which for 200 sums of 15 are 1.6e-6, half of it in the root. Roots come out as whole numbers (half a magnitude).

Cost (ARM instructions, viper, measured): add_values 330 a row, add_squares 180 an order, add_lists 145, roots 250,
means 530 a row. No heap.
"""

import micropython
from micropython import const

# what is summed, the upper 2 bits of a table's entry: the value, its square, the square of the smaller or the larger
# of it and a reference
MEAN = const(0)
RMS = const(1)
UNDER = const(2)
OVER = const(3)
KIND = const(14)  # place of these bits; the lower ones are a slot of the stage

VALUE_WORDS = const(3)
ORDERS = const(50)
LIST_WORDS = const(52)  # squares of the orders 1 to 50; sum of the dc: low (28 bits), high


@micropython.viper
def add_values(stage: ptr32, table: ptr16, rows: int, reference: ptr32, sums: ptr32):
    """Adds singles of `stage`, by table[k] = slot + kind 2**14, to the sums of three words. What is not finite is left
    out, of sum and count. UNDER and OVER: the values are not negative, reference[0] is a single."""
    while rows:
        kind = table[0] >> 14
        bits = stage[table[0] & 0x3FFF]
        e = (bits >> 23) & 0xFF
        if e != 0xFF:
            if kind == 2:
                if bits > reference[0]:
                    bits = reference[0]
            elif kind == 3:
                if bits < reference[0]:
                    bits = reference[0]
            e = (bits >> 23) & 0xFF
            high = 0
            if e:
                high = (bits & 0x7FFFFF) | 0x800000
            low = 0
            if kind:
                low = high & 0xFFF
                high = high >> 12
                t = (high * low) << 1
                low = ((t & 0xFFF) << 12) + low * low
                high = high * high + (t >> 12) + (low >> 24)
                low = low & 0xFFFFFF
                e = e + e + 212
            else:
                if bits < 0:
                    high = 0 - high
                e = e + 338
            # (high, low) becomes the one of the smaller exponent
            other_high = sums[1]
            other_low = sums[2]
            bits = sums[0] & 0x7FF
            d = bits - e
            if d < 0:
                d = 0 - d
                bits = e
                t = high
                high = other_high
                other_high = t
                t = low
                low = other_low
                other_low = t
            if d > 23:
                if d > 54:
                    d = 54
                low = high >> (d - 24)
                high = low >> 24
                low = low & 0xFFFFFF
            else:
                low = (low >> d) | ((high & ((1 << d) - 1)) << (24 - d))
                high = high >> d
            low = low + other_low
            high = high + other_high + (low >> 24)
            low = low & 0xFFFFFF
            t = high >> 29
            if t:
                if t + 1:
                    low = (low >> 1) | ((high & 1) << 23)
                    high = high >> 1
                    bits += 1
            sums[0] = sums[0] - (sums[0] & 0x7FF) + 0x800 + bits
            sums[1] = high
            sums[2] = low
        table = ptr16(int(table) + 2)
        sums = ptr32(int(sums) + 12)
        rows -= 1


@micropython.viper
def add_squares(magnitudes: ptr32, dc: int, sums: ptr32):
    """Adds the squares of magnitudes[1..50], 0 to 2**29 - 1, and dc (to +-2**29) to the words of a list."""
    # dc, an argument, has a register: after its own work it is the sum, or what goes to it
    dc = sums[50] + dc
    sums[51] = sums[51] + (dc >> 28)
    sums[50] = dc & 0xFFFFFFF
    left = 50
    while left:
        magnitudes = ptr32(int(magnitudes) + 4)
        dc = magnitudes[0]
        low = dc & 0x3FFF
        high = dc >> 14
        dc = high * low
        low = low * low + ((dc & 0x1FFF) << 15)
        high = high * high + (dc >> 13) + (low >> 28)
        low = low & 0xFFFFFFF
        dc = sums[0]
        e = (dc >> 26) & 63
        dc = dc & 0x3FFFFFF
        while high >> e:
            dc = (dc + 1) >> 1
            e += 1
        # dc += (high 2**28 + low) / 2**e, rounded; high < 2**e
        if e > 28:
            dc = dc + (((high >> (e - 29)) + 1) >> 1)
        elif e:
            dc = dc + ((((high << (29 - e)) | (low >> (e - 1))) + 1) >> 1)
        else:
            dc = dc + low
        while dc > 0x3FFFFFF:
            dc = (dc + 1) >> 1
            e += 1
        sums[0] = (((e ^ 32) - 32) << 26) + dc
        sums = ptr32(int(sums) + 4)
        left -= 1


@micropython.viper
def add_lists(source: ptr32, to: ptr32):
    """Adds the sums of a list to those of another."""
    low = to[50] + source[50]
    to[51] = to[51] + source[51] + (low >> 28)
    to[50] = low & 0xFFFFFFF
    left = 50
    while left:
        left -= 1
        a = to[left] & 0x3FFFFFF
        b = source[left] & 0x3FFFFFF
        e = (to[left] >> 26) & 63
        d = e - ((source[left] >> 26) & 63)
        if d < 0:
            d = 0 - d
            e = e + d
            t = a
            a = b
            b = t
        if d > 27:
            d = 27
        if d:
            b = ((b >> (d - 1)) + 1) >> 1
        a = a + b
        if a > 0x3FFFFFF:
            a = (a + 1) >> 1
            e += 1
        to[left] = (((e ^ 32) - 32) << 26) + a


@micropython.viper
def means(sums: ptr32, table: ptr16, rows: int, out: ptr32):
    """Means, or their roots, of `rows` sums as singles to out[slot], by the table's slots and kinds. Where there was
    nothing to add, `out` stays as it is."""
    while rows:
        count = sums[0] >> 11
        if count:
            # (high 2**24 + low) 2**(x - 24), high with its sign taken off
            x = (sums[0] & 0x7FF) - 488
            high = sums[1]
            low = sums[2]
            negative = 0
            if high < 0:
                negative = 0 - 1
                low = 0x1000000 - low
                high = 0 - high - 1 + (low >> 24)
                low = low & 0xFFFFFF
            result = 0
            if high | low:
                while high < 0x10000000:
                    high = (high << 1) | (low >> 23)
                    low = (low << 1) & 0xFFFFFF
                    x -= 1
                # mean 2**x, 2**28 <= mean < 2**29
                mean = high // count
                high = high - mean * count
                while mean < 0x10000000:
                    mean += mean
                    high += high
                    x -= 1
                    if high >= count:
                        high -= count
                        mean += 1
                if table[0] >> 14:
                    if x & 1:
                        mean += mean
                        x -= 1
                    # 15 bits of the root by Newton, 15 more by a division (Zimmermann, INRIA 3805, 1999)
                    root = ((mean >> 15) * 5 >> 3) + 11960
                    root = (mean // root + root) >> 1
                    root = (mean // root + root) >> 1
                    root = (root << 15) + ((mean - root * root) << 15) // (root << 1)
                    x = (x - 30) >> 1
                    if x > 0 - 156:
                        result = ((x + 155) << 23) + ((root + 32) >> 6)
                elif x > 0 - 155:
                    result = ((x + 154) << 23) + ((mean + 16) >> 5)
            out[table[0] & 0x3FFF] = result + (negative << 31)
        table = ptr16(int(table) + 2)
        sums = ptr32(int(sums) + 12)
        rows -= 1


@micropython.viper
def roots(sums: ptr32, out: ptr32, shift: int):
    """out[0..49] = root of the sum of squares / 2**shift of the orders 1 to 50, rounded; it must be below 2**30."""
    left = 50
    while left:
        root = 0
        m = (sums[0] & 0x3FFFFFF) << 4
        if m:
            e = ((sums[0] >> 26) & 63) - 4
            if e & 1:
                m = m >> 1
                e += 1
            while m < 0x10000000:
                m = m << 2
                e -= 2
            root = ((m >> 15) * 5 >> 3) + 11960
            root = (m // root + root) >> 1
            root = (m // root + root) >> 1
            root = (root << 15) + ((m - root * root) << 15) // (root << 1)
            e = ((30 - e) >> 1) + shift
            if e > 30:
                root = 0
            else:
                root = (root + ((1 << e) >> 1)) >> e
        out[0] = root
        out = ptr32(int(out) + 4)
        sums = ptr32(int(sums) + 4)
        left -= 1


@micropython.viper
def copy(source: ptr32, to: ptr32, words: int):
    while words:
        words -= 1
        to[words] = source[words]


@micropython.viper
def clear(words: ptr32, n: int):
    while n:
        n -= 1
        words[n] = 0
