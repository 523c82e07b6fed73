"""What a recording does not say about itself: its fundamental, the grid it comes from, how many samples make whole
periods.
"""

from dataclasses import replace

import numpy as np

from host_tools.recording import LINE_VOLTAGES, PHASE_VOLTAGES, WIRINGS, InputError, Recording

SEARCH_HZ = (40.0, 72.0)  # wider than the meter's 42.5 to 69 Hz
SEARCH_RATE = 4000.0  # S/s that are enough to find a fundamental
SEARCH_S = 2.0
NOMINAL_VOLTAGES = (
    57.735,
    63.509,
    100.0,
    110.0,
    120.0,
    127.0,
    208.0,
    230.0,
    240.0,
    277.0,
    347.0,
    400.0,
    480.0,
    600.0,
    690.0,
)
NOMINAL_TOLERANCE = 0.1
SMALLEST_VOLTAGE = 1.0  # V, as the meter's settings allow
DEFAULT_VOLTAGE = {50: 230.0, 60: 120.0}
SHORT_PERIODS = 3  # up to so many periods, the estimate of the frequency is too coarse to cut the record by
SHORT_TOLERANCE = 0.04  # periods


def wiring(recording: Recording) -> str:
    """The wiring that measures just the voltages recorded."""
    voltages = {name for name in recording.channels if name in PHASE_VOLTAGES + LINE_VOLTAGES}
    return next(name for name, (needed, _) in WIRINGS.items() if set(needed) == voltages)


def fundamental(recording: Recording) -> float:
    """Frequency in Hz, between SEARCH_HZ, of the sine (and constant) that fits the strongest voltage of the longest
    segment best."""
    segment = max(recording.waveforms, key=lambda s: s.duration)
    name = _strongest(recording)
    x = segment.data[name][: int(SEARCH_S * segment.fs)]
    group = max(1, int(segment.fs // SEARCH_RATE))
    x = x[: x.size // group * group].reshape(-1, group).mean(axis=1)
    x = x - x.mean()
    if not np.any(x):
        raise InputError(f"{recording.name}: {name} is constant: give --nominal-frequency 50 or 60")
    t = np.arange(x.size) * (group / segment.fs)
    t = t - t.mean()
    width = min(1.0, 0.1 / float(t[-1] - t[0]))
    grid = np.arange(SEARCH_HZ[0], SEARCH_HZ[1] + width, width)
    while width > 1e-7:
        fit = [_explained(x, t, f) for f in grid]
        best = grid[int(np.argmax(fit))]
        width /= 4
        grid = best + width * np.arange(-4, 5)
    return float(best)


def nominal_frequency(f: float) -> int:
    return min((50, 60), key=lambda nominal: abs(f - nominal))


def nominal_voltage(recording: Recording, frequency: int) -> tuple[float, str]:
    """Nominal voltage in V, and why: a usual one within 10 % of the recording's mean rms voltage, else that itself."""
    voltages = [name for name in recording.channels if name in PHASE_VOLTAGES + LINE_VOLTAGES]
    rms = float(np.mean([np.std(np.concatenate([s.data[name] for s in recording.waveforms])) for name in voltages]))
    if rms < SMALLEST_VOLTAGE:
        return DEFAULT_VOLTAGE[frequency], f"usual at {frequency} Hz; the recording has {rms:.3g} V"
    usual = min(NOMINAL_VOLTAGES, key=lambda v: abs(np.log(v / rms)))
    if abs(rms / usual - 1) <= NOMINAL_TOLERANCE:
        return usual, f"the usual voltage nearest to the recording's {rms:.4g} V"
    return float(f"{rms:.3g}"), "the recording's own; no usual voltage is near it"


def whole_periods(recording: Recording, f: float) -> tuple[Recording, float]:
    """(the recording cut to whole periods of about f Hz, fit to be looped; the frequency that the loop has).

    N samples that are M periods have M fs / N Hz: the loop sets the frequency. All samples are kept where they make
    whole periods; else the longest stretch from the start is kept whose end falls best on a sample (within half a
    sample at worst)."""
    if len(recording.segments) > 1:
        raise InputError(
            f"{recording.name}: --repeat needs a recording of one segment; this has {len(recording.segments)}"
        )
    segment = recording.segments[0]
    fs, samples = segment.fs, segment.samples
    periods = samples * f / fs
    whole = round(periods)
    if whole < 1:
        raise InputError(
            f"{recording.name}: {segment.duration:g} s is less than a period of {f:.4g} Hz: --repeat needs one at least"
        )
    if abs(periods - whole) <= (SHORT_TOLERANCE if whole <= SHORT_PERIODS else 0.5 * f / fs):
        return recording, whole * fs / samples
    candidates = [m for m in range(max(1, int(0.8 * periods)), int(periods) + 1) if round(m * fs / f) <= samples]
    if not candidates:
        raise InputError(
            f"{recording.name}: {periods:.3f} periods of {f:.4g} Hz: --repeat needs one whole one at least"
        )
    best = min(reversed(candidates), key=lambda m: round(abs(m * fs / f - round(m * fs / f)), 2))
    length = round(best * fs / f)
    data = {name: values[:length] for name, values in segment.data.items()}
    note = f"looped: the first {length} of {samples} samples, {best} periods"
    cut = replace(recording, segments=(replace(segment, data=data),), notes=(*recording.notes, note))
    return cut, best * fs / length


def _strongest(recording: Recording) -> str:
    voltages = [name for name in recording.channels if name in PHASE_VOLTAGES + LINE_VOLTAGES]
    return max(voltages, key=lambda name: sum(float(np.sum(s.data[name] ** 2)) for s in recording.waveforms))


def _explained(x: np.ndarray, t: np.ndarray, f: float) -> float:
    """Energy of x that a constant and a sine of f Hz explain together."""
    basis = np.stack((np.ones_like(t), np.cos(2 * np.pi * f * t), np.sin(2 * np.pi * f * t)))
    projection = basis @ x
    return float(projection @ np.linalg.solve(basis @ basis.T, projection))
