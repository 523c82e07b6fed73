"""Runs the kernels of dsp/spectrum, tone and correction under any interpreter: jobs as JSON in the file named first;
flat lists as JSON lines on standard output. Second argument: what the names of their modules end with ("" or "_thumb").
"""

import json
import sys
from array import array

from wattless.dsp import sine
from wattless.dsp.spectrum import new_params


def zeros(count):
    return array("i", bytes(4 * count))


def run_spectrum(k, job):
    z = array("i", job["z"])
    n = len(z) // 2
    cycles = job["cycles"]
    k.split(z, n, 51 * cycles)
    results = list(z)
    params = new_params(n, cycles, 17)
    for params[2] in (0, 1):
        phasors, pieces, band = zeros(102), zeros(612), zeros(4)
        k.phasors(z, params, phasors)
        for start in (0, 17, 34):
            k.pieces(start, z, params, pieces)
        k.band(z, array("i", (n, 0, params[2], job["band"], 4, 1)), band)
        results += list(phasors) + list(pieces) + list(band)[2:]
    return results


def run_summary(k, job):
    out = zeros(61)
    k.summary(array("i", job["pieces"]), out)
    return list(out)


def run_tone(k, job):
    out = array("i", job["out"])
    params = array("i", job["params"])
    ring = array("h", job["ring"])
    for params[3] in job["counts"]:
        k.tone(ring, sine.table(), params, out)
    return list(out) + [params[2], params[4]]


def run_correct(k, job):
    z = array("i", job["z"])
    k.correct(z, array("h", job["factors"]), array("i", job["params"]))
    return list(z)


def run_rogowski(k, job):
    z = array("i", job["z"])
    k.rogowski(z, array("i", job["params"]))
    return list(z)


MODULES = {"spectrum": "spectrum", "summary": "spectrum", "tone": "tone", "correct": "correction"}
MODULES["rogowski"] = "correction"


def main():
    ending = sys.argv[2] if len(sys.argv) > 2 else ""
    with open(sys.argv[1]) as f:
        for line in f:
            job = json.loads(line)
            module = MODULES[job["kernel"]] + ending
            kernels = __import__("wattless.dsp." + module, None, None, (module,))
            print(json.dumps(globals()["run_" + job["kernel"]](kernels, job)))


main()
