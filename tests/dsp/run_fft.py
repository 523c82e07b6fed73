"""Runs dsp/fft.py under any interpreter: jobs as JSON in the file named first; flat lists as JSON lines on standard
output. Second argument: what the name of the kernels' module ends with ("" or "_thumb").
"""

import json
import sys
from array import array

from wattless.dsp import fft, sine


class Sliced:
    """The kernels of a module with another length of a slice."""

    def __init__(self, kernels, length):
        self.SLICE = length
        self.first4 = kernels.first4
        self.first8 = kernels.first8
        self.radix4_pass = kernels.radix4_pass


def run(kernels, job):
    if job["kernel"] == "sine":
        return list(array("h", sine.table()))
    z = array("i", job["z"])
    fft.transform(z, sine.table(), len(z) // 2, Sliced(kernels, job["slice"]) if "slice" in job else kernels)
    return list(z)


def main():
    suffix = sys.argv[2] if len(sys.argv) > 2 else ""
    kernels = __import__("wattless.dsp.fft" + suffix, None, None, ("fft",))
    with open(sys.argv[1]) as f:
        for line in f:
            print(json.dumps(run(kernels, json.loads(line))))


main()
