"""An ARM MicroPython (under qemu-user) whose heap holds what the heap of an STM32F405 holds, no more and no less.

Debian's interpreter keeps native code outside of its heap, has double-precision floats, and takes Thumb-2 kernels for
bytecode. This one is made from the same sources with the settings of the stm32 port (variant/): native code in the
heap, single precision, Thumb-2 kernels run. "plain" loads .mpy files; "frozen" has the firmware's .mpy files built in,
as a board's firmware image has them in flash: of a module, only what changes lies in the heap.
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

from host_tools.memory import cross, rooms
from host_tools.toolchain import build_mpy
from host_tools.toolchain.paths import BUILD, ROOT, micropython
from host_tools.toolchain.steps import SetupError, step

KINDS = ("plain", "frozen")
FOLDER = BUILD / "memory"
HERE = Path(__file__).parent
TARGET = HERE / "target"
BOARDS = ROOT / "boards"
DRIVEN = ("pybv11", "cy8cproto_062_4343w")  # boards whose drivers are measured, too
# What the unix port does otherwise than a board: (file, its words, ours).
_EDITS = (
    ("ports/unix/mpconfigport.h", "#define MP_PLAT_ALLOC_EXEC(", "#define UNUSED_ALLOC_EXEC("),
    ("ports/unix/mpconfigport.h", "#define MP_PLAT_FREE_EXEC(", "#define UNUSED_FREE_EXEC("),
    ("ports/unix/mpconfigport.h", "(PATH_MAX)", "(512)"),
    ("ports/unix/main.c", '#include "py/compile.h"\n', '#include <sys/mman.h>\n#include "py/compile.h"\n'),
    (
        "ports/unix/main.c",
        "char *heap = malloc(heap_size);",
        "char *heap = mmap(NULL, heap_size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);",
    ),
    ("ports/unix/main.c", "    free(heap);\n", ""),
)


def interpreter(kind: str) -> list[str]:
    """The command that starts the interpreter of a kind, made or brought up to date. SetupError where it cannot be."""
    if kind not in KINDS:
        raise ValueError(f"no interpreter {kind!r}: choose one of {', '.join(KINDS)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        cross.provide()
        return [*_qemu(), str(_make(kind))]


def modules(folder: Path, *, named_by_place: bool = False) -> Path:
    """Brings a folder up to date with the .mpy files of firmware, main and the measuring board, as on a device.

    named_by_place: the source's name in them is their place, under which freezing makes them known."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{folder.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _module_files()
        for path in [path for path in folder.rglob("*.mpy") if path.relative_to(folder).as_posix() not in wanted]:
            path.unlink()
        for name, content in wanted.items():
            _update(folder / name, _renamed(content, name) if named_by_place else content)
    return folder


def _module_files() -> dict[str, bytes]:
    tree = build_mpy.build("armv7emsp")
    paths = [tree / "main.mpy", *(tree / "wattless").rglob("*.mpy")]
    found = {path.relative_to(tree).as_posix(): path.read_bytes() for path in paths}
    drivers = [BOARDS / board / f"{name}.py" for board in DRIVEN for name in rooms.drivers(board)]
    for path in [*TARGET.glob("*.py"), *drivers]:
        command = [build_mpy.mpy_cross(), *build_mpy.FLAGS, "-march=armv7emsp", "-s", path.name, "-o", "-", path]
        found[path.with_suffix(".mpy").name] = subprocess.run(command, check=True, capture_output=True).stdout
    return found


def _update(path: Path, content: bytes) -> None:
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)


def _make(kind: str) -> Path:
    source = _source()
    output = FOLDER / kind
    output.mkdir(exist_ok=True)
    manifest = 'include("$(MPY_DIR)/extmod/asyncio")\n'
    if kind == "frozen":
        manifest += f'freeze_mpy("{modules(FOLDER / "modules", named_by_place=True)}")\n'
    (output / "manifest.py").write_text(manifest)
    if not (output / "micropython").exists():
        step(f"compiling MicroPython for ARM ({kind}), as build/memory/{kind}/micropython")
    cross.make(
        source / "ports/unix",
        f"VARIANT_DIR={HERE / 'variant'}",
        f"BUILD={output}",
        f"FROZEN_MANIFEST={output / 'manifest.py'}",
        f"MICROPY_MPYCROSS={build_mpy.mpy_cross()}",
        f"PYTHON={sys.executable}",
        "CWARN=",
        "LDFLAGS_EXTRA=-static",
    )
    return output / "micropython"


def _source() -> Path:
    """MicroPython's sources with our edits, as a copy."""
    copy = FOLDER / "source"
    stamp = copy / "edited"
    if stamp.exists() and stamp.read_text() == repr(_EDITS):
        return copy
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(cross.SOURCE, copy, symlinks=True)
    for name, old, new in _EDITS:
        text = (copy / name).read_text()
        if text.count(old) != 1:
            raise SetupError(f"MicroPython's {name} has {old!r} {text.count(old)} times, expected once")
        (copy / name).write_text(text.replace(old, new))
    (copy / "lib/micropython-lib").mkdir(exist_ok=True)
    (copy / "lib/micropython-lib/README.md").touch()  # asked for by its Makefile; nothing of it is used
    stamp.write_text(repr(_EDITS))
    return copy


def _renamed(data: bytes, place: str) -> bytes:
    """A .mpy file with its place ("a/b.mpy") as the name of its source."""
    at = 4
    for _ in range(2):  # how many names, how many objects
        _, at = _number(data, at)
    length, behind = _number(data, at)
    if length & 1:
        raise SetupError(f"{place} has no name of its source")
    name = place.replace(".mpy", ".py").encode()
    return data[:at] + _coded(len(name) << 1) + name + b"\0" + data[behind + (length >> 1) + 1 :]


def _number(data: bytes, at: int) -> tuple[int, int]:
    """(the number of 7-bit groups at `at`, where the next thing stands)."""
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at


def _coded(number: int) -> bytes:
    groups = [number & 0x7F]
    while number > 0x7F:
        number >>= 7
        groups.append(number & 0x7F | 0x80)
    return bytes(reversed(groups))


def _qemu() -> list[str]:
    """What starts an ARM program: as in the wrapper of Debian's interpreter."""
    words = micropython("arm").read_text().split("exec ", 1)[1].split()
    return words[:1]
