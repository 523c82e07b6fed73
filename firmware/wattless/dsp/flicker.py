"""The flickermeter of IEC 61000-4-15: from the rms values of half periods to the classes of Pinst and its percentiles.

    step(v, words)            one half period
    take(words, TABLE, out)   percentiles of what was counted; the classes are empty then

v: rms of the half period, 0 to 2**21 - 1 (1/64 of a 16-bit code; more is taken for that); below 0: the value is
missing. words: the memory of one voltage, WORDS of 32 bits (an array('H'): the classes are halfwords). With x * K for
floor(x K / 2**16), K one of the factors, and h' for h of the value before:

    r = floor(2**20 v / m)    m = floor(MEAN / 512)    MEAN += floor(floor((512 v - MEAN) / 32) MEAN_FACTOR / 2**11)
    s = (64 e + floor(floor(e / 32)**2 / 32)) * GAIN   e = r - 2**20: demodulated, (v / mean)**2 - 1
    h = s - SLOW              SLOW += floor(floor(h / 32) HIGH_PASS / 2**11)       what is above 0.05 Hz
    d = h - h'
    b = d + B                 B = d * ZERO - d + b + b * POLE                      lamp, Butterworth of 35 or 42 Hz and
    a = b + A1                A1 = a + a * LAMP1 + A2, A2 = a * LAMP2 - a          the droop of half a period, as
    y = a + C1                C1 = 2 a + y * EDGE1 + C2, C2 = a + y * EDGE2 + C3   host_tools/make_flicker.py fits them
                              C3 = y * EDGE3
    w = floor(y / 2**10)      2**15 where it is not within -2**15..2**15 - 1
    LEVEL += floor(((w**2 - LEVEL) SMOOTH + 2**15) / 2**16)                        300 ms; 2**15: Pinst = 1

Names in capitals are words; what is right of b, a and y is made after them, of the words from before. Every second
level is counted in its class: 0 below 2**FIRST, at most CLASSES - 1, between them

    1 + 17 n + floor(f (23396 - floor(5988 f / 2**12)) / 2**22),    level = 2**(n + FIRST) (1 + f / 2**12), f cut off

that is 17 classes an octave, with 0.344 f (1 - f) for what log2(1 + f) is more than f. COUNT is how many were counted;
beyond 65535 none is.

With floor(v / 2) >= m it begins anew: MEAN is that value, the filters are empty, and SETTLE values go by before any is
counted. None is while m is below 64 codes: no voltage. For a missing value the last one is taken again, and GAP values
from it on are not counted. No input makes an integer leave 32 bits.

`take` leaves in out, array('i') of SHARES, the levels that 0.1 ... 80 % (TABLE) of those counted exceed. COUNT > 0.
With x thousandths of the n levels in class j wanted, which goes from `low` to `high` (TABLE), it is for j > 0

    high - floor((high - low) floor(131 p / 2**9) / 2**8),  p = floor(x / n)

but p = 500 where the classes beside it have less than a tenth of n: they may all lie in one place. In class 0 lies what
fades away, one octave lower for 17 times the levels of class 1:

    floor((high - floor(f high / 2000)) / 2**o),  1000 o + f = floor(x / (17 levels in class 1)), at most 7999

and 1000 where class 1 is empty.

Cost (viper on ARM, measured): step 595 instructions a value (668 where it is counted, 524 where not), 36 k a window of
60; take 16 to 23 k. Heap: the table, 80 bytes; the memory of a voltage is 772.
"""

from array import array

import micropython
from micropython import const

# words; first the factors
_MEAN_FACTOR = const(0)
_GAIN = const(1)
_HIGH_PASS = const(2)
_ZERO = const(3)
_POLE = const(4)
_LAMP1 = const(5)
_LAMP2 = const(6)
_EDGE1 = const(7)
_EDGE2 = const(8)
_EDGE3 = const(9)
_SMOOTH = const(10)
_SETTLE = const(11)  # values
_GAP = const(12)  # values
# the state, all zero at first
MEAN = const(13)
_LAST = const(14)
_WAIT = const(15)  # values that are not yet to be counted
COUNT = const(16)
_SLOW = const(17)
_H = const(18)
_B = const(19)
_A1 = const(20)
_A2 = const(21)
_C1 = const(22)
_C2 = const(23)
_C3 = const(24)
LEVEL = const(25)
# the classes, halfwords
COUNTS = const(26)

LEVEL_ONE = 1 << 15  # of Pinst
_CLASSES_PER_OCTAVE = const(17)
_FIRST = const(7)  # Pinst 1/256
_CLASSES = const(333)  # 19.5 octaves up to Pinst 2900, and what is below
WORDS = const(COUNTS + (_CLASSES + 1) // 2)

# the shares of the levels by which percentiles are exceeded, in a thousand; where the classes of an octave begin, from
# 2048 to 4096
_SHARES = (1, 7, 10, 15, 22, 30, 40, 60, 80, 100, 130, 170, 300, 500, 800)
_BEGINNINGS = (2048, 2139, 2232, 2327, 2425, 2525, 2628, 2735, 2845, 2959, 3077, 3200, 3329, 3464, 3607, 3758, 3921)
TABLE = array("H", _SHARES + _BEGINNINGS)
SHARES = const(15)


@micropython.viper
def step(v: int, words: ptr32):
    # v is the one variable that lives in a register: it holds whatever is worked on
    if v >> 21:
        if v < 0:
            v = words[_LAST]
            if words[_WAIT] < words[_GAP]:
                words[_WAIT] = words[_GAP]
        else:
            v = 0x1FFFFF
    words[_LAST] = v
    m = words[MEAN] >> 9
    if v >> 1 >= m:
        words[MEAN] = v << 9
        words[_WAIT] = words[_SETTLE]
        x = _SLOW
        while x <= LEVEL:
            words[x] = 0
            x += 1
        return

    x = (v << 9) - words[MEAN]
    words[MEAN] = ((x >> 5) * words[_MEAN_FACTOR] >> 11) + words[MEAN]
    v = v << 10
    x = v // m
    v = ((v - x * m) << 10) // m
    v = (x << 10) + v - 0x100000
    v = ((v >> 5) * (v >> 5) >> 5) + (v << 6)
    v = (v >> 16) * words[_GAIN] + ((v & 0xFFFF) * words[_GAIN] >> 16) - words[_SLOW]
    words[_SLOW] = ((v >> 5) * words[_HIGH_PASS] >> 11) + words[_SLOW]
    x = v
    v = v - words[_H]
    words[_H] = x

    x = (v >> 16) * words[_ZERO] + ((v & 0xFFFF) * words[_ZERO] >> 16) - v
    v = v + words[_B]
    words[_B] = (v >> 16) * words[_POLE] + ((v & 0xFFFF) * words[_POLE] >> 16) + v + x
    v = v + words[_A1]
    words[_A1] = (v >> 16) * words[_LAMP1] + ((v & 0xFFFF) * words[_LAMP1] >> 16) + v + words[_A2]
    words[_A2] = (v >> 16) * words[_LAMP2] + ((v & 0xFFFF) * words[_LAMP2] >> 16) - v
    x = v
    v = v + words[_C1]
    words[_C1] = (v >> 16) * words[_EDGE1] + ((v & 0xFFFF) * words[_EDGE1] >> 16) + x + x + words[_C2]
    words[_C2] = (v >> 16) * words[_EDGE2] + ((v & 0xFFFF) * words[_EDGE2] >> 16) + x + words[_C3]
    words[_C3] = (v >> 16) * words[_EDGE3] + ((v & 0xFFFF) * words[_EDGE3] >> 16)

    v = v >> 10
    if (v + 0x8000) >> 16:
        v = 0x8000
    v = v * v - words[LEVEL]
    v = (v >> 16) * words[_SMOOTH] + ((v & 0xFFFF) * words[_SMOOTH] + 0x8000 >> 16) + words[LEVEL]
    words[LEVEL] = v

    if words[_WAIT]:
        words[_WAIT] = words[_WAIT] - 1
        return
    words[_WAIT] = 1
    x = words[COUNT] + 1
    if x >> 16:
        return
    if m < 4096:
        return
    words[COUNT] = x
    x = 0
    if v >> _FIRST:
        # doubled until it is 2**29 or more
        x = 1 - 9 * _CLASSES_PER_OCTAVE
        if v >> 14:
            x += 16 * _CLASSES_PER_OCTAVE
        else:
            v = v << 16
        if v >> 22:
            x += 8 * _CLASSES_PER_OCTAVE
        else:
            v = v << 8
        if v >> 26:
            x += 4 * _CLASSES_PER_OCTAVE
        else:
            v = v << 4
        if v >> 28:
            x += 2 * _CLASSES_PER_OCTAVE
        else:
            v = v << 2
        if v >> 29:
            x += _CLASSES_PER_OCTAVE
        else:
            v = v << 1
        v = (v >> 17) & 0xFFF
        x += (23396 - (5988 * v >> 12)) * v >> 22
        if x >= _CLASSES:
            x = _CLASSES - 1
    x += 2 * COUNTS
    ptr16(words)[x] = ptr16(words)[x] + 1


@micropython.viper
def take(words: ptr32, table: ptr16, out: ptr32):
    beginnings = ptr16(int(table) + 2 * SHARES)
    j = _CLASSES - 1
    k = above = 0
    while k < SHARES:
        # x thousandths of the n levels in class j are wanted
        x = table[k] * words[COUNT] - above * 1000
        n = ptr16(words)[2 * COUNTS + j]
        while n * 1000 < x:
            x -= n * 1000
            above += n
            j -= 1
            n = ptr16(words)[2 * COUNTS + j]
        octave = j // _CLASSES_PER_OCTAVE
        high = beginnings[j - octave * _CLASSES_PER_OCTAVE] << octave >> 4
        if j:
            octave = (j - 1) // _CLASSES_PER_OCTAVE
            low = beginnings[j - 1 - octave * _CLASSES_PER_OCTAVE] << octave >> 4
            beside = ptr16(words)[2 * COUNTS + j - 1]
            if j < _CLASSES - 1:
                beside += ptr16(words)[2 * COUNTS + j + 1]
            if 10 * beside < n:
                x = 500 * n
            x = high - ((high - low) * (x // n * 131 >> 9) >> 8)
        else:
            beside = ptr16(words)[2 * COUNTS + 1]
            if beside:
                x = x // (_CLASSES_PER_OCTAVE * beside)
            else:
                x = 1000
            if x > 7999:
                x = 7999
            n = x // 1000
            x = high - ((x - 1000 * n) * high // 2000) >> n
        out[k] = x
        k += 1
    words[COUNT] = 0
    j = COUNTS
    while j < WORDS:
        words[j] = 0
        j += 1
