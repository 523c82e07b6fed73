"""Runs in MicroPython: metering.source on samples from the standard input, its answers to the standard output.

Argument: a JSON object: wiring, settings of the meter (config.py), site (ohm or null), windows of a trial, trials. A
window: per phase re, im of V and of I of the order whose turn it is (int32 words of a phasor), re, im of the
fundamental V and I of phase 1 and the frequency (float32), 1 for a told step + 2 for no synchronism (int32). The answer
after every 12 windows: 12 verdicts, 12 confidences (bytes), 12 impedances (float32).
"""

import json
import struct
import sys
from array import array

from wattless import config
from wattless.metering.source import ORDERS, Source
from wattless.metering.wiring import wiring

F_SLOT = 3 * ORDERS


class Rows:
    """As much of points.Points as the source needs."""

    def __init__(self):
        self.stage = array("f", bytes(4 * (F_SLOT + 1)))

    def at(self, name):
        if name == "f":
            return F_SLOT
        family, order = name.split("_h")
        return {"source": 0, "source_confidence": 1, "source_z": 2}[family] * ORDERS + (int(order) - 3) // 2


class Holder:
    pass


single = float  # a test of single precision puts another one here


def answer(task, read, write):
    """Works a task off: `read` fills a buffer, `write` takes bytes."""
    settings = config.load(task["settings"])
    wires = wiring(task["wiring"])
    n = wires.phases
    layout = "<" + str(4 * n) + "i5fi"
    record = bytearray(struct.calcsize(layout))
    window, quantities = Holder(), Holder()
    window.phasors = [array("i", bytes(8 * 51)) for _ in range(7)]
    quantities.v, quantities.i = [0j] * 3, [0j] * 3
    quantities.volts = single(settings.full_scale_v / 32768 * wires.voltage_scale)
    quantities.amperes = single(settings.full_scale_i / 32768)
    for _ in range(task["trials"]):
        rows = Rows()
        source = Source(settings, wires, rows, task["site"])
        for number in range(task["windows"]):
            read(record)
            values = struct.unpack(layout, record)
            at = 2 * (2 * (number % ORDERS) + 3)
            for phase in range(n):
                v, i = window.phasors[phase], window.phasors[3 + phase]
                v[at], v[at + 1], i[at], i[at + 1] = values[4 * phase : 4 * phase + 4]
            vr, vi, ir, ii, f, flags = values[4 * n :]
            quantities.v[0], quantities.i[0] = complex(vr, vi), complex(ir, ii)
            rows.stage[F_SLOT] = f
            if flags & 1:
                source.setpoint_changed()
            source.window(window, quantities, not flags & 2)
            if number % ORDERS == ORDERS - 1:
                write(bytes([int(x) for x in rows.stage[: 2 * ORDERS]]))
                write(bytes(rows.stage[2 * ORDERS : 3 * ORDERS]))


if __name__ == "__main__":
    answer(json.loads(sys.argv[1]), sys.stdin.buffer.readinto, sys.stdout.buffer.write)
