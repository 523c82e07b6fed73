"""To the raw prompt of a board whose program does not want to stop: a ladder of steps, from the polite to the button.

    1  Ctrl-C twice                         what mpremote does; ends most programs
    2  Ctrl-C again, after a pause          for programs that caught the first one, are slow to end, or flood the port
    3  soft reset, broken off during boot   for a prompt in an odd state (paste, another raw mode)
    4  reset by DTR and RTS, broken off     where the port has these lines and the board listens to them
    5  reset by hand, broken off            somebody presses the button while we send Ctrl-C

Each step ends with Ctrl-A and waits for "raw REPL". A port here is anything with

    write(data)     sends all of it
    read(seconds)   what came within so long, b"" for nothing; returns as soon as there is something
    lines(active)   sets DTR and RTS; False where the port has none
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

RAW = b"raw REPL; CTRL-B to exit\r\n>"
PROMPT = b">>> "
REBOOT = b"soft reboot\r\n"
TAIL = 256  # of what the board says, enough to know a prompt by
LISTEN_S = 0.05
RESET_S = 0.1  # how long the reset line is held


class Port(Protocol):
    def write(self, data: bytes) -> None: ...

    def read(self, seconds: float) -> bytes: ...

    def lines(self, active: bool) -> bool: ...


class BoardStuck(Exception):
    """No step led to the prompt. The message lists them, and what is left to do."""


def recover(port: Port, say: Callable[[str], None], by_hand_s: float = 0.0, patience_s: float = 1.0) -> str:
    """Brings the board to its raw prompt and returns the name of the step that did it. Raises BoardStuck.

    `say` gets a line for every step but a successful first one. `by_hand_s`: how long somebody may take to press the
    button; 0: nobody is there. `patience_s`: for a slow board's answer; longer steps wait multiples of it."""
    tried: list[str] = []
    for name, step in STEPS:
        if step is _by_hand:
            if not by_hand_s:
                continue
            say(f"press the board's reset button now (I wait {by_hand_s:.0f} s)")
        outcome = step(port, by_hand_s if step is _by_hand else patience_s)
        if outcome is True:
            if tried:
                say(f"{name}: worked")
            return name
        tried.append(f"{name}: {outcome or 'no prompt'}")
        say(tried[-1])
    raise BoardStuck(
        "the board does not come to its prompt. Tried: "
        + "; ".join(tried)
        + ". Switch it off and on, or start it in safe mode (pyboard: hold USR, press RST, let go of USR when only the"
        " orange LED is lit), and try again"
    )


def _twice(port: Port, patience_s: float) -> bool | str:
    port.write(b"\r\x03\x03")
    listen(port, 2 * LISTEN_S, PROMPT)
    return _raw(port, patience_s)


def _again(port: Port, patience_s: float) -> bool | str:
    listen(port, patience_s / 2)
    for _ in range(5):
        port.write(b"\x03")
        if listen(port, patience_s / 4, PROMPT):
            break
    return _raw(port, 2 * patience_s)


def _soft_reset(port: Port, patience_s: float) -> bool | str:
    for _ in range(2):
        port.write(b"\x03\x02\x03")
        listen(port, 2 * LISTEN_S)
        port.write(b"\x04")
        listen(port, patience_s / 2, REBOOT)  # a Ctrl-C before could hit what handles the Ctrl-D
        if _broken_off(port, 1.5 * patience_s, patience_s):
            return True
    return False


def _lines(port: Port, patience_s: float) -> bool | str:
    if not port.lines(True):
        return "this port has no DTR and RTS"
    time.sleep(RESET_S)
    port.lines(False)
    return _broken_off(port, 3 * patience_s, patience_s)


def _by_hand(port: Port, seconds: float) -> bool | str:
    return _broken_off(port, seconds, 1.0)


def _broken_off(port: Port, seconds: float, patience_s: float) -> bool:
    """Ctrl-C until a program that is starting gives up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        port.write(b"\x03")
        if listen(port, LISTEN_S, PROMPT) and _raw(port, patience_s / 2):
            return True
    return _raw(port, patience_s / 2)


def _raw(port: Port, seconds: float) -> bool:
    port.write(b"\r\x01")
    return listen(port, seconds, RAW)


def listen(port: Port, seconds: float, wanted: bytes | None = None) -> bool:
    """Takes what comes for so long, or until it ends with `wanted`."""
    end = time.monotonic() + seconds
    heard = b""
    while (left := end - time.monotonic()) > 0:
        heard = (heard + port.read(min(left, LISTEN_S)))[-TAIL:]
        if wanted and heard.endswith(wanted):
            return True
    return False


STEPS: tuple[tuple[str, Callable[[Port, float], bool | str]], ...] = (
    ("Ctrl-C twice", _twice),
    ("Ctrl-C again, after a pause", _again),
    ("soft reset, broken off during boot", _soft_reset),
    ("reset by DTR and RTS, broken off during boot", _lines),
    ("reset by hand, broken off during boot", _by_hand),
)
