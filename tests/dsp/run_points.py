"""Runs the kernels of dsp/resample, dsp/resample_wide and dsp/sums under any interpreter: jobs as JSON in the file
named first; flat lists as JSON lines on standard output. Second argument: what the names of their modules end with (""
or "_thumb").
"""

import json
import sys
from array import array

from wattless.dsp import resample, sums

GUARD = 16


def ring_of(channels, length, start, code):
    """Samples in the layout of capture.stream, in a ring that the record may wrap around; (ring, stride)."""
    stride = length + GUARD
    data = array(code, [0] * (stride * len(channels)))
    for c, samples in enumerate(channels):
        for k, value in enumerate(samples):
            at = (start + k) % length
            data[c * stride + at] = value
            if at < GUARD:
                data[c * stride + length + at] = value
    return data, stride


def run_resample(kernels, job):
    """The whole window, in calls of different lengths."""
    ring, stride = ring_of(job["channels"], job["length"], job["start"], "i" if job["wide"] else "h")
    x, y = (None if c is None else c * stride for c in job["pair"])
    cursor = resample.new_cursor()
    position = (job["start"] + job["first"]) % job["length"]
    resample.aim(cursor, position, job["frac"], job["span"], job["length"], x, y, job["mix"], job["shift"])
    module = "wattless.dsp." + job["bank"]
    bank = __import__(module, None, None, (job["bank"],)).TAPS
    z = array("i", bytes(4 * 4096))
    kernel = kernels.resample_wide if job["wide"] else kernels.resample
    for count in [64, 448] + [resample.SLICE] * ((2048 - 512) // resample.SLICE):
        cursor[resample.COUNT] = count
        kernel(ring, cursor, bank, z)
    return list(z)


def run_sums(kernels, job):
    """Packs `other`, then both kinds of sums of z and it, from `start` to `stop` in two calls."""
    z, packed = array("i", job["z"]), array("i", bytes(2 * len(job["z"])))
    own, cross = array("i", [7] * sums.OWN_WORDS), array("i", [7] * sums.CROSS_WORDS)
    own[sums.OWN_SKIP] = cross[sums.CROSS_SKIP] = job["skip"]
    sums.clear(own, cross)
    for start, stop in job["ranges"]:
        span = array("i", (start, stop))
        kernels.pack(array("i", job["other"]), packed, span)
        kernels.own(z, span, own)
        kernels.cross(z, packed, span, cross)
    return list(own) + list(cross) + list(packed)


def main():
    ending = sys.argv[2] if len(sys.argv) > 2 else ""
    with open(sys.argv[1]) as f:
        for line in f:
            job = json.loads(line)
            module = "wattless.dsp." + job["kernel"] + ("_wide" if job.get("wide") else "") + ending
            kernels = __import__(module, None, None, (module,))
            print(json.dumps(globals()["run_" + job["kernel"]](kernels, job)))


main()
