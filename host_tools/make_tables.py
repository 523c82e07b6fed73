"""Generates the constant tables of firmware/wattless/dsp: the quarter sine and the resampler's filter banks.

Every interpreter must see the same integers, so the tables are data made once, here, in float64, and checked in;
a test makes them again and compares. Run `python -m host_tools.make_tables` after a change of the design.

The resampler's bank (dsp/resample.py says how it is used): for each of 32 fractional delays d a short filter is fitted
by weighted least squares to exp(j w d) / A(w), where A is the converter's sinc3 droop (1 for an ideal converter), and
the mean of all delays to 1 / A(w) with more weight: the mean is the gain of a harmonic, what the delays differ makes
images of it. Between two delays the inner taps move along their slope, which is fitted to j w exp(j w d) / A(w).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.toolchain.paths import ROOT

OSR = 256
DELAYS = 32
COEFFICIENT_ONE = 1 << 14
SLOPE_ONE = 1 << 8  # slope of 1 a sample, in the integers of the bank: 2**14 2**7 / (256 steps of 32 delays)
CENTRE = 127.5  # of the 256 steps of a delay
SINE_POINTS = 2048
SPAN = 16  # samples under the longest filter; tap i belongs to the sample i - 7 after the point's
TAKES_THE_REST = 8  # this tap makes the sum 1


@dataclass(frozen=True)
class Design:
    """band: edge as a share of the rate, order 50 at the highest frequency of the range, 69 Hz (3.45 kHz).

    taps, slopes: those that are not zero; emphasis: weight of the mean of all delays against each"""

    band: float
    taps: range
    slopes: range
    emphasis: float


DESIGNS = {
    12800: Design(0.275, range(3, 13), range(5, 11), 3.5),
    10240: Design(0.34, range(1, 15), range(4, 12), 2.5),
}
# order of a row: 15 words of 32 bits, then, where the design has more taps, halfwords; "s" are slopes
WORDS = [*range(3, 13), *(f"s{i}" for i in (5, 6, 7, 9, 10))]
MORE = [1, 2, 13, 14, "s4", "s11"]


def sinc3(f):
    """Magnitude of a third-order sinc filter of oversampling ratio 256 at `f`, a fraction of the output rate
    (ADS131M08 data sheet)."""
    f = np.asarray(f, dtype=float)
    safe = np.where(f == 0, 0.25, f)
    return np.where(f == 0, 1.0, (np.sin(np.pi * safe) / (OSR * np.sin(np.pi * safe / OSR))) ** 3)


def delays():
    """The delay in the middle of each row."""
    return (np.arange(DELAYS) + 0.5) / DELAYS


def _waves(f, taps):
    """exp(j w t) at the samples of `taps`."""
    return np.exp(2j * np.pi * np.outer(f, np.array(taps) - (SPAN // 2 - 1)))


def _stacked(values, weight):
    return np.vstack([values.real * weight[:, None], values.imag * weight[:, None]])


def filters(design, flatten):
    """Float64 taps (DELAYS, SPAN), each row with the sum 1; `flatten` divides the converter's sinc3 out."""
    band, n = design.band, len(design.taps)
    f = np.concatenate([np.linspace(0, band, 240), np.linspace(band, 0.5, 61)[1:]])
    inside = f <= band
    fundamental = np.where(f < 0.03, 30.0, 1.0)
    weight = np.where(inside, 1.0, 1e-3) * fundamental
    target = 1 / sinc3(np.minimum(f, band)) if flatten else np.ones_like(f)
    target = target * np.cos(np.pi / 2 * np.clip((f - band) / (0.5 - band), 0, 1))
    waves, turns = _waves(f, design.taps), np.exp(2j * np.pi * np.outer(f, delays()))
    matrix, right = _stacked(waves, weight), _stacked(target[:, None] * turns, weight)

    mean = (waves[:, None, :] / turns[:, :, None]).real[inside].reshape(-1, DELAYS * n) / DELAYS
    emphasis = (design.emphasis * fundamental[inside]) ** 2 * DELAYS
    normal = np.kron(np.eye(DELAYS), matrix.T @ matrix) + mean.T @ (mean * emphasis[:, None])
    wanted = (matrix.T @ right).T.ravel() + mean.T @ (emphasis * target[inside])
    sums = np.kron(np.eye(DELAYS), np.ones((1, n)))
    bank = np.zeros((DELAYS, SPAN))
    bank[:, design.taps] = _constrained(normal, wanted, sums, np.ones(DELAYS)).reshape(DELAYS, n)
    return bank


def slopes(design, flatten):
    """What a tap gains a sample of delay, float64 (DELAYS, SPAN); the sum of a row is 0, exact for straight lines."""
    f = np.linspace(1e-4, design.band, 300)
    target = 2j * np.pi * f / (sinc3(f) if flatten else 1.0)
    n = len(design.slopes) - 1
    differences = np.eye(n + 1, n, -1) - np.eye(n + 1, n)
    matrix = _stacked(_waves(f, design.slopes) @ differences, f)
    right = _stacked(target[:, None] * np.exp(2j * np.pi * np.outer(f, delays())), f)
    bank = np.zeros((DELAYS, SPAN))
    for row, column in zip(bank, right.T, strict=True):
        row[design.slopes] = differences @ _constrained(matrix.T @ matrix, matrix.T @ column, np.ones((1, n)), [1.0])
    return bank


def _constrained(normal, wanted, sums, values):
    """Solution of `normal` x = `wanted` in the sense of least squares with `sums` x = `values`."""
    corner = np.zeros((len(sums), len(sums)))
    system = np.block([[normal, sums.T], [sums, corner]])
    return np.linalg.solve(system, np.concatenate([wanted, values]))[: len(wanted)]


def quantised(design, flatten):
    """(taps, slopes), integers (DELAYS, SPAN): tap i of row d at step e is taps[d, i] + floor(slopes[d, i] e / 2**7),
    but the tap TAKES_THE_REST is what the others leave of 2**14."""
    slope = np.floor(slopes(design, flatten) * SLOPE_ONE + 0.5).astype(int)
    slope[:, TAKES_THE_REST] = 0
    moving = slope != 0
    exact = filters(design, flatten) * COEFFICIENT_ONE - slope * CENTRE / 128 + np.where(moving, 0.5, 0)
    taps = np.floor(exact + 0.5).astype(int)
    taps[:, TAKES_THE_REST] = 0
    taps[:, TAKES_THE_REST] = COEFFICIENT_ONE - taps.sum(axis=1)
    _check(taps, slope)
    return taps, slope


def at_step(taps, slope, e):
    """The taps of every row at step `e`, as the kernels use them."""
    moved = taps + (slope * e >> 7)
    moved[:, TAKES_THE_REST] = 0
    moved[:, TAKES_THE_REST] = COEFFICIENT_ONE - moved.sum(axis=1)
    return moved


def _check(taps, slope):
    """Sums of products, and all sums on the way, must fit in 32 bits: with samples of -32768..32767 and, in the viper
    kernel, with samples of 0..65535 and 2**29 taken off first."""
    for e in range(256):
        now = at_step(taps, slope, e)
        loose = np.abs(slope[:, [4, 11]] * e >> 7).sum(axis=1)
        positive = np.maximum(now, 0).sum(axis=1) + loose
        negative = np.maximum(-now, 0).sum(axis=1) + loose
        largest = max(positive.max() * 65535 - (1 << 29), negative.max() * 65535 + (1 << 29), now.max() * 65535)
        if largest >= 1 << 31 or np.abs(now).max() > 32767:
            raise ValueError(f"filter bank could overflow 32 bits: sums up to {largest}, allowed {(1 << 31) - 1}")


def packed(design, flatten):
    """A bank as the kernels read it: four halfwords (bytes of a row, whether it has more than ten taps, two spare),
    then the rows in the order of WORDS and MORE. In place of the tap TAKES_THE_REST stands what the others but the
    five in the middle, at step 0, leave of 2**14."""
    taps, slope = quantised(design, flatten)
    more = len(design.taps) > 10
    rest = COEFFICIENT_ONE - sum(taps[:, i] for i in design.taps if i in (1, 2, 3, 4, 11, 12, 13, 14))
    data = np.array([60 + 12 * more, more, 0, 0], "<u2").tobytes()
    for d in range(DELAYS):
        def value(name, d=d):
            if name == TAKES_THE_REST:
                return rest[d]
            return slope[d, int(name[1:])] if isinstance(name, str) else taps[d, name]

        data += np.array([value(name) for name in WORDS], "<i4").tobytes()
        data += np.array([value(name) for name in MORE], "<i2").tobytes() if more else b""
    return data


def sine():
    """2048 integers: round(-32768 sin(2 pi k / 2048)), 32768 stored as 32767."""
    exact = -32768 * np.sin(2 * np.pi * np.arange(SINE_POINTS) / SINE_POINTS)
    return np.minimum(np.round(exact), 32767).astype(int)


def _literal(name, data):
    lines = [data[i : i + 28] for i in range(0, len(data), 28)]
    text = "\n".join('    b"' + "".join(f"\\x{b:02x}" for b in line) + '"' for line in lines)
    return f"{name} = (\n{text}\n)\n"


def _module(summary, *literals):
    origin = "Made by host_tools/make_tables.py; do not edit. Little-endian."
    return f'"""{summary}\n\n{origin}"""\n\n' + "\n".join(literals)


def tables():
    """{file name: text} of every generated module."""
    table = _literal("TABLE", sine().astype("<i2").tobytes())
    summary = "-32768 sin(2 pi k / 2048), k = 0..2047, in 16-bit words, 32767 for 32768."
    files = {"sine_table.py": _module(summary, table)}
    for rate, design in DESIGNS.items():
        for adc, flatten in (("sinc3", True), ("ideal", False)):
            front_end = "sinc3 flattened" if flatten else "ideal converter"
            summary = f"Resampler bank for {rate} S/s, {front_end}: {DELAYS} delays x {len(design.taps)} taps, Q14."
            files[f"taps_{rate}_{adc}.py"] = _module(summary, _literal("TAPS", packed(design, flatten)))
    return files


def main():
    for name, text in tables().items():
        path = Path(ROOT) / "firmware" / "wattless" / "dsp" / name
        path.write_text(text)
        print(path.name)


if __name__ == "__main__":
    main()
