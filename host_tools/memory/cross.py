"""A C compiler for 32-bit ARM, and MicroPython's sources: Debian's packages, unpacked below build/, nothing installed.

The compiler runs through its own C library, so on any x86-64 Linux: 50 MB to fetch, once.
"""

import shutil
import tarfile
from pathlib import Path

from host_tools.toolchain.debian import Archive, mirrors
from host_tools.toolchain.interpreters import SET_MIRROR, VERSION
from host_tools.toolchain.paths import TOOLS
from host_tools.toolchain.steps import SetupError, run, step

CROSS, SOURCE, WRAPPERS = TOOLS / "cross", TOOLS / "micropython", TOOLS / "cross-bin"
PREFIX = "arm-linux-gnueabihf-"
_GCC = "14"
_PACKAGES = f"""
    gcc-{_GCC}-arm-linux-gnueabihf cpp-{_GCC}-arm-linux-gnueabihf libgcc-{_GCC}-dev-armhf-cross libgcc-s1-armhf-cross
    binutils-arm-linux-gnueabihf libc6-armhf-cross libc6-dev-armhf-cross linux-libc-dev-armhf-cross
    libc6 libgcc-s1 libgmp10 libisl23 libjansson4 libmpc3 libmpfr6 libsframe1 libstdc++6 libzstd1 zlib1g
""".split()
_BINUTILS = ("as", "ld", "ar", "nm", "objcopy", "objdump", "size", "strip", "ranlib")


class _Sources(Archive):
    """An Archive that has source packages too."""

    def unpack_source(self, package: str, version: str, target: Path) -> None:
        """Unpack a package's upstream sources, of the version given, without Debian's patches, into a new folder."""
        sources = self.folder / "sources.list"
        sources.write_text(sources.read_text() + sources.read_text().replace("deb ", "deb-src ", 1))
        self._apt("update")
        folder = self.folder / "source"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        self._apt("source", "--download-only", package, cwd=folder)
        found = [path for path in folder.iterdir() if ".orig.tar." in path.name]
        if len(found) != 1 or not found[0].name.startswith(f"{package}_{version}"):
            raise SetupError(f"Debian's {package} is not {version}: {[path.name for path in found]}")
        part = target.with_name(target.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        with tarfile.open(found[0]) as tar:
            tar.extractall(part, filter="tar")
        (top,) = part.iterdir()
        top.rename(target)
        part.rmdir()


def provide() -> None:
    """Fetch what is not there yet. SetupError where there is no Debian mirror."""
    if not (CROSS.exists() and SOURCE.exists()):
        urls = mirrors()
        if not urls:
            raise SetupError(f"the frozen build needs Debian's cross compiler: fetch it with {SET_MIRROR}")
        with _Sources(urls) as archive:
            if not CROSS.exists():
                step("fetching a C compiler for ARM (50 MB)")
                archive.unpack([f"{name}:amd64" if name.startswith("lib") and "-cross" not in name else name
                                for name in _PACKAGES], CROSS)  # fmt: skip
            if not SOURCE.exists():
                step(f"fetching MicroPython {VERSION}'s sources")
                archive.unpack_source("micropython", VERSION, SOURCE)
    _write_wrappers()


def _write_wrappers() -> None:
    """Scripts that start each program through the unpacked C library: for make, and for gcc to find its parts by."""
    inner = WRAPPERS / "parts"
    inner.mkdir(parents=True, exist_ok=True)
    for name in _BINUTILS:
        _wrap(WRAPPERS / (PREFIX + name), CROSS / f"usr/bin/{PREFIX}{name}")
    for name in ("as", "ld"):
        _wrap(inner / name, CROSS / f"usr/bin/{PREFIX}{name}")
    for name in ("cc1", "collect2"):
        _wrap(inner / name, CROSS / f"usr/libexec/gcc-cross/{PREFIX[:-1]}/{_GCC}/{name}")
    own, target = CROSS / f"usr/lib/gcc-cross/{PREFIX[:-1]}/{_GCC}", CROSS / f"usr/{PREFIX[:-1]}"
    options = f"-B {inner}/ -B {own}/ -B {target}/lib/ -L {target}/lib -nostdinc -fno-lto -fno-use-linker-plugin"
    headers = f"-isystem {own}/include -isystem {target}/include"
    _wrap(WRAPPERS / f"{PREFIX}gcc", f"{CROSS / f'usr/bin/{PREFIX}gcc-{_GCC}'} {options} {headers}")


def _wrap(script: Path, command: object) -> None:
    libraries = CROSS / "usr/lib/x86_64-linux-gnu"
    text = f'#!/bin/sh\nexec {libraries}/ld-linux-x86-64.so.2 --library-path {libraries} {command} "$@"\n'
    if not script.exists() or script.read_text() != text:
        script.write_text(text)
        script.chmod(0o755)


def make(folder: Path, *words: str) -> None:
    """Run make in a folder with the compiler at hand. SetupError shows the end of what it said."""
    run(["env", f"PATH={WRAPPERS}:/usr/bin:/bin", "make", "-j2", f"CROSS_COMPILE={PREFIX}", *words], cwd=folder)
