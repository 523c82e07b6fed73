"""`wattless run`: a virtual meter in real time, with Modbus TCP and RTU to read it by and a live table to watch it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live

from host_tools import front_end, live_table, runtimes, scenarios
from host_tools.virtual_meter import VirtualMeter

HOST = "127.0.0.1"
PORTS_TRIED = 20
LAST_PORT = 65535
BLOCK_MS = 20
LOOK_S = 0.1  # how often we look for a new window, a signal, a dead meter; there are five windows a second
LINE_S = 1.0  # how often a line is printed where there is no table
BEHIND_S = 1.0  # from here on we say that the meter is slower than real time
SIMULATED = "not a certified meter: simulated"
SERVICES = {"modbus_tcp", "modbus_rtu"}
PTY_PARITY = "N"  # the C library refuses clients that want another on a pseudo-terminal (EINVAL)
PARITIES = {"E": "even", "O": "odd", "N": "none"}


class PortsTaken(Exception):
    """No TCP port to serve on. The message says what to do."""


def run(
    scenario: str,
    headless: bool = False,
    port: int = 1502,
    runtime: str = "micropython",
    duration: float | None = None,
    svg: str | None = None,
    plant: str | None = None,
    shell: bool = False,
    store: str | None = None,
) -> int:
    """Runs a scenario until Ctrl-C, SIGTERM, a closed terminal or the end of `duration` (s); returns the exit code.

    `headless`: plain lines in place of the table, as everywhere where standard output is no terminal. `port`: of Modbus
    TCP; when it is taken, the next free one. `svg`: a file for a picture of the last table. `plant`: errors of the
    inputs, as front_end.read takes them. `shell`: with the serial console, on a pseudo-terminal. `store`: a folder for
    what survives a restart. Exit code 1: the meter died, or there is no port for it.
    """
    try:
        site = scenarios.make(scenario)
        errors = front_end.read(plant) if plant else None
        extras = [*(["--shell"] if shell else []), *(["--store", _folder(store)] if store else [])]
        settings = {**site.config, "modbus_tcp_port": free_port(port), "modbus_parity": PTY_PARITY}
        plain = headless or not sys.stdout.isatty() or Console().is_dumb_terminal
        show = Lines(settings) if plain else Screen(settings, scenario)
        show.say(f"{scenario}: {site.description} ({SIMULATED})")
        if settings["modbus_tcp_port"] != port:
            show.say(f"port {port} is taken: Modbus TCP is on {settings['modbus_tcp_port']}")
        started = started_meter(site.front_end(errors), settings, runtime, extras)
        with _stop_signals() as asked_to_stop, started as meter, show:
            end = time.monotonic() + (float("inf") if duration is None else duration)
            _watch(meter, show, lambda: asked_to_stop() or time.monotonic() >= end)
    except KeyboardInterrupt:
        return 0
    except PortsTaken as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):  # the reader of our lines is gone, or the terminal
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # takes what is left to flush at exit
        return 0
    if svg and meter.values:
        live_table.svg(meter.values, svg, f"{scenario} ({SIMULATED})")
    if meter.died:
        print(f"the meter ended by itself, exit code {meter.exit_code()}", file=sys.stderr)
        print(*meter.complaints, sep="\n", file=sys.stderr)
        return 1
    return 0


def free_port(port: int) -> int:
    """`port`, or the next one that nobody serves on. PortsTaken where the twenty from `port` on are taken."""
    last = min(port + PORTS_TRIED - 1, LAST_PORT)
    for candidate in range(port, last + 1):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, candidate))
            return candidate
    raise PortsTaken(f"no TCP port from {port} to {last} is free: give another one with --port")


class Lines:
    """Plain lines: where the meter serves, `ready ...` with the first window, then one line a second."""

    def __init__(self, settings: Mapping) -> None:
        self._settings = settings
        self._next = None
        self._told: list[str] = []

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def say(self, line: str) -> None:
        print(line, flush=True)

    def window(self, meter: VirtualMeter) -> None:
        now = time.monotonic()
        if self._next is None:
            self._next = now
        where = connections(meter.announcements, self._settings)
        if where != self._told:  # at first, and when a restart has changed it
            self._told = where
            for line in where:
                self.say(line)
            tcp, rtu = meter.announcements["modbus_tcp"], meter.announcements["modbus_rtu"]
            shell = f" shell {meter.announcements['shell']['path']}" if "shell" in meter.announcements else ""
            self.say(f"ready modbus-tcp {HOST}:{tcp['port']} modbus-rtu {rtu['path']}{shell}")
        if now >= self._next:
            self._next = now + LINE_S
            self.say(" ".join(filter(None, [summary(meter.values), lag(meter)])))


class Screen:
    """Where the meter serves, and below it a table that is written anew with every window."""

    def __init__(self, settings: Mapping, scenario: str) -> None:
        self._settings = settings
        self._title = f"Wattless: {scenario} \N{MIDDLE DOT} {SIMULATED}"
        self._console = Console()
        self._live = Live(live_table.table({}, self._title), console=self._console, auto_refresh=False)
        self._told: list[str] = []

    def __enter__(self) -> Screen:
        self._live.start(refresh=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)

    def window(self, meter: VirtualMeter) -> None:
        where = connections(meter.announcements, self._settings)
        if where != self._told:
            self._told = where
            for line in [*where, "Ctrl-C ends it."]:
                self.say(line)
        self._live.update(live_table.table(meter.values, self._title, lag(meter)), refresh=True)


def connections(announcements: Mapping[str, Mapping], settings: Mapping) -> list[str]:
    """Where to read the meter, each with a command that does it: the ten values of 40001-40020, once."""
    tcp, rtu = announcements["modbus_tcp"], announcements["modbus_rtu"]
    vectors = f"-a {settings.get('modbus_unit', 1)} -t 4:float -B -r 1 -c 10 -1"
    line = f"-b {rtu['baud']} -P {PARITIES[rtu['parity']]}"
    lines = [
        f"Modbus TCP on {HOST}:{tcp['port']}",
        f"    mbpoll -m tcp -p {tcp['port']} {vectors} {HOST}",
        f"Modbus RTU on {rtu['path']}",
        f"    mbpoll -m rtu {line} {vectors} {rtu['path']}",
    ]
    if "shell" in announcements:
        lines.append(f"serial console on {announcements['shell']['path']}")
    return lines


def summary(values: Mapping) -> str:
    """One window in one line: frequency and the totals."""
    parts = [
        f"window {values['window']}",
        f"f {live_table.fixed(values['f'], 3)} Hz",
        f"P {live_table.number(values['p'], signed=True)} W",
        f"Q1 {live_table.number(values['q1'], signed=True)} var",
        live_table.quadrant(values["p"], values["q1"]),
        "flags " + (",".join(values["flags"]) or "none"),
    ]
    return "  ".join(filter(None, parts))


def lag(meter: VirtualMeter) -> str:
    """A note that the meter does not keep up with real time; nothing where it does."""
    return f"{meter.behind_s:.0f} s behind real time" if meter.behind_s > BEHIND_S else ""


def _watch(meter: VirtualMeter, show: Lines | Screen, finished: Callable[[], bool]) -> None:
    """Shows every new window until we are finished or the meter has ended by itself."""
    shown = meter.values
    while not finished() and meter.exit_code() is None:
        values = meter.values
        if values is not shown and meter.announcements.keys() >= SERVICES:
            shown = values
            show.window(meter)
        time.sleep(LOOK_S)


def _folder(path: str) -> str:
    """A folder for the store, made where there is none, as the meter (which has a folder of its own) finds it."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return str(Path(path).resolve())


@contextlib.contextmanager
def started_meter(
    converter: front_end.FrontEnd,
    settings: Mapping,
    runtime: str = "micropython",
    extras: Sequence[str] = (),
    paced: bool = True,
) -> Iterator[VirtualMeter]:
    """The meter of these settings, fed by `converter`, which it sets up. extras: options for the virtual board;
    not `paced`: as fast as the meter can."""
    frames = settings["adc_rate"] * BLOCK_MS // 1000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "meter.json")
        path.write_text(json.dumps(dict(settings)))
        argv, env = runtimes.command(runtime, ["--config", str(path), "--json", "--modbus", *extras])
        env = {"WATTLESS_CHECKED": "0", **env}  # CPython with checked arithmetic is slower than real time
        blocks, block_s = converter.blocks(frames), frames / settings["adc_rate"]
        with VirtualMeter(argv, env, folder, blocks, block_s, {"front_end": converter.take}, paced) as meter:
            yield meter


@contextlib.contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """While it lasts, Ctrl-C, SIGTERM and the end of the terminal only make the yielded function true."""
    asked = []
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: asked.append(True)) for number in numbers}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
