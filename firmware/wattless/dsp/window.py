"""One window of all channels: resampled, summed, transformed, taken apart; in slices, so that capture goes on.

One buffer of 2048 complex points (16 KB) serves seven channels, two at a time, like with like. What a later product
needs of an earlier pair stays behind as a packed copy of 16 bits a value (8 KB, in the board's fast memory):

    V1, V2   squares, V1 V2            transform   packed
    I1, I2   squares, V1 I1, V2 I2     transform
    V3       square,  V1 V3, V2 V3     transform   packed
    I3, IN   squares, V3 I3            transform

The packed copy rounds once more, by at most half an LSB of the converter and without bias; only products see it.
Heap: 16 KB buffer, 2.5 KB pieces, 0.9 KB results a channel; sine table (4 KB) and filter bank come
with their modules.
"""

from array import array

from micropython import const
from wattless.dsp import correction, fft, orders, resample, spectrum, sums

CHANNELS = 7
V1 = const(0)
V2 = const(1)
V3 = const(2)
I1 = const(3)
I2 = const(4)
I3 = const(5)
IN = const(6)

# pairs (high, low) of Window.sums
V1V1 = const(0)
V2V2 = const(1)
V3V3 = const(2)
V1V2 = const(3)
V2V3 = const(4)
V3V1 = const(5)
I1I1 = const(6)
I2I2 = const(7)
I3I3 = const(8)
ININ = const(9)
V1I1 = const(10)
V2I2 = const(11)
V3I3 = const(12)
SUMS = 13
CROSS = (V2V3, V3V1, V1I1, V2I2, V3I3)

BAND_BINS = 4
PACKED_BYTES = 4 * resample.POINTS
SCRATCH_BYTES = 8 * resample.POINTS

# pair of channels; where the sums of squares of both and of their product go (None: not needed); where the products
# with the packed pair go: its first times our first, its second times our second, its second times our first; whether
# the pair is packed for a later one
_STEPS = (
    (V1, V2, (V1V1, V2V2, V1V2), (None, None, None), True),
    (I1, I2, (I1I1, I2I2, None), (V1I1, V2I2, None), False),
    (V3, None, (V3V3, None, None), (V3V1, None, V2V3), True),
    (I3, IN, (I3I3, ININ, None), (V3I3, None, None), False),
)


def _words(count):
    return array("i", bytes(4 * count))


def _skipped(places):
    """What a kernel of sums may leave out: sums without a place."""
    return (sums.SKIP_SECOND if places[1] is None else 0) | (sums.SKIP_THIRD if places[2] is None else 0)


class Slot:
    """A pair to load: the ring's channels `x`, `y` (None: zeros), mixed to (a x + b y, c x + d y) >> shift."""

    def __init__(self, x, y, mix=(1, 0, 0, 1), shift=0):
        self.x = x
        self.y = y
        self.mix = mix
        self.shift = shift


class Window:
    """Results of the last window, for the channels V1 V2 V3 I1 I2 I3 IN = 0..6.

    ring: object with data, wide, length, stride, index(n)
    bank: filter bank of the resampler; sine: dsp.sine.table(); packed: memory of PACKED_BYTES
    cycles: periods a window (5, 6, 10, 12)
    slots: four Slot or None: V1 V2, I1 I2, V3, I3 IN
    kernels: object with resample, sums, fft, spectrum, correction: modules of kernels
    coils: channels that are Rogowski coils: integrated in the spectrum; sums and extremes stay those of the derivative
    between: what `between` has, kind 0 or 1 of dsp.orders.between; lists: None, or kind 2 or 3 of it for `lists`
    buffer: the transform's memory, SCRATCH_BYTES at a multiple of 4; None: it is taken from the heap

    extremes: smallest and largest value of each channel, in 1/64 LSB
    sums: pairs of words (high, low), sum = high 2**28 + low, over 2048 points in 1/64 LSB; one factor of those in CROSS
    is packed, in whole LSB
    phasors[channel]: 51 pairs (re, im); a sine of amplitude a LSB gives 64 * 64 * a, a dc of a LSB 2 * 64 * 64 * a
    summaries[channel]: magnitudes of the subgroups and sums for the distortion, see dsp/spectrum.py
    lists[channel]: magnitudes of 51 orders: the summaries, or what was asked for (groups: times sqrt(2))
    between[channel]: magnitudes of what lies between the orders, V1 to I3; own[channel]: see dsp.orders.single_bins
    bands: pairs (high, low), energy of the four bins from `band_start` on of V1, V2, V3, if band_start is not 0
    Channels that no slot fills keep zeros.
    scratch: SCRATCH_BYTES, anybody's from the end of the work on a window to the beginning of the next one.
    """

    def __init__(self, ring, bank, sine, packed, cycles, slots, kernels, coils=(), between=0, lists=None, buffer=None):
        self.ring = ring
        self.cycles = cycles
        self.sums = _words(2 * SUMS)
        self.extremes = _words(2 * CHANNELS)
        self.band_start = 0
        self.bands = _words(2 * 3)
        self.phasors = [_words(2 * spectrum.ORDERS) for _ in range(CHANNELS)]
        self.summaries = [_words(spectrum.SUMMARY) for _ in range(CHANNELS)]
        self.between = [_words(spectrum.ORDERS) for _ in range(IN)]
        self.own = [_words(6) for _ in range(CHANNELS)]
        self.lists = self.summaries if lists is None else [_words(spectrum.ORDERS) for _ in range(CHANNELS)]
        self._kinds = between, lists
        self._pairs = _words(2 * spectrum.ORDERS + 2)
        self._pieces = _words(2 * spectrum.ORDERS * spectrum.PIECES)
        self._slots = slots
        self._bank = bank
        self._sine = sine
        self._packed = packed
        self._kernels = kernels
        self._resample = kernels.resample_wide.resample_wide if ring.wide else kernels.resample.resample
        self._cursor = resample.new_cursor()
        self._range = _words(2)
        self._own = _words(sums.OWN_WORDS)
        self._cross = _words(sums.CROSS_WORDS)
        self._orders = spectrum.new_params(resample.POINTS, cycles)
        self._band = array("i", (resample.POINTS, 0, 0, 0, BAND_BINS, 0))
        self._coils = coils
        self._integral = array("i", (resample.POINTS, cycles, 0, 0, spectrum.ORDERS * cycles))
        self._z = self.scratch = buffer or bytearray(SCRATCH_BYTES)
        self._transform = fft.steps(resample.POINTS, kernels.fft)
        self._place = self._frac = self._length = 0
        self._work = self._windows()

    def results(self):
        """The arrays with everything that a window leaves."""
        return [self.sums, self.extremes, self.bands] + self.phasors + self.summaries + self.between + self.own

    def begin(self, first, frac, length):
        """Starts on the window at sample `first` + `frac` / 65536 that is `length` / 65536 samples long."""
        self._place = first
        self._frac = frac
        self._length = length

    def step(self):
        """Does a slice of the work (below 5 ms on the reference board); False when the window is done."""
        return next(self._work)

    def _windows(self):
        """Works through window after window: one generator for all, so that nothing is allocated."""
        while True:
            for number in range(len(_STEPS)):
                if self._slots[number] is None:
                    continue
                one, two, own, cross, pack = _STEPS[number]
                self._aim(self._slots[number])
                for _ in range(resample.POINTS // resample.SLICE):
                    self._resample(self.ring.data, self._cursor, self._bank, self._z)
                    yield True
                sums.clear(self._own, self._cross)
                self._own[sums.OWN_SKIP] = _skipped(own)
                self._cross[sums.CROSS_SKIP] = _skipped(cross)
                for part in range(resample.POINTS // sums.SLICE):
                    self._add_products(part * sums.SLICE, cross)
                    yield True
                if pack:
                    self._range[0], self._range[1] = 0, resample.POINTS
                    self._kernels.sums.pack(self._z, self._packed, self._range)
                    yield True
                self._keep_products(one, two, own, cross)
                for call in self._transform:
                    fft.step(call, self._z, self._sine)
                    yield True
                bins = max(spectrum.ORDERS * self.cycles, self.band_start + BAND_BINS)
                self._kernels.spectrum.split(self._z, resample.POINTS, bins + (bins & 1))
                yield True
                self._take_out(one, 0)
                yield True
                if two is not None:
                    self._take_out(two, 1)
                    yield True
            yield False

    def _aim(self, slot):
        ring = self.ring
        x = None if slot.x is None else slot.x * ring.stride
        y = None if slot.y is None else slot.y * ring.stride
        place = ring.index(self._place)
        resample.aim(self._cursor, place, self._frac, self._length, ring.length, x, y, slot.mix, slot.shift)

    def _add_products(self, start, cross):
        """Sums of squares and products of a slice of the pair in the buffer, of products with the packed one."""
        span = self._range
        span[0], span[1] = start, start + sums.SLICE
        self._kernels.sums.own(self._z, span, self._own)
        if cross[0] is not None:
            self._kernels.sums.cross(self._z, self._packed, span, self._cross)

    def _keep_products(self, one, two, own, cross):
        self._keep_sums(own, self._own)
        self._keep_sums(cross, self._cross)
        self._keep_extremes(one, sums.RE_LEAST)
        if two is not None:
            self._keep_extremes(two, sums.IM_LEAST)

    def _keep_extremes(self, channel, at):
        self.extremes[2 * channel] = self._own[at]
        self.extremes[2 * channel + 1] = self._own[at + 1]

    def _keep_sums(self, places, found):
        for i in range(3):
            place = places[i]
            if place is not None:
                self.sums[2 * place] = found[2 * i]
                self.sums[2 * place + 1] = found[2 * i + 1]

    def _take_out(self, channel, which):
        """Phasors, pieces and summary of one channel out of the split transform."""
        kernels, z, params = self._kernels.spectrum, self._z, self._orders
        params[spectrum.SECOND] = self._band[spectrum.SECOND] = which
        if channel in self._coils:
            self._integral[correction.SECOND] = which
            self._kernels.correction.rogowski(z, self._integral)
        if self.band_start and channel <= V3:
            self._band[spectrum.BAND_START] = self.band_start
            self._band[spectrum.BAND_SLOT] = channel
            kernels.band(z, self._band, self.bands)
        kernels.phasors(z, params, self.phasors[channel])
        pieces = self._pieces
        kernels.pieces(0, z, params, pieces)
        kernels.summary(pieces, self.summaries[channel])
        between, lists = self._kinds
        if lists is not None:
            orders.between(pieces, self._pairs, lists)
            orders.roots(self._pairs, self.lists[channel], spectrum.ORDERS)
        orders.between(pieces, self._pairs, between)
        orders.single_bins(pieces, self.summaries[channel], self._pairs, self.own[channel])
        if channel < IN:
            orders.roots(self._pairs, self.between[channel], spectrum.ORDERS)
