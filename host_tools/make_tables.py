"""Generates the constant tables of firmware/wattless/dsp: the quarter sine and the resampler's filter banks.

Every interpreter must see the same integers, so the tables are data made once, here, in float64, and checked in;
a test makes them again and compares. Run `python -m host_tools.make_tables` after a change of the design.

The resampler's bank (see dsp/resample.py): for each of 64 fractional delays d a filter of 16 taps is fitted by weighted
least squares to exp(j w d) / A(w), where A is the converter's sinc3 droop (1 for an ideal converter). Fitting every
delay to the same target makes gain error, phase error and interpolation images one and the same number, small over the
whole band asked for.
"""

from pathlib import Path

import numpy as np

from host_tools.toolchain.paths import ROOT

OSR = 256
TAPS = 16
PHASES = 64
COEFFICIENT_ONE = 1 << 14
SINE_POINTS = 2048

# Band edges as a fraction of the sampling rate: order 50 and its group at the highest frequency of the range, 69 Hz
# (3.5 kHz).
BANDS = {12800: 0.28, 10240: 0.345}


def sinc3(f):
    """Magnitude of a third-order sinc filter of oversampling ratio 256 at `f`, a fraction of the output rate
    (ADS131M08 data sheet)."""
    f = np.asarray(f, dtype=float)
    safe = np.where(f == 0, 0.25, f)
    return np.where(f == 0, 1.0, (np.sin(np.pi * safe) / (OSR * np.sin(np.pi * safe / OSR))) ** 3)


def filter_bank(rate, flatten):
    """Float64 bank (PHASES + 1, TAPS) for the ADC rate `rate`; `flatten` divides the converter's sinc3 out."""
    band = BANDS[rate]
    f = np.concatenate([np.linspace(0, band, 700), np.linspace(band, 0.5, 151)[1:]])
    in_band = f <= band
    weight = np.where(in_band, 1.0, 2e-3) * np.where(f < 0.03, 30.0, 1.0)
    target = 1 / sinc3(np.minimum(f, band)) if flatten else np.ones_like(f)
    target = target * np.cos(np.pi / 2 * np.clip((f - band) / (0.5 - band), 0, 1))
    basis = np.exp(2j * np.pi * np.outer(f, np.arange(TAPS) - (TAPS // 2 - 1)))
    matrix = np.vstack([basis.real * weight[:, None], basis.imag * weight[:, None]])
    delays = np.arange(PHASES + 1) / PHASES
    wanted = target[:, None] * np.exp(2j * np.pi * np.outer(f, delays))
    right = np.vstack([wanted.real * weight[:, None], wanted.imag * weight[:, None]])
    return np.linalg.lstsq(matrix, right, rcond=None)[0].T


def quantised(bank):
    """Q14 integers of `bank`. Each row is rounded so that it sums to exactly 1: the fundamental, nearly dc for a filter
    of 16 taps, then sees the same gain at every fractional delay, which keeps its spurs below those of the rounding."""
    exact = bank * COEFFICIENT_ONE
    rounded = np.floor(exact + 0.5).astype(int)
    for row, wanted in zip(rounded, exact, strict=True):
        missing = COEFFICIENT_ONE - int(row.sum())
        order = np.argsort((row - wanted) * np.sign(missing))
        row[order[: abs(missing)]] += np.sign(missing)
    if np.abs(rounded).sum(axis=1).max() * 32768 >= 1 << 31:
        raise ValueError("filter bank could overflow 32 bits: its rows may sum to at most 65535 in magnitude")
    return rounded


def quarter_sine():
    """513 integers: round(32768 sin(2 pi k / 2048)), k = 0..512; the last one is 32768."""
    return np.round(32768 * np.sin(2 * np.pi * np.arange(SINE_POINTS // 4 + 1) / SINE_POINTS)).astype(int)


def _literal(name, values):
    data = np.asarray(values).astype("<u2").tobytes()
    lines = [data[i : i + 28] for i in range(0, len(data), 28)]
    text = "\n".join('    b"' + "".join(f"\\x{b:02x}" for b in line) + '"' for line in lines)
    return f"{name} = (\n{text}\n)\n"


def _module(summary, *literals):
    origin = "Made by host_tools/make_tables.py; do not edit. Little-endian 16-bit words."
    return f'"""{summary}\n\n{origin}"""\n\n' + "\n".join(literals)


def tables():
    """{file name: text} of every generated module."""
    sine = _literal("QUARTER", quarter_sine())
    files = {"sine_table.py": _module("Quarter wave of 32768 sin(2 pi k / 2048), k = 0..512.", sine)}
    for rate in BANDS:
        for adc, flatten in (("sinc3", True), ("ideal", False)):
            front_end = "sinc3 flattened" if flatten else "ideal converter"
            summary = f"Resampler bank for {rate} S/s, {front_end}: 65 delays x 16 taps, Q14."
            bank = quantised(filter_bank(rate, flatten))
            files[f"taps_{rate}_{adc}.py"] = _module(summary, _literal("TAPS", bank.ravel()))
    return files


def main():
    for name, text in tables().items():
        path = Path(ROOT) / "firmware" / "wattless" / "dsp" / name
        path.write_text(text)
        print(path.name)


if __name__ == "__main__":
    main()
