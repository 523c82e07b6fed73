"""Runs the kernels of capture/unpack, dsp/phase and dsp/half under any interpreter: jobs as JSON in the file named
first; flat lists as JSON lines on standard output. Second argument: what the names of their modules end with ("" or
"_thumb").
"""

import json
import sys
from array import array

from wattless.capture import layout
from wattless.dsp import half, phase, sine


def run_unpack(kernels, job):
    """Records in blocks of two calls: the first takes half of them."""
    wide, channels, length = job["wide"], job["channels"], job["length"]
    ring = array("i" if wide else "h", [job["before"]] * (channels * (length + 16)))
    state = layout.new_state(length, 16, job["offsets"], wide, channels)
    state[layout.HEAD] = job["head"]
    state[layout.EXPECTED] = job["expected"]
    tables = kernels.crc_tables()
    unpack = kernels.unpack_wide if wide else kernels.unpack
    for start, stop in job["ranges"]:
        state[layout.START], state[layout.STOP] = start, stop
        unpack(bytearray(job["records"]), ring, tables, state)
    return list(state)[: layout.NEXT + 1] + list(ring)


def run_correlate(kernels, job):
    out = array("i", bytes(8))
    ring = array("i" if job["wide"] else "h", job["ring"])
    correlate = kernels.correlate_wide if job["wide"] else kernels.correlate
    correlate(ring, sine.table(), array("i", job["params"]), out)
    return list(out)


def run_polar(kernels, job):
    results = []
    for x, y in job["vectors"]:
        z = array("i", (x, y))
        phase.polar(z, phase.ARCTANGENTS)
        results += list(z)
    return results


def run_sums(kernels, job):
    ring = array("i" if job["wide"] else "h", job["ring"])
    params = array("i", job["params"] + [0] * (half.PARAMS - len(job["params"])))
    sums = kernels.sums_wide if job["wide"] else kernels.sums
    sums(job["first"], job["groups"], ring, params)
    return list(params)[: half.EVV]


def run_aim(kernels, job):
    params = array("i", job["params"] + [0] * (half.PARAMS - len(job["params"])))
    params[half.POSITION] = job["position"]
    half.aim(sine.table(), params)
    return list(params)[: half.VV] + [params[half.POSITION]]


def run_edge(kernels, job):
    ring = array("i" if job["wide"] else "h", job["ring"])
    params = array("i", job["params"] + [0] * (half.PARAMS - len(job["params"])))
    params[half.WIDE] = 1 if job["wide"] else 0
    params[half.POSITION], params[half.WEIGHT] = job["first"], job["weight"]
    half.edge(ring, sine.table(), params)
    return list(params)[half.EVV : half.EIS + 1]


MODULES = {
    "unpack": "capture.unpack",
    "correlate": "dsp.phase",
    "polar": "dsp.phase",
    "sums": "dsp.half",
    "aim": "dsp.half",
    "edge": "dsp.half",
}


def main():
    ending = sys.argv[2] if len(sys.argv) > 2 else ""
    with open(sys.argv[1]) as f:
        for line in f:
            job = json.loads(line)
            module = "wattless." + MODULES[job["kernel"]] + ending
            kernels = __import__(module, None, None, (module,))
            print(json.dumps(globals()["run_" + job["kernel"]](kernels, job)))


main()
