"""What an update would do to a board: a row a file, add, change, delete or same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from host_tools.board.image import FOLDER, MAIN, Image, kept, sha256

BEFORE = "main_before.py"  # the program that was on the board when our main.py came; on_device/main.py runs it
NEXT = "main_next.py"  # the next main.py on its way in
ENTRY_BYTES = 96  # what littlefs keeps of a file in its folder: name, size, place, with all copies, an upper estimate
POINTER_BYTES = 8  # what littlefs keeps in a block of a file for the way to its other blocks, on average


@dataclass(frozen=True)
class Row:
    """`bytes`: of the new file, of the old one where it is deleted."""

    kind: str  # add, change, delete, same
    path: str
    bytes: int


def candidates(image: Image, present: Mapping[str, int], manifest: str) -> set[str]:
    """Files on the board that an update may concern: those of the image, of the last one (by its manifest), all below
    wattless/, and sources that MicroPython would take in place of our .mpy files."""
    shadows = {path.removesuffix(".mpy") + ".py" for path in image.files if path.endswith(".mpy")}
    ours = image.files.keys() | installed(manifest) | shadows | {BEFORE}
    found = {path for path in present if path in ours or path.startswith(FOLDER + "/")}
    return {path for path in found if not kept(path) and path != MAIN}


def installed(manifest: str) -> set[str]:
    """Paths in a manifest; none where it cannot be read."""
    try:
        return {str(path) for path in json.loads(manifest)["files"]}
    except (ValueError, KeyError, TypeError):
        return set()


def rows(image: Image, present: Mapping[str, int], digests: Mapping[str, str]) -> list[Row]:
    """`present`: path -> bytes of all files on the board; `digests`: SHA-256 of the candidates and of main.py."""
    found = []
    for path, data in {**image.files, MAIN: image.main}.items():
        if path not in present:
            found.append(Row("add", path, len(data)))
        elif present[path] != len(data) or digests[path] != sha256(data):
            found.append(Row("change", path, len(data)))
        else:
            found.append(Row("same", path, len(data)))
    gone = digests.keys() - image.files.keys() - {MAIN}
    return found + [Row("delete", path, present[path]) for path in sorted(gone)]


def changes(table: Iterable[Row]) -> list[Row]:
    return [row for row in table if row.kind != "same"]


def lines(table: list[Row]) -> list[str]:
    """The table as text: the files that change, and a sum of each kind."""
    text = [f"{row.kind:6} {row.bytes:8}  {row.path}" for row in changes(table)]
    sums = []
    for kind in ("add", "change", "delete", "same"):
        sizes = [row.bytes for row in table if row.kind == kind]
        sums.append(f"{kind} {len(sizes)} files, {sum(sizes)} bytes")
    return [*text, "; ".join(sums)]


def journal(table: Iterable[Row]) -> tuple[str, dict[str, str]]:
    """(text of the journal, path -> name of its staged file), main.py left out."""
    text = ""
    staged = {}
    for number, row in enumerate(row for row in changes(table) if row.path != MAIN):
        text += f"{number} {row.kind} {row.path}\n"
        if row.kind != "delete":
            staged[row.path] = f"update/new/{number}"
    return text, staged


def space(table: Iterable[Row], block: int) -> int:
    """Bytes that the staged files, the journal and their folders take on a disk of such blocks, at most."""
    staged = [row for row in changes(table) if row.kind != "delete"]
    files = sum(-(-row.bytes // (block - POINTER_BYTES)) for row in staged)
    folders = 3 + len({row.path.rpartition("/")[0] for row in staged})
    entries = 2 * (-(-2 * ENTRY_BYTES * len(staged) // block))
    return (files + 2 * folders + entries + 2) * block
