"""Runs the kernels of dsp/flicker under any interpreter: jobs as JSON in the file named first; flat lists as JSON lines
on standard output."""

import json
import sys
from array import array

from wattless.dsp import flicker


def memory(job):
    """Memory of a voltage with the words of the job at its beginning."""
    words = array("H", bytes(4 * flicker.WORDS))
    for k, value in enumerate(job["words"]):
        words[2 * k] = value & 0xFFFF
        words[2 * k + 1] = value >> 16 & 0xFFFF
    return words


def word(words, k):
    """Signed word `k` of halfwords."""
    value = words[2 * k] + (words[2 * k + 1] << 16)
    return value - (1 << 32) if value >> 31 else value


def run_step(job):
    """Level after every value; state and classes, those that are not empty, at the end."""
    words = memory(job)
    levels = []
    for v in job["values"]:
        flicker.step(v, words)
        levels.append(word(words, flicker.LEVEL))
    state = [word(words, k) for k in range(flicker.MEAN, flicker.LEVEL + 1)]
    counted = [number for j, n in enumerate(words[2 * flicker.COUNTS :]) if n for number in (j, n)]
    return levels + state + counted


def run_take(job):
    """The percentiles, and all of the memory."""
    words, out = memory(job), array("i", bytes(4 * flicker.SHARES))
    for j, count in enumerate(job["counts"]):
        words[2 * flicker.COUNTS + j] = count
    flicker.take(words, flicker.TABLE, out)
    state = [word(words, k) for k in range(flicker.COUNTS)]
    return list(out) + state + list(words[2 * flicker.COUNTS :])[: len(job["counts"])]


def main():
    with open(sys.argv[1]) as f:
        for line in f:
            job = json.loads(line)
            print(json.dumps(globals()["run_" + job["kernel"]](job)))


main()
