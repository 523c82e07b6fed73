"""What the command line puts together: the job, the meter, the reference, the operator."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

from host_tools.calibrate import bench, model, tables
from host_tools.calibrate import reference as references
from host_tools.calibrate.link import About, Meter, connect
from host_tools.calibrate.terminal import Script, Terminal
from host_tools.calibrate.wizard import STEPS, Job, Operator, Result, Wizard
from host_tools.meter_link import Refused, open_link
from host_tools.recording import InputError

IN_OF_FULL_SCALE = 1.1 * 1.2 * sqrt(2)  # as config.py has it for nominal_current


@dataclass(frozen=True)
class Choice:
    """The options as they were typed."""

    class_: str = "0.2S"
    volts: float | None = None
    amperes: float | None = None
    points: str = "usual"
    steps: str = ",".join(STEPS[:4])
    channels: str | None = None
    phases: str | None = None
    who: str = ""
    meter_serial: str = ""
    windows: int = 15
    timeout_s: float = 60.0

    def job(self, about: About) -> Job:
        """For that meter. InputError for what is not right."""
        volts = self.volts or about.nominal_voltage
        amperes = self.amperes or about.nominal_current or about.full_scale_i / IN_OF_FULL_SCALE
        if not volts or not amperes:
            raise InputError("the meter does not tell its nominal voltage and current: give --un and --in")
        return Job(volts, round(amperes, 6), **self.common())

    def common(self) -> dict:
        return {
            "class_": self.class_,
            "points": points(self.points),
            "steps": steps(self.steps),
            "channels": channels(self.channels, self.phases),
            "who": self.who,
            "meter_serial": self.meter_serial,
            "windows": self.windows,
            "timeout_s": self.timeout_s,
        }


def points(text: str) -> tuple[tables.Point, ...]:
    named = {"few": tables.FEWEST, "usual": tables.USUAL, "all": tables.ALL}
    if text in named:
        return named[text]
    try:
        return tuple(tables.point(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InputError(f"--points {error}") from None


def steps(text: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found or not set(found) <= set(STEPS):
        raise InputError(f"--steps {text}: want some of {', '.join(STEPS)}")
    return found


def channels(names: str | None, phases: str | None) -> tuple[str, ...]:
    """Those that may change: of --channel, of --phase, or of both; all where neither is given."""
    all_ = model.NAMES[:7]
    wanted = set()
    for name in filter(None, (part.strip().lower() for part in (names or "").split(","))):
        if name not in all_:
            raise InputError(f"--channel {name}: want some of {', '.join(all_)}")
        wanted.add(name)
    for name in filter(None, (part.strip().upper() for part in (phases or "").split(","))):
        if name not in ("L1", "L2", "L3"):
            raise InputError(f"--phase {name}: want some of L1, L2, L3")
        wanted |= {f"v{name[1]}", f"i{name[1]}"}
    return tuple(name for name in all_ if name in wanted) or all_


@contextlib.contextmanager
def connected(port: str | None, modbus: str | None, options: Mapping, known: Mapping) -> Iterator[Meter]:
    with open_link(port, modbus, **options) as link:
        yield connect(link, **known)


def operator(script: Path | None, code: str | None, yes: bool) -> Operator:
    return Script(script.read_text(encoding="utf-8").splitlines(), code) if script else Terminal(code, yes)


def reference(file: Path | None, name: str, certificate: str, uncertainty: str) -> references.Reference:
    if file:
        return references.load(file)
    if not (name and certificate and uncertainty):
        raise InputError(
            "which reference? --reference FILE (by Modbus), or for one that you read yourself --reference-name, "
            "--certificate and --uncertainty v=PERCENT,i=PERCENT,phase=DEGREES"
        )
    return references.Typed(
        references.Identity(name, certificate, references.uncertainty(uncertainty, "--uncertainty"))
    )


def simulated(choice: Choice, plant: str | None = None, say=print) -> Result:
    """The whole of it on the simulated bench."""
    job = bench.job(**{**choice.common(), "who": "simulated"})
    with bench.started(bench.PLANTED if plant is None else plant, say=say) as (place, link, _):
        return Wizard(bench.Settled(connect(link), place), place, place, job).run()


def set_ratio(meter: Meter, who: Operator, wanted: Mapping[str, object]) -> None:
    """Sets what a transformer or coil makes of full_scale_i and current_sensor."""
    meter.unlock(who.code())
    for name, value in wanted.items():
        meter.set(name, value)
        who.tell(f"{name}: {value}")
    who.tell("They hold from the next start on: `restart` the meter, then calibrate.")
    who.tell("What it was calibrated to until now was of the transformer before.")


def undo(meter: Meter, who: Operator, wanted: model.Calibration | None) -> str:
    """To the calibration before, by the meter's own undo, or to `wanted`. What was done, in words."""
    meter.unlock(who.code())
    before = meter.calibration()
    if wanted is None:
        meter.undo()
    else:
        if (wanted.gain_v, wanted.gain_i) != (before.gain_v, before.gain_i):
            raise Refused(
                f"the record is of the range gain_v {wanted.gain_v}, gain_i {wanted.gain_i}; the meter uses "
                f"{before.gain_v}, {before.gain_i}: set that range and restart first"
            )
        meter.calibrate(wanted)
    after = meter.calibration()
    if wanted is not None and not model.same(after, wanted):
        raise Refused("the meter keeps another calibration than was written")
    return "no change: it was so already" if model.same(before, after) else "done: " + changed(before, after)


def changed(before: model.Calibration, after: model.Calibration) -> str:
    names = [
        name
        for k, name in enumerate(model.NAMES[:7])
        if abs(before.gain[k] - after.gain[k]) > 16
        or before.offset[k] != after.offset[k]
        or before.phase[k] != after.phase[k]
    ]
    return ", ".join(names) + " changed"


def show(result: Result, path: Path) -> None:
    from rich.console import Console

    console = Console(width=100)
    tables.show("as found", result.found, console)
    console.print()
    tables.show("as left", result.left, console)
    console.print(f"\nnot applied: {'; '.join(result.record['not_applied']) or 'none'}", highlight=False)
    console.print(result.record["verdict"], style="green" if result.record["passes"] else "bold red", highlight=False)
    console.print(f"record: {path} (verify it: wattless calibrate verify {path})", highlight=False, soft_wrap=True)
