"""From readings and true values to what the converter has to be set to. Pure arithmetic.

A channel: code = (raw - offset) * gain, late by its own delay plus `phase` modulator periods (firmware/wattless/
calibration.py). So with x for what is read now and r for what is true:

    offset    raw dc = offset + dc / gain; it becomes the new offset
    gain      new = gain * r / x, of rms values without their dc
    phase     an angle is a time. phi1 of a phase is angle(V) - angle(I), so phases alone tell a current against its own
              voltage; voltages against each other show in the line voltages, by the law of cosines

Delays can only be added (less than half a sample can be taken back, by the converter): where a channel is late, all the
others are made as late as it is. Only differences between channels matter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from math import acos, atan2, cos, degrees, inf, radians, sqrt

from host_tools.firmware_path import points_table  # noqa: F401  (puts the firmware on the path)
from host_tools.toolchain.paths import ROOT

if str(ROOT / "host_tools/shim") not in sys.path:
    sys.path.append(str(ROOT / "host_tools/shim"))  # calibration.py imports MicroPython's const

from wattless.calibration import (  # noqa: E402
    NAMES,
    OFFSET_LIMIT,
    OSR,
    PHASE_LEAST,
    PHASE_MOST,
    UNITY,
    Calibration,
    CalibrationError,
    from_dict,
)

__all__ = ["NAMES", "OFFSET_LIMIT", "UNITY", "Calibration", "CalibrationError", "from_dict"]

PEAK = 1 << 23  # code of full scale
ELEMENTS = {"1p2w": (1,), "1p3w": (1, 2), "3p4w": (1, 2, 3)}  # phases with a voltage and a current of their own
Values = Mapping[str, float]


class ModelError(ValueError):
    """What was measured gives no legal calibration. The message says which channel and why."""


def copy(calibration: Calibration) -> Calibration:
    made = Calibration(calibration.gain_v, calibration.gain_i)
    made.gain[:], made.offset[:], made.phase[:] = calibration.gain, calibration.offset, calibration.phase
    return made


def same(a: Calibration, b: Calibration, gain_steps: int = 16) -> bool:
    """Whether they are the same. gain_steps: the console prints gains with seven digits."""
    near = all(abs(x - y) <= gain_steps for x, y in zip(a.gain, b.gain, strict=True))
    return near and list(a.offset) == list(b.offset) and list(a.phase) == list(b.phase)


def new_offset(offset: int, gain: int, dc: float, full_scale: float) -> int:
    """OCAL. dc: as read, in the unit of full_scale (peak V or A at full code)."""
    return round(offset + dc / full_scale * PEAK * UNITY / gain)


def new_gain(gain: int, true: float, read: float) -> int:
    """GCAL from two rms values. A `read` of 0 gives none."""
    if not read > 0:
        raise ModelError(f"a reading of {read:g} has no ratio to a true value of {true:g}")
    return round(gain * true / read)


def without_dc(rms: float, dc: float) -> float:
    """The rms value of what is left. 0 where dc is all."""
    return sqrt(max(0.0, rms * rms - dc * dc))


def turn(angle: float) -> float:
    """An angle between -180 and 180 degrees."""
    return (angle + 180) % 360 - 180


def periods_per_degree(rate: float, frequency: float) -> float:
    """Modulator periods that a degree of `frequency` lasts."""
    return OSR * rate / (360 * frequency)


def between(a: float, b: float, line: float) -> float:
    """Degrees, 0 to 180, between two voltages of the lengths a and b whose difference is `line` long."""
    if not (a > 0 and b > 0):
        raise ModelError(f"voltages of {a:g} V and {b:g} V have no angle between them")
    cosine = (a * a + b * b - line * line) / (2 * a * b)
    if not -1.0001 <= cosine <= 1.0001:
        raise ModelError(f"{a:g} V, {b:g} V and {line:g} V make no triangle")
    return degrees(acos(max(-1.0, min(1.0, cosine))))


def triangle(values: Values, dc: Values | None = None) -> tuple[float, float, float]:
    """Degrees L1-L2, L2-L3, L3-L1 from v_l1.. and v_l12.., rms. dc: of v_l1.., taken off."""
    offsets = [(dc or {}).get(f"v_l{k}", 0.0) for k in (1, 2, 3)]
    v = [without_dc(values[f"v_l{k}"], offsets[k - 1]) for k in (1, 2, 3)]
    found = []
    for a, b in ((0, 1), (1, 2), (2, 0)):
        line = without_dc(values[f"v_l{a + 1}{b + 1}"], offsets[a] - offsets[b])
        found.append(between(v[a], v[b], line))
    return found[0], found[1], found[2]


def voltage_angles(read: Values, true: Values, dc: Values | None = None) -> tuple[float, float, float]:
    """By how many degrees V1, V2, V3 are read too early, against V1 (L2 lags L1, L3 lags L2).

    Angles in a triangle are the same whatever the gains are, as long as line voltages are computed from the phases."""
    a, b = triangle(read, dc), triangle(true)
    return 0.0, -(a[0] - b[0]), a[2] - b[2]


def lead(phase_error: float, voltage_lead: float) -> float:
    """Degrees by which a current is read too early: phi1 is read too large by phase_error, its voltage too early by
    voltage_lead."""
    return voltage_lead - phase_error


def new_phases(phases: Iterable[int], leads: Mapping[int, float], per_degree: float) -> list[int]:
    """Delays of all channels. leads: channel (0..6) -> degrees that it is read too early; 0 for others.

    V1 stays without a delay where it can; otherwise the channel that has to be early gets all the converter can take
    back. Currents are rounded against their rounded voltages: phi1 counts, to half a period. ModelError when channels
    are further apart than the delays reach."""
    exact = [phase + leads.get(k, 0.0) * per_degree for k, phase in enumerate(phases)]
    base = exact[0]
    lowest, highest = min(exact[:7]), max(exact[:7])
    if lowest - base < PHASE_LEAST or highest - base > PHASE_MOST:
        base = lowest - PHASE_LEAST
    if highest - base > PHASE_MOST:
        reach = (PHASE_MOST - PHASE_LEAST) / per_degree
        raise ModelError(
            f"{NAMES[exact.index(highest)]} and {NAMES[exact.index(lowest)]} are "
            f"{(highest - lowest) / per_degree:.3g} degrees apart: delays reach {reach:.3g}"
        )
    made = [0] * 8
    for k in (0, 1, 2):
        made[k] = round(exact[k] - base)
        made[k + 3] = round(made[k] + exact[k + 3] - exact[k])
    made[6] = round(exact[6] - base)
    return [max(PHASE_LEAST, min(PHASE_MOST, phase)) for phase in made[:7]] + [0]


def complete(values: Values, phases: Iterable[int]) -> dict[str, float]:
    """v, i, p, q1, phi1 of each phase as far as they follow from one another; the sinusoidal case. What is given
    stays."""
    found = dict(values)
    for k in phases:
        v, i, p, q, phi = (found.get(f"{name}_l{k}") for name in ("v", "i", "p", "q1", "phi1"))
        if phi is None and p is not None and q is not None and (p or q):
            phi = degrees(atan2(q, p))
        if phi is None and q is None and p is not None and v and i:
            ratio = p / (v * i)
            if abs(ratio) > 1.01:
                raise ModelError(f"p_l{k} {p:g} W is more than {v:g} V times {i:g} A")
        if v is not None and i is not None and phi is not None:
            p = v * i * cos(radians(phi)) if p is None else p
            q = v * i * cos(radians(90 - phi)) if q is None else q
        for name, value in (("phi1", phi), ("p", p), ("q1", q)):
            if value is not None:
                found[f"{name}_l{k}"] = value
    return found


def power_error(read: float, true: float) -> float:
    """%, of the true value."""
    return 100 * (read / true - 1) if true else inf


class Measured:
    """What a step found: read, true: means by id; sigma: of the mean; windows: how many."""

    def __init__(self, read: Values, true: Values, sigma: Values | None = None, windows: int = 0) -> None:
        self.read, self.true, self.sigma, self.windows = dict(read), dict(true), dict(sigma or {}), windows


def propose(
    before: Calibration,
    full_scale: tuple[float, float],
    elements: Iterable[int],
    rate: float,
    *,
    offset: Measured | None = None,
    gain: Measured | None = None,
    phase: Measured | None = None,
    neutral: Measured | None = None,
    channels: Iterable[str] = NAMES[:7],
) -> Calibration:
    """The calibration that makes readings true. full_scale: peak V and A; channels: those that may change.

    offset: with voltage and without current, order 0 of the lists as vdc_l1, idc_l1, .., idc_n; gain: PF 1; phase: at
    a known phi1, better at PF 0.5; neutral: i_n with a current through its input."""
    made, wanted, elements = copy(before), set(channels), tuple(elements)
    dc = {}
    if offset:
        for name, value in offset.read.items():
            quantity, _, line = name.partition("dc_")
            dc[f"{quantity}_{line}"] = value
            channel = "in" if line == "n" else quantity + line[1:]
            if quantity in ("v", "i") and channel in wanted:
                k = NAMES.index(channel)
                made.offset[k] = new_offset(before.offset[k], before.gain[k], value, full_scale[channel[0] == "i"])
    for measured, names in ((gain, [q + str(k) for k in elements for q in "vi"]), (neutral, ["in"])):
        for channel in names if measured else ():
            if channel in wanted:
                k = NAMES.index(channel)
                id_ = "i_n" if channel == "in" else f"{channel[0]}_l{channel[1]}"
                read = without_dc(measured.read[id_], dc.get(id_, 0.0))
                made.gain[k] = new_gain(before.gain[k], measured.true[id_], read)
    if phase:
        made.phase[:] = _phases(before, phase, elements, rate, wanted, dc)
    made.check()
    return made


def _phases(
    before: Calibration, phase: Measured, elements: tuple[int, ...], rate: float, wanted: set[str], dc: Values
) -> type(Calibration().phase):
    voltages = (0.0, 0.0, 0.0)
    if len(elements) == 3 and all(f"v_l{line}" in phase.true for line in (12, 23, 31)):
        voltages = voltage_angles(phase.read, phase.true, dc)
    leads = {}
    for k in elements:
        of_voltage = voltages[k - 1] if f"v{k}" in wanted else 0.0
        leads[k - 1] = of_voltage
        if f"i{k}" in wanted:
            error = turn(phase.read[f"phi1_l{k}"] - phase.true[f"phi1_l{k}"])
            leads[k + 2] = lead(error, of_voltage)
    per_degree = periods_per_degree(rate, phase.read["f"])
    return type(before.phase)("h", new_phases(before.phase, leads, per_degree))
