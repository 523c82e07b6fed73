"""The path from frames to spectra allocates nothing once it runs, and what it takes at the start is counted. On
MicroPython for ARM, whose words are those of the board."""

import json
import subprocess

import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython
from tests.simulate import records_of

LIMIT = 32_800  # bytes of heap for capture, frequency and window
SITE = [(f"{q}{n}", 50.1, rms, -120 * n - lag) for n in (1, 2, 3) for q, rms, lag in (("v", 230, 0), ("i", 40, 30))]
SCRIPT = """
import gc, json, micropython, sys
from wattless import kernels, meter
from wattless.capture.stream import Stream
from wattless.dsp import resample, sine
from wattless.dsp.frequency import Tracker
from wattless.dsp.window import PACKED_BYTES, Window
from wattless.metering.wiring import wiring

data = open(sys.argv[1], "rb").read()


class Source:
    at = 0
    view = memoryview(data)

    def readinto(self, buffer):
        at = self.at
        n = min(24 * 64, len(data) - at)
        for i in range(n):
            buffer[i] = data[at + i]
        self.at = at + n
        return n


def used():
    gc.collect()
    return gc.mem_alloc()


k = kernels.viper("")
bank = meter.filter_bank(12800, "ads131m08")
wires = wiring("3p4w")
fast = bytearray(meter.FAST_RAM_BYTES)
memory = memoryview(fast)
source = Source()
heap = {"start": used()}
table = sine.table()
stream = Stream(source, memory[:-PACKED_BYTES], (0,) * 8, kernels=k.unpack)
tracker = Tracker(stream, table, wires.references, 12800, 50, 10, 100, k.phase)
heap["capture and frequency"] = used()
window = Window(stream, bank, table, memory[-PACKED_BYTES:], 10, wires.slots, k)
heap["window"] = used()
tracker.restart(resample.LOOK_BACK)
done = 0
locked = 0
error = None
while done < 4 and source.at < len(data):
    if done == 2 and not locked:  # the third and the fourth window
        gc.collect()
        micropython.heap_lock()
        locked = 1
    try:
        stream.drain()
        if tracker.window():
            window.begin(tracker.first, tracker.frac, tracker.length)
            while window.step():
                stream.drain()
            stream.keep = tracker.next_first - resample.LOOK_BACK
            done += 1
    except MemoryError as problem:
        micropython.heap_unlock()
        locked = 0
        sys.print_exception(problem)
        break
if locked:
    micropython.heap_unlock()
print(json.dumps([done, locked, heap]))
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heap")
    (folder / "frames").write_bytes(records_of(SITE, 1.1, {"full_scale_v": 500.0}))
    (folder / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [micropython("arm"), "-X", "heapsize=2m", "script.py", "frames"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('armv7emsp')}:.frozen"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.count("\\n") == 0 and done.stdout.startswith("["), done.stdout
    return json.loads(done.stdout)


def test_nothing_is_allocated_while_it_runs(measured):
    windows, locked, _ = measured
    assert (windows, locked) == (4, 1)


def test_what_the_start_takes(measured):
    """16.4 KB transform, 1 KB CRC tables, 1.5 KB block of frames, 9 KB results, the rest objects. The filter bank
    (1.9 KB) and the sines (4.1 KB) came with their modules, the ring and the packed pair (64 KB) are in the board's
    fast memory."""
    heap = measured[2]
    assert heap["window"] - heap["start"] <= LIMIT, heap


def test_the_self_test_fits_a_boards_heap(tmp_path):
    """A board has 100 KB; the check of the kernels at the start must not be what breaks it."""
    script = "from wattless import kernels, selftest; print(selftest.failures(kernels.viper('')))"
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [micropython("arm"), "-X", "heapsize=80k", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('armv7emsp')}:.frozen"},
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
