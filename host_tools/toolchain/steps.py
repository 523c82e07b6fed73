"""What every setup step shares: a short line on the screen, the details in build/log/setup.log, one kind of error."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from host_tools.toolchain.paths import LOG

LOG_FILE = LOG / "setup.log"
SHOWN_LINES, SHOWN_LETTERS = 15, 150


class SetupError(Exception):
    """Setup cannot go on. The message says why and what to do about it."""


def step(text: str) -> None:
    print(f"  {text}", flush=True)


def run(command: Sequence[str | Path], cwd: Path | None = None) -> None:
    """Run a command with its output in the log. Failure: SetupError with the command and the end of its output."""
    words = [str(word) for word in command]
    LOG.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError as error:
        raise SetupError(f"the command {words[0]} is not installed") from error
    with LOG_FILE.open("a") as log:
        log.write(f"$ {' '.join(words)}\n{done.stdout}\n")
    if done.returncode:
        end = "\n    ".join(done.stdout.splitlines()[-SHOWN_LINES:])
        raise SetupError(f"`{' '.join(words)[:SHOWN_LETTERS]}` failed (details: {LOG_FILE}):\n    {end}")
