"""Writes the register tables of the documentation from points_table.py: `python -m host_tools.docs`."""

import re

from host_tools.register_map import markdown
from host_tools.toolchain.paths import ROOT

README = ROOT / "README.md"
REGISTERS = ROOT / "docs/registers.md"
_MARKED = re.compile(r"(<!-- registers (\d+) (\d+) -->\n).*?(<!-- end of registers -->)", re.DOTALL)


def readme(text: str) -> str:
    """`text` with each table between its markers made anew."""
    return _MARKED.sub(lambda m: m[1] + markdown(int(m[2]), int(m[3])).rstrip() + "\n" + m[4], text)


def registers() -> str:
    """The page of all registers."""
    return f"""# Modbus registers

Made from `firmware/wattless/points_table.py` by `python -m host_tools.docs`; do not edit.

Functions 03 (holding) and 04 (input registers) read the same table. PDU is the address on the wire, 0-based; the 4xxxx
number is 1-based. float32, uint32 and uint64 are big-endian, high word first. Not known: NaN for floats (0x7FC00000),
all ones for integers.
A block of up to 125 registers is of one window; a read that touches an address without a register gets exception 02.

{markdown().rstrip()}
"""


def main() -> None:
    README.write_text(readme(README.read_text()))
    REGISTERS.write_text(registers())


if __name__ == "__main__":
    main()
