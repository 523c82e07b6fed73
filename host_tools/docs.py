"""Writes the tables of registers and codes in the documentation from points_table.py and codes.py: `python -m
host_tools.docs`."""

import re

from host_tools.firmware_path import codes
from host_tools.register_map import markdown
from host_tools.toolchain.paths import ROOT

README = ROOT / "README.md"
REGISTERS = ROOT / "docs/registers.md"
CODES = ROOT / "docs/codes.md"
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


def codes_page() -> str:
    """The page of all codes."""
    rows = ""
    for row in codes.CODES:
        cells = ("" if row.number is None else row.number, f"`{row.name}`", row.event or "", *row[4:])
        rows += "| " + " | ".join(map(str, cells)) + " |\n"
    return f"""# Codes

Made from `firmware/wattless/codes.py` by `python -m host_tools.docs`; do not edit.

Numbers are those of the event log and of `event_code`; bit k of `wiring_codes` is the number 30 + k. `wattless replay
--json` says each in a sentence of its own. Codes without a number are names of errors that stand elsewhere.

| number | name | event | cause | check | fix |
|---|---|---|---|---|---|
{rows}"""


def main() -> None:
    README.write_text(readme(README.read_text()))
    REGISTERS.write_text(registers())
    CODES.write_text(codes_page())


if __name__ == "__main__":
    main()
