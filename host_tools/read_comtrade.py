"""COMTRADE recordings (IEC 60255-24 / IEEE C37.111: 1991, 1999, 2013; ASCII, BINARY, BINARY32, FLOAT32) through PyPI
`comtrade`.

Values are as the file scales them (secondary volts and amperes where it says S), kV, mV, kA and mA brought to V and A.
A file may change its sampling rate on the way: each rate becomes a segment, starting where the samples before it end. A
channel's skew (it was sampled so much later than the record's time) is taken out by band-limited interpolation.
"""

import warnings
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from host_tools.rate_conversion import convert, one_pass
from host_tools.recording import (
    CHANNELS,
    MIN_RATE,
    InputError,
    Segment,
    check_finite,
    choose_columns,
    decode,
    listed,
)
from host_tools.time_base import rate_of

SCALES = {"kv": ("V", 1e3), "v": ("V", 1.0), "mv": ("V", 1e-3), "ka": ("A", 1e3), "a": ("A", 1.0), "ma": ("A", 1e-3)}
VALUE_BYTES = {"BINARY": 2, "BINARY32": 4, "FLOAT32": 4}
SKEW_MIN_S = 1e-9


def read(path: Path, fs: float | None, mapping: Mapping[str, str]) -> tuple[list[Segment], list[str]]:
    if "t" in mapping:
        raise InputError("--map: t does not go with COMTRADE: the .cfg file has the sampling rates")
    cfg = decode(path.read_bytes())
    if not cfg.strip():
        raise InputError("the file is empty")
    record = _parse(cfg, _dat_path(path))
    analogue = record.cfg.analog_channels
    chosen = _choose(analogue, mapping)
    data, notes = {}, []
    for name, index in chosen.items():
        data[name] = np.asarray(record.analog[index], dtype=np.float64) * _scale(name, analogue[index])

    segments = []
    for start, rate, first, stop in _rates(record):
        segment = Segment(start, rate, {name: values[first:stop] for name, values in data.items()})
        if not segment.is_gap:
            check_finite(segment.data, lambda row, first=first: f"sample {first + row + 1} (a value marked missing?)")
        segments.append(segment)
    rates = [segment.fs for segment in segments]
    if fs is not None and fs not in rates:
        raise InputError(
            f"--fs {fs:g} contradicts the .cfg file, which has {listed(f'{rate:g}' for rate in rates)} S/s"
        )
    skews = {name: analogue[index].skew * 1e-6 for name, index in chosen.items()}
    if any(abs(skew) >= SKEW_MIN_S for skew in skews.values()):
        segments = [segment if segment.is_gap else _aligned(segment, skews) for segment in segments]
        notes.append(f"channel skews of up to {1e6 * max(map(abs, skews.values())):.3g} us taken out")
    gaps = sum(segment.is_gap for segment in segments)
    if gaps:
        notes.append(
            f"{gaps} segment{'s' if gaps > 1 else ''} below {MIN_RATE:g} S/s treated as gap{'s' if gaps > 1 else ''}"
        )
    return segments, notes


def _dat_path(path: Path) -> Path:
    for candidate in path.parent.iterdir():
        if candidate.stem == path.stem and candidate.suffix.lower() == ".dat":
            return candidate
    raise InputError(f"the data file {path.stem}.dat is not beside it")


def _parse(cfg: str, dat_path: Path):
    import comtrade

    record = comtrade.Comtrade(use_numpy_arrays=True, use_double_precision=True, ignore_warnings=True)
    raw = dat_path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            record.cfg.read(cfg)
            have, promised = _samples_in(raw, record.cfg), record.cfg.sample_rates[-1][1]
            if have < promised:  # the library would fill up with zeros, silently
                raise InputError(f"cut short: {dat_path.name} has {have} samples, the .cfg file promises {promised}")
            record.read(cfg, raw if record.cfg.ft.upper() in VALUE_BYTES else raw.decode("latin-1"))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, comtrade.ComtradeError) as error:
        raise InputError(f"is not a COMTRADE file that can be read: {error}") from error
    return record


def _samples_in(raw: bytes, cfg) -> int:
    """Samples that the data file holds."""
    kind = cfg.ft.upper()
    if kind not in VALUE_BYTES:
        return sum(1 for line in raw.splitlines() if line.strip(b" \t\r\n\x1a"))
    return len(raw) // (8 + VALUE_BYTES[kind] * cfg.analog_count + 2 * -(-cfg.status_count // 16))


def _choose(analogue: list, mapping: Mapping[str, str]) -> dict[str, int]:
    """Index of the analogue channel each of ours comes from: by name, else by number (from 1)."""
    names = [channel.name for channel in analogue]
    labels = [f"{number} {name}" for number, name in enumerate(names, start=1)]
    if not mapping:
        canonical = [name for name in names if name in CHANNELS]
        if not canonical:
            raise InputError(
                "the channels have names of their own: choose with --map by name or number, as in --map v1=1,i1=9, "
                f"out of {listed(labels)}"
            )
        return {name: names.index(name) for name in choose_columns(canonical, {}, "channel")}
    chosen = {}
    for name, source in mapping.items():
        if names.count(source) > 1:
            raise InputError(
                f"--map {name}={source}: {names.count(source)} channels are called so: give a number, 1 to {len(names)}"
            )
        if source in names:
            chosen[name] = names.index(source)
        elif source.isdecimal() and 1 <= int(source) <= len(names):
            chosen[name] = int(source) - 1
        else:
            raise InputError(
                f"--map {name}={source}: there is no such analogue channel; allowed are numbers from 1 to {len(names)} "
                f"and names, out of {listed(labels)}"
            )
    return chosen


def _scale(name: str, channel) -> float:
    """Factor to volts or amperes. A unit that is neither is taken as such."""
    unit, factor = SCALES.get(channel.uu.strip().lower(), (None, 1.0))
    wanted = "A" if name.startswith("i") else "V"
    if unit not in (None, wanted):
        raise InputError(
            f"--map {name}: channel {channel.name!r} is in {channel.uu.strip()}, {name} must be in {wanted}"
        )
    return factor


def _rates(record) -> list[tuple[float, float, int, int]]:
    """(start s, rate S/s, first, stop) of each stretch of equal rate."""
    if record.cfg.timestamp_critical or any(rate <= 0 for rate, _ in record.cfg.sample_rates):
        fs = rate_of(np.asarray(record.time, dtype=np.float64), lambda row: f"sample {row + 1}")
        return [(0.0, fs, 0, record.total_samples)]
    ends = [0, *(int(end) for _, end in record.cfg.sample_rates)]
    if any(b <= a for a, b in pairwise(ends)):
        raise InputError(f"the .cfg file's last samples of each rate ({listed(ends[1:])}) do not rise")
    stretches, start = [], 0.0
    for (rate, _), (first, stop) in zip(record.cfg.sample_rates, pairwise(ends), strict=True):
        stretches.append((start, float(rate), first, stop))
        start += (stop - first) / rate
    return stretches


def _aligned(segment: Segment, skews: Mapping[str, float]) -> Segment:
    """The segment with every channel at the record's own instants."""
    data = dict(segment.data)
    for name, skew in skews.items():
        if abs(skew) >= SKEW_MIN_S:
            blocks = convert(one_pass(data[name][None, :]), segment.fs, segment.fs, 0, segment.samples, start=skew)
            data[name] = np.concatenate([block[0] for block in blocks])
    return Segment(segment.start, segment.fs, data)
