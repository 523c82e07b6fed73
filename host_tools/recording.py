"""A recorded waveform: named channels in volts and amperes, in segments, each with its own sampling rate and start.

    recording = load("site.csv", fs=30000, mapping={"v1": "v_V", "i1": "i_A"})
    recording = load("fault.cfg", mapping={"v1": "1", "v2": "2", "v3": "3", "i1": "21"}).for_wiring("3p4w")

Reads CSV with a header, COMTRADE (.cfg and .dat) and NumPy .npz. Whatever is wrong with a file raises InputError with
one sentence that says what and where, and what is allowed; a Recording that exists has finite samples at rates a meter
can use.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

PHASE_VOLTAGES = ("v1", "v2", "v3")
LINE_VOLTAGES = ("v12", "v32")
CURRENTS = ("i1", "i2", "i3", "in")
CHANNELS = PHASE_VOLTAGES + CURRENTS + LINE_VOLTAGES
WIRINGS = {  # the voltages and currents each wiring measures
    "1p2w": (("v1",), ("i1",)),
    "1p3w": (("v1", "v2"), ("i1", "i2")),
    "3p4w": (PHASE_VOLTAGES, ("i1", "i2", "i3")),
    "3p3w": (LINE_VOLTAGES, ("i1", "i3")),
}
MIN_RATE = 2500.0  # S/s: a slower segment has no waveform in it
MAX_RATE = 10e6


class InputError(Exception):
    """What the user gave cannot be used. The message is one sentence: what is wrong, what is allowed."""


@dataclass(frozen=True)
class Segment:
    """Samples at one rate: `start` s after the recording's first, `fs` S/s, arrays of equal length by channel."""

    start: float
    fs: float
    data: Mapping[str, np.ndarray]

    @property
    def samples(self) -> int:
        return len(next(iter(self.data.values())))

    @property
    def duration(self) -> float:
        """Seconds, each sample standing for 1 / fs."""
        return self.samples / self.fs

    @property
    def is_gap(self) -> bool:
        """True for a segment too slow to be a waveform: the meter gets no frames for it."""
        return self.fs < MIN_RATE


@dataclass(frozen=True)
class Recording:
    """`name`: the file's; `notes`: what was done to the data that the user should know, a sentence each."""

    name: str
    segments: tuple[Segment, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def channels(self) -> tuple[str, ...]:
        return tuple(name for name in CHANNELS if name in self.segments[0].data)

    @property
    def waveforms(self) -> tuple[Segment, ...]:
        """The segments that are not gaps, at least one."""
        return tuple(segment for segment in self.segments if not segment.is_gap)

    @property
    def fs(self) -> float:
        """The lowest rate of a waveform segment: half of it bounds what the recording can say, S/s."""
        return min(segment.fs for segment in self.waveforms)

    def peak(self, names: tuple[str, ...]) -> float:
        """Largest magnitude among those of the channels that exist; 0 without any."""
        values = [np.max(np.abs(s.data[name])) for s in self.waveforms for name in names if name in s.data]
        return float(max(values, default=0.0))

    def for_wiring(self, wiring: str) -> "Recording":
        """The channels this wiring measures. 3p3w takes phase voltages too: v12 = v1 - v2, v32 = v3 - v2."""
        voltages, currents = WIRINGS[wiring]
        have, notes = set(self.channels), list(self.notes)
        form_lines = wiring == "3p3w" and set(PHASE_VOLTAGES) <= have
        if not form_lines and not have.issuperset(voltages):
            either = " (or v1, v2 and v3)" if wiring == "3p3w" else ""
            needed = listed(voltages) + either
            raise InputError(f"wiring {wiring} needs {needed}; the recording has {listed(self.channels)}")
        if form_lines:
            notes.append("v12 = v1 - v2 and v32 = v3 - v2 formed from the phase voltages")
        keep = [*(() if form_lines else voltages), *currents, *(("in",) if wiring != "3p3w" else ())]
        left = [name for name in self.channels if name not in keep and not (form_lines and name in PHASE_VOLTAGES)]
        if left:
            notes.append(f"wiring {wiring} does not measure {listed(left)}: left out")

        def channels(data: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            chosen = {name: data[name] for name in keep if name in data}
            if form_lines:
                chosen |= {"v12": data["v1"] - data["v2"], "v32": data["v3"] - data["v2"]}
            return chosen

        segments = tuple(replace(segment, data=channels(segment.data)) for segment in self.segments)
        return replace(self, segments=segments, notes=tuple(notes))

    def missing_currents(self, wiring: str) -> tuple[str, ...]:
        """Phase currents of that wiring that the recording does not know."""
        return tuple(name for name in WIRINGS[wiring][1] if name not in self.channels)


def load(path: str | Path, fs: float | None = None, mapping: Mapping[str, str] | None = None) -> Recording:
    """Read a recording. fs: S/s where the file does not say it. mapping: channel name -> name in the file (COMTRADE: or
    the analogue channel's number, from 1); without it the file must use the names of CHANNELS. InputError for anything
    unusable."""
    from host_tools import read_comtrade, read_csv, read_npz

    readers = {".csv": read_csv.read, ".txt": read_csv.read, ".npz": read_npz.read, ".cfg": read_comtrade.read}
    path = Path(path)
    if fs is not None:
        check_rate(fs, "--fs")
    for name in mapping or ():
        if name not in (*CHANNELS, "t"):
            raise InputError(f"--map: {name!r} is not a channel: allowed are {listed((*CHANNELS, 't'))}")
    try:
        if path.suffix.lower() == ".dat":
            raise InputError("is the data half of a COMTRADE recording: give the .cfg file")
        if path.suffix.lower() not in readers:
            kind = path.suffix or "without a suffix"
            raise InputError(f"unknown kind of file, {kind}: allowed are .csv, .cfg (COMTRADE) and .npz")
        if not path.is_file():
            raise InputError("is a folder" if path.is_dir() else "no such file")
        segments, notes = readers[path.suffix.lower()](path, fs, dict(mapping or {}))
        _check(segments)
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    return Recording(path.name, tuple(segments), tuple(notes))


def parse_map(text: str) -> dict[str, str]:
    """The mapping of `v1=NAME,i1=NAME`; t may be mapped too."""
    mapping: dict[str, str] = {}
    for part in text.split(","):
        name, equals, source = (piece.strip() for piece in part.partition("="))
        if not (equals and name and source):
            raise InputError(f"--map: {part.strip()!r} is not NAME=COLUMN, as in v1=voltage,i1=current")
        if name in mapping:
            raise InputError(f"--map: {name} is given twice")
        mapping[name] = source
    return mapping


def choose_columns(found: list[str], mapping: Mapping[str, str], what: str = "column") -> dict[str, str]:
    """Which name in the file each channel (and t) comes from; `found` are the names there are."""
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise InputError(f"the {what} {twice[0]!r} occurs more than once: names must be unique")
    if mapping:
        for name, source in mapping.items():
            if source not in found:
                raise InputError(f"--map {name}={source}: there is no {what} {source!r}; there are {listed(found)}")
        return {**({"t": "t"} if "t" in found and "t" not in mapping else {}), **mapping}
    unknown = [name for name in found if name not in (*CHANNELS, "t")]
    if unknown:
        raise InputError(
            f"unknown {what} {listed(unknown)}: allowed are t, {listed(CHANNELS)}; "
            f"name others with --map, as in --map v1={unknown[0]}"
        )
    return {name: name for name in found}


def check_rate(fs: float, what: str) -> float:
    if not MIN_RATE <= fs <= MAX_RATE:  # catches NaN too
        raise InputError(f"{what} {fs:g} S/s is impossible here: allowed are {MIN_RATE:g} to {MAX_RATE:g} S/s")
    return fs


def _check(segments: list[Segment]) -> None:
    """What holds for every kind of file: voltages that make a wiring, their currents, a rate that makes a waveform."""
    names = set(segments[0].data)
    phases, lines = names & set(PHASE_VOLTAGES), names & set(LINE_VOLTAGES)
    allowed = "allowed are v1; v1, v2; v1, v2, v3; v12, v32"
    if phases and lines:
        raise InputError("both phase voltages and line voltages: allowed is one kind; choose with --map")
    if not phases and not lines:
        raise InputError(f"no voltage among {listed(sorted(names)) or 'no channels'}: {allowed}")
    if phases | lines not in [set(voltages) for voltages, _ in WIRINGS.values()]:
        raise InputError(f"{listed(sorted(phases | lines))} alone fit no wiring: {allowed}")
    for current, voltage in zip(CURRENTS[:3], PHASE_VOLTAGES, strict=True):
        if current in names and phases and voltage not in phases:
            raise InputError(
                f"{current} has no voltage {voltage} beside it: each phase current needs its phase voltage"
            )
    for segment in segments:
        if segment.fs > MAX_RATE:
            check_rate(segment.fs, "sampling rate")
    if all(segment.is_gap for segment in segments):
        check_rate(max(segment.fs for segment in segments), "sampling rate")


def check_finite(data: Mapping[str, np.ndarray], where: Callable[[int], str]) -> None:
    """InputError for the first sample that is no number; where(row) names the place of row 0, 1, ..."""
    rows = {name: int(bad[0]) for name, values in data.items() if (bad := np.flatnonzero(~np.isfinite(values))).size}
    if rows:
        name = min(rows, key=rows.__getitem__)
        value = data[name][rows[name]]
        raise InputError(f"{where(rows[name])}: {name} is {value:g}; every sample must be a finite number")


def decode(raw: bytes) -> str:
    """Text of bytes whose encoding nobody states: UTF-8, else GBK, else Latin-1, which takes anything."""
    for encoding in ("utf-8-sig", "gbk"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def listed(names: Iterable[str]) -> str:
    """Names with commas, the first eleven of many."""
    names = [str(name) for name in names]
    return ", ".join(names if len(names) <= 12 else [*names[:11], f"... ({len(names)} in all)"])
