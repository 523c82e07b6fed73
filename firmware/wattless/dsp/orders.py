"""What a window says of its orders beside harmonics and distortion (dsp/spectrum.py): interharmonics, groups, weighted
sums, active power of each order, smoothing.

    between(pieces, pairs, kind)    energies of interharmonics or groups or bins, 51 orders; of all between subgroups
    roots(pairs, out, n)            floor(sqrt) of n energies
    single_bins(pieces, summary, pairs, out)
                                    energies of bins: order 1, orders 2 to 50 together, all but dc and order 1
    weighted(magnitudes, out)       sums of h**2 m**2, m**2 (1 to 50), h m**2 (14 to 40)
    products(v, i, pairs)           Re(V_h conj I_h), h = 0..50
    add(pairs, first, out)          sum of pairs[first..50]
    add_phasors(a, b, c, out)       a + b + c
    rest(own, sums, slot, dc, out)  energy of all but the fundamental, with what lies above order 50
    gather(summary, own, sums, pairs)
                                    energies whose ratios are distortions, one after the other
    smooth(state, magnitudes)       first-order low-pass, 1.5 s

Energies and products are pairs of words (high, low), value = high 2**28 + low, 0 <= low < 2**28; with negative values
high is negative. Bounds as in dsp/spectrum.py: the energies of a channel together below 2**58, |re|, |im| < 2**29.

Cost (viper on ARM, a channel, measured): between 6.6 k, roots 330 an energy, single_bins 2.5 k, weighted 11 k, products
16 k, add 2.4 k. No heap. Viper only: what a window takes of them is a thirtieth of its dsp.
"""

import micropython

INTERHARMONIC_SUBGROUPS, INTERHARMONIC_GROUPS, GROUPS, BINS = range(4)  # kinds of `between`
# what `single_bins` writes: pairs
OWN1, OWN_REST, REST = 0, 2, 4
# what `weighted` writes: pairs
SUM_H2, SUM_1, SUM_H = 0, 2, 4
# what `gather` writes: numbers of pairs
ALL_SG1, ALL_THDS, ALL_THDS40, ALL_G1, ALL_THDG, ALL_OWN1, ALL_OWN_REST, ALL_H2, ALL_1, ALL_H = range(10)
GATHERED = 10


@micropython.viper
def between(pieces: ptr32, pairs: ptr32, kind: int):
    """pairs[51] = energy between all subgroups; pairs[h] = energy of kind 0: the centred interharmonic subgroup above h
    (IEC 61000-4-7 A.3), 1: the interharmonic group above h (A.2), 2: twice the group around h (5.5.1; h = 0: of its
    bin), 3: the bin h."""
    to = ptr32(pairs)
    half_high = 0
    half_low = 0
    sum_high = 0
    sum_low = 0
    h = 0
    while h < 51:
        high = pieces[4] + pieces[6] + pieces[8]
        low = pieces[5] + pieces[7] + pieces[9]
        sum_low = sum_low + low
        sum_high = sum_high + high + (sum_low >> 28)
        sum_low = sum_low & 0xFFFFFFF
        if kind == 1:
            high = high + pieces[2] + pieces[10]
            low = low + pieces[3] + pieces[11]
        elif kind > 1:
            high = pieces[0]
            low = pieces[1]
        if kind == 2:
            high = (high << 1) + half_high
            low = (low << 1) + half_low
            if h:
                high = high + (pieces[2] << 1) + (pieces[4] << 1) + pieces[6]
                low = low + (pieces[3] << 1)
                high = high + (low >> 28)
                low = (low & 0xFFFFFFF) + (pieces[5] << 1) + pieces[7]
            half_high = pieces[6] + (pieces[8] << 1) + (pieces[10] << 1)
            half_low = pieces[7] + (pieces[9] << 1)
            half_high = half_high + (half_low >> 28)
            half_low = (half_low & 0xFFFFFFF) + (pieces[11] << 1)
            half_high = half_high + (half_low >> 28)
            half_low = half_low & 0xFFFFFFF
        to[0] = high + (low >> 28)
        to[1] = low & 0xFFFFFFF
        to = ptr32(int(to) + 8)
        pieces = ptr32(int(pieces) + 48)
        h += 1
    to[0] = sum_high
    to[1] = sum_low


@micropython.viper
def roots(pairs: ptr32, out: ptr32, n: int):
    """out[k] = floor(sqrt(pairs[k])) for n energies below 2**60 (the method: dsp/spectrum.py). May work in place:
    out[k] is written after pairs[k] was read."""
    while n:
        high = pairs[0]
        low = pairs[1]
        pairs = ptr32(int(pairs) + 8)
        shift = 0
        top = high >> 2
        if top:
            low = ((high & 3) << 28) | low
        else:
            top = ((high & 3) << 28) | low
            low = 0
            shift = 15
        root = 0
        if top:
            if top < 16384:
                top = (top << 16) | (low >> 14)
                low = (low & 0x3FFF) << 16
                shift += 8
            if top < 4194304:
                top = (top << 8) | (low >> 22)
                low = (low & 0x3FFFFF) << 8
                shift += 4
            if top < 67108864:
                top = (top << 4) | (low >> 26)
                low = (low & 0x3FFFFFF) << 4
                shift += 2
            if top < 268435456:
                top = (top << 2) | (low >> 28)
                low = (low & 0xFFFFFFF) << 2
                shift += 1
            root = ((top >> 15) * 5 >> 3) + 11960
            root = (top // root + root) >> 1
            root = (top // root + root) >> 1
            high = top - root * root
            high = (high << 15) | (low >> 15)
            t = root << 1
            top = high // t
            high = high - top * t
            root = (root << 15) + top
            if (high << 15) + (low & 0x7FFF) < top * top:
                root -= 1
            root = root >> shift
        out[0] = root
        out = ptr32(int(out) + 4)
        n -= 1


@micropython.viper
def single_bins(pieces: ptr32, summary: ptr32, pairs: ptr32, out: ptr32):
    """Energies of the bin of order 1; of the bins of orders 2 to 50 together; of all bins but dc and order 1.

    summary: dsp.spectrum's of these pieces; pairs: as `between` left them."""
    # all but dc: subgroups, what is between them, and the side bins that belong to no subgroup
    low = summary[52] + summary[54] + pairs[103] + pieces[3] + pieces[611]
    high = summary[51] + summary[53] + pairs[102] + pieces[2] + pieces[610]
    low = low - pieces[13]
    out[4] = high - pieces[12] + (low >> 28)
    out[5] = low & 0xFFFFFFF
    out[0] = pieces[12]
    out[1] = pieces[13]
    pieces = ptr32(int(pieces) + 96)
    high = 0
    low = 0
    h = 49
    while h:
        low = pieces[1] + low
        high = pieces[0] + high + (low >> 28)
        low = low & 0xFFFFFFF
        pieces = ptr32(int(pieces) + 48)
        h -= 1
    out[2] = high
    out[3] = low


@micropython.viper
def weighted(magnitudes: ptr32, out: ptr32):
    """Sums over h of h**2 m**2 and m**2 (1 to 50) and of h m**2 (14 to 40), with m = magnitudes[h] / 64 rounded down:
    a 64th of the converter's LSB, which only the smallest orders notice."""
    square_high = 0
    square_low = 0
    plain_high = 0
    plain_low = 0
    linear_high = 0
    linear_low = 0
    h = 1
    while h < 51:
        m = magnitudes[h] >> 6
        high = 0
        b = m & 0x3FFF
        low = b * b
        a = m >> 14
        if a:
            middle = a * b
            low = low + ((middle & 0x1FFF) << 15)
            high = a * a + (middle >> 13)
        high = high + (low >> 28)
        low = low & 0xFFFFFFF
        plain_low = plain_low + low
        plain_high = plain_high + high + (plain_low >> 28)
        plain_low = plain_low & 0xFFFFFFF
        if h > 13:
            if h < 41:
                # low h beyond 32 bits: in two halves
                t = (low & 0x3FFF) * h
                low = (low >> 14) * h + (t >> 14)
                linear_low = linear_low + ((low & 0x3FFF) << 14) + (t & 0x3FFF)
                linear_high = linear_high + high * h + (low >> 14) + (linear_low >> 28)
                linear_low = linear_low & 0xFFFFFFF
        m = m * h
        a = m >> 14
        b = m & 0x3FFF
        if a:
            middle = a * b
            low = b * b + ((middle & 0x1FFF) << 15)
            square_high = square_high + a * a + (middle >> 13) + (low >> 28)
            square_low = square_low + (low & 0xFFFFFFF)
        else:
            square_low = square_low + b * b
        square_high = square_high + (square_low >> 28)
        square_low = square_low & 0xFFFFFFF
        h += 1
    out[0] = square_high
    out[1] = square_low
    out[2] = plain_high
    out[3] = plain_low
    out[4] = linear_high
    out[5] = linear_low


@micropython.viper
def products(v: ptr32, i: ptr32, pairs: ptr32):
    """pairs[h] = re v re i + im v im i of phasors as dsp.spectrum.phasors leaves them; exact."""
    h = 51
    while h:
        high = 0
        low = 0
        k = 0
        while k < 2:
            # (a 2**15 + b)(c 2**15 + d), a and c with the sign, below 2**14
            b = v[k] & 0x7FFF
            a = v[k] >> 15
            d = i[k] & 0x7FFF
            c = i[k] >> 15
            if (a + 1) >> 1 or (c + 1) >> 1:
                t = a * d
                low = low + b * d + ((t & 0x1FFF) << 15)
                high = high + (t >> 13) + (low >> 28)
                t = b * c
                low = (low & 0xFFFFFFF) + ((t & 0x1FFF) << 15)
                high = high + (t >> 13) + (low >> 28) + ((a * c) << 2)
            else:  # both below 2**15
                t = v[k] * i[k]
                low = low + (t & 0xFFFFFFF)
                high = high + (t >> 28) + (low >> 28)
            low = low & 0xFFFFFFF
            k += 1
        pairs[0] = high
        pairs[1] = low
        pairs = ptr32(int(pairs) + 8)
        v = ptr32(int(v) + 8)
        i = ptr32(int(i) + 8)
        h -= 1


@micropython.viper
def add(pairs: ptr32, first: int, out: ptr32):
    """out[0:2] = pairs[first] + ... + pairs[50], together below 2**58 without their signs."""
    n = 51 - first
    pairs = ptr32(int(pairs) + 8 * first)
    high = 0
    low = 0
    while n:
        low = low + pairs[1]
        high = high + pairs[0] + (low >> 28)
        low = low & 0xFFFFFFF
        pairs = ptr32(int(pairs) + 8)
        n -= 1
    out[0] = high
    out[1] = low


@micropython.viper
def add_phasors(a: ptr32, b: ptr32, c: ptr32, out: ptr32):
    """out = a + b + c, 51 phasors each."""
    n = 102
    while n:
        n -= 1
        out[n] = a[n] + b[n] + c[n]


@micropython.viper
def rest(own: ptr32, sums: ptr32, slot: int, dc: int, out: ptr32):
    """out[0:2] = energy of all bins but the fundamental's, dc (`dc`: its phasor) at half its weight, and of what lies
    above order 50: the difference to the sum of squares sums[2 slot:] (slot < 0: not known), as far as it exceeds the
    error of the transform's gain, 1e-5 of it."""
    # dc**2 / 2
    if dc < 0:
        dc = 0 - dc
    b = dc & 0x7FFF
    dc = dc >> 15
    t = dc * b
    low = ((t & 0x1FFF) << 15) + ((b * b) >> 1)
    high = (t >> 13) + ((dc * dc) << 1) + own[4] + (low >> 28)
    low = (low & 0xFFFFFFF) + own[5]
    high = high + (low >> 28)
    low = low & 0xFFFFFFF
    if slot >= 0:
        t = sums[2 * slot]
        b = sums[2 * slot + 1]
        # 4 S (1 - 2**-17 - 2**-19)
        down = (t << 2) + (b >> 26)
        b = (b << 2) & 0xFFFFFFF
        t = (down & 0x1FFFF) << 11 | b >> 17
        t = t + ((down & 0x7FFFF) << 9 | b >> 19)
        b = b - t - own[1] - low
        t = down - (down >> 17) - (down >> 19) - own[0] - high + (b >> 28)
        if t >= 0:
            low = low + (b & 0xFFFFFFF)
            high = high + t + (low >> 28)
            low = low & 0xFFFFFFF
    out[0] = high
    out[1] = low


@micropython.viper
def gather(summary: ptr32, own: ptr32, sums: ptr32, pairs: ptr32):
    """pairs = the five energies of a summary, the first two of `own` (single_bins), those of `weighted`."""
    i = 0
    while i < 10:
        pairs[i] = summary[51 + i]
        i += 1
    while i < 14:
        pairs[i] = own[i - 10]
        i += 1
    while i < 20:
        pairs[i] = sums[i - 14]
        i += 1


@micropython.viper
def smooth(state: ptr32, magnitudes: ptr32, share: int):
    """state[h] += (magnitudes[h] - state[h]) share / 2**16, h = 0..50 (IEC 61000-4-7 5.5.2: y + (x - y) / 8.012 for
    200 ms steps); magnitudes becomes the state. share below 2**15."""
    h = 51
    while h:
        d = magnitudes[0] - state[0]
        d = (d >> 16) * share + (((d & 0xFFFF) * share) >> 16)
        d = state[0] + d
        state[0] = d
        magnitudes[0] = d
        state = ptr32(int(state) + 4)
        magnitudes = ptr32(int(magnitudes) + 4)
        h -= 1
