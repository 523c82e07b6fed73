"""What the virtual device's launcher shares with its process: a page of memory, and what Linux says of the process.

The page is described in boards/virtual/repl_rom.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import signal
import time
from collections.abc import Iterator
from pathlib import Path

BYTES = 16
BYTE, INTERRUPT, BINARY = 0, 1, 2  # what a Ctrl-C is
SETTLED_S = 0.02  # processor time after a SIGINT: when a second one finds the first pending, MicroPython ends itself


class Page:
    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(BYTES))
        self._file = open(path, "r+b")
        self._memory = mmap.mmap(self._file.fileno(), BYTES)
        self._seen = (0, 0.0)  # how often the watchdog was fed, and since when it is so often

    def close(self) -> None:
        self._memory.close()
        self._file.close()

    def clear(self, hard: bool) -> None:
        """For a new start. A soft reset does not stop the watchdog."""
        if hard:
            self._memory[:BYTES] = bytes(BYTES)
            self._seen = (0, 0.0)
        self._memory[0] = BYTE

    @property
    def ctrl_c(self) -> int:
        return self._memory[0]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While it lasts, the process does not change what Ctrl-C is."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def watchdog_bites(self) -> bool:
        """Whether a watchdog was started and not been fed for its timeout."""
        timeout_ms = int.from_bytes(self._memory[4:8], "little")
        if not timeout_ms:
            return False
        fed = int.from_bytes(self._memory[8:12], "little")
        now = time.monotonic()
        if fed != self._seen[0]:
            self._seen = (fed, now)
        return now - self._seen[1] > timeout_ms / 1000


class Interrupts:
    """SIGINT for one process, never before it has taken the last one."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._sent_at_s: float | None = None

    def sent(self) -> None:
        self._sent_at_s = cpu_s(self._pid)

    def settled(self) -> bool:
        if self._sent_at_s is None or cpu_s(self._pid) - self._sent_at_s >= SETTLED_S:
            return True
        return state(self._pid) == "S" and not _pending(self._pid)


def state(pid: int) -> str:
    """The state of a process as Linux names it: R, S ..., "" for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def cpu_s(pid: int) -> float:
    """Seconds that a process has had a processor."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:  # it has gone
        return 0.0


def _pending(pid: int) -> bool:
    """Whether SIGINT waits for a process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> (signal.SIGINT - 1) & 1 for mask in masks)
