"""One window of all channels: resampled, summed, transformed, taken apart; in slices, so that capture and services go
on.

Two buffers of 2048 complex points (16 KB each) serve seven channels. Like goes with like in one transform, and every
product that metering needs meets in time domain on the way:

    A = V1, V2   B = I1, I2   sums of both, transform B    -> I1, I2
                 B = V3       sums with A, transform A     -> V1, V2
    A = I3, IN                sums with B, transform both  -> I3, IN, V3

Heap: 32 KB buffers, 2.9 KB results a channel; the sine table (5 KB) and the filter bank (2 KB) are shared.
"""

from array import array

from wattless.dsp import fft, resample, spectrum, sums

CHANNELS = 7
V1, V2, V3, I1, I2, I3, IN = range(CHANNELS)

# slots of Window.sums
V1V1, V2V2, V3V3, V1V2, V2V3, V3V1, I1I1, I2I2, I3I3, ININ, V1I1, V2I2, V3I3 = range(13)
SUMS = 13

BAND_BINS = 4

_SLICE = 128  # outputs resampled without yielding


def _words(count):
    return array("i", bytes(4 * count))


class Slot:
    """What one half of the work loads into a buffer: the ring's channels `x`, `y` (None: zeros), mixed to (a x + b y,
    c x + d y) >> shift."""

    def __init__(self, x, y, mix=(1, 0, 0, 1), shift=0):
        self.x = x
        self.y = y
        self.mix = mix
        self.shift = shift


class Window:
    """Results of the last window, for the channels V1 V2 V3 I1 I2 I3 IN = 0..6.

    ring: object with data, length, stride, index(n)
    bank: filter bank of the resampler, bytes of 65 x 16 words; sine: dsp.sine.table()
    cycles: periods a window (5, 6, 10, 12)
    slots: four Slot or None: V1 V2, I1 I2, V3, I3 IN

    extremes: smallest and largest value of each channel, in 1/64 LSB
    sums: pairs of words (high, low), sum = high 2**28 + low, over 2048 points in 1/64 LSB
    phasors[channel]: 51 pairs (re, im) of array('i'); a sine of amplitude a LSB gives 64 * 64 * a, a dc of a LSB 2 *
    64 * 64 * a
    pieces[channel]: 51 x 6 pairs (high, low), see dsp/spectrum.py, on the scale of the phasors squared
    bands: pairs (high, low), energy of the four bins from `band_start` on of V1, V2, V3, if band_start is not 0
    Channels that no slot fills keep zeros.
    """

    def __init__(self, ring, bank, sine, cycles, slots):
        self.ring = ring
        self.cycles = cycles
        self.sums = _words(2 * SUMS)
        self.band_start = 0
        self.bands = _words(2 * 3)
        self.extremes = _words(2 * CHANNELS)
        self.phasors = [_words(2 * spectrum.ORDERS) for _ in range(CHANNELS)]
        self.pieces = [_words(2 * spectrum.ORDERS * spectrum.PIECES) for _ in range(CHANNELS)]
        self._slots = slots
        self._bank = bank
        self._sine = sine
        self._reversed = resample.reversed_bytes()
        self._where = spectrum.piece_map(cycles)
        self._cursor = resample.new_cursor()
        self._a = _words(2 * resample.POINTS)
        self._b = _words(2 * resample.POINTS)

    def results(self):
        """The arrays with everything that a window leaves."""
        return [self.sums, self.extremes, self.bands] + self.phasors + self.pieces

    def slices(self, first, frac, length):
        """Generator: works through the window that starts at sample `first` + `frac` / 65536 and is `length` / 65536
        samples long."""
        voltages12, currents12, voltage3, currents3n = self._slots
        a, b = self._a, self._b
        place = (first, frac, length)
        yield from self._load(voltages12, place, a, V1, V2)
        yield from self._load(currents12, place, b, I1, I2)
        yield from self._dots(((V1V1, a, 0, a, 0), (V2V2, a, 1, a, 1), (V1V2, a, 0, a, 1)))
        yield from self._dots(((I1I1, b, 0, b, 0), (I2I2, b, 1, b, 1), (V1I1, a, 0, b, 0), (V2I2, a, 1, b, 1)))
        yield from self._spectra(currents12, b, I1, I2)
        if voltage3:
            yield from self._load(voltage3, place, b, V3, None)
            yield from self._dots(((V3V3, b, 0, b, 0), (V2V3, a, 1, b, 0), (V3V1, b, 0, a, 0)))
        yield from self._spectra(voltages12, a, V1, V2)
        if currents3n:
            yield from self._load(currents3n, place, a, I3, IN)
            yield from self._dots(((I3I3, a, 0, a, 0), (ININ, a, 1, a, 1)))
            if voltage3:
                yield from self._dots(((V3I3, b, 0, a, 0),))
            yield from self._spectra(currents3n, a, I3, IN)
        yield from self._spectra(voltage3, b, V3, None)

    def _load(self, slot, place, out, first_channel, second_channel):
        """Resamples the channels of `slot` into `out`."""
        ring = self.ring
        first, frac, length = place
        x = None if slot.x is None else slot.x * ring.stride
        y = None if slot.y is None else slot.y * ring.stride
        for done in range(0, resample.POINTS, _SLICE):
            if not done:
                resample.aim(self._cursor, ring.index(first), frac, length, ring.length, x, y, slot.mix, slot.shift)
            resample.resample(ring.data, self._cursor, self._bank, self._reversed, out, _SLICE)
            yield
        sums.extremes(out, 0, resample.POINTS, self.extremes, first_channel)
        if second_channel is not None:
            sums.extremes(out, 1, resample.POINTS, self.extremes, second_channel)

    def _dots(self, wanted):
        for slot, x, first_x, y, first_y in wanted:
            sums.dot(x, first_x, y, first_y, resample.POINTS, self.sums, slot)
            yield

    def _spectra(self, slot, buffer, first, second):
        """Transforms `buffer` and takes out the channels `first` and `second` (None: nothing there)."""
        if slot is None:
            return
        yield from fft.slices(buffer, self._sine, resample.POINTS)
        spectrum.split(buffer, resample.POINTS)
        yield
        for which, channel in enumerate((first, second)):
            if channel is None:
                continue
            if self.band_start and channel <= V3:
                spectrum.band(buffer, resample.POINTS, which, self.band_start, BAND_BINS, self.bands, channel)
            spectrum.phasors(buffer, resample.POINTS, self.cycles, which, self.phasors[channel])
            for start in (0, 17, 34):
                spectrum.pieces(
                    buffer, resample.POINTS, self.cycles, which, self._where, start, start + 17, self.pieces[channel]
                )
                yield
