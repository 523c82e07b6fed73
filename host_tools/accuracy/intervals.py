"""What takes its time: frequency over 10 s and flicker, from the lines of intervals that the firmware prints.

{"interval": "10 s", ..., "f10s": 50.05}    {"interval": "10 min", ..., "t10min_pst_l1": 1.0}
"""

from collections.abc import Iterator

import numpy as np

from host_tools import adc_model
from host_tools.accuracy import measure, peer, reference, states
from host_tools.accuracy.table import Result

# IEC 61000-4-15, table 5, 230 V and 50 Hz: changes a minute, % of U; a point is ten minutes of signal
RECTANGULAR = ((39, 0.894),)
SETTLING = 60.0  # s before the interval of 10 min
BLOCK_SECONDS = 10


def flicker() -> Iterator[Result]:
    """Pst of rectangular modulation that must give 1."""
    for changes, percent in RECTANGULAR:
        config = states.config_of(50, wiring="1p2w", full_scale_v=500.0)
        adc = measure.converter(config)
        gain = states.flicker(changes, percent)

        def blocks(adc=adc, gain=gain):
            count = round(BLOCK_SECONDS * adc.rate)
            for first in range(0, round((SETTLING + 610) * adc.rate), count):
                values = adc_model.tones([("v1", 50.0, 230.0, 0.0), ("i1", 50.0, 5.0, 0.0)], count, adc, first=first)
                values[:, 0] *= gain((first + np.arange(count)) / adc.rate)
                yield values

        other = peer.made_for(config)
        start = 600 - SETTLING
        if other:
            other.watch_flicker(230.0, start)
        found = np.nan
        for line in measure.lines(blocks(), config, states.NOISE, other, start):
            value = line.get("t10min_pst_l1")
            found = found if value is None else value
        theirs = abs(other.pst[-1] - 1) * 100 if other and other.pst else None
        yield Result("flicker", f"{changes} changes a minute", "Pst, %", abs(found - 1) * 100, 0.5, 5.0, theirs)


def ten_seconds() -> Iterator[Result]:
    """Frequency of whole intervals of 10 s (IEC 61000-4-30, 5.1.2), with the disturbances of the test states."""
    for name, state in states.STATES.items():
        worst = 0.0
        for nominal, frequencies in ((50, (42.5, 50.05, 57.5)), (60, (51.0, 60.05, 69.0))):
            for f in frequencies:
                tones = states.voltages(state._replace(step=f - nominal), nominal)
                wave = reference.Wave(tones, states.flicker(*state.flicker) if state.flicker else None)
                config = states.config_of(nominal)
                lines = measure.lines([states.sampled(wave, config, 20.6)], config, states.NOISE, None, 9.6)
                found = [line["f10s"] for line in lines if line.get("f10s") is not None]
                worst = np.max([worst, *(abs(value - f) * 1000 for value in found)] if found else np.nan)
        yield Result("frequency, 10 s", f"state {name}", "mHz", worst, 1.0, 10.0)
