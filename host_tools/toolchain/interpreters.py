"""MicroPython for this PC and for 32-bit ARM (under qemu-user), and mbpoll: wrappers in build/bin.

The packages are Debian 13's, unpacked next to their own C library, so they run on any x86-64 Linux: the PC's through
the unpacked dynamic linker, the ARM ones with `qemu-arm -L`. What is unpacked stays; a second run only checks.
"""

import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

from host_tools.toolchain.debian import Archive, mirrors, os_release
from host_tools.toolchain.paths import BIN, TOOLS
from host_tools.toolchain.steps import SetupError, step

VERSION = "1.25.0"
OLDEST = (1, 22)  # of a MicroPython found on the PATH
LIBRARIES = ("libc6", "libgcc-s1", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7")
COMPLETE = TOOLS / "complete"  # the stamp that the Makefile looks at
PC, ARM, MBPOLL, QEMU = (TOOLS / name for name in ("amd64", "armhf", "mbpoll", "qemu"))
QEMU_FILES = ("usr/bin/qemu-arm",)  # statically linked; the package has forty more, 460 MB
SET_MIRROR = "`make DEBIAN_MIRROR=URL` (a Debian mirror; needs the package debian-archive-keyring)"
START_SECONDS = 60

CHECK = """
import sys
@micropython.viper
def double(x: int) -> int:
    return x + x
print(".".join(str(n) for n in sys.implementation.version[:3]), double(21))
"""


def provide() -> None:
    """Fill build/bin. Without a Debian mirror: with what the PATH has, and a line for what is missing."""
    _require_pc()
    BIN.mkdir(parents=True, exist_ok=True)
    urls = mirrors()
    missing = _from_debian(urls) if urls else _from_path()
    for line in missing:
        step(f"MISSING: {line}")
    if not missing:
        COMPLETE.touch()


def _require_pc() -> None:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise SetupError(
            f"the toolchain needs Linux on an x86-64 PC, this is {platform.system()} {platform.machine()}: "
            "use a container or virtual machine with Debian 12 or later, or Ubuntu 24.04 or later (x86-64)"
        )


def _from_debian(urls: list[str]) -> list[str]:
    qemu, poll = _on_path("qemu-arm", "qemu-arm-static"), _on_path("mbpoll")
    packages = {PC: _micropython("amd64"), ARM: _micropython("armhf")}
    if not poll:
        packages[MBPOLL] = ["mbpoll:amd64", "libmodbus5:amd64", "libc6:amd64"]
    if not qemu:
        packages[QEMU] = ["qemu-user:amd64"]
    absent = [folder for folder in packages if not folder.exists()]
    if absent:
        with Archive(urls) as archive:
            for folder in absent:
                step(f"fetching {packages[folder][0].partition('=')[0]} and what it needs")
                archive.unpack(packages[folder], folder, QEMU_FILES if folder == QEMU else ())
    if not (ARM / "lib").exists():
        (ARM / "lib").symlink_to("usr/lib")  # where qemu-arm looks for the dynamic linker
    _write("micropython", _through_own_linker(PC, "micropython"))
    qemu = qemu or str(QEMU / QEMU_FILES[0])
    _write("micropython-arm", [qemu, "-L", str(ARM), str(ARM / "usr/bin/micropython")])
    _write("mbpoll", [poll] if poll else _through_own_linker(MBPOLL, "mbpoll"))
    for name in ("micropython", "micropython-arm"):
        found = check(BIN / name)
        if found != VERSION:
            raise SetupError(f"{BIN / name} is version {found}, not {VERSION}: `make distclean`, then `make`")
        step(f"{name} {found} runs")
    _output([BIN / "mbpoll", "-V"])
    step("mbpoll runs")
    return []


def _from_path() -> list[str]:
    """Ubuntu and others, with no mirror given: only what the PATH has."""
    system = os_release().get("PRETTY_NAME", "this system")
    oldest = ".".join(map(str, OLDEST))
    found = _on_path("micropython")
    if not found:
        raise SetupError(
            f"{system} is not Debian, and no micropython is on the PATH: install one >= {oldest} "
            f"(Ubuntu 24.04: `sudo apt-get install micropython`), or fetch Debian's with {SET_MIRROR}"
        )
    _write("micropython", [found])
    version = check(BIN / "micropython")
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        (BIN / "micropython").unlink()
        raise SetupError(f"{found} is {version}, older than {oldest}: fetch Debian's with {SET_MIRROR}")
    step(f"micropython {version} runs ({found})")
    missing = [f"micropython-arm, which {system} does not have: get Debian's with {SET_MIRROR}"]
    poll = _on_path("mbpoll")
    if poll:
        _write("mbpoll", [poll])
    else:
        missing.append(f"mbpoll: `sudo apt-get install mbpoll`, or get Debian's with {SET_MIRROR}")
    return missing


def check(interpreter: Path) -> str:
    """Start an interpreter and run a viper function: its version. SetupError shows what it said instead."""
    said = _output([interpreter, "-c", CHECK]).split()
    if len(said) != 2 or said[1] != "42":
        raise SetupError(f"{interpreter} starts, but viper code does not run: it printed {said}")
    return said[0]


def _output(command: list[str | Path]) -> str:
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=START_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"{command[0]} does not start: {error}") from error
    if done.returncode:
        raise SetupError(f"{command[0]} does not start (exit code {done.returncode}):\n{done.stdout}{done.stderr}")
    return done.stdout


def _micropython(architecture: str) -> list[str]:
    return [f"micropython:{architecture}={VERSION}*", *(f"{name}:{architecture}" for name in LIBRARIES)]


def _through_own_linker(folder: Path, name: str) -> list[str]:
    libraries = folder / "usr/lib/x86_64-linux-gnu"
    return [str(libraries / "ld-linux-x86-64.so.2"), "--library-path", str(libraries), str(folder / "usr/bin" / name)]


def _on_path(*names: str) -> str | None:
    """The first of the names on the PATH, our own wrappers not counted."""
    path = os.pathsep.join(entry for entry in os.get_exec_path() if Path(entry) != BIN)
    return next(filter(None, (shutil.which(name, path=path) for name in names)), None)


def _write(name: str, command: list[str]) -> None:
    wrapper = BIN / name
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    wrapper.chmod(0o755)
