"""Runs the kernels of dsp/orders.py under any interpreter: jobs as JSON in the file named first; flat lists as JSON
lines on standard output."""

import json
import sys
from array import array

from wattless.dsp import orders


def words(values):
    return array("i", values)


def zeros(count):
    return array("i", bytes(4 * count))


def run_between(job):
    pairs = zeros(104)
    orders.between(words(job["pieces"]), pairs, job["kind"])
    results = list(pairs)
    orders.roots(pairs, pairs, 51)
    return results + list(pairs)[:51]


def run_single_bins(job):
    out = zeros(6)
    pairs = words([0] * 102 + job["inner"])
    orders.single_bins(words(job["pieces"]), words(job["summary"]), pairs, out)
    return list(out)


def run_weighted(job):
    out = zeros(6)
    orders.weighted(words(job["magnitudes"]), out)
    return list(out)


def run_smooth(job):
    state, magnitudes = words(job["state"]), words(job["magnitudes"])
    orders.smooth(state, magnitudes, job["share"])
    return list(state) + list(magnitudes)


def run_products(job):
    pairs = zeros(102)
    orders.products(words(job["v"]), words(job["i"]), pairs)
    return list(pairs)


def run_add(job):
    out = zeros(2)
    orders.add(words(job["pairs"]), job["first"], out)
    return list(out)


def run_rest(job):
    out = zeros(2)
    orders.rest(words(job["own"]), words(job["sums"]), job["slot"], job["dc"], out)
    return list(out)


def run_gather(job):
    pairs = zeros(20)
    orders.gather(words(job["summary"]), words(job["own"]), words(job["sums"]), pairs)
    return list(pairs)


def run_add_phasors(job):
    out = zeros(102)
    orders.add_phasors(words(job["a"]), words(job["b"]), words(job["c"]), out)
    return list(out)


with open(sys.argv[1]) as f:
    for line in f:
        job = json.loads(line)
        print(json.dumps(globals()["run_" + job["kernel"]](job)))
