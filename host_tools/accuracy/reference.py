"""What must come out, from the definitions alone and in float64: no code of the firmware, none of pqopen-lib's.

`exact`: closed forms of a sum of sinusoids. `Wave.values`: the definitions of IEC 61000-4-7 and 61000-4-30 applied to
the waveform between two times, for waves whose windows differ (flicker, tones between the bins).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Component = tuple[str, float, float, float]  # channel, Hz, rms, degrees
POINTS = 1 << 14  # of a window, dense: order 50 has 27 in a period
A = np.exp(2j * np.pi / 3)


def phasors(components: Sequence[Component], channel: str) -> dict[float, complex]:
    """Frequency -> rms phasor."""
    found: dict[float, complex] = defaultdict(complex)
    for name, f, rms, degrees in components:
        if name == channel:
            found[round(f, 6)] += rms * np.exp(1j * np.radians(degrees))
    return found


def unbalance(v: Sequence[complex]) -> tuple[float, float]:
    """u2 and u0 in % (IEC 61000-4-30, 5.7)."""
    positive = abs(v[0] + A * v[1] + A**2 * v[2])
    return 100 * abs(v[0] + A**2 * v[1] + A * v[2]) / positive, 100 * abs(sum(v)) / positive


def exact(components: Sequence[Component], f: float) -> dict[str, float]:
    """v, i, p, q1, s of each phase that has a voltage, and p, q1 in total (IEEE 1459-2010): the meter's names."""
    values = {"p": 0.0, "q1": 0.0}
    f = round(f, 6)
    for k in (1, 2, 3):
        v, i = phasors(components, f"v{k}"), phasors(components, f"i{k}")
        if not v:
            continue
        fundamental = v[f] * i[f].conjugate() if f in i else 0j
        values[f"v_l{k}"] = rms_v = np.sqrt(sum(abs(x) ** 2 for x in v.values()))
        values[f"i_l{k}"] = rms_i = np.sqrt(sum(abs(x) ** 2 for x in i.values()))
        values[f"s_l{k}"] = rms_v * rms_i
        values[f"p_l{k}"] = sum((v[x] * i[x].conjugate()).real for x in v if x in i)
        values[f"q1_l{k}"] = fundamental.imag
        values["p"] += values[f"p_l{k}"]
        values["q1"] += fundamental.imag
    return values


def distortion(components: Sequence[Component], channel: str, f: float, highest: int) -> float:
    """THD in % of harmonics only."""
    found = phasors(components, channel)
    total = sum(abs(found.get(round(h * f, 6), 0)) ** 2 for h in range(2, highest + 1))
    return 100 * np.sqrt(total) / abs(found[round(f, 6)])


@dataclass(frozen=True)
class Wave:
    """Sinusoids, all of them times `gain` (a function of the time in s; None: 1)."""

    components: Sequence[Component]
    gain: Callable[[np.ndarray], np.ndarray] | None = None

    def at(self, channel: str, t: np.ndarray) -> np.ndarray:
        values = np.zeros_like(t)
        for name, f, rms, degrees in self.components:
            if name == channel:
                values += np.sqrt(2) * rms * np.cos(2 * np.pi * f * t + np.radians(degrees))
        return values * self.gain(t) if self.gain else values

    def values(self, channel: str, start: float, stop: float, cycles: int, signalling: float | None = None) -> dict:
        """rms, subgroups (orders 0 to 50; 0 is absent), isg (interharmonic centred subgroups), thd40, the fundamental
        phasor and the signalling voltage (four nearest bins) of the window of `cycles` periods between two times."""
        t = start + (np.arange(POINTS) + 0.5) * ((stop - start) / POINTS)
        wave = self.at(channel, t)
        bins = np.fft.rfft(wave) * np.sqrt(2) / POINTS
        square = np.abs(bins[: 51 * cycles + 2]) ** 2
        orders = np.arange(1, 51) * cycles
        subgroups = np.concatenate([[0], np.sqrt(square[orders] + square[orders - 1] + square[orders + 1])])
        between = square[: 51 * cycles].reshape(51, cycles)[:, 2 : cycles - 1]
        values = {
            "rms": np.sqrt(np.mean(wave**2)),
            "orders": subgroups,
            "isg": np.sqrt(between.sum(axis=1)),
            "thd40": 100 * np.sqrt(np.sum(subgroups[2:41] ** 2)) / subgroups[1],
            "fundamental": bins[cycles],
        }
        if signalling:
            first = int(signalling * (stop - start)) - 1
            values["signalling"] = np.sqrt(square[first : first + 4].sum())
        return values
