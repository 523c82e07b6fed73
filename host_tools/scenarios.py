"""Sites for the virtual meter: endless ADC frames of a known installation, and the settings of a meter that suits it.

    site = make("ev-site")
    for block in site.blocks(256):  # 256 frames, 20 ms, as bytes
        ...

A site is one loop of frames, a whole number of periods long, computed with its CRCs; only the frame numbers keep
counting. Signs are those of the load convention: P > 0 is consumption, Q1 > 0 when the current lags (inductive). A
block of 256 costs 0.01 ms.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from host_tools.adc_model import COLUMN, COLUMNS, Adc, readable_full_scale, tones
from host_tools.front_end import Errors, FrontEnd
from host_tools.rate_conversion import looped
from host_tools.recording import InputError, load

WAVEFORMS = Path(__file__).resolve().parents[1] / "tests/data/waveforms"
RATE = 12800
ADC = Adc(float(RATE))  # its gain at a frequency is what matters before the full scale is known
ANGLES = (0.0, -120.0, 120.0)  # of L1, L2, L3


class Site(NamedTuple):
    """frequency, voltage: nominal, Hz and V; waveform: V and A of one loop (frames, COLUMNS), before rounding."""

    description: str
    frequency: int
    voltage: float
    waveform: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Scenario:
    """description: for the user; config: the meter's settings; values: V and A of one loop of whole periods (frames,
    COLUMNS), before rounding; loop: the same as records (adc_model.FRAME)."""

    name: str
    description: str
    config: Mapping[str, object]
    values: np.ndarray
    loop: np.ndarray

    def blocks(self, n_frames: int, first: int = 0) -> Iterator[bytes]:
        """Consecutive blocks of n_frames records, without end, the same every time, numbered from first on."""
        return self.front_end().blocks(n_frames, first)

    def front_end(self, errors: Errors | None = None) -> FrontEnd:
        """A converter at the site, with planted errors."""
        return _front_end(self.values, self.config, errors)


def _front_end(values: np.ndarray, config: Mapping, errors: Errors | None = None) -> FrontEnd:
    adc = Adc(ADC.rate, ADC.kind, config["full_scale_v"], config["full_scale_i"])
    return FrontEnd(values, adc, config["nominal_frequency"], errors)


def make(name: str) -> Scenario:
    """The scenario of that name; InputError names those there are."""
    if name not in _SITES:
        raise InputError(f"no scenario {name!r}: there are {', '.join(NAMES)}")
    site = _SITES[name]
    values = site.waveform()
    full_scale_v = readable_full_scale(float(np.abs(values[:, :3]).max()))
    full_scale_i = readable_full_scale(float(np.abs(values[:, 3:]).max()))
    config = {
        "wiring": "3p4w",
        "nominal_frequency": site.frequency,
        "nominal_voltage": site.voltage,
        "adc_rate": RATE,
        "adc": ADC.kind,
        "full_scale_v": full_scale_v,
        "full_scale_i": full_scale_i,
        "neutral_current": "measured",
    }
    description = f"{site.description}; {site.voltage:g} V, {site.frequency} Hz"
    return Scenario(name, description, config, values, _front_end(values, config).loop)


def _ev_site() -> np.ndarray:
    """Three recordings of one period, stretched to exactly 1/60 s; L2 and L3 come 1/3 and 2/3 of a period later."""
    period = 1 / 60
    count = 3 * RATE // 60  # three periods are a whole number of frames
    values = np.zeros((count, COLUMNS))
    for phase, file in enumerate(("ev60_nissan_leaf_charging", "plaid60_fan_motor", "plaid60_laptop_charger")):
        # any rate will do: what the file gives is one period of samples
        (segment,) = load(WAVEFORMS / f"{file}.csv", fs=30000.0, mapping={"v1": "v_V", "i1": "i_A"}).segments
        v, i = segment.data["v1"], segment.data["i1"]
        if phase == 0:
            v = v * (120 / np.sqrt(np.mean(v**2)))
        start = phase * period / 3
        blocks = ADC.convert(looped(np.stack((v, i))), segment.samples / period, 0, count, start)
        values[:, [phase, 3 + phase]] = np.concatenate(list(blocks), axis=1).T
    values[:, COLUMN["in"]] = values[:, 3:6].sum(axis=1)
    return values


def _phases(channel: str, harmonics: Mapping[int, tuple[float, float]]) -> list[tuple[str, float, float, float]]:
    """Tones of a symmetrical three-phase quantity at 50 Hz: order -> (rms, degrees in L1)."""
    return [
        (f"{channel}{phase + 1}", order * 50.0, rms, angle + order * ANGLES[phase])
        for order, (rms, angle) in harmonics.items()
        for phase in range(3)
    ]


def _steady(current: float, angle: float) -> Callable[[], np.ndarray]:
    """230 V, and symmetrical currents of `current` A at `angle` degrees to the voltage; one period at 50 Hz."""
    components = _phases("v", {1: (230.0, 0.0)}) + _phases("i", {1: (current, angle)})
    return lambda: tones(components, RATE // 50, ADC)


def _harmonic_site() -> np.ndarray:
    """Line currents of a six-pulse bridge, 120 degree blocks that commutation rounds off, retarded by 25 degrees."""
    retard = 25.0
    shares = {1: 1.0, 5: 0.19, 7: 0.13, 11: 0.073, 13: 0.057, 17: 0.035, 19: 0.028, 23: 0.018, 25: 0.015}
    current = {h: (120 * share, (0.0 if h % 6 == 1 else 180.0) - h * retard) for h, share in shares.items()}
    voltage = {1: (230.0, 0.0), 5: (7.0, 160.0), 7: (4.6, -40.0), 11: (3.0, 110.0), 13: (2.2, -75.0), 17: (1.2, 45.0)}
    return tones(_phases("v", voltage) + _phases("i", current), RATE // 50, ADC)


def _reversed_ct() -> np.ndarray:
    values = _steady(10.0, -30.0)()
    values[:, COLUMN["i2"]] *= -1
    return values


def _motor_start() -> np.ndarray:
    """20 s: lighting alone; at 2 s a 20 A motor starts on line (6 times its current, at power factor 0.3, with the dc
    part that keeps the current steady at the moment of closing) and pulls the voltage down behind the source's
    impedance; at 16 s it is switched off."""
    on, off, seconds = 2.0, 16.0, 20.0
    source = 0.12 + 0.22j  # ohm
    run_up_s, dc_s, off_s = 0.7, 0.03, 0.005  # time constants
    t = np.arange(round(seconds * RATE)) / RATE
    since_on, since_off = t - on, t - off
    running = (since_on >= 0) & (since_off < 0)
    inrush = np.exp(-np.maximum(since_on, 0) / run_up_s)
    angle = -np.arccos(0.85 - 0.55 * inrush)
    motor = np.where(running, 20 * (1 + 5 * inrush) * np.exp(1j * angle), 0)
    motor += np.where(since_off >= 0, 20 * np.exp(1j * angle - np.maximum(since_off, 0) / off_s), 0)
    current = motor + 3 * np.exp(-1j * np.arccos(0.95))
    voltage = 230 - source * current

    gain = np.sqrt(2) * float(ADC.response(np.float64(50.0)))
    values = np.zeros((t.size, COLUMNS))
    for phase in range(3):
        turn = np.exp(1j * np.radians(ANGLES[phase]) + 2j * np.pi * np.fmod(50 * t, 1.0))
        closing = np.exp(1j * np.radians(ANGLES[phase]) + 2j * np.pi * 50 * on)
        offset = (motor[round(on * RATE)] * closing).real * np.exp(-np.maximum(since_on, 0) / dc_s) * running
        values[:, phase] = gain * (voltage * turn).real
        values[:, 3 + phase] = gain * ((current * turn).real - offset)
    return values


_SITES = {
    "ev-site": Site("a charging EV on L1, a fan motor on L2, a laptop on L3, as recorded", 60, 120.0, _ev_site),
    "steady-50": Site("10 A lagging by 30 degrees in each phase (QI)", 50, 230.0, _steady(10.0, -30.0)),
    "motor-start": Site("a motor starts on line every 20 s: six times its current, a dip", 50, 230.0, _motor_start),
    "harmonic-site": Site("six-pulse drives on a distorted supply, THD of I 25 % (QI)", 50, 230.0, _harmonic_site),
    "export-leading": Site("16 A exported with leading vars: P < 0, Q1 < 0 (QIII)", 50, 230.0, _steady(16.0, 150.0)),
    "reversed-ct": Site("10 A lagging, the CT of L2 backwards: its P and Q1 negative", 50, 230.0, _reversed_ct),
}
NAMES = tuple(_SITES)
