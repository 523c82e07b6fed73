"""Runs dsp kernels under any interpreter: jobs as JSON in the file named first, results as JSON lines on standard
output."""

import json
import sys
from array import array

from wattless.capture import unpack
from wattless.dsp import fft, phase, resample, sine, spectrum, sums


class Ring:
    """Samples in the layout of capture.stream, as a ring that the record may wrap around."""

    def __init__(self, channels, length, guard, start):
        self.length = length
        self.stride = length + guard
        self.data = array("h", bytes(2 * self.stride * len(channels)))
        for c, samples in enumerate(channels):
            for k, value in enumerate(samples):
                at = (start + k) % length
                self.data[c * self.stride + at] = value
                if at < guard:
                    self.data[c * self.stride + length + at] = value


def run_sine(job):
    return list(sine.table())


def run_fft(job):
    z = array("i", job["z"])
    fft.transform(z, sine.table(), len(z) // 2)
    return list(z)


def run_resample(job):
    ring = Ring(job["channels"], job["length"], 16, job["start"])
    cursor = resample.new_cursor()
    x, y = (None if c is None else c * ring.stride for c in job["pair"])
    position = (job["start"] + job["first"]) % ring.length
    resample.aim(cursor, position, job["frac"], job["span"], ring.length, x, y, job["mix"], job["shift"])
    bank = __import__("wattless.dsp." + job["bank"], None, None, (job["bank"],)).TAPS
    out = array("i", bytes(4 * 4096))
    for _ in range(0, 2048, 256):
        resample.resample(ring.data, cursor, bank, resample.reversed_bytes(), out, 256)
    return list(out)


def run_dot(job):
    out = array("i", bytes(16))
    a, b = array("i", job["a"]), array("i", job["b"])
    sums.dot(a, job["first_a"], b, job["first_b"], len(a) // 2, out, 1)
    extremes = array("i", bytes(16))
    sums.extremes(a, job["first_a"], len(a) // 2, extremes, 1)
    return list(out)[2:] + list(extremes)[2:]


def run_spectrum(job):
    z = array("i", job["z"])
    n = len(z) // 2
    cycles = job["cycles"]
    spectrum.split(z, n)
    results = []
    for second in (0, 1):
        phasors = array("i", bytes(4 * 2 * spectrum.ORDERS))
        pieces = array("i", bytes(4 * 2 * spectrum.ORDERS * spectrum.PIECES))
        spectrum.phasors(z, n, cycles, second, phasors)
        spectrum.pieces(z, n, cycles, second, spectrum.piece_map(cycles), 0, spectrum.ORDERS, pieces)
        band = array("i", bytes(16))
        spectrum.band(z, n, second, job["band"], 4, band, 1)
        results += [list(phasors), list(pieces), list(band)[2:]]
    return results


def run_correlate(job):
    ring = Ring([job["samples"]], job["length"], 16, job["start"])
    position = (job["start"] + job["centre"]) % ring.length
    out = array("i", bytes(8))
    phase.correlate(ring.data, 0, ring.length, position, job["half"], job["step"], sine.table(), out)
    return list(out)


def run_polar(job):
    results = []
    for x, y in job["vectors"]:
        z = array("i", (x, y))
        phase.polar(z, phase.ARCTANGENTS)
        results.append(list(z))
    return results


def run_unpack(job):
    records = bytes(job["records"])
    length = job["length"]
    ring = array("h", bytes(2 * 7 * (length + 16)))
    state = array("i", bytes(4 * unpack.STATE_WORDS))
    state[unpack.EXPECTED] = job["expected"]
    offsets = array("h", job["offsets"])
    done = unpack.unpack(
        records, 0, len(records) // 24, ring, length, 16, offsets, unpack.crc_table(), state
    )
    if job["hold"]:
        unpack.hold(ring, length, 16, state, job["hold"])
    return [done, list(state), list(ring)]


def main():
    with open(sys.argv[1]) as f:
        for line in f:
            job = json.loads(line)
            print(json.dumps(globals()["run_" + job["kernel"]](job)))


main()
