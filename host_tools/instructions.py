"""ARM instructions of Python itself: MicroPython for ARM under qemu, every instruction of the process counted.

qemu-user logs each block of instructions when it translates it, and its address whenever it runs it; both together are
the count. Two runs that differ in how often they do something give the cost of once. The interpreter is the Thumb-2
build of Debian with doubles in the VFP; a board's has singles there: about as many instructions.
"""

import os
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython

_RUN = re.compile(rb"^Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")
_INSTRUCTION = re.compile(rb"^0x([0-9a-f]+):")


def count(script: Path, *args: object) -> tuple[int, str]:
    """(instructions, standard output) of a run of `script`. RuntimeError when it fails."""
    with tempfile.TemporaryDirectory(prefix="wattless-") as folder:
        pipe = Path(folder, "log")
        os.mkfifo(pipe)
        env = {
            "PATH": os.environ["PATH"],
            "MICROPYPATH": f"{build('armv7emsp')}:.frozen",
            "QEMU_LOG": "in_asm,exec,nochain",
            "QEMU_LOG_FILENAME": str(pipe),
        }
        command = [micropython("arm"), "-X", "heapsize=4m", script, *map(str, args)]
        child = subprocess.Popen(
            command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with pipe.open("rb") as log:
            instructions = _instructions(log)
        out, error = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{script.name} ended with code {child.returncode}:\n{error}")
    return instructions, out


def _instructions(log) -> int:
    sizes: dict[bytes, int] = {}  # of the translated blocks, by the address of their first instruction
    runs: Counter[bytes] = Counter()
    total = 0
    block = None
    for line in log:
        if line.startswith(b"Trace"):
            runs[_RUN.match(line)[1]] += 1
        elif line.startswith(b"0x"):
            address = _INSTRUCTION.match(line)[1]
            if block is None:
                block = address
                if block in runs:  # translated anew
                    total += runs.pop(block) * sizes[block]
                sizes[block] = 0
            sizes[block] += 1
        elif line.startswith(b"IN:"):
            block = None
    return total + sum(n * sizes[block] for block, n in runs.items())
