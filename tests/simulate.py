"""Runs a meter in the process of the test, on frame records in memory: firmware under CPython, arithmetic checked."""

import asyncio
import sys
from types import SimpleNamespace

from host_tools.adc_model import Adc, frame_bytes, tones
from host_tools.toolchain.paths import ROOT

sys.path.insert(0, str(ROOT / "boards/virtual"))

from virtual_board import ByteFrames, HostClock, VirtualBoard  # noqa: E402
from wattless import config  # noqa: E402
from wattless.meter import Meter  # noqa: E402
from wattless.points import Points  # noqa: E402


def meter(records, settings=None):
    """A Meter on `records`, not yet run; its `published` collects the windows."""
    points = Points()
    board = VirtualBoard(ByteFrames(records), HostClock())
    made = Meter(board, config.load(settings or {}), points)
    made.published = []
    made.on_window.append(lambda points: made.published.append(snapshot(points)))
    return made


def snapshot(points):
    values = {name: points.get(name) for name in points.ids()}
    return SimpleNamespace(t=points.t_first, flags=points.flag_names(), seq=points.seq, **values)


def run(records, settings=None):
    """The snapshots of all windows in `records`."""
    made = meter(records, settings)
    asyncio.run(made.run())
    return made.published


def adc_of(settings):
    wanted = config.load(settings)
    return Adc(wanted.adc_rate, wanted.adc, wanted.full_scale_v, wanted.full_scale_i, wanted.adc_bits)


def records_of(components, seconds, settings, dc=None, **faults):
    """Frame records of tones (channel, Hz, rms, degrees) as the simulated ADC of `settings` makes them."""
    adc = adc_of(settings)
    return b"".join(frame_bytes([(0, tones(components, round(seconds * adc.rate), adc, dc=dc))], adc, **faults))


def measure(components, seconds=0.5, dc=None, **settings):
    """Snapshots of the windows of a sum of tones."""
    return run(records_of(components, seconds, settings, dc), settings)
