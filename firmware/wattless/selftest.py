"""Golden vectors of the kernels, small enough for a board's start: the same input to every kernel, a checksum of what
it leaves, against the checksums that the proved ones gave (tests/test_kernels.py).

Cost: 6.3 M ARM instructions with viper, 3.9 M with the twins; runs in a heap of 80 KB, of which 24 KB are
the kernels' modules (tests/test_heap.py), before the meter's buffers are made.
"""

from array import array

import micropython
from wattless.capture import layout
from wattless.dsp import correction, half, resample, sine, spectrum, sums, tone

# checksum of each kernel's results
GOLDEN = {
    "unpack": 997455544,
    "fft": 763372834,
    "resample": 363347747,
    "resample_wide": 824740476,
    "sums": 635036969,
    "spectrum": 725829427,
    "correction": 477135130,
    "phase": 13714026,
    "half": 57211908,
    "tone": 242833911,
}

_RING = 600
_STRIDE = _RING + 16
_POINTS = 2048
_Z_BYTES = 8 * _POINTS


@micropython.viper
def _noise(out: ptr32, count: int, shift: int, seed: int):
    """`count` words of pseudo-random numbers of 30 - `shift` bits with a sign."""
    i = 0
    while i < count:
        seed = ((seed & 0x3FFF) * 16807 + (seed >> 14) * 12345 + 54321) & 0x3FFFFFFF
        out[i] = (seed - 0x20000000) >> shift
        i += 1


@micropython.viper
def _checksum(values: ptr32, count: int, out: ptr32):
    """Continues the checksum in out[0] over `count` words."""
    total = out[0]
    i = 0
    while i < count:
        x = values[i]
        total = ((total & 0x1FFFFFF) * 31 + (total >> 25) + (x & 0xFFFF) * 7 + ((x >> 16) & 0xFFFF)) & 0x3FFFFFFF
        i += 1
    out[0] = total


class _Sum:
    """Checksum of arrays, one after the other."""

    def __init__(self):
        self._total = array("i", (1,))

    def add(self, values, words):
        _checksum(values, words, self._total)
        return self._total[0]


def noise(count, bits, seed=1):
    """array('i') of `count` numbers of `bits` bits and sign."""
    out = array("i", bytes(4 * count))
    _noise(out, count, 29 - bits, seed)
    return out


def _points(bits):
    """A transform buffer of noise: a bytearray, because an array is made from bytes of its size."""
    z = bytearray(_Z_BYTES)
    _noise(z, 2 * _POINTS, 29 - bits, 1)
    return z


def _ring():
    """Three channels of 16-bit noise with large and small values, the guard repeated."""
    words = noise(3 * _STRIDE, 15)
    ring = array("h", bytes(2 * 3 * _STRIDE))
    for i in range(len(ring)):
        ring[i] = words[i] >> (i & 7)
    for start in range(0, len(ring), _STRIDE):
        for i in range(16):
            ring[start + _RING + i] = ring[start + i]
    return ring


def _unpack(kernels):
    records = bytearray(40 * layout.RECORD)
    values = noise(len(records), 15)
    for i in range(len(records)):
        records[i] = values[i] & 255
    for n in range(40):
        for i in range(4):
            records[n * layout.RECORD + i] = n >> 8 * i & 255
    ring = array("h", bytes(2 * 7 * 64))
    state = layout.new_state(48, 16, range(-300, 400, 100))
    state[layout.STOP] = 40
    tables = kernels.unpack.crc_tables()
    total = _Sum()
    for start in range(0, 20, 2):  # every second record of the first twenty is right
        _seal(records, start * layout.RECORD)
    kernels.unpack.unpack(records, ring, tables, state)
    total.add(state, layout.STATE_WORDS)
    return total.add(ring, 7 * 32)


def _seal(records, at):
    """Writes the CRC-16/CCITT of a frame of 16-bit words."""
    crc = 0xFFFF
    for i in range(at + 4, at + 22):
        crc ^= records[i] << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    records[at + 22] = crc >> 8
    records[at + 23] = crc & 255


def _fft(kernels):
    from wattless.dsp import fft

    z = _points(22)
    fft.transform(z, sine.table(), _POINTS, kernels.fft)
    return _Sum().add(z, 2 * _POINTS)


def _aimed(x, y, mix=(1, 0, 0, 1), shift=0):
    cursor = resample.new_cursor()
    resample.aim(cursor, 500, 12345, 300 << 16, _RING, x, y, mix, shift)
    cursor[resample.COUNT] = 256
    return cursor


def _resample(kernels):
    from wattless.dsp.taps_12800_sinc3 import TAPS

    z = bytearray(_Z_BYTES)
    ring = _ring()
    total = _Sum()
    for cursor in (_aimed(0, 2 * _STRIDE), _aimed(_STRIDE, None), _aimed(0, 2 * _STRIDE, (2, -1, -1, -1), 1)):
        kernels.resample.resample(ring, cursor, TAPS, z)
        total.add(z, 2 * _POINTS)
    return total.add(z, 1)


def _resample_wide(kernels):
    from wattless.dsp.taps_12800_sinc3 import TAPS

    ring = noise(2 * _STRIDE, 19, 7)
    for i in range(len(ring)):
        ring[i] <<= 8
    for start in (0, _STRIDE):
        for i in range(16):
            ring[start + _RING + i] = ring[start + i]
    z = bytearray(_Z_BYTES)
    for cursor in (_aimed(0, _STRIDE), _aimed(None, _STRIDE)):
        kernels.resample_wide.resample_wide(ring, cursor, TAPS, z)
    return _Sum().add(z, 2 * _POINTS)


def _sums(kernels):
    z = _points(23)
    packed = array("i", bytes(4 * _POINTS))
    own = array("i", bytes(4 * sums.OWN_WORDS))
    cross = array("i", bytes(4 * sums.CROSS_WORDS))
    sums.clear(own, cross)
    total = _Sum()
    for start, skip in ((0, 0), (1024, sums.SKIP_THIRD), (1536, sums.SKIP_SECOND)):
        own[sums.OWN_SKIP] = cross[sums.CROSS_SKIP] = skip
        span = array("i", (start, start + 512))
        kernels.sums.own(z, span, own)
        kernels.sums.pack(z, packed, span)
        kernels.sums.cross(z, packed, span, cross)
    total.add(own, len(own))
    total.add(cross, len(cross))
    return total.add(packed, len(packed))


def _spectrum(kernels):
    z = _points(20)
    total = _Sum()
    params = spectrum.new_params(_POINTS, 10)
    k = kernels.spectrum
    k.split(z, _POINTS, 510)
    phasors = array("i", bytes(8 * spectrum.ORDERS))
    pieces = array("i", bytes(8 * spectrum.ORDERS * spectrum.PIECES))
    summary = array("i", bytes(4 * spectrum.SUMMARY))
    band = array("i", (_POINTS, 0, 0, 53, 4, 0))
    for second in (0, 1):
        params[spectrum.SECOND] = band[spectrum.SECOND] = second
        k.phasors(z, params, phasors)
        k.pieces(0, z, params, pieces)
        k.summary(pieces, summary)
        total.add(phasors, len(phasors))
        total.add(pieces, len(pieces))
        total.add(summary, len(summary))
        k.band(z, band, summary)
        total.add(summary, 2)
    return total.add(z, 2 * _POINTS)


def _correction(kernels):
    z = _points(26)
    factors = array("h", bytes(4 * correction.ORDERS))
    params = array("i", (_POINTS, 12, 0, 0, correction.ORDERS))
    for i in range(len(factors)):
        factors[i] = (i * 7919 & 0x7FFF) - 16384
    for second in (0, 1):
        params[correction.SECOND] = second
        params[correction.STOP] = correction.ORDERS
        kernels.correction.correct(z, factors, params)
        params[correction.STOP] = 12 * correction.ORDERS
        kernels.correction.rogowski(z, params)
    return _Sum().add(z, 2 * _POINTS)


def _phase(kernels):
    params = array("i", (_STRIDE, _RING, 40, 250, 262144))
    out = array("i", (0, 0))
    kernels.phase.correlate(_ring(), sine.table(), params, out)
    return _Sum().add(out, 2)


def _half(kernels):
    ring, table = _ring(), sine.table()
    params = array("i", bytes(4 * half.PARAMS))
    params[half.I], params[half.LENGTH] = _STRIDE, _RING
    params[half.ANGLE], params[half.STEP], params[half.GROUPS] = 12345678, 262469, 60
    params[half.POSITION], params[half.WEIGHT] = 450, 9000
    half.aim(table, params)
    kernels.half.sums(450, 60, ring, params)
    half.edge(ring, table, params)
    return _Sum().add(params, half.PARAMS)


def _tone(kernels):
    params = array("i", bytes(4 * tone.PARAMS))
    params[tone.CHANNEL], params[tone.LENGTH], params[tone.POSITION] = 2 * _STRIDE, _RING, 300
    params[tone.COUNT], params[tone.ANGLE], params[tone.STEP] = 600, 12345678, 1441792
    out = array("i", bytes(16))
    kernels.tone.tone(_ring(), sine.table(), params, out)
    return _Sum().add(out, 4)


TESTS = {
    "unpack": _unpack,
    "fft": _fft,
    "resample": _resample,
    "resample_wide": _resample_wide,
    "sums": _sums,
    "spectrum": _spectrum,
    "correction": _correction,
    "phase": _phase,
    "half": _half,
    "tone": _tone,
}


def checksums(kernels):
    """{kernel: checksum of its results on the golden input}."""
    return {name: test(kernels) for name, test in TESTS.items()}


def failures(kernels, golden=None):
    """Names of the kernels whose results are not the golden ones."""
    golden = GOLDEN if golden is None else golden
    return [name for name, found in checksums(kernels).items() if found != golden.get(name)]
