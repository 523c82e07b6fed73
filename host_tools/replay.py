"""`wattless replay`: a recording through the firmware's own mathematics, on the interpreter of one's choice.

    job = prepare("site.csv", fs=30000, mapping={"v1": "v_V", "i1": "i_A"}, repeat=3)
    for line in run(job):
        print(line["t"], line["q1_l1"])

The recording becomes the bytes of a simulated ADC, the firmware runs as a child process that reads them, and every JSON
line it writes comes back with what the recording cannot know made null: orders beyond its band, and whatever hangs on a
current that was not recorded.
"""

import json
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from host_tools import adc_model, guess, recording, runtimes
from host_tools.firmware_path import codes, points_table
from host_tools.rate_conversion import PASSBAND
from host_tools.recording import InputError, Recording
from host_tools.write_comtrade import Keeper

HIGHEST_ORDER = 50
WINDOW_S = 0.2  # nominal: 10 periods at 50 Hz, 12 at 60 Hz
RANGE_HZ = {50: (42.5, 57.5), 60: (51.0, 69.0)}
VOLTAGE_RANGE = (1.0, 1e6)  # as the meter's settings allow
FULL_SCALE_RANGE = (1e-6, 1e6)
STDERR_KEPT = 20_000  # characters of what a failed child said
# What hangs on currents: all rows of these units, and these ids (behind the prefix of their interval) of others.
CURRENT_UNITS = frozenset({"A", "W", "var", "VA", "mWh", "mvarh", "mVAh", "ohm"})
CURRENT_IDS = tuple(
    "thd_i thdh_i thdg_i thd40_i pwhd_i tdd_i trd_i cf_i kf_i pf dpf phi1 pollution i_u source quadrant".split()
)
CHANNELS = (None, "l1", "l2", "l3", "n", "l12", "l23", "l31")  # of the event log
PREFIXES = ("half_", "t3s_", "t10min_", "t2h_")
NEUTRAL = frozenset({"i_n", "ih_n", "t3s_i_n", "t10min_i_n", "t2h_i_n"})  # of all phases, unless it was measured
WAVEFORM_EVENTS = frozenset({"dip", "swell", "interruption", "rvc"})


class ChildFailed(Exception):
    """The firmware ended with an error. The message has its exit code and what it wrote to standard error."""


@dataclass(frozen=True)
class Job:
    """All that a run needs. recording: the channels of the wiring; config: its settings; notes: for the user."""

    recording: Recording
    config: Mapping[str, object]
    adc: adc_model.Adc
    repeat: float | None
    runtime: str
    notes: tuple[str, ...]
    start: datetime | None = None  # time of day of the first sample
    half_cycle: bool = False

    @property
    def seconds(self) -> float:
        """Length of what the meter will see."""
        last = self.recording.waveforms[-1]
        return self.repeat or last.start + last.duration

    def frames(self) -> Iterator[bytes]:
        """The records that the ADC sends."""
        return adc_model.frame_bytes(adc_model.sample(self.recording, self.adc, self.repeat), self.adc)


def prepare(
    path: str | Path,
    *,
    fs: float | None = None,
    mapping: Mapping[str, str] | None = None,
    nominal_frequency: int | None = None,
    nominal_voltage: float | None = None,
    wiring: str | None = None,
    full_scale_v: float | None = None,
    full_scale_i: float | None = None,
    adc_rate: int = 12800,
    repeat: float | None = None,
    adc: str = "ads131m08",
    runtime: str = "micropython",
    settings: Mapping[str, object] | None = None,
    start: datetime | None = None,
    half_cycle: bool = False,
) -> Job:
    """Load a recording and settle what was not said (None), with a note each. InputError for what cannot be measured.

    The parameters are the options of the command line; `notes` of the result tell the user what was guessed."""
    settings = dict(settings or {})
    _check_range("--full-scale-v", full_scale_v, FULL_SCALE_RANGE, "V")
    _check_range("--full-scale-i", full_scale_i, FULL_SCALE_RANGE, "A")
    _check_range("--nominal-voltage", nominal_voltage, VOLTAGE_RANGE, "V")
    if repeat is not None and not WINDOW_S <= repeat < float("inf"):
        raise InputError(f"--repeat {repeat:g}: allowed is {WINDOW_S:g} s (one window) or longer")

    record = recording.load(path, fs, mapping)
    notes = [] if wiring else [f"wiring {guess.wiring(record)}, from the channels"]
    wiring = wiring or guess.wiring(record)
    record = record.for_wiring(wiring)
    record, nominal_frequency = _settle_frequency(record, nominal_frequency, repeat, notes)
    if nominal_voltage is None:
        nominal_voltage, why = guess.nominal_voltage(record, nominal_frequency)
        notes.append(f"nominal voltage {nominal_voltage:g} V, {why}")
    full_scale_v, full_scale_i = _settle_full_scales(record, full_scale_v, full_scale_i, notes)
    missing = record.missing_currents(wiring)
    if missing:
        notes.append(f"not recorded: {', '.join(missing)}; what depends on it is null")
    last = int(PASSBAND * record.fs / nominal_frequency)
    if last < HIGHEST_ORDER:
        notes.append(f"orders above {last} are beyond the recording's {record.fs:g} S/s: null, and not in the THD")
    config = {
        "wiring": wiring,
        "nominal_frequency": nominal_frequency,
        "nominal_voltage": nominal_voltage,
        "adc_rate": adc_rate,
        "adc": adc,
        "full_scale_v": full_scale_v,
        "full_scale_i": full_scale_i,
        "neutral_current": "measured" if "in" in record.channels else "computed",
    }
    taken = sorted(set(settings) & set(config))
    settings = {"offset_limit": 100.0} | settings  # a recording's dc is no offset of the simulated converter
    if taken:
        raise InputError(f"--set {taken[0]}: has an option of its own, or follows from the recording")
    config |= settings
    bits, short = settings.get("adc_bits", 16), settings.get("window") == "5/6"
    model = adc_model.Adc(float(adc_rate), adc, full_scale_v, full_scale_i, 24 if bits == 24 and short else 16)
    return Job(record, config, model, repeat, runtime, (*record.notes, *notes), start, half_cycle)


def keeper(job: Job, folder: Path) -> Keeper:
    """What exports the waveform around events of `run` to COMTRADE files in `folder`."""
    return Keeper(
        job.adc, job.recording.channels, float(job.config["nominal_frequency"]), folder, start=job.start,
        station=Path(job.recording.name).stem,
    )  # fmt: skip


def run(job: Job, keeper: Keeper | None = None) -> Iterator[dict]:
    """The lines of the firmware as they come: windows, intervals, events, half periods where they were asked for.

    keeper: is fed with the frames and told of the events.
    ChildFailed where it ends with an error; ToolMissing, CompileError (host_tools.toolchain) where it cannot start."""
    with tempfile.TemporaryDirectory(prefix="wattless-") as folder, tempfile.TemporaryFile() as stderr:
        path = Path(folder, "meter.json")
        path.write_text(json.dumps(job.config), encoding="utf-8")
        options = ["--config", str(path), "--json"]
        if job.start:
            options += ["--start", str(round(job.start.timestamp() * 1000))]
        if job.half_cycle:
            options.append("--half-cycle")
        argv, env = runtimes.command(job.runtime, options)
        child = subprocess.Popen(
            argv, env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
        )
        feeder = _Feeder(child.stdin, job.frames(), keeper)
        feeder.start()
        try:
            for line in child.stdout:
                said = without_unknown(json.loads(line), job)
                if keeper and said.get("event") in WAVEFORM_EVENTS and said.get("state") != "begin":
                    keeper.event(said)
                yield said
            code = child.wait()
        except ValueError as error:
            raise ChildFailed(f"the firmware wrote a line that is not JSON: {error}") from error
        finally:
            child.kill()
            child.wait()
            feeder.join()
            child.stdout.close()
        if keeper:
            keeper.close()
        if feeder.error:
            raise feeder.error
        if code:
            raise ChildFailed(f"the firmware ({job.runtime}) ended with code {code}:\n{_text(stderr)}")


def without_unknown(line: dict, job: Job) -> dict:
    """The line with null for orders beyond the recording's band and for what depends on currents it does not have."""
    if "event" in line:
        return explained(line)
    band = PASSBAND * job.recording.fs
    f = line.get("f") or job.config["nominal_frequency"]
    unknown = _unknown_ids(job)
    for name, value in line.items():
        if isinstance(value, list) and name != "flags":
            line[name] = [x if order * f < band else None for order, x in enumerate(value)]
        if unknown(name) and value is not None:
            line[name] = [None] * len(value) if isinstance(value, list) else None
    return line


def explained(line: dict) -> dict:
    """A line of the event log with what it means in plain words, under "says", when all is known of it."""
    if line.get("state") == "begin" and line["event"] != "wiring":
        return line
    value, detail = (
        next((line[name] for name in names if line.get(name) is not None), float("nan"))
        for names in (("residual", "maximum", "delta_max", "value"), ("delta_ss", "detail"))
    )
    said = codes.sentence(line["code"], CHANNELS.index(line.get("channel")), value, detail)
    return {**line, "says": said}


def _unknown_ids(job: Job) -> Callable[[str], bool]:
    """Whether an id hangs on a current that was not recorded."""
    wiring = str(job.config["wiring"])
    phases = {name[1] for name in job.recording.missing_currents(wiring)}
    if not phases:
        return lambda name: False
    if wiring == "3p3w":
        phases.add("2")  # computed from the other two
    measured = NEUTRAL if "in" in job.recording.channels else frozenset()
    unknown = frozenset(row.id for row in points_table.ROWS if _of_currents(row)) - measured
    return lambda name: name in unknown and (name[-3:-1] != "_l" or name[-1] in phases)


def _of_currents(row) -> bool:
    name = row.id
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return row.unit in CURRENT_UNITS or name.startswith(CURRENT_IDS)


def _settle_frequency(
    record: Recording, nominal: int | None, repeat: float | None, notes: list[str]
) -> tuple[Recording, int]:
    """(the recording, cut to whole periods where it is looped; the nominal frequency). InputError for a short one."""
    longest = max(segment.duration for segment in record.waveforms)
    if repeat is None and longest < WINDOW_S:
        raise InputError(
            f"{record.name}: {longest:.3g} s is too short to measure: a window takes {WINDOW_S:g} s; "
            "loop a record of whole periods with --repeat SECONDS"
        )
    if nominal is not None and repeat is None:
        return record, nominal
    f = guess.fundamental(record)
    if repeat is not None:
        record, f = guess.whole_periods(record, f)
        notes.append(f"looped at {f:.6g} Hz")
    if nominal is None:
        nominal = guess.nominal_frequency(f)
        notes.append(f"nominal frequency {nominal} Hz, nearest to the recording's {f:.4g} Hz")
    low, high = RANGE_HZ[nominal]
    if not low <= f <= high:
        notes.append(f"the recording's {f:.4g} Hz is outside the meter's range of {low:g} to {high:g} Hz")
    return record, nominal


def _settle_full_scales(
    record: Recording, volts: float | None, amperes: float | None, notes: list[str]
) -> tuple[float, float]:
    chosen = adc_model.full_scales(record)
    settled = []
    for option, given, own, kind in (
        ("--full-scale-v", volts, chosen[0], "v"),
        ("--full-scale-i", amperes, chosen[1], "i"),
    ):
        peak = record.peak(tuple(name for name in record.channels if name.startswith(kind)))
        if given is not None and given < peak:
            notes.append(f"{option} {given:g} clips: the recording's peak is {peak:.4g}")
        settled.append(max(own, FULL_SCALE_RANGE[0]) if given is None else given)
    if settled[0] > FULL_SCALE_RANGE[1] or settled[1] > FULL_SCALE_RANGE[1]:
        raise InputError(
            f"{record.name}: its peak needs a full scale above {FULL_SCALE_RANGE[1]:g} V or A, the meter's limit: "
            "are its units volts and amperes?"
        )
    if volts is None or amperes is None:
        notes.append(f"full scale {settled[0]:g} V, {settled[1]:g} A (peak)")
    return settled[0], settled[1]


class _Feeder(threading.Thread):
    """Writes the frames. A child that ended takes no more; what goes wrong in making them is the reader's to raise."""

    def __init__(self, pipe: BinaryIO, frames: Iterator[bytes], keeper: Keeper | None) -> None:
        super().__init__(daemon=True)
        self._pipe, self._frames, self._keeper = pipe, frames, keeper
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for block in self._frames:
                if self._keeper:
                    self._keeper.feed(block)
                self._pipe.write(block)
        except BrokenPipeError:
            pass
        except Exception as error:  # re-raised by the reading side
            self.error = error
        finally:
            try:
                self._pipe.close()
            except BrokenPipeError:
                pass


def _text(file: BinaryIO) -> str:
    file.seek(0)
    text = file.read().decode(errors="replace").strip()
    return text[-STDERR_KEPT:] or "(it wrote nothing to standard error)"


def _check_range(option: str, value: float | None, allowed: tuple[float, float], unit: str) -> None:
    if value is not None and not allowed[0] <= value <= allowed[1]:
        raise InputError(f"{option} {value:g}: allowed are {allowed[0]:g} to {allowed[1]:g} {unit}")
