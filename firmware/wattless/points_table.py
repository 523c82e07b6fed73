"""Everything that the meter can say: one readable table, and the packed form of it that fits on the device.

ROWS is what host tools, tests and the register map of the documentation read. The device gets `pack(ROWS)`, made when
the firmware is built (host_tools/pack_points.py). This module and points_families.py, the quantities themselves, stay
off it. Where nothing was built, as under CPython, points.py packs at import.

Modbus addresses are a public contract: a row keeps its address for ever, new rows get new ones.
"""

import struct
from collections import namedtuple

from wattless.points_families import FAMILIES, OBIS, ORDERS, SOURCE_ORDERS

# id           as JSON and code use it
# unit         SI symbol, "%", "deg", or "1"
# type         on the wire: float32, uint16, uint32 or uint64, big-endian, high word first
# update       how often there is a new value: one of UPDATES
# count        values: 1, or 51 for a list of the orders 0 (DC) to 50
# address      Modbus PDU address of the first register; value k of a list lies 2 * k after it
# sunspec      point of SunSpec models 211-214, or None
# sparkplug    metric: the IEC 61850-7-4 name where there is one, else below Wattless/
# prometheus   metric with its label (a list has one more label: order)
# description  one line, with the clause that defines the value where there is one
# obis         C.D.E of IEC 62056-6-1, or None
Row = namedtuple(
    "Row",
    ("id", "unit", "type", "update", "count", "address", "sunspec", "sparkplug", "prometheus", "description", "obis"),
)

TYPES = ("float32", "uint16", "uint32", "uint64")
REGISTERS = {"float32": 2, "uint16": 1, "uint32": 2, "uint64": 4}
UPDATES = ("status", "window", "half-cycle", "10 s", "3 s", "10 min", "2 h", "energy", "event")  # the table's order
LIST = 0x80
NOT_STAGED = 0xFFFF  # slot of a row that is no scalar of the stage, in the packed form

# suffix of an id -> what descriptions, SunSpec and IEC 61850 call it, Prometheus label
_MEMBERS = {
    "l1": ("L1", "A", "phsA", '{phase="l1"}'),
    "l2": ("L2", "B", "phsB", '{phase="l2"}'),
    "l3": ("L3", "C", "phsC", '{phase="l3"}'),
    "n": ("N", "", "neut", '{phase="n"}'),
    "l12": ("L1-L2", "AB", "phsAB", '{lines="l12"}'),
    "l23": ("L2-L3", "BC", "phsBC", '{lines="l23"}'),
    "l31": ("L3-L1", "CA", "phsCA", '{lines="l31"}'),
}
# the same of rows that come by order or by kind
_OTHERS = {"v": ("voltages", "", "PhV", '{kind="v"}'), "i": ("currents", "", "A", '{kind="i"}')}
_OTHERS.update({f"h{h}": (f"order {h}", "", f"H{h}", f'{{order="{h}"}}') for h in SOURCE_ORDERS})
_TOTAL = ("total", "", "", "")


def _rows(family):
    ids, unit, type_, update, count, addresses, sunspec, sparkplug, prometheus, description = family
    ids = ids.split()
    for id_, address in zip(ids, addresses):
        suffix = id_.split("_")[-1] if "_" in id_ else ""
        member = _MEMBERS.get(suffix) or (_OTHERS.get(suffix) if len(ids) > 1 else None)
        name, sunspec_phase, iec_phase, label = member or _TOTAL
        part = 0 if member else -1
        yield Row(
            id_,
            unit,
            type_,
            update,
            count,
            address,
            sunspec.split("|")[part].format(sunspec_phase) or None,
            sparkplug.split("|")[part].format(iec_phase),
            "wattless_" + (prometheus if member else prometheus.replace("phase_", "")) + label,
            name + ": " + description if member or len(ids) > 1 else description,
            _obis(id_),
        )


def _obis(id_):
    family, _, suffix = id_.rpartition("_")
    if suffix not in ("l1", "l2", "l3"):
        family, suffix = id_, ""
    codes = OBIS.get(family)
    place = ("l1", "l2", "l3", "").index(suffix)
    return f"{codes[place]}.{codes[4]}.0" if codes and codes[place] else None


ROWS = tuple([row for family in FAMILIES for row in _rows(family)])


def is_staged(row):
    """Whether a scalar passes through the stage: floats do, and the small integers of measurements."""
    return row.type == "float32" or (row.type == "uint16" and row.update not in ("status", "event"))


def registers(row):
    """Registers that a row occupies, from row.address on."""
    return REGISTERS[row.type] * row.count


def pack(rows=ROWS):
    """The table as the device holds it: (ids, fields, segments).

    ids       bytes: the ids in table order, with a space before, between and behind them
    fields    bytes: three uint16 a row, little-endian: slot in the stage (a list: its number among the lists; an
              integer that is put straight into the registers: NOT_STAGED), first register in the image, index in TYPES
              (a list of float32: LIST) + 256 * index in UPDATES
    segments  bytes: three uint16 a run of adjacent addresses: first address, registers, first register in the image
    The image has the registers of all rows in the order of their addresses, without the holes between the segments.
    Raises ValueError when two rows want the same register.
    """
    segments = []
    image_at = {}
    end = image_end = 0
    for row in sorted(rows, key=lambda row: row.address):
        if row.address < end:
            raise ValueError(f"{row.id}: PDU address {row.address} is taken, the row before it ends at {end - 1}")
        if not segments or row.address > end:
            segments.append([row.address, 0, image_end])
        segments[-1][1] += registers(row)
        image_at[row.id] = image_end
        end = row.address + registers(row)
        image_end += registers(row)

    fields = b""
    slot = lists = 0
    for row in rows:
        kind = TYPES.index(row.type) + 256 * UPDATES.index(row.update)
        if row.count > 1:
            if (row.type, row.count) != ("float32", ORDERS):
                raise ValueError(f"{row.id}: a list has {ORDERS} values of float32")
            kind += LIST
            place = lists
            lists += 1
        elif is_staged(row):
            place = slot
            slot += 1
        else:
            place = NOT_STAGED
        fields += struct.pack("<3H", place, image_at[row.id], kind)
    ids = (" " + " ".join([row.id for row in rows]) + " ").encode()
    return ids, fields, b"".join([struct.pack("<3H", *segment) for segment in segments])
