"""A calibration from the first connection to the record: what to connect is said before each step.

    as found   without current: offsets; then each point: V, I, phi, P against the reference, before anything changes
    adjust     one proposal from all of it, shown, confirmed, written in one command, read back
    as left    the points again

Who stands at the bench is an Operator: a person at a terminal, a script, or the simulated bench.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from math import sqrt
from typing import NamedTuple, Protocol

from host_tools.calibrate import model, refuse, steady, tables
from host_tools.calibrate.link import Meter
from host_tools.calibrate.record import FORMAT
from host_tools.calibrate.reference import Reference, missing, true_values, typed
from host_tools.calibrate.tables import Point
from host_tools.meter_link import LinkError
from host_tools.recording import InputError

STEPS = ("offset", "gain", "phase", "check", "neutral")
GAIN, PHASE = Point(100), Point(100, "0.5L")


class Step(NamedTuple):
    """kind: offset, point or neutral; where: the point; left: as left, otherwise as found."""

    kind: str
    where: Point | None = None
    left: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind} {self.where}" if self.where else self.kind


class Operator(Protocol):
    def tell(self, text: str) -> None: ...
    def waiting(self, text: str) -> None: ...
    def prepare(self, step: Step, text: str) -> bool:
        """Connects what the text says; False: the step is left out."""

    def values(self, step: Step, text: str) -> str:
        """What the reference reads, as reference.typed takes it."""

    def again(self, step: Step, refusal: refuse.Refusal) -> bool:
        """Whether to try the step once more, now that the reason was told."""

    def confirm(self, text: str) -> bool: ...
    def code(self) -> str: ...


@dataclass(frozen=True)
class Job:
    """class_: of IEC 62053-22; volts, amperes: nominal, rms, at the inputs (In: what 100 % is); points: as found and as
    left; steps: of STEPS; channels: that may change; windows: of a reading; timeout_s: of waiting for a steady one."""

    volts: float
    amperes: float
    class_: str = "0.2S"
    points: tuple[Point, ...] = tables.FEWEST
    steps: tuple[str, ...] = STEPS[:4]
    channels: tuple[str, ...] = model.NAMES[:7]
    who: str = ""
    meter_serial: str = ""
    windows: int = steady.WINDOWS
    timeout_s: float = 60.0
    wait: dict = field(default_factory=dict)  # clock and pause of steady.wait, for tests


Section = tuple[dict[Step, model.Measured], list[tables.Row]]


class Result(NamedTuple):
    record: dict
    found: list[tables.Row]
    left: list[tables.Row]


class Declined(Exception):
    """The operator ended it. Nothing was written."""


class Wizard:
    def __init__(self, meter: Meter, reference: Reference, operator: Operator, job: Job) -> None:
        self._meter, self._reference, self._operator, self._job = meter, reference, operator, job

    def run(self) -> Result:
        """Refusal, Declined, Refused, LinkError, InputError: nothing was written, unless the message says so. What goes
        wrong after that is in the record."""
        job, operator = self._job, self._operator
        self.about = about = self._meter.about()
        self.phases = refuse.wiring(about.wiring)
        self._check_about()
        refuse.reference(self._reference.identity.uncertainty, self._points(), job.class_)
        before = self._meter.calibration()
        code = operator.code()
        self._meter.unlock(code)
        found: dict[Step, model.Measured] = {}
        self._measure_all(self._steps_found(), found)
        rows_found = self._rows(found)
        after = self._proposal(before, found)
        operator.tell("proposed: " + changes(before, after, self._per_degree()))
        if not operator.confirm("Write it to the meter?"):
            raise Declined("nothing was written")
        self._meter.unlock(code)
        self._write(after)
        operator.tell("written and read back")
        left: dict[Step, model.Measured] = {}
        failure = None
        try:
            self._measure_all([step._replace(left=True) for step in self._steps_found()], left)
        except (refuse.Refusal, Declined, LinkError, InputError) as error:  # it is written: that is recorded
            failure = str(error)
            operator.tell(f"as left ended: {failure}")
        record = self._record(before, after, (found, rows_found), (left, self._rows(left)), failure)
        return Result(record, rows_found, self._rows(left))

    def _check_about(self) -> None:
        about = self.about
        for name in ("rate", "nominal_frequency"):
            if getattr(about, name) is None:
                raise InputError(f"the meter does not tell its {name}: give it (--adc-rate, --frequency)")
        peak = sqrt(2) * self._job.amperes * max(where.percent for where in self._points()) / 100
        for value, full_scale, name, unit in (
            (sqrt(2) * self._job.volts, about.full_scale_v, "full_scale_v", "V"),
            (peak, about.full_scale_i, "full_scale_i", "A"),
        ):
            if value > full_scale:
                raise refuse.Refusal(
                    f"a peak of {value:.4g} {unit} is beyond {name}, {full_scale:.4g} {unit}",
                    "give smaller --un, --in or --points, or set the right ratio first (--ct, --rogowski)",
                )

    # What is done.

    def _points(self) -> tuple[Point, ...]:
        """Those of the job, and what its steps need, gain first."""
        steps = self._job.steps
        needed = [GAIN] * ("gain" in steps) + [PHASE] * ("phase" in steps)
        wanted = self._job.points if "check" in steps else ()
        return tuple(dict.fromkeys([*needed[:1], *wanted, *needed])) or (GAIN,)

    def _steps_found(self) -> list[Step]:
        steps = [Step("offset")] if "offset" in self._job.steps else []
        steps += [Step("point", where) for where in self._points()]
        return steps + ([Step("neutral", GAIN)] if "neutral" in self._job.steps else [])

    def _measure_all(self, steps: Sequence[Step], found: dict[Step, model.Measured]) -> None:
        for number, step in enumerate(steps, 1):
            head = f"{'as left' if step.left else 'as found'} {number}/{len(steps)}: {step.name}\n"
            while self._operator.prepare(step, head + self._instruction(step)):
                try:
                    found[step] = self._measure(step)
                except refuse.Refusal as refusal:
                    if not self._operator.again(step, refusal):
                        raise
                    continue
                self._operator.tell(f"{step.name}: {self._short(step, found[step])}")
                break

    def _instruction(self, step: Step) -> str:
        job = self._job
        lines = ", ".join(f"L{k}" for k in self.phases)
        volts = f"{job.volts:g} V, {self.about.nominal_frequency:g} Hz, without dc, to {lines}"
        if step.kind == "offset":
            return f"Apply {volts}; open all current circuits."
        amperes = f"{job.amperes * step.where.percent / 100:g} A"
        if step.kind == "neutral":
            return f"Apply {volts}; {amperes} through the input of the neutral."
        kind = {"1": "in phase", "0.5L": "lagging by 60 degrees", "0.8C": "leading by 36.87 degrees"}[step.where.pf]
        return f"Apply {volts}; {amperes} in {lines}, {kind}."

    def _ids(self, step: Step) -> list[str]:
        if step.kind == "neutral":
            return ["f", "i_n"]
        names = ["v", "i", "thd_v"] + (["vdc", "idc"] if step.kind == "offset" else ["p", "phi1", "thd_i"])
        ids = ["f"] + [f"{name}_l{k}" for name in names for k in self.phases]
        if step.kind == "offset":
            return ids + ["idc_n"] * (self.about.neutral_current != "computed")
        return ids + (["v_l12", "v_l23", "v_l31", "v_u2", "v_u0"] if len(self.phases) == 3 else [])

    def _limits(self, step: Step) -> dict[str, steady.Limit]:
        """Scatter of a window: a quarter of the limit of class 0.2S at PF 1, and as much more as the point allows."""
        if step.kind == "offset":
            full = {"v": self.about.full_scale_v, "i": self.about.full_scale_i}
            return {id_: steady.Limit(absolute=1e-4 * full[id_[0]]) for id_ in self._ids(step) if "dc_" in id_}
        if step.kind == "neutral":
            return {"i_n": steady.Limit(5e-4)}
        share = (tables.limit(step.where, self._job.class_) or 1.0) / 0.2
        limits = {}
        for k in self.phases:
            limits[f"v_l{k}"] = steady.Limit(5e-4)
            limits[f"i_l{k}"] = steady.Limit(5e-4 * share)
            limits[f"phi1_l{k}"] = steady.Limit(absolute=0.03 * share)
        return limits

    def _measure(self, step: Step) -> model.Measured:
        ids = self._ids(step)

        def read() -> tuple[int, Sequence[str], dict[str, float | None]]:
            window = self._meter.read(ids)
            true = self._reference.values() if step.kind != "offset" else None
            return window.seq, window.flags, window.values | {f"true {id_}": x for id_, x in (true or {}).items()}

        job, say = self._job, self._operator.waiting
        try:
            states = steady.wait(
                read, self._limits(step), windows=job.windows, timeout_s=job.timeout_s, say=say, **job.wait
            )
        except steady.Unsteady as error:
            raise refuse.unsteady(str(error)) from None
        read_ = {id_: states[id_].mean for id_ in ids if id_ in states}
        true = {id_[5:]: found.mean for id_, found in states.items() if id_.startswith("true ")}
        if step.kind != "offset" and not true:
            true = self._asked(step)
        if step.kind != "neutral":
            true = true_values(true, self.phases)
        sigma = {id_: states[id_].uncertainty for id_ in ids if id_ in states}
        measured = model.Measured(read_, true, sigma, job.windows)
        self._check(step, measured)
        return measured

    def _needed(self, step: Step) -> list[str]:
        if step.kind == "neutral":
            return ["i_n"]
        return [f"{name}_l{k}" for name in ("v", "i", "phi1") for k in self.phases]

    def _asked(self, step: Step) -> dict[str, float]:
        """Of a reference that a person reads."""
        wanted = self._needed(step)
        text = f"What does the reference read? {', '.join(wanted)}; line voltages if it has them (v_l12 v_l23 v_l31)"
        while True:
            try:
                given = true_values(typed(self._operator.values(step, text), self.phases), self.phases)
            except InputError as error:
                text = str(error)
                continue
            absent = missing(given, wanted)
            if not absent:
                return given
            text = f"still missing: {', '.join(absent)}"

    def _check(self, step: Step, measured: model.Measured) -> None:
        read, true, about, job = measured.read, measured.true, self.about, self._job
        refuse.frequency(read.get("f"), about.nominal_frequency, true.get("f"))
        if step.kind == "neutral":
            refuse.ratio("the neutral's current", read["i_n"], true["i_n"])
            return
        refuse.distortion(read, self.phases, step.kind == "point")
        if step.kind == "offset":
            for k in self.phases:
                refuse.offset(f"V{k}", read[f"vdc_l{k}"], about.full_scale_v)
                refuse.offset(f"I{k}", read[f"idc_l{k}"], about.full_scale_i)
                refuse.current_flows(f"I{k}", read[f"i_l{k}"], read[f"idc_l{k}"], about.full_scale_i)
            return
        absent = missing(true, self._needed(step))
        if absent:
            raise InputError(f"the reference does not give {', '.join(absent)}: add its registers, or phi1's p and q1")
        refuse.applied(step.where, true, self.phases, job.volts, job.amperes)
        for k in self.phases:
            refuse.ratio(f"V{k}", read[f"v_l{k}"], true[f"v_l{k}"])
            refuse.ratio(f"I{k}", read[f"i_l{k}"], true[f"i_l{k}"])
        refuse.rotation(read)
        for k in self.phases:
            refuse.angle(k, read[f"phi1_l{k}"] - true[f"phi1_l{k}"])

    def _short(self, step: Step, measured: model.Measured) -> str:
        read, true = measured.read, measured.true
        if step.kind == "offset":
            return ", ".join(f"{id_} {value:+.4g}" for id_, value in read.items() if "dc_" in id_)
        if step.kind == "neutral":
            return f"i_n {model.power_error(read['i_n'], true['i_n']):+.4f} %"
        return ", ".join(f"L{row.phase} P {row.p:+.4f} %" for row in self._rows({step: measured}))

    # What comes of it.

    def _rows(self, found: dict[Step, model.Measured]) -> list[tables.Row]:
        points = [(step, measured) for step, measured in found.items() if step.kind == "point"]
        return [row for step, m in points for row in tables.rows(step.where, m, self.phases, self._job.class_)]

    def _proposal(self, before: model.Calibration, found: dict[Step, model.Measured]) -> model.Calibration:
        steps = self._job.steps
        try:
            return model.propose(
                before,
                (self.about.full_scale_v, self.about.full_scale_i),
                self.phases,
                self.about.rate,
                offset=found.get(Step("offset")),
                gain=found.get(Step("point", GAIN)) if "gain" in steps else None,
                phase=found.get(Step("point", PHASE)) if "phase" in steps else None,
                neutral=found.get(Step("neutral", GAIN)),
                channels=self._job.channels,
            )
        except (model.ModelError, model.CalibrationError) as error:
            raise refuse.Refusal(str(error), "no calibration takes that back: check the inputs") from None

    def _write(self, after: model.Calibration) -> None:
        self._meter.calibrate(after)
        kept = self._meter.calibration()
        if not model.same(kept, after):
            raise LinkError(f"the meter keeps another calibration than was written: {kept.as_dict()}; `undo` it")

    def _per_degree(self) -> float:
        return model.periods_per_degree(self.about.rate, self.about.nominal_frequency)

    def _record(
        self,
        before: model.Calibration,
        after: model.Calibration,
        found: Section,
        left: Section,
        failure: str | None,
    ) -> dict:
        job, rows_left = self._job, left[1]
        applied = [step.where for step in left[0] if step.kind == "point"]
        return {
            "format": FORMAT,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "operator": job.who,
            "host": platform.python_implementation() + " " + platform.python_version(),
            "meter": {**asdict(self.about), "serial": job.meter_serial},
            "reference": self._reference.identity.as_dict(),
            "class": job.class_,
            "nominal": {"v": job.volts, "i": job.amperes, "f": self.about.nominal_frequency},
            "steps": list(job.steps),
            "channels": list(job.channels),
            "before": before.as_dict(),
            "after": after.as_dict(),
            "as_found": _section(*found),
            "as_left": _section(*left),
            "not_applied": [str(where) for where in tables.not_applied(applied)],
            "verdict": f"as left is not complete: {failure}" if failure else tables.verdict(rows_left),
            "passes": failure is None and tables.passes(rows_left),
        }


def _section(found: dict[Step, model.Measured], rows: list[tables.Row]) -> dict:
    readings = [
        {"step": step.name, "read": m.read, "true": m.true, "sigma": m.sigma, "windows": m.windows}
        for step, m in found.items()
    ]
    return {"rows": [row.as_dict() for row in rows], "readings": readings}


def changes(before: model.Calibration, after: model.Calibration, per_degree: float) -> str:
    """What differs, channel by channel, for people."""
    lines = []
    for k, name in enumerate(model.NAMES[:7]):
        words = []
        if after.gain[k] != before.gain[k]:
            words.append(f"gain {100 * (after.gain[k] / before.gain[k] - 1):+.4f} %")
        if after.offset[k] != before.offset[k]:
            words.append(f"offset {after.offset[k] - before.offset[k]:+d} LSB (of 24 bits)")
        if after.phase[k] != before.phase[k]:
            words.append(f"delay {(after.phase[k] - before.phase[k]) / per_degree:+.4f} degrees")
        if words:
            lines.append(f"{name}: {', '.join(words)}")
    return "; ".join(lines) or "no change"
