"""The signal core: what goes in, what must come out. Each function yields Results; a group is one function.

Worst errors over all windows but the first are reported: the first one starts from a frequency measured over two
periods.
"""

from collections.abc import Iterator

import numpy as np

from host_tools.accuracy.measure import both, converter, windows, windows_of
from host_tools.accuracy.table import Result

RATES = (12800, 10240)
RANGE = {50: (42.5, 45.0, 49.9, 50.0, 50.13, 52.7, 57.5), 60: (51.0, 54.0, 59.93, 60.0, 60.1, 63.0, 69.0)}
# IEC 61000-4-30, table 3: share of Udin, harmonics (order, share, degrees), interharmonic (order of fnom, share)
STATES = {
    "1": (1.0, (), None),
    "2": (0.73, ((3, 0.1, 0), (5, 0.05, 0), (29, 0.05, 0)), (7.5, 0.01)),
    "3": (1.52, ((7, 0.1, 180), (13, 0.05, 0), (25, 0.05, 0)), (3.5, 0.01)),
}
ONE_PHASE = {"wiring": "1p2w", "full_scale_v": 500.0, "full_scale_i": 20.0}


def _of(nominal: int, rate: int = 12800, **more) -> dict:
    return {**ONE_PHASE, "nominal_frequency": nominal, "nominal_voltage": 230.0, "adc_rate": rate, **more}


def harmonics() -> Iterator[Result]:
    """Orders 2 to 50, each 1 % of the fundamental, all at once, over the frequency range."""
    for rate in RATES:
        for nominal, frequencies in RANGE.items():
            worst = []
            for f in frequencies:
                tones = [("v1", f, 230.0, 10), ("i1", f, 5.0, 0)]
                tones += [("v1", h * f, 2.3, 41.0 * h * h) for h in range(2, 51)]
                worst.append([_orders(rows) for rows in both(tones, 1.25, _of(nominal, rate)).settled()])
            worst = np.max(worst, axis=0)  # [ours or pqopen-lib's][order - 2]
            low, high = frequencies[0], frequencies[-1]
            for band, part in (("2-25", slice(0, 24)), ("26-50", slice(24, 49))):
                error, other = worst[:, part].max(axis=1)
                case, quantity = f"{low:g}-{high:g} Hz, {rate} S/s", f"h{band}, % of reading"
                yield Result("harmonics", case, quantity, error, 0.5, 5.0, other)


def _orders(rows: list[dict]) -> np.ndarray:
    """Worst error of the orders 2 to 50 in % of 2.3 V; NaN without windows."""
    if not rows:
        return np.full(49, np.nan)
    return np.abs(np.array([row["vh_l1"] for row in rows])[:, 2:] / 2.3 - 1).max(axis=0) * 100


def fundamental() -> Iterator[Result]:
    """Amplitude and angle of a current from 1 to 100 % of full scale whose partner is 1 to 10 times as large.

    With 0.5 LSB of noise, mean of 15 windows: without any, the 16-bit steps of a wave that repeats exactly every 256
    samples do not average out, and at 1 % of full scale they alone are 0.02 %."""
    for share in (1.0, 0.5, 0.1, 0.03, 0.01):
        for partner in (1.0, 10.0):
            if share * partner > 1:
                continue
            amplitude = phase = 0.0
            for f in (47.3, 50.0, 50.13, 57.5):
                i1 = 0.98 * 20.0 * share / 2**0.5
                tones = [(f"v{n}", f, 230, -120 * (n - 1)) for n in (1, 2, 3)]
                tones += [("i1", f, i1, -30), ("i2", f, i1 * partner, -150), ("i3", f, i1, 90)]
                config = {**_of(50), "wiring": "3p4w", "neutral_current": "computed"}
                found = windows(tones, 3.4 * 50 / f, config, noise_lsb=0.5)[1:16]
                amplitude = max(amplitude, abs(np.mean([w["s1_l1"] for w in found]) / (230 * i1) - 1) * 100)
                phase = max(phase, abs(np.mean([w["phi1_l1"] for w in found]) - 30))
            case = f"{100 * share:g} % of full scale, partner {partner:g} times"
            yield Result("fundamental", case, "amplitude, %", amplitude, 0.005)
            yield Result("fundamental", case, "angle, degrees", phase, 0.005)


def spurs() -> Iterator[Result]:
    """The largest order that is not there, in dB: the floor of converter, resampler and transform."""
    for bits, window_name in ((16, "10/12"), (24, "5/6")):
        for rate in RATES:
            worst = -200.0
            for f in (*RANGE[50], *RANGE[60]):
                tones = [("v1", f, 340.0, 0), ("i1", f, 13.5, 30)]
                config = _of(50 if f in RANGE[50] else 60, rate, adc_bits=bits, window=window_name)
                for window in windows(tones, 0.65, config)[1:]:
                    for name in ("vh_l1", "ih_l1"):
                        values = window[name]
                        worst = max(worst, 20 * np.log10(max(values[2:]) / values[1]))
            yield Result("spurs", f"full scale, {bits} bits, {rate} S/s", "largest absent order, dB", worst, -85)


def dynamic_range() -> Iterator[Result]:
    """A small current beside a full voltage, mean of 15 windows: what words of 24 bits are for. 0.01 LSB of noise (16
    bits), that of a better converter."""
    for bits, window_name, share, target in ((16, "10/12", 1e-3, 0.5), (24, "5/6", 1e-3, 0.05), (24, "5/6", 1e-4, 0.5)):
        i1 = 0.98 * 20.0 * share / 2**0.5
        config = _of(50, adc_bits=bits, window=window_name)
        found = windows([("v1", 50.4, 230, 0), ("i1", 50.4, i1, -30)], 3.4, config, noise_lsb=0.01)[1:16]
        error = abs(np.mean([w["s1_l1"] for w in found]) / (230 * i1) - 1) * 100
        yield Result("range", f"{100 * share:g} % of full scale, {bits} bits", "amplitude, %", error, target)


def frequency() -> Iterator[Result]:
    for state, (share, orders, interharmonic) in STATES.items():
        worst = []
        for nominal, frequencies in RANGE.items():
            for f in frequencies:
                tones = [("v1", f, 230 * share, 20), ("i1", f, 5.0, 0)]
                tones += [("v1", h * f, 230 * share * part, degrees) for h, part, degrees in orders]
                if interharmonic:
                    tones.append(("v1", interharmonic[0] * nominal, 230 * share * interharmonic[1], 0))
                pair = both(tones, 1.25, _of(nominal, full_scale_v=800.0)).settled()
                worst.append([max((abs(row["f"] - f) * 1000 for row in rows), default=np.nan) for rows in pair])
        error, other = np.max(worst, axis=0)
        yield Result("frequency", f"state {state}, steady", "per window, mHz", error, 1.0, 10.0, other)


def synchronism() -> Iterator[Result]:
    """Windows while the frequency moves: the phase that they span, in % of ten turns (IEC 61000-4-7, 4.4.1)."""
    for slope in (1.0, -1.0):
        config = _of(50, adc="ideal")
        adc = converter(config)
        t = np.arange(round(2.4 * adc.rate)) / adc.rate

        def turns(t, slope=slope):
            return 50 * t + slope * t * t / 2

        values = np.zeros((len(t), 7))
        values[:, 0] = 325 * np.cos(2 * np.pi * turns(t))
        starts = np.array([window["t"] for window in windows_of(values, config)])
        error = np.abs(np.diff(turns(starts)) - 10).max() * 10
        yield Result("synchronism", f"{slope:+g} Hz/s", "window length, %", error, 0.03, 0.03)
