"""The sampling rate behind a column of sample times."""

from collections.abc import Callable

import numpy as np

from host_tools.recording import InputError

IRREGULAR = 0.3  # of a sample period: rounding of printed times stays below, a missing sample does not
ROUND_HZ = (1000.0, 100.0, 50.0, 10.0, 1.0)


def rate_of(t: np.ndarray, where: Callable[[int], str]) -> float:
    """S/s of times in seconds that rise in equal steps; of the rates that rounded times leave open, the roundest.

    InputError for other times; where(row) names the place of row 0, 1, ..."""
    if t.size < 2:
        raise InputError(f"{t.size} sample: two at least are needed to tell the sampling rate from t; or give --fs HZ")
    steps = np.diff(t)
    back = np.flatnonzero(steps <= 0)
    if back.size:
        row = int(back[0]) + 1
        raise InputError(
            f"{where(row)}: t = {t[row]:g} s does not come after {t[row - 1]:g} s: t must rise from sample to sample "
            "(printed too coarsely? then give --fs HZ)"
        )
    step = float(np.median(steps))
    jump = np.flatnonzero(np.abs(steps - step) > 2 * IRREGULAR * step)
    if jump.size:
        row = int(jump[0]) + 1
        raise InputError(
            f"{where(row)}: t steps by {steps[row - 1]:g} s where {step:g} s is the rule: "
            "samples must be equally spaced, without gaps"
        )
    n = np.arange(t.size) - (t.size - 1) / 2
    centred = t - t.mean()
    period = float(n @ centred / (n @ n))
    error = np.abs(centred - period * n)
    if float(error.max()) > IRREGULAR * period:
        row = int(np.argmax(error))
        raise InputError(
            f"{where(row)}: t is {error[row]:g} s away from equal steps of {period:g} s: samples must be equally spaced"
        )
    fs, duration = 1 / period, t[-1] - t[0]
    open_hz = fs * (2 * float(error.max()) + 1e-12 * abs(float(t[-1]))) / duration
    return next((near for step in ROUND_HZ if abs((near := step * round(fs / step)) - fs) <= open_hz), float(fs))
