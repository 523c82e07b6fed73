"""`wattless calibrate`, as typer has it. Whatever is heavy is imported by the command that needs it."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from host_tools.cli_device import BAD_INPUT, FAILED, Baud, Modbus, Parity, Port, Unit, fail

OUTSIDE = 3  # exit code: calibrated, and outside the limits of the class; or a signature that does not hold
app = typer.Typer(name="calibrate", invoke_without_command=True)

Key = Annotated[Path | None, typer.Option(metavar="FILE", help="Key of the signature; default: this computer's.")]
Code = Annotated[str | None, typer.Option(metavar="DIGITS", help="Access code of the meter; default: asked for.")]
Record = Annotated[Path, typer.Argument(metavar="RECORD.json", show_default=False)]


@app.callback()
def calibrate(
    context: typer.Context,
    port: Port = None,
    modbus: Modbus = None,
    unit: Unit = 1,
    baud: Baud = 19200,
    parity: Parity = "E",
    code: Code = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="A virtual meter with planted errors.")] = False,
    plant: Annotated[
        str | None, typer.Option(metavar="TEXT", help='With --simulate: e.g. "i1:gain=3,phase=4;v2:offset=0.5".')
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Reference meter by Modbus (.json, .toml); default: typed in.")
    ] = None,
    reference_name: Annotated[str, typer.Option(metavar="TEXT", help="Of a reference that is typed in.")] = "",
    certificate: Annotated[str, typer.Option(metavar="TEXT", help="Its certificate.")] = "",
    uncertainty: Annotated[
        str, typer.Option(metavar="V,I,PHASE", help="Its uncertainty (k = 2): v=PERCENT,i=PERCENT,phase=DEGREES.")
    ] = "",
    class_: Annotated[Literal["0.2S", "0.5S"], typer.Option("--class", help="Limits of IEC 62053-22.")] = "0.2S",
    volts: Annotated[float | None, typer.Option("--un", metavar="V", help="Default: nominal_voltage.")] = None,
    amperes: Annotated[float | None, typer.Option("--in", metavar="A", help="Default: nominal_current.")] = None,
    points: Annotated[
        str, typer.Option(metavar="P@PF,...", help="few, usual, all, or as in 100@1,5@1,100@0.5L,100@0.8C.")
    ] = "usual",
    steps: Annotated[
        str, typer.Option(metavar="NAME,...", help="Of offset, gain, phase, check, neutral.")
    ] = "offset,gain,phase,check",
    channels: Annotated[
        str | None, typer.Option("--channel", metavar="v1,i1,...", help="Only these may change.")
    ] = None,
    phases: Annotated[
        str | None, typer.Option("--phase", metavar="L1,...", help="Only these phases may change.")
    ] = None,
    ct: Annotated[
        str | None, typer.Option(metavar="200/5", help="Sets the transformer's ratio (200/0.333V: no --burden).")
    ] = None,
    burden: Annotated[float | None, typer.Option(metavar="OHM", help="Of that transformer.")] = None,
    rogowski: Annotated[
        str | None, typer.Option(metavar="MV@HZ", help="Sets a coil: millivolts for 1 kA, e.g. 100@50.")
    ] = None,
    current_at_full_scale: Annotated[float | None, typer.Option(metavar="A", help="Sets full_scale_i, peak.")] = None,
    wiring: Annotated[
        Literal["1p2w", "1p3w", "3p4w", "3p3w"] | None, typer.Option(help="By Modbus the meter does not tell it.")
    ] = None,
    frequency: Annotated[Literal["50", "60"] | None, typer.Option(help="By Modbus: nominal frequency.")] = None,
    adc_rate: Annotated[Literal["12800", "10240"] | None, typer.Option(help="By Modbus: samples per second.")] = None,
    operator: Annotated[str, typer.Option(metavar="NAME", help="For the record.")] = "",
    serial: Annotated[str, typer.Option(metavar="TEXT", help="Serial number of the meter, for the record.")] = "",
    script: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answers in place of a person, a line a step.")
    ] = None,
    timeout: Annotated[float, typer.Option(metavar="S", help="Wait so long for a steady reading.")] = 60.0,
    windows: Annotated[int, typer.Option(min=5, max=500, help="Windows (200 ms) of a reading.")] = 15,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE.json", help="The record; default: by time.")] = None,
    key: Key = None,
) -> None:
    """Calibrate a meter against a reference: offset, gain, phase; as found, as left, a signed record.

    docs/calibration.md is the procedure. Exit code 3: written, but outside the limits of the class."""
    if context.invoked_subcommand:
        return
    from host_tools.calibrate import ratio, record, session, wizard

    with _told():
        if script is not None and simulate:
            raise ValueError("--simulate needs no --script")
        chosen = session.Choice(
            class_=class_,
            volts=volts,
            amperes=amperes,
            points=points,
            steps=steps,
            channels=channels,
            phases=phases,
            who=operator,
            meter_serial=serial,
            windows=windows,
            timeout_s=timeout,
        )
        secret = record.key(key, make=True)
        if simulate:
            result = session.simulated(chosen, plant)
        else:
            known = {"wiring": wiring}
            known["nominal_frequency"] = float(frequency) if frequency else None
            known["rate"] = float(adc_rate) if adc_rate else None
            options = {"unit": unit, "baud": baud, "parity": parity} if modbus else {}
            with session.connected(port, modbus, options, known) as meter:
                about = meter.about()
                nominal = about.nominal_frequency or 50.0
                wanted = ratio.settings(about.gain_i or 1, nominal, ct, burden, rogowski, current_at_full_scale)
                who = session.operator(script, code, yes)
                if wanted:
                    session.set_ratio(meter, who, wanted)
                    return
                place = session.reference(reference, reference_name, certificate, uncertainty)
                result = wizard.Wizard(meter, place, who, chosen.job(about)).run()
        path = out or Path("build" if simulate else ".") / f"calibration-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
        record.save(result.record, path, secret)
        session.show(result, path)
        if not result.record["passes"]:
            raise typer.Exit(OUTSIDE)


@app.command()
def undo(
    port: Port = None,
    modbus: Modbus = None,
    unit: Unit = 1,
    baud: Baud = 19200,
    parity: Parity = "E",
    code: Code = None,
    from_: Annotated[
        Path | None, typer.Option("--record", metavar="RECORD.json", help="To that record's calibration.")
    ] = None,
    after: Annotated[bool, typer.Option("--after", help="With --record: what it wrote, not what was before.")] = False,
    key: Key = None,
) -> None:
    """Go back to the calibration before, or to that of any record."""
    from host_tools.calibrate import record, session

    with _told():
        wanted = None
        if from_:
            found = record.load(from_)
            record.verify(found, record.key(key))
            wanted = record.calibration(found, "after" if after else "before")
        options = {"unit": unit, "baud": baud, "parity": parity} if modbus else {}
        with session.connected(port, modbus, options, {}) as meter:
            print(session.undo(meter, session.operator(None, code, True), wanted))


@app.command()
def verify(file: Record, key: Key = None) -> None:
    """Tell whether a record is as it was signed. Exit code 3: it is not."""
    from host_tools.calibrate import record

    with _told():
        found = record.load(file)
        secret = record.key(key)
        try:
            record.verify(found, secret)
        except record.RecordError as error:
            raise fail(f"{file}: {error}", OUTSIDE) from None
        print(f"{file}: as it was signed with the key {record.key_id(secret)}; {found['verdict']}")


@app.command(name="print")
def print_(
    file: Record,
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE.html", help="Default: beside the record.")] = None,
    key: Key = None,
) -> None:
    """Write a record as a page for print (HTML)."""
    from host_tools.calibrate import page, record

    with _told():
        found = record.load(file)
        try:
            record.verify(found, record.key(key))
            signature = "as it was signed"
        except record.RecordError as error:
            signature = f"NOT VERIFIED: {error}"
        path = to or file.with_suffix(".html")
        path.write_text(page.page(found, signature), encoding="utf-8")
        print(path)


@contextlib.contextmanager
def _told():
    """Ends the command with a sentence, for what can go wrong."""
    from host_tools.calibrate.record import RecordError
    from host_tools.calibrate.refuse import Refusal
    from host_tools.calibrate.wizard import Declined
    from host_tools.meter_link import LinkError, Refused
    from host_tools.recording import InputError
    from host_tools.toolchain.build_mpy import CompileError
    from host_tools.toolchain.paths import ToolMissing

    try:
        yield
    except (InputError, ValueError) as error:
        raise fail(error, BAD_INPUT) from None
    except Refusal as error:
        raise fail(f"refused: {error.reason}\n  what to do: {error.remedy}") from None
    except (Declined, LinkError, Refused, RecordError, OSError, CompileError, ToolMissing) as error:
        raise fail(error, FAILED) from None
    except KeyboardInterrupt:
        raise fail("interrupted; `wattless calibrate undo` takes back what was written", FAILED) from None
