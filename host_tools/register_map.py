"""The Modbus register map as Markdown, from the points table: `python -m host_tools.register_map [FIRST LAST]`."""

import sys

from host_tools.firmware_path import points_table

HEADER = "| PDU | register | hex | point | type | unit | what it is |\n|---|---|---|---|---|---|---|\n"
LAST_ADDRESS = 0xFFFF


def markdown(first: int = 0, last: int = LAST_ADDRESS) -> str:
    """The rows with their first register at PDU addresses `first`..`last`, by address, each address written three ways.

    PDU: as sent, from 0. Register: the number in Modicon notation, 40001 + PDU (six digits from PDU address 9999 on).
    Hex: the PDU address again. A list has its first and last register; order h lies 2 h after the first.
    """
    if not 0 <= first <= last <= LAST_ADDRESS:
        raise ValueError(f"PDU addresses {first}..{last}: want 0 <= first <= last <= {LAST_ADDRESS}")
    rows = sorted((row for row in points_table.ROWS if first <= row.address <= last), key=lambda row: row.address)
    return HEADER + "".join(_line(row) for row in rows)


def modicon(address: int) -> int:
    """The number of a holding register in Modicon notation: 40001 for PDU address 0; 410000 for 9999 and so on."""
    return address + (40001 if address < 9999 else 400001)


def _line(row) -> str:
    ends = sorted({row.address, row.address + points_table.registers(row) - 1})
    if row.count == 1:
        ends = ends[:1]
    places = ("–".join(form(end) for end in ends) for form in (str, lambda a: str(modicon(a)), "0x{:04X}".format))
    type_ = row.type if row.count == 1 else f"{row.count} x {row.type}"
    unit = "" if row.unit == "1" else row.unit
    description = row.description + (f"; OBIS {row.obis}" if row.obis else "")
    return f"| {' | '.join(places)} | `{row.id}` | {type_} | {unit} | {description} |\n"


def main() -> int:
    try:
        bounds = [int(word, 0) for word in sys.argv[1:]]
        if len(bounds) not in (0, 2):
            raise ValueError("usage: python -m host_tools.register_map [FIRST LAST]")
        print(markdown(*bounds), end="")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
