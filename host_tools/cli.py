"""The command `wattless`. Whatever is heavy is imported by the command that needs it."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from host_tools import cli_device
from host_tools.calibrate.command import app as calibrating

FAILED = 1
BAD_INPUT = 2  # as typer's own for unknown options

app = typer.Typer(name="wattless", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


cli_device.register(app)
app.add_typer(calibrating)


def main() -> None:
    """Entry point of the command."""
    app(prog_name="wattless")


@app.callback()
def _about() -> None:
    """Wattless, an open four-quadrant VAR meter: tools for the PC."""


@app.command()
def replay(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="CSV with a header, COMTRADE (.cfg), NumPy (.npz), or .evidence of a meter.",
            show_default=False,
        ),
    ],
    fs: Annotated[
        float | None, typer.Option(metavar="HZ", help="Sampling rate, where the file has no column t.")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option("--map", metavar="v1=NAME,...", help="Columns, arrays, COMTRADE channels (by name or number)."),
    ] = None,
    nominal_frequency: Annotated[Literal["50", "60"] | None, typer.Option(help="Default: the nearer one.")] = None,
    nominal_voltage: Annotated[
        float | None, typer.Option(metavar="V", help="Default: a usual one near the recording's.")
    ] = None,
    wiring: Annotated[
        Literal["1p2w", "1p3w", "3p4w", "3p3w"] | None, typer.Option(help="Default: from the channels.")
    ] = None,
    full_scale_v: Annotated[
        float | None, typer.Option(metavar="V", help="Peak of the ADC's range; default: from the data.")
    ] = None,
    full_scale_i: Annotated[
        float | None, typer.Option(metavar="A", help="Peak of the ADC's range; default: from the data.")
    ] = None,
    adc_rate: Annotated[Literal["12800", "10240"], typer.Option(help="Samples per second of the ADC.")] = "12800",
    repeat: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Loop a record of whole periods for so long.")
    ] = None,
    adc: Annotated[
        Literal["ads131m08", "ideal"], typer.Option(help="ideal: no sinc3, no correction of it.")
    ] = "ads131m08",
    runtime: Annotated[
        Literal["cpython", "micropython", "arm"], typer.Option(help="What runs the firmware.")
    ] = "micropython",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line: windows, intervals, events.")
    ] = False,
    half_cycle: Annotated[bool, typer.Option("--half-cycle", help="With --json: every half period, too.")] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of meter.json, e.g. dip_threshold=85; repeatable."),
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(help="Time of day (UTC) of the first sample; default: not known.")
    ] = None,
    comtrade: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the waveform around every event there.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Picture of waveform, phasors and harmonics.")
    ] = None,
) -> None:
    """Run a recording through the firmware's own mathematics, or compute a meter's reading again from its evidence."""
    if file.suffix == ".evidence":
        _reproduce(file, runtime)
        return
    from host_tools import recording
    from host_tools import replay as player
    from host_tools.toolchain.build_mpy import CompileError
    from host_tools.toolchain.paths import ToolMissing

    try:
        job = player.prepare(
            file,
            fs=fs,
            mapping=recording.parse_map(names) if names else None,
            nominal_frequency=int(nominal_frequency) if nominal_frequency else None,
            nominal_voltage=nominal_voltage,
            wiring=wiring,
            full_scale_v=full_scale_v,
            full_scale_i=full_scale_i,
            adc_rate=int(adc_rate),
            repeat=repeat,
            adc=adc,
            runtime=runtime,
            settings=_settings(settings or []),
            start=start.replace(tzinfo=UTC) if start else None,
            half_cycle=half_cycle,
        )
        _check_plot(plot)
        for note in job.notes:
            _say(note)
        _play(job, as_json, plot, comtrade)
    except recording.InputError as error:
        _end(str(error), BAD_INPUT)
    except (player.ChildFailed, CompileError, ToolMissing) as error:
        _end(str(error), FAILED)
    except BrokenPipeError:  # the reader of our lines has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.command()
def run(
    scenario: Annotated[
        str, typer.Option(metavar="NAME", help="The site to simulate; a wrong name lists them.")
    ] = "ev-site",
    headless: Annotated[
        bool, typer.Option("--headless", help="Plain lines in place of the live table, for scripts.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Modbus TCP port; if it is taken, the next free one.")
    ] = 1502,
    runtime: Annotated[Literal["micropython", "cpython"], typer.Option(help="What runs the firmware.")] = "micropython",
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="End by itself after so long.")
    ] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Picture of the last table.")] = None,
    plant: Annotated[
        str | None, typer.Option(metavar="ERRORS", help='Errors of the inputs, as "i1:gain=3,phase=4;v2:offset=0.5".')
    ] = None,
    shell: Annotated[bool, typer.Option("--shell", help="With the serial console, on a pseudo-terminal.")] = False,
    store: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep energy, events, settings there.")
    ] = None,
) -> None:
    """Run a virtual meter in real time, with Modbus TCP and RTU and a live table. Ctrl-C ends it."""
    from host_tools import scenarios

    if scenario not in scenarios.NAMES:
        _end(f"no scenario {scenario!r}: there are {', '.join(scenarios.NAMES)}", BAD_INPUT)

    from host_tools import run as live
    from host_tools.recording import InputError
    from host_tools.toolchain.build_mpy import CompileError
    from host_tools.toolchain.paths import ToolMissing

    try:
        code = live.run(
            scenario,
            headless=headless,
            port=port,
            runtime=runtime,
            duration=duration,
            svg=str(svg) if svg else None,
            plant=plant,
            shell=shell,
            store=str(store) if store else None,
        )
    except (CompileError, InputError, ToolMissing) as error:
        _end(str(error), FAILED)
    raise typer.Exit(code)


def _reproduce(file: Path, runtime: str) -> None:
    """Compute a reading again from its evidence; exit code 1 where it does not come out the same."""
    from host_tools.evidence import EvidenceError
    from host_tools.evidence.reproduce import reproduce
    from host_tools.toolchain.build_mpy import CompileError
    from host_tools.toolchain.paths import ToolMissing

    try:
        report = reproduce(file, runtime)
    except EvidenceError as error:
        _end(str(error), BAD_INPUT)
    except (CompileError, ToolMissing) as error:
        _end(str(error), FAILED)
    print(report.text())
    raise typer.Exit(0 if report.reproduced else FAILED)


def _settings(words: list[str]) -> dict[str, object]:
    """{name: value} of NAME=VALUE, the values as in JSON, or as they stand."""
    from host_tools.recording import InputError

    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise InputError(f"--set {word}: want NAME=VALUE, e.g. dip_threshold=85")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


def _play(job, as_json: bool, plot: Path | None, comtrade: Path | None) -> None:
    """Run the job and show its lines as they come (JSON) or their mean at the end."""
    from host_tools import replay as player
    from host_tools.recording import InputError
    from host_tools.summary import Summary

    summary = Summary()
    keeper = player.keeper(job, comtrade) if comtrade else None
    for line in player.run(job, keeper):
        summary.add(line)
        if as_json:
            print(json.dumps(line), flush=True)
    if not summary.windows:
        raise InputError(f"{job.recording.name}: no complete window in {job.seconds:.3g} s: too short to measure")
    if not as_json:
        from host_tools import report

        report.show(job, summary)
    for path in keeper.files if keeper else ():
        _say(f"waveform in {path}")
    if plot:
        from host_tools import picture

        picture.draw(job, summary, plot)
        _say(f"picture in {plot}")


def _check_plot(plot: Path | None) -> None:
    """Complain before the work, not after it."""
    from host_tools.recording import InputError

    if plot is None:
        return
    if plot.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise InputError(f"--plot {plot}: allowed are names that end in .png, .svg or .pdf")
    if not plot.absolute().parent.is_dir():
        raise InputError(f"--plot {plot}: there is no folder {plot.parent}")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _end(message: str, code: int) -> None:
    _say(f"wattless: {message}")
    raise typer.Exit(code)
