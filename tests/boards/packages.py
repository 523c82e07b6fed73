"""The files of a board package: board.json, wiring.md, manifest.py. `file_problems` says what is wrong with them."""

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from host_tools.toolchain.build_mpy import NOT_ON_THE_METER
from tests.boards.stubs import ROOT, Hardware

KEYS = {
    "id": str, "mcu": str, "product": str, "vendor": str, "url": str, "docs": str, "thumbnail": str, "features": list,
    "images": list, "deploy": list,
}  # fmt: skip
SIMULATED = "none"  # how mcu begins where there is nothing to build or wire
ROW = re.compile(r"^\|(?P<cells>.+)\|\s*$")
# What a meter's directions tell of the safety of those who build it
SAFETY = ("mains voltage kills", "fuse", "CAT III", "isolat", "Not yet built or measured")


def file_problems(folder: Path, hardware: Hardware | None) -> list[str]:
    missing = [name for name in ("board.json", "wiring.md") if not (folder / name).exists()]
    if missing:
        return [f"{name} is missing" for name in missing]
    about, wrong = _board_json(folder)
    if not str(about.get("mcu", "")).startswith(SIMULATED):
        wrong += _manifest(folder) + _wiring(folder, hardware)
    return wrong


def _board_json(folder: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        about = json.loads((folder / "board.json").read_text())
    except ValueError as error:
        return {}, [f"board.json is not JSON: {error}"]
    keys = dict(KEYS)
    if not str(about.get("mcu", "")).startswith(SIMULATED):
        keys["machine"] = str  # what sys.implementation of the right board contains
    wrong = [f"board.json lacks {key}" for key in keys if key not in about]
    for key, kind in keys.items():
        if key in about and (not isinstance(about[key], kind) or (kind is str and key == "id" and not about[key])):
            wrong.append(f"board.json: {key} is {about[key]!r}: want {kind.__name__}")
    if about.get("id", folder.name) != folder.name:
        wrong.append(f"board.json: id is {about['id']!r}, the folder is {folder.name!r}")
    for page in (*about.get("deploy", []), about.get("docs", "")):
        if page and not (folder / page).exists():
            wrong.append(f"board.json: there is no {page}")
    return about, wrong


def shipped(folder: Path) -> set[str]:
    """Modules, as paths on the device, that the .mpy build makes of the firmware and the files in `folder`."""
    found = set()
    for base in (ROOT / "firmware", ROOT / "build/generated", folder):
        for path in base.rglob("*.py"):
            if path.name not in NOT_ON_THE_METER:
                found.add(path.relative_to(base).as_posix())
    return found


def frozen(folder: Path) -> dict[str, int]:
    """What manifest.py freezes: path on the device -> level of optimisation. Raises what the manifest raises."""
    files: dict[str, int] = {}
    included: list[str] = []

    def add(base: Path, name: str, opt: int) -> None:
        if not (base / name).exists():
            raise FileNotFoundError(f"manifest.py freezes {base / name}, which does not exist")
        if name in files:
            raise ValueError(f"manifest.py freezes {name} twice")
        files[name] = opt

    def run(path: Path, options: dict[str, Any]) -> None:
        before = os.getcwd()
        os.chdir(path.parent)

        def package(name: str, files: Any = None, base_path: str = ".", opt: int = 0) -> None:
            for file in files:
                add(Path(base_path).resolve(), f"{name}/{file}", opt)

        def module(name: str, base_path: str = ".", opt: int = 0) -> None:
            add(Path(base_path).resolve(), name, opt)

        def include(other: str, **keywords: Any) -> None:
            included.append(other)
            if "$(" not in other:
                run(Path(other).resolve(), keywords)

        try:
            names = {"package": package, "module": module, "include": include, "options": SimpleNamespace(**options)}
            exec(compile(path.read_text(), str(path), "exec"), names)
        finally:
            os.chdir(before)

    run(folder / "manifest.py", {})
    if not any("$(PORT_DIR)" in path or "$(BOARD_DIR)" in path for path in included):
        raise ValueError("manifest.py leaves out what the port freezes, asyncio among it")
    return files


def _manifest(folder: Path) -> list[str]:
    if not (folder / "manifest.py").exists():
        return ["manifest.py is missing"]
    try:
        files = frozen(folder)
    except Exception as error:  # whatever a manifest does wrong
        return [str(error) if "manifest.py" in str(error) else f"manifest.py: {type(error).__name__}: {error}"]
    wanted = shipped(folder)
    wrong = [f"manifest.py leaves out {name}" for name in sorted(wanted - set(files))]
    wrong += [f"manifest.py freezes {name}, which is not for a meter" for name in sorted(set(files) - wanted)]
    return wrong + [f"manifest.py: {name} with opt={opt}, want 2" for name, opt in sorted(files.items()) if opt != 2]


def pin_table(page: str) -> dict[str, str]:
    """CPU pin -> its use, of the table whose first columns are `pin` and `use`. ValueError when there is none."""
    table: dict[str, str] | None = None
    for line in page.splitlines():
        row = ROW.match(line)
        cells = [cell.strip().strip("`") for cell in row["cells"].split("|")] if row else []
        if cells[:2] == ["pin", "use"]:
            table = {}
        elif table is not None and not row:
            break
        elif table is not None and not set(cells[0]) <= set(":-"):
            if cells[0] in table:
                raise ValueError(f"wiring.md: {cells[0]} stands twice in the table of pins")
            table[cells[0]] = cells[1]
    if table is None:
        raise ValueError("wiring.md has no table of pins (| pin | use | ...)")
    return table


def _wiring(folder: Path, hardware: Hardware | None) -> list[str]:
    page = (folder / "wiring.md").read_text()
    wrong = [f"wiring.md does not say {words!r}" for words in SAFETY if words.lower() not in page.lower()]
    first = next((line for line in page.splitlines()[1:] if line.startswith("## ")), "")
    if "safety" not in first.lower():
        wrong.append(f"wiring.md: its first chapter is {first!r}: want the safety notes")
    if hardware is None:
        return wrong
    try:
        table = pin_table(page)
    except ValueError as error:
        return [*wrong, str(error)]
    for pin in sorted(hardware.pins.keys() | table.keys()):
        taken, told = hardware.pins.get(pin), table.get(pin)
        if taken != told:
            wrong.append(f"wiring.md: {pin} is told as {told}, and taken as {taken}")
    return wrong
