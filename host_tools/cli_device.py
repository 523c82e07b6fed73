"""The commands of `wattless` that talk to a meter."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

FAILED = 1
BAD_INPUT = 2
LOOK = 3  # exit code of `diag` where something is to be looked at, BAD where it is bad
BAD = 4

Port = Annotated[str | None, typer.Option("--port", metavar="DEVICE", help="Serial console of the meter.")]
Modbus = Annotated[
    str | None, typer.Option("--modbus", metavar="WHERE", help="HOST, HOST:PORT (TCP) or rtu:DEVICE (RS-485).")
]
Unit = Annotated[int, typer.Option(min=1, max=247, help="Modbus unit of the meter.")]
Baud = Annotated[int, typer.Option(min=1200, max=230400, help="Of the RS-485 line.")]
Parity = Annotated[str, typer.Option(help="Of the RS-485 line: E, O or N.")]


def register(app: typer.Typer) -> None:
    """Adds them to the command."""
    for function in (flash, diag, explain, console, capture, virtual_device):
        app.command()(function)


def fail(error: object, code: int = FAILED) -> typer.Exit:
    """Says what went wrong; to be raised."""
    typer.echo(f"wattless: {error}", err=True)
    return typer.Exit(code)


def flash(
    board: Annotated[str, typer.Option("--board", metavar="NAME", help="A folder of boards/, e.g. virtual, pybv11.")],
    port: Annotated[
        str | None, typer.Option("--port", metavar="DEVICE", help="Default: the only board that is plugged in.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Show what would change, change nothing; exit code 2 where something would.")
    ] = False,
) -> None:
    """Make a board's programs those of this folder: staged, verified, swapped, and rolled back if they do not start."""
    from host_tools.board import flash as flasher
    from host_tools.toolchain.build_mpy import CompileError
    from host_tools.toolchain.paths import ToolMissing

    try:
        code = flasher.run(board, port, check, by_hand_s=30 if sys.stdin.isatty() else 0)
    except (CompileError, ToolMissing) as error:
        raise fail(error) from error
    raise typer.Exit(code)


def capture(
    port: Port = None,
    modbus: Modbus = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Default: window-NUMBER.evidence, here.")
    ] = None,
    kept: Annotated[bool, typer.Option("--kept", help="Fetch what the meter has kept; it stays there.")] = False,
    unit: Unit = 1,
    baud: Baud = 19200,
    parity: Parity = "E",
) -> None:
    """Bring the raw frames behind a reading over, and all that computing it again needs: `wattless replay FILE`."""
    from host_tools.evidence import EvidenceError, fetch

    def progress(done: int, size: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{done} of {size} bytes", end="\n" if done == size else "", file=sys.stderr)

    line = {"unit": unit, "baud": baud, "parity": parity} if modbus else {}
    try:
        print(fetch.capture(port, modbus, out, kept=kept, progress=progress, **line))
    except EvidenceError as error:
        raise fail(error) from error


def virtual_device(
    folder: Annotated[Path, typer.Option(help="Keeps the device's disk.")] = Path("build/virtual-device"),
    scenario: Annotated[str, typer.Option(metavar="NAME", help="The site that its inputs see.")] = "ev-site",
    link: Annotated[
        Path, typer.Option(metavar="PATH", help="Name for its serial port, a symbolic link.")
    ] = Path("build/virtual-device/port"),
) -> None:
    """Run an empty virtual board on a pseudo-terminal, to try flash, diag and calibrate on. Ctrl-C ends it."""
    from host_tools.board.serve_device import serve
    from host_tools.recording import InputError
    from host_tools.toolchain.build_mpy import CompileError
    from host_tools.toolchain.paths import ToolMissing

    try:
        code = serve(folder, scenario, link)
    except InputError as error:
        raise fail(error, BAD_INPUT) from error
    except (CompileError, ToolMissing) as error:
        raise fail(error) from error
    raise typer.Exit(code)


def diag(
    port: Port = None,
    modbus: Modbus = None,
    unit: Unit = 1,
    baud: Baud = 19200,
    parity: Parity = "E",
    as_json: Annotated[bool, typer.Option("--json", help="Verdicts and the whole report as JSON.")] = False,
) -> None:
    """Tell how a meter is, on one page: each line with a verdict and what to do. Exit code 0, 3 (look) or 4 (bad)."""
    from host_tools import diagnosis
    from host_tools.meter_link import LinkError, Refused, open_link

    options = {"unit": unit, "baud": baud, "parity": parity} if modbus else {}
    try:
        with open_link(port, modbus, **options) as meter:
            report = diagnosis.collect(meter)
    except (LinkError, Refused) as error:
        raise fail(error) from error
    findings = diagnosis.judge(report)
    if as_json:
        print(json.dumps(diagnosis.as_json(report, findings), indent=1))
    else:
        _page(findings, port or modbus)
    raise typer.Exit({diagnosis.BAD: BAD, diagnosis.LOOK: LOOK}.get(diagnosis.worst(findings), 0))


def _page(findings, where: str) -> None:
    from rich.console import Console
    from rich.table import Table

    colours = {"ok": "green", "look": "yellow", "bad": "bold red", "unknown": "dim"}
    page = Table(title=f"meter at {where}", title_justify="left", show_edge=False, pad_edge=False)
    for title in ("", "verdict", "found", "what to do"):
        page.add_column(title, overflow="fold")
    for finding in findings:
        verdict = f"[{colours[finding.verdict]}]{finding.verdict}[/]"
        page.add_row(finding.topic, verdict, finding.what, finding.fix)
    Console().print(page)


def explain(code: Annotated[str, typer.Argument(help="Name or number, e.g. CT_REVERSED_L1, 37, SYNC-ERR.")]) -> None:
    """Explain an error or event code: cause, check, fix."""
    from host_tools import explain as explaining

    try:
        print(explaining.text(explaining.find(code)))
    except KeyError as error:
        raise fail(error.args[0], BAD_INPUT) from error


def console(port: Annotated[str, typer.Option(metavar="DEVICE", help="Serial console of the meter.")]) -> None:
    """Open the meter's console: its commands (`help`), and with Ctrl-C MicroPython's prompt. Ctrl-] leaves."""
    from host_tools.board import flash as flasher
    from host_tools.board.session import BoardError

    try:
        raise typer.Exit(flasher.console(port))
    except BoardError as error:
        raise fail(error) from error
