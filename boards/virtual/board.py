"""A PC as a meter's board: ADC frames on standard input, pseudo-terminals as RS-485 port and serial console, sockets,
the PC's clock, a folder as the store.

    main [--config FILE.json] [--json] [--half-cycle] [--start MS] [--modbus] [--shell] [--store FOLDER] [--cover FILE]

--cover: while that file exists, the cover is open (the tamper input). On the virtual device (repl.py) the console is
standard input and output, and frames come on the descriptor that WATTLESS_FRAMES_FD names. What every board's `board`
module offers: boards/README.md.
"""

import json
import os
import sys

import frame_pipe
import micropython
import pty_uart
import standard_output
import virtual_board

USAGE = (
    "main [--config FILE.json] [--json] [--half-cycle] [--start MS] [--modbus] [--shell] [--store FOLDER] "
    "[--cover FILE], frame records on standard input"
)
NAME = "virtual"
RESTART = 75  # exit code of `reset`: whoever started us is to start us again
_EVIDENCE_BYTES = 4096 * 36


def announce(what, details):
    """One JSON line on standard error: {"announce": what, ...}. `wattless run` learns from these where to connect."""
    line = {"announce": what}
    line.update(details)
    sys.stderr.write(json.dumps(line) + "\n")


def complain(text):
    """One plain line on standard error."""
    sys.stderr.write(text + "\n")


def _arguments(argv):
    """(dict of the options that have a value, set of the others). ValueError for what is none of these."""
    values = dict.fromkeys(("--config", "--start", "--store", "--cover"))
    options = set()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word in values and rest:
            values[word] = rest.pop(0)
        elif word in ("--json", "--modbus", "--half-cycle", "--shell"):
            options.add(word)
        else:
            raise ValueError(f"cannot use {word!r}; usage: {USAGE}")
    if values["--start"] is not None:
        values["--start"] = int(values["--start"])
    return values, options


if hasattr(micropython, "kbd_intr"):
    micropython.kbd_intr(3)  # KeyboardInterrupt on Ctrl-C, which CPython has anyway and `micropython -m` leaves out

try:
    _values, _options = _arguments(sys.argv[1:])
except ValueError as error:
    complain(str(error))
    sys.exit(2)

config_path = _values["--config"]
epoch_ms = _values["--start"]
serve_json = "--json" in _options
serve_half_cycle = "--half-cycle" in _options
serve_modbus = "--modbus" in _options
console = standard_output.StandardOutput()

realtime = serve_modbus  # without a service the frames are a recording's, as fast as they are taken
_frames_fd = int(os.getenv("WATTLESS_FRAMES_FD") or 0)
frames = frame_pipe.FramePipe(_frames_fd, (lambda told: announce("front_end", told)) if realtime else None)
clock = virtual_board.HostClock()
uarts = [pty_uart.PtyUart()] if serve_modbus else []
host = "127.0.0.1"  # what is simulated here is nobody else's business
link = None  # the PC is on its network anyway
fast_ram = bytearray
thumb = False  # MicroPython's unix port takes Thumb-2 kernels for bytecode
rooms = ("aggregation", "flicker", "source", "diagnosis", "tcp", "evidence")
evidence_ram = _EVIDENCE_BYTES if realtime else 0
watchdog = None
seal = None
shell = None
if _frames_fd:
    import console_port

    shell = console_port.ConsolePort()
elif "--shell" in _options:
    shell = pty_uart.PtyUart()
    announce("shell", {"path": shell.path})
store = None
if _values["--store"]:
    from wattless.storage.media import FileMedium

    store = FileMedium(_values["--store"])


def evidence_buffer():
    """The memory for raw frames, anew."""
    return bytearray(evidence_ram)


def _cover_open():
    try:
        os.stat(_values["--cover"])
        return True
    except OSError:
        return False


tamper = _cover_open if _values["--cover"] else None


def start_watchdog(timeout_ms):
    """There is none."""


def leave(code):
    """The program has come to its end."""
    sys.exit(code)


def reset():
    """Ends the program with the exit code RESTART, or pulls the virtual device's reset."""
    if _frames_fd:
        import machine

        machine.reset()
    sys.exit(RESTART)
