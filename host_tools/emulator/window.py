"""Which kernels a 200 ms window takes, and what each costs: a whole meter runs, its kernels as ARM machine code.

The calls are those that the firmware makes between two published windows, so they follow the pipeline as it changes:
three voltages and four currents, 12.8 kS/s, 50 Hz, 2560 frames a window. For a process of its own: it puts the
emulator's `micropython` on the path.
"""

import asyncio
import sys
from array import array
from dataclasses import dataclass, field
from importlib import import_module

import numpy as np

from host_tools.adc_model import Adc, frame_bytes, tones
from host_tools.toolchain.paths import ROOT

FRAMES = 2560
RECORD = 24
COUNTED = 3  # the window counted: the ring has filled, frequency and window length have settled
FOLDERS = ("host_tools/emulator/shim", "firmware", "boards/virtual")
SIZES = (512, 1024, 2048)  # of transforms counted by themselves

# kernel -> what it works through, and how many of them by its arguments (a twin has the same ones)
UNITS = {
    "unpack": ("frame", lambda records, ring, tables, state: state[7] - state[6]),
    "resample": ("point of a pair", lambda ring, cursor, bank, z: cursor[7]),
    "own": ("point of a pair", lambda z, params, out: params[1] - params[0]),
    "cross": ("point of a pair", lambda z, packed, params, out: params[1] - params[0]),
    "pack": ("point of a pair", lambda z, packed, params: params[1] - params[0]),
    "first4": ("group", lambda z, w, stop: stop - w),
    "first8": ("group", lambda z, w, stop: stop - w),
    "radix4_pass": ("butterfly", lambda z, w, sine, plan: w * plan[0] // (4 * plan[1])),
    "split": ("bin", lambda z, n, bins: bins),
    "pieces": ("bin", lambda start, z, params, out: params[3] * params[1]),
    "correlate": ("sample", lambda ring, sine, params, out: 2 * params[3] + 1),
}


@dataclass
class Tally:
    """One kernel in one window: instructions with those of the runtime calls it makes, and the longest call.

    units: how many of `unit` it worked through."""

    unit: str = "call"
    calls: int = 0
    units: int = 0
    instructions: int = 0
    runtime_calls: int = 0
    longest: int = 0


@dataclass
class Costs:
    """kernels: by name without "wattless." and "_thumb"; transforms: instructions of complex FFTs by their length;
    thumb: whether a Thumb-2 kernel was among them."""

    kernels: dict[str, Tally] = field(default_factory=dict)
    transforms: dict[int, int] = field(default_factory=dict)
    thumb: bool = False

    def tally(self, kernel, args, count) -> None:
        name = kernel.native.name.removeprefix("wattless.").replace("_thumb.", ".")
        unit, units = UNITS.get(kernel.__name__, ("call", lambda *args: 1))
        row = self.kernels.setdefault(name, Tally(unit))
        row.calls += 1
        row.instructions += count.total
        row.runtime_calls += sum(count.calls.values())
        row.longest = max(row.longest, count.total)
        row.units += units(*args)
        self.thumb |= kernel.native.kind == "asm"


def costs(thumb: bool) -> Costs:
    """What a window and the transforms cost with the kernels of a board whose `thumb` is that."""
    sys.path[:0] = [str(ROOT / folder) for folder in FOLDERS]
    found = Costs()
    _count_window(found, thumb)
    for size in SIZES:
        found.transforms[size] = _count_transform(size, thumb)
    return found


def _count_window(found: Costs, thumb: bool) -> None:
    from host_tools.emulator.kernels import observers
    from virtual_board import ByteFrames, HostClock, VirtualBoard
    from wattless import config
    from wattless.meter import Meter
    from wattless.points import Points

    class Rationed(ByteFrames):
        """Once the meter has started, a window's frames a window: as many as time would bring."""

        left = (COUNTED + 3) * FRAMES

        def readinto(self, buffer):
            room = min(len(buffer) // RECORD, self.left) * RECORD
            done = super().readinto(buffer[:room]) if room else 0
            self.left -= max(0, done) // RECORD
            return done

    frames = Rationed(_records())
    board = VirtualBoard(frames, HostClock())
    board.thumb = thumb
    meter = Meter(board, config.load({}), Points())

    def on_window(points):
        frames.left = FRAMES
        if meter.windows == COUNTED - 1:
            observers.append(found.tally)
        elif meter.windows == COUNTED:
            observers.remove(found.tally)

    meter.on_window.append(on_window)
    asyncio.run(meter.run())
    if meter.windows < COUNTED:
        raise RuntimeError(f"the meter made {meter.windows} windows, {COUNTED} are needed")


def _count_transform(size: int, thumb: bool) -> int:
    from host_tools.emulator.kernels import observers
    from wattless.dsp import fft, sine

    z = array("i", np.random.default_rng(size).integers(-(2**22), 2**22, 2 * size, dtype=np.int32).tobytes())
    table = sine.table()
    counts = []
    observers.append(lambda kernel, args, count: counts.append(count.total))
    fft.transform(z, table, size, import_module("wattless.dsp.fft_thumb") if thumb else None)
    observers.pop()
    return sum(counts)


def _records() -> bytes:
    """Frames of a three-phase site with harmonics in voltages and currents, 50 Hz."""
    adc = Adc()
    orders = ((1, 1.0, 1.0), (3, 0.01, 0.3), (5, 0.03, 0.2), (7, 0.02, 0.15), (11, 0.01, 0.08), (49, 0.002, 0.01))
    components = [
        (f"{quantity}{n}", 50.0 * h, rms * share, h * (-120.0 * (n - 1) - lag))
        for n in (1, 2, 3)
        for h, of_voltage, of_current in orders
        for quantity, rms, share, lag in (("v", 230.0, of_voltage, 0.0), ("i", 20.0, of_current, 30.0))
    ]
    components += [("in", 150.0, 18.0, 0.0)]
    return b"".join(frame_bytes([(0, tones(components, (COUNTED + 3) * FRAMES, adc))], adc))
