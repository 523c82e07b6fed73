"""Works through jobs of capture/delay.py: see tests/dsp/on_interpreters.py."""

import json
import sys
from array import array

from wattless.capture import delay


class Ring:
    def __init__(self, job):
        self.length, self.stride, self.wide = job["length"], job["stride"], job["wide"]


for text in open(sys.argv[1]):
    job = json.loads(text)
    ring = Ring(job)
    data = array("i" if ring.wide else "h", job["ring"])
    lines = delay.lines(job["delay"], job["channel"], ring)
    for start, values in job["blocks"]:
        at = start
        for x in values:
            data[job["channel"] * ring.stride + at] = x
            if at < ring.stride - ring.length:
                data[job["channel"] * ring.stride + ring.length + at] = x
            at = (at + 1) % ring.length
        for line in lines:
            line[delay.START] = start
            line[delay.COUNT] = len(values)
            delay.hold(data, line)
    for line in lines:
        line[delay.START] = (start + len(values)) % ring.length
        for _ in range(job["swaps"]):
            delay.swap(data, line)
    print(json.dumps(list(data)))
