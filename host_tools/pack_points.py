"""Writes the points table as the device imports it: build/generated/wattless/points_packed.py.

`generate` is one of the generators of host_tools/toolchain/build_mpy.py. The packing itself is `points_table.pack`, the
same that the firmware runs where nothing was built.
"""

from pathlib import Path

from host_tools.firmware_path import points_table

HEADER = '"""The points table, packed by host_tools/pack_points.py: do not edit."""\n\n'


def generate(build_dir: Path) -> Path:
    """Write wattless/points_packed.py below `build_dir` (build/generated), and return its path."""
    ids, fields, segments = points_table.pack()
    path = Path(build_dir) / "wattless" / "points_packed.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}IDS = {ids!r}\nFIELDS = {fields!r}\nSEGMENTS = {segments!r}\n", encoding="ascii")
    return path
