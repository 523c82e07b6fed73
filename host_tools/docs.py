"""Writes the tables of registers and codes in the documentation from points_table.py and codes.py: `python -m
host_tools.docs`."""

import re

from host_tools.firmware_path import codes
from host_tools.register_map import markdown, modicon
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
FC08 tells the counters of the serial line (subfunctions 11 to 18), FC20 reads evidence (`wattless capture`).

{markdown().rstrip()}

## Registers that can be written

Holding registers, by FC06 and FC16. While the meter is locked, writes get exception 04; a value that is not legal is
refused with everything else in its request, exception 03. Every change is logged with who, what and the new value
(events `setting`, `calibrated`, `unlocked`, `wrong_code`).

1. The first access code, 4 to 9 digits, is set on the serial console: `code 123456`. Nothing can be written before.
2. Write it as uint32 to PDU 20000 (one request of two registers): the meter is unlocked for 10 minutes after the last
   change. A wrong code blocks for 1 s, then 2, 4, ... 64 s.
3. Write. The settings marked "at once" hold at once, the others from the next start on.
4. Write 1 to PDU 20004, or wait.

A jumper on the board's seal input forbids all of it.

{writable().rstrip()}
"""


def writable() -> str:
    """The table of the registers that can be written."""
    modbus_settings, settings, config = firmware_modules()
    rows = [
        (20000, "access code", "uint32", "unlocks; reads as 0"),
        (20002, "state", "uint16", ", ".join(f"{n} {name}" for n, name in enumerate(settings.STATES)) + "; read only"),
        (20003, "seconds left", "uint16", "until it ends by itself; read only"),
        (20004, "command", "uint16", "; ".join(f"{n} {name}" for n, name in enumerate(modbus_settings.COMMANDS) if n)
         + " (1, 5 and 6 without the access code)"),
        (20005, "result", "uint16", "of the last write: "
         + ", ".join(f"{n} {name}" for n, name in enumerate(modbus_settings.RESULTS)) + "; read only"),
        (20006, "restart", "uint16", "1: a change waits for a restart; read only"),
        (20007, "gain_v, gain_i", "2 x uint16", "the range in use, whose calibration stands below; read only"),
    ]  # fmt: skip
    by_name = {row[0]: row for row in config.SETTINGS}
    for place, name in enumerate(modbus_settings.TRIP_POINTS):
        _, kind, limits, unit, _ = by_name[name]
        null = "NaN is null; " if kind.startswith("null") else ""
        when = "at once" if name in settings.LIVE else "from the next start on"
        text = f"{null}{limits[0]}..{limits[1]} {unit}".rstrip() + f"; {when}"
        rows.append((modbus_settings.TRIPS + 2 * place, f"`{name}`", "float32", text))
    rows += [
        (20100, "gains", "8 x uint32", "calibration of the range in use, v1 v2 v3 i1 i2 i3 in spare: 0x800000 is 1; "
         "kept aside until command 2"),
        (20116, "offsets", "8 x int32", "LSB of 24 bits"),
        (20132, "phases", "8 x int16", "delay in periods of the modulator, 256 a sample"),
    ]  # fmt: skip
    text = "| PDU | register | hex | what | type | values |\n|---|---|---|---|---|---|\n"
    for address, name, kind, values in rows:
        text += f"| {address} | {modicon(address)} | 0x{address:04X} | {name} | {kind} | {values} |\n"
    return text


def firmware_modules():
    """(services.modbus_settings, settings, config)."""
    from wattless import config, settings
    from wattless.services import modbus_settings

    return modbus_settings, settings, config


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
