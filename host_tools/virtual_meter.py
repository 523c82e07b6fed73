"""The virtual meter as a child process, fed with frames in real time. Used by `wattless run` and by the tests.

    with VirtualMeter(argv, env, folder, blocks, block_s) as meter:
        ...meter.values...

Three threads: one writes frames when they are due, one reads the meter's JSON lines, one its standard error. The child
has a process group of its own, so that Ctrl-C in the terminal reaches only its parent; when the parent dies, however it
dies, the child sees the end of its frames and ends too.
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
from collections.abc import Iterable, Mapping, Sequence

STOP_S = 2.0
STDERR_LINES_KEPT = 100


class VirtualMeter:
    """`folder`: where the child starts; one without modules, which MicroPython would prefer to those of its path.

    `blocks`: frame records, each of them `block_s` seconds of the ADC's time.

    `values`: the newest window's JSON line, {} before the first. `events`: the newest 20 events.

    `announcements`: by name, what the meter said about itself.

    `complaints`: the other lines of its standard error, the last 100. `behind_s`: how far the frames lag real time.

    `died`, after stop(): the meter had ended before it was told to."""

    def __init__(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        folder: str,
        blocks: Iterable[bytes],
        block_s: float,
    ) -> None:
        self.values: dict = {}
        self.events: deque[dict] = deque(maxlen=20)
        self.announcements: dict[str, dict] = {}
        self.complaints: deque[str] = deque(maxlen=STDERR_LINES_KEPT)
        self.behind_s = 0.0
        self.died = False
        self._stopping = threading.Event()
        self._process = subprocess.Popen(
            argv,
            env=env,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._threads = [
            threading.Thread(target=self._feed, args=(blocks, block_s), daemon=True),
            threading.Thread(target=self._read_values, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
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
        """None while the meter runs; negative where a signal ended it."""
        return self._process.poll()

    def stop(self) -> None:
        """Ends the meter: SIGTERM, and after two seconds SIGKILL, for its whole process group."""
        self.died = self._process.poll() is not None
        self._stopping.set()
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()
        for thread in self._threads:
            thread.join(STOP_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):  # frames that the meter did not take any more
                pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def _feed(self, blocks: Iterable[bytes], block_s: float) -> None:
        """Writes each block when its last frame is due; without pauses while we are late, by whose fault ever."""
        due = time.monotonic()
        with contextlib.suppress(OSError, ValueError):  # the meter ended, or stop() closed the pipe
            for block in blocks:
                due += block_s
                self.behind_s = max(0.0, time.monotonic() - due)
                if self._stopping.wait(max(0.0, due - time.monotonic())):
                    return
                self._process.stdin.write(block)
                self._process.stdin.flush()
            self._process.stdin.close()

    def _read_values(self) -> None:
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):  # a line cut short by the end of the meter
                said = json.loads(line)
                if "window" in said:
                    self.values = said
                elif "event" in said:
                    self.events.append(said)

    def _read_stderr(self) -> None:
        for line in self._process.stderr:
            text = line.decode(errors="replace").rstrip()
            try:
                said = json.loads(text)
                self.announcements[said.pop("announce")] = said
            except (ValueError, AttributeError, KeyError, TypeError):
                self.complaints.append(text)
