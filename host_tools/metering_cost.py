"""What metering takes of a window: ARM instructions and garbage of each of its parts, in MicroPython for ARM.

A simulated three-phase site is measured once; the integers of one of its windows, and the ring with its samples, then
go through the parts of metering over and over, each part for itself: FEW times in one run and MANY times in another,
whose difference is the cost of a round (host_tools/instructions.py). Garbage is what the heap grows by in a round with
the collector switched off. The kernels in these figures are viper's.
"""

import asyncio
import json
import multiprocessing
import sys
import tempfile
from array import array
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from host_tools import instructions
from host_tools.adc_model import Adc, frame_bytes, tones
from host_tools.toolchain.paths import ROOT

FEW, MANY = 2, 6  # rounds
FRAMES = 2560
PERIOD = 256  # samples: 50 Hz exactly, so that the ring may be gone round again and again
PARTS = ("quantities", "health", "energy", "aggregation", "source", "diagnosis", "publish", "half_periods")
SETTINGS = {"demand_current": 16.0, "rated_current": 20.0, "full_scale_i": 50.0}

SCRIPT = """
import gc, json, sys
from array import array
rounds, part, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
from wattless import config
from wattless.event_log import EventLog
from wattless.metering.quantities import Quantities
from wattless.metering.wiring import wiring
from wattless.points import Points
from wattless.time_base import TimeBase


class Canned:
    pass


with open(path) as file:
    data = json.load(file)
window, stream = Canned(), Canned()
for name, arrays in data["window"].items():
    made = [array("i", values) for values in arrays]
    setattr(window, name, made if len(made) > 1 else made[0])
window.lists = window.summaries
window.band_start = 0
window.cycles = 10
stream.wide = False
stream.count = stream.marks = 0
stream.index = lambda sample: sample % stream.length
stream.marked = lambda first, last: 0
stream.lost = stream.crc_errors = stream.clipped_frames = stream.jitter_frames = stream.gaps = stream.clipped = 0
stream.aux = lambda: 24000
settings = config.load(data["settings"])
wires = wiring("3p4w")
points = Points()
time = TimeBase(12800)
time.set(0, 1700000000000)
log = EventLog(rate=12800, time_of=time.ms)
LENGTH = 2560 << 16
first = 2560
# of the rest only what the part needs: whatever runs here is logged as well, and slowly
if part != "half_periods":
    quantities = Quantities(settings, wires, 10, points)
    quantities.update(window, LENGTH, True)
if part in ("energy", "source", "half_periods"):
    from wattless.metering.events import Events

    events = Events(settings, wires, log)
if part == "half_periods":
    from wattless import kernels
    from wattless.dsp import sine
    from wattless.metering.flicker import Flicker
    from wattless.metering.half_cycle import HalfCycles

    with open(path + ".ring", "rb") as file:
        stream.data = array("h", file.read())
    stream.length = stream.stride = len(stream.data) // 7
    flicker = Flicker(settings, range(3))
    half = HalfCycles(stream, sine.table(), kernels.viper(""), settings, wires, points, events, flicker)
elif part == "health":
    from wattless.capture.health import Health

    health = Health(settings, stream, log, points)
elif part == "energy":
    from wattless.metering.energy import Energy

    energy = Energy(settings, wires, points)
elif part == "aggregation":
    from wattless.metering.aggregation import Aggregation

    aggregation = Aggregation(settings, wires, 10, 12800, points, time, None)
elif part == "source":
    from wattless.metering.source import Source

    source = Source(settings, wires, points)
elif part == "diagnosis":
    from wattless.metering.diagnosis import Diagnosis

    diagnosis = Diagnosis(settings, wires, points, log)


def run_quantities(k):
    quantities.update(window, LENGTH, True)


def run_health(k):
    health.window(window, first, first + 2559, 0)


def run_energy(k):
    energy.span(first, 0, LENGTH)
    energy.publish(points)
    events.publish(points)


def run_aggregation(k):
    aggregation.tick_in(first, first + 2560)
    aggregation.window(window, quantities, first, first + 2560, 10, LENGTH, 0, True)
    while aggregation.step():
        pass


def run_source(k):
    for element in range(3):
        events.reference_update(element, quantities.code_rms(element), 0)
    source.window(window, quantities, True)


def run_diagnosis(k):
    diagnosis.window(quantities, True, 0, first)


def run_publish(k):
    points.publish(1.0, time.ms(first), 0)


def run_half_periods(k):
    for _ in range(20):
        stream.count += 128
        while half.poll():
            pass


run = globals()["run_" + part]
if part == "half_periods":
    half.restart(0)
    for k in range(6):  # finds the frequency
        run(k)
        half.follow(data["step"])
for k in range(3):
    run(k)
gc.collect()
gc.disable()
used = gc.mem_alloc()
for k in range(rounds):
    run(k)
    first += 2560
grown = gc.mem_alloc() - used
print(grown)
"""


def measure() -> dict[str, tuple[int, int]]:
    """{part: (instructions, bytes of garbage) of a window}"""
    with tempfile.TemporaryDirectory(prefix="wattless-") as folder:
        data = Path(folder, "data.json")
        canned = _canned()
        Path(folder, "data.json.ring").write_bytes(array("h", canned.pop("ring")).tobytes())
        data.write_text(json.dumps(canned))
        script = Path(folder, "script.py")
        script.write_text(SCRIPT)
        with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
            costs = pool.map(_cost, [(script, part, data) for part in PARTS])
            return dict(zip(PARTS, costs, strict=True))


def _cost(job: tuple[Path, str, Path]) -> tuple[int, int]:
    script, part, data = job
    few, _ = instructions.count(script, FEW, part, data)
    many, garbage = instructions.count(script, MANY, part, data)
    return (many - few) // (MANY - FEW), int(garbage) // MANY


def _canned() -> dict:
    """The integers of a window of a simulated site, and a ring of samples."""
    sys.path[:0] = [str(ROOT / folder) for folder in ("host_tools/shim", "firmware", "boards/virtual")]
    from virtual_board import ByteFrames, HostClock, VirtualBoard
    from wattless import config
    from wattless.meter import Meter
    from wattless.points import Points

    adc = Adc(full_scale_i=SETTINGS["full_scale_i"])
    orders = ((1, 1.0, 1.0), (3, 0.01, 0.3), (5, 0.03, 0.2), (7, 0.02, 0.15), (11, 0.01, 0.08), (49, 0.002, 0.01))
    components = [
        (f"{quantity}{n}", 50.0 * h, rms * share, h * (-120.0 * (n - 1) - lag))
        for n in (1, 2, 3)
        for h, of_voltage, of_current in orders
        for quantity, rms, share, lag in (("v", 230.0, of_voltage, 0.0), ("i", 12.0, of_current, 30.0))
    ]
    records = b"".join(frame_bytes([(0, tones([*components, ("in", 150.0, 10.8, 0.0)], 4 * FRAMES, adc))], adc))
    board = VirtualBoard(ByteFrames(records), HostClock())
    meter = Meter(board, config.load(SETTINGS), Points())
    asyncio.run(meter.run())
    window, stream = meter.window, meter.stream
    arrays = {
        "sums": [window.sums], "extremes": [window.extremes], "bands": [window.bands], "phasors": window.phasors,
        "summaries": window.summaries, "between": window.between, "own": window.own,
    }  # fmt: skip
    length = stream.length // PERIOD * PERIOD
    samples = memoryview(stream.data).cast("h")
    ring = [samples[k * stream.stride + i] for k in range(7) for i in range(length)]
    return {
        "window": {name: [list(a) for a in values] for name, values in arrays.items()},
        "ring": ring,
        "step": (1 << 26) // PERIOD,
        "settings": SETTINGS,
    }
