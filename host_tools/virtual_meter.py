"""The virtual meter as a child process, fed with frames in real time. Used by `wattless run` and by the tests.

    with VirtualMeter(argv, env, folder, blocks, block_s) as meter:
        ...meter.values...

Four threads: one writes frames when they are due, one reads the meter's JSON lines, one its standard error, one waits
for its end: a meter that was told to restart ends with the exit code 75 and is started again; its frames go on, what
came meanwhile is lost. The child has a process group of its own, so that Ctrl-C in the terminal reaches only its
parent; when the parent dies, however it dies, the child sees the end of its frames and ends too.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

STOP_S = 2.0
STDERR_LINES_KEPT = 100
RESTART = 75  # exit code, as in boards/virtual/board.py
CONVERTER = "front_end"  # announced when the converter is set up
_LOOK_S = 0.05


class VirtualMeter:
    """`folder`: where the child starts; one without modules, which MicroPython would prefer to those of its path.

    `blocks`: frame records, each of them `block_s` seconds of the ADC's time; not `paced`: as fast as they are taken.

    `hears`: functions by the name of an announcement, called with it. With one for "front_end", frames begin to flow
    when the meter has set its converter up, as they do on a board.

    `values`: the newest window's JSON line, {} before the first. `events`: the newest 20 events.

    `announcements`: by name, what the meter said about itself. `restarts`: how often it was started again.

    `complaints`: the other lines of its standard error, the last 100. `behind_s`: how far the frames lag real time.

    `died`, after stop(): the meter had ended before it was told to."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: str,
        blocks: Iterable[bytes],
        block_s: float,
        hears: Mapping[str, Callable[[dict], None]] | None = None,
        paced: bool = True,
    ) -> None:
        self.values: dict = {}
        self.events: deque[dict] = deque(maxlen=20)
        self.announcements: dict[str, dict] = {}
        self.complaints: deque[str] = deque(maxlen=STDERR_LINES_KEPT)
        self.behind_s = 0.0
        self.restarts = 0
        self.died = False
        self._command = (argv, env, folder)
        self._hears = dict(hears or {})
        self._paced = paced
        self._stopping = threading.Event()
        self._converting = threading.Event()
        self._lock = threading.Lock()  # of starting and stopping
        self._start()
        self._threads = [
            threading.Thread(target=self._feed, args=(blocks, block_s), daemon=True),
            threading.Thread(target=self._watch, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> VirtualMeter:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """None while the meter runs or is about to start again; negative where a signal ended it."""
        code = self._process.poll()
        return None if code == RESTART and not self._stopping.is_set() else code

    def stop(self) -> None:
        """Ends the meter: SIGTERM, and after two seconds SIGKILL, for its whole process group."""
        self.died = self.exit_code() is not None
        with self._lock:
            self._stopping.set()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        for thread in (*self._threads, *self._readers):
            thread.join(STOP_S)
        self._close()

    def _start(self) -> None:
        argv, env, folder = self._command
        self._converting.clear()
        pipe = subprocess.PIPE
        self._process = process = subprocess.Popen(
            argv, env=env, cwd=folder, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
        if CONVERTER not in self._hears:
            self._converting.set()
        self._readers = [
            threading.Thread(target=self._read_values, args=(process.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(process.stderr,), daemon=True),
        ]
        for thread in self._readers:
            thread.start()

    def _watch(self) -> None:
        """Starts a meter again that was told to restart."""
        while self._process.wait() == RESTART:
            for thread in self._readers:
                thread.join(STOP_S)
            with self._lock:
                if self._stopping.is_set():
                    return
                self._close()
                self.restarts += 1
                self._start()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # frames that the meter did not take any more
                pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _feed(self, blocks: Iterable[bytes], block_s: float) -> None:
        """Writes each block when its last frame is due; without pauses while we are late, by whose fault ever."""
        due = time.monotonic()
        blocks = iter(blocks)
        while True:
            if not self._converting.is_set():
                if not self._wait_for_converter():
                    return
                due = time.monotonic()
            block = next(blocks, None)
            if block is None:
                break
            if self._paced:
                due += block_s
                self.behind_s = max(0.0, time.monotonic() - due)
                if self._stopping.wait(max(0.0, due - time.monotonic())):
                    return
            starts = self.restarts
            if not self._write(block) and not self._wait_for_restart(starts):
                return
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.close()

    def _write(self, block: bytes) -> bool:
        """False: the meter takes no frames any more."""
        try:
            self._process.stdin.write(block)
            self._process.stdin.flush()
        except (OSError, ValueError):  # the meter ended, or its pipe was closed
            return False
        return True

    def _wait_for_converter(self) -> bool:
        while not self._converting.wait(_LOOK_S):
            if self._stopping.is_set() or self.exit_code() is not None:
                return False
        return True

    def _wait_for_restart(self, seen: int) -> bool:
        """Whether the meter, which takes no frames, was started again, after `seen` restarts."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        while self.restarts == seen:
            if self._stopping.wait(_LOOK_S) or self.exit_code() is not None:
                return False
        return True

    def _read_values(self, stream: Iterable[bytes]) -> None:
        for line in stream:
            with contextlib.suppress(ValueError, TypeError):  # a line cut short by the end of the meter
                said = json.loads(line)
                if "window" in said:
                    self.values = said
                elif "event" in said:
                    self.events.append(said)

    def _read_stderr(self, stream: Iterable[bytes]) -> None:
        for line in stream:
            text = line.decode(errors="replace").rstrip()
            try:
                said = json.loads(text)
                name = said.pop("announce")
            except (ValueError, AttributeError, KeyError, TypeError):
                self.complaints.append(text)
                continue
            self.announcements[name] = said
            if name in self._hears:
                try:
                    self._hears[name](said)
                except Exception as error:  # whatever it is: the meter's other lines still have to be read
                    self.complaints.append(str(error))
            if name == CONVERTER:
                self._converting.set()
