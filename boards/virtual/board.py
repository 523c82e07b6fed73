"""A PC as a meter's board: ADC frames on standard input, a pseudo-terminal as RS-485 port, sockets, the PC's clock.

    main [--config FILE.json] [--json] [--half-cycle] [--start MS] [--modbus]

Every board's `board` module offers these names:

    frames, realtime        the ADC's records (readinto, record_bytes); whether they come as they are sampled, so that a
                            pause means a fault
    clock                   ticks and the time of day
    epoch_ms                unix time of frame 0 where the frames are a recording's; None: not known, or the clock tells
    fast_ram(n), thumb      memory that only the processor reaches; whether Thumb-2 kernels can run
    uarts, host             the RS-485 ports; the network address to serve at
    console                 the stream that takes text
    config_path             meter.json, None for the defaults
    serve_json              start the console's JSON lines
    serve_half_cycle        with them: every half period
    serve_modbus            start Modbus, TCP and on every UART
    announce, complain      what the program has to say about itself
"""

import json
import sys

import frame_pipe
import micropython
import pty_uart
import standard_output
import virtual_board

USAGE = "main [--config FILE.json] [--json] [--half-cycle] [--start MS] [--modbus], frame records on standard input"


def announce(what, details):
    """One JSON line on standard error: {"announce": what, ...}. `wattless run` learns from these where to connect."""
    line = {"announce": what}
    line.update(details)
    sys.stderr.write(json.dumps(line) + "\n")


def complain(text):
    """One plain line on standard error."""
    sys.stderr.write(text + "\n")


def _arguments(argv):
    """(path of the configuration or None, unix ms of frame 0 or None, set of the other options). ValueError for what is
    none of these."""
    config_path = epoch_ms = None
    options = set()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--config" and rest:
            config_path = rest.pop(0)
        elif word == "--start" and rest:
            epoch_ms = int(rest.pop(0))
        elif word in ("--json", "--modbus", "--half-cycle"):
            options.add(word)
        else:
            raise ValueError(f"cannot use {word!r}; usage: {USAGE}")
    return config_path, epoch_ms, options


if hasattr(micropython, "kbd_intr"):
    micropython.kbd_intr(3)  # KeyboardInterrupt on Ctrl-C, which CPython has anyway and `micropython -m` leaves out

try:
    config_path, epoch_ms, _options = _arguments(sys.argv[1:])
except ValueError as error:
    complain(str(error))
    sys.exit(2)

serve_json = "--json" in _options
serve_half_cycle = "--half-cycle" in _options
serve_modbus = "--modbus" in _options
console = standard_output.StandardOutput()

frames = frame_pipe.FramePipe()
realtime = serve_modbus  # without a service the frames are a recording's, as fast as they are taken
clock = virtual_board.HostClock()
uarts = [pty_uart.PtyUart()] if serve_modbus else []
host = "127.0.0.1"  # what is simulated here is nobody else's business
fast_ram = bytearray
thumb = False  # MicroPython's unix port takes Thumb-2 kernels for bytecode
