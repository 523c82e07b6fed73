"""One connection to a board for everything `wattless flash` does, by mpremote's own serial transport.

    with Session(port, say) as session:
        session.enter()                  raw prompt, clean heap, our helpers on the board
        session.run("print(1)")          -> "1"
        session.restart()                out of the prompt: boot.py, main.py

Every failure is a BoardError that says what to do; ConnectionLost where the port or the board has gone.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import serial
import serial.tools.list_ports
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from host_tools.board import recovery
from host_tools.board.image import MAIN_SOURCE

ANSWER_S = 10.0  # mpremote waits so long for a byte
CHUNK = 1536  # bytes of a file in one go: 2 KB of source on the board
RECONNECT_S = 15.0
AGENT = MAIN_SOURCE.read_text().split("# --- start")[0] + MAIN_SOURCE.with_name("agent.py").read_text()
WATCHDOG = """\
import sys
w = getattr(sys.modules.get('board'), 'watchdog', None)
print(getattr(w, 'timer', w) is not None)"""  # a `timer` of None: not started


class BoardError(Exception):
    """The board cannot do what we want. The message says what, and what helps."""


class ConnectionLost(BoardError):
    """The port has gone, or the board on it."""


def list_ports() -> list[tuple[str, str]]:
    """(port, what is known of it) of every serial port with a device on it."""
    ports = sorted(serial.tools.list_ports.comports())
    return [(port.device, port.description) for port in ports if port.vid is not None]


def choose(port: str | None) -> str:
    """The port to use: the one that was asked for, or the only one. BoardError lists them otherwise."""
    found = list_ports()
    if port:
        return port
    if len(found) == 1:
        return found[0][0]
    if not found:
        raise BoardError("no board found: connect one by USB, or name its port with --port")
    listed = "".join(f"\n  {name}  {what}" for name, what in found)
    raise BoardError(f"several serial ports: choose one with --port{listed}")


class Session:
    """`say` gets the steps of recovery, where one was needed. `by_hand_s`, `patience_s`: see recovery.recover."""

    def __init__(self, port: str, say: Callable[[str], None], by_hand_s: float = 0.0, patience_s: float = 1.0) -> None:
        self.port = port
        self._say = say
        self._by_hand_s = by_hand_s
        self._patience_s = patience_s
        self.stopped_at: float | None = None  # monotonic time when the board's program was first disturbed
        self.step = ""
        self._connect()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._transport.close()

    # --- to the prompt ------------------------------------------------------------------------------------------------

    def enter(self, first: str = "") -> str:
        """The raw prompt with a fresh heap, our helpers defined. `first`: code for before anything restarts the board;
        returns what it printed, "" where it raised. A watchdog that runs is left behind by a restart with safe_boot.
        Raises BoardError, recovery.BoardStuck."""
        self._recover()
        with self._lost():
            printed = self._asked(first) if first else ""
            if self._asked(WATCHDOG) == "True":
                self._safe_boot()
            try:
                with contextlib.redirect_stdout(io.StringIO()):  # mpremote prints what it did not expect
                    self._transport.enter_raw_repl(soft_reset=True)
            except TransportError:  # boot.py hangs, or ends the reset: go on without a fresh heap
                self._recover()
                self._transport.enter_raw_repl(soft_reset=False)
        self.run(AGENT)
        return printed

    def _recover(self) -> None:
        if self.stopped_at is None:
            self.stopped_at = time.monotonic()
        with self._lost():
            self.step = recovery.recover(_Port(self._transport.serial), self._say, self._by_hand_s, self._patience_s)

    def _asked(self, code: str) -> str:
        """What code prints on a board that may be short of memory: "" where it fails."""
        self._transport.enter_raw_repl(soft_reset=False)
        try:
            return self._transport.exec(code).decode(errors="replace").strip()
        except TransportExecError:
            return ""

    def _safe_boot(self) -> None:
        """Restarts a board whose watchdog runs, so that it does not run any more. The next start is a usual one."""
        self._say("the board's watchdog runs: restarting it without its program (safe_boot)")
        self._transport.exec("open('safe_boot', 'w').close()")
        with contextlib.suppress(TransportError, OSError):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
        self._transport.close()
        time.sleep(recovery.RESET_S)
        self._connect(RECONNECT_S)
        self._recover()
        self._transport.enter_raw_repl(soft_reset=False)
        self._transport.exec("import os\ntry:\n os.remove('safe_boot')\nexcept OSError:\n pass")

    def _connect(self, patience_s: float = 0.0) -> None:
        end = time.monotonic() + patience_s
        while True:
            try:
                self._transport = SerialTransport(self.port)
                self._transport.serial.timeout = ANSWER_S
                return
            except (TransportError, OSError) as error:
                if time.monotonic() >= end:
                    raise BoardError(self._no_port(error)) from error
                time.sleep(0.2)

    def _no_port(self, error: Exception) -> str:
        text = f"no board on {self.port}: {error}"
        found = list_ports()
        listed = "".join(f"\n  {name}  {what}" for name, what in found)
        return text + (f". There are:{listed}" if found else ". No serial port has a device on it")

    # --- at the prompt ------------------------------------------------------------------------------------------------

    def run(self, code: str) -> str:
        """Executes code on the board and returns what it printed. BoardError where it raises."""
        with self._lost():
            try:
                return self._transport.exec(code).decode(errors="replace").strip()
            except TransportExecError as error:
                raise BoardError(f"the board says: {_last_line(error.error_output)}") from error

    def value_of(self, code: str) -> Any:
        """What code prints, as a Python literal."""
        return ast.literal_eval(self.run(code))

    def read(self, path: str) -> bytes:
        with self._lost():
            return bytes(self._transport.fs_readfile(path))

    def values(self, code: str) -> list[Any]:
        """What code prints, a Python literal a line."""
        return [ast.literal_eval(line) for line in self.run(code).splitlines() if line]

    def digest(self, path: str) -> str:
        """SHA-256 of a file as it lies on the board, computed there, or from its bytes where the board cannot."""
        if self.run("print(sha256 is None)") == "True":
            with self._lost():
                return self._transport.fs_hashfile(path, "sha256").hex()
        return self.run(f"print(digest({path!r}))")

    def digests(self, paths: list[str]) -> dict[str, str]:
        if not paths or self.run("print(sha256 is None)") == "True":
            return {path: self.digest(path) for path in paths}
        return dict(self.values(f"for p in {paths!r}: print((p, digest(p)))"))

    def write(self, path: str, data: bytes) -> None:
        """Writes a file. It is whole only when its hash has been read back."""
        opened = f"out = open({path!r}, 'wb')\n"
        for at in range(0, max(len(data), 1), CHUNK):
            text = base64.b64encode(data[at : at + CHUNK]).decode()
            last = "out.close()\n" if at + CHUNK >= len(data) else ""
            self.run(f"{opened}write({text!r})\n{last}")
            opened = ""

    # --- away from it -------------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """Leaves the prompt by a soft reset: boot.py and main.py run."""
        with self._lost():
            self._transport.exit_raw_repl()
            port = _Port(self._transport.serial)
            recovery.listen(port, 2.0, recovery.PROMPT)
            port.write(b"\x04")

    def listen(self, seconds: float) -> bytes:
        """What the board says within so long, as soon as it says something; b"" for nothing."""
        with self._lost():
            return _Port(self._transport.serial).read(seconds)

    @contextlib.contextmanager
    def _lost(self) -> Iterator[None]:
        """Turns the ways in which a connection ends into one."""
        try:
            yield
        except TransportExecError:
            raise
        except (TransportError, OSError) as error:  # pyserial's exceptions are OSErrors
            raise ConnectionLost(f"lost the board on {self.port}: {error}") from error


class _Port:
    """A pyserial port for recovery."""

    def __init__(self, port: serial.SerialBase) -> None:
        self._serial = port

    def write(self, data: bytes) -> None:
        self._serial.write(data)

    def read(self, seconds: float) -> bytes:
        end = time.monotonic() + seconds
        while True:
            waiting = self._serial.in_waiting
            if waiting:
                return self._serial.read(waiting)
            left = end - time.monotonic()
            if left <= 0:
                return b""
            time.sleep(min(left, 0.001))

    def lines(self, active: bool) -> bool:
        try:
            if active:
                self._serial.dtr = False
                self._serial.rts = True
            else:
                self._serial.rts = False  # the board starts
                time.sleep(recovery.RESET_S)
                self._serial.dtr = True  # as every terminal has them: a USB port says nothing without
                self._serial.rts = True
        except OSError:  # a pseudo-terminal has none
            return False
        return True


def _last_line(traceback: str) -> str:
    lines = traceback.strip().splitlines()
    return lines[-1] if lines else "an error without words"
