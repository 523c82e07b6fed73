"""Everything that the meter can say: one readable table, and the packed form of it that fits on the device.

ROWS is what host tools, tests and the register map of the documentation read. The device gets `pack(ROWS)`, made when
the firmware is built (host_tools/pack_points.py): 1.4 KB, where these 90 rows would cost 33 KB. This module stays off
it. Where nothing was built, as under CPython, points.py packs at import.

Modbus addresses are a public contract: a row keeps its address for ever, new rows get new ones.
"""

import struct
from collections import namedtuple

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
Row = namedtuple(
    "Row", ("id", "unit", "type", "update", "count", "address", "sunspec", "sparkplug", "prometheus", "description")
)

TYPES = ("float32", "uint16", "uint32", "uint64")
REGISTERS = {"float32": 2, "uint16": 1, "uint32": 2, "uint64": 4}
UPDATES = ("half-cycle", "window", "3 s", "10 min", "2 h", "energy", "event", "status")
NOT_STAGED = 0xFFFF  # slot of a status row in the packed form
ORDERS = 51

# One entry is a quantity: of all its phases or conductors, and the total where an id has no suffix. Columns: ids; unit,
# type, update, count; an address for each id; SunSpec, Sparkplug and Prometheus names; description. A name with a bar
# is "of a phase|of the total", {} stands for the phase; the Prometheus name of a total has no phase_.
_FAMILIES = (
    # The snapshot: which window the values are of.
    ("seq", "1", "uint32", "status", 1, (20,), "", "Wattless/Seq", "snapshot_sequence",
     "sequence number of the snapshot: 0 = nothing published yet, then 1, 2, ...; after 4294967294 comes 1"),
    ("window_ms", "ms", "uint64", "status", 1, (22,), "", "Wattless/WindowTime", "window_time_milliseconds",
     "end of the window, unix time (UTC); all ones = the clock is not set"),
    ("flags", "1", "uint32", "status", 1, (26,), "", "Wattless/Flags", "window_flags",
     "what is to be known of the window, from bit 0: gap clip flat jitter crc unsync event overrun short (5/6 periods, "
     "not IEC) fallback (fast kernels failed their self-test); all ones = no window yet"),
    # Frequency, voltages, currents.
    ("f", "Hz", "float32", "window", 1, (28,), "Hz", "MMXU1/Hz", "frequency_hertz",
     "frequency of the fundamental over the window"),
    ("v_l1 v_l2 v_l3", "V", "float32", "window", 1, (30, 32, 34), "PhVph{}", "MMXU1/PhV/{}", "phase_voltage_volts",
     "rms voltage to neutral (3p3w: to the virtual neutral); IEC 61000-4-30 5.2.1"),
    ("v_l12 v_l23 v_l31", "V", "float32", "window", 1, (36, 38, 40), "PPVph{}", "MMXU1/PPV/{}", "line_voltage_volts",
     "rms voltage; IEC 61000-4-30 5.2.1"),
    ("i_l1 i_l2 i_l3", "A", "float32", "window", 1, (42, 44, 46), "Aph{}", "MMXU1/A/{}", "phase_current_amperes",
     "rms current; IEC 61000-4-30 5.13"),
    ("i_n", "A", "float32", "window", 1, (48,), "", "MMXU1/A/{}", "phase_current_amperes",
     "rms current; IEC 61000-4-30 5.13"),
    # Powers. Load convention: P > 0 is consumption, Q1 > 0 when the current lags (inductive).
    ("p_l1 p_l2 p_l3 p", "W", "float32", "window", 1, (50, 52, 54, 56), "Wph{}|W",
     "MMXU1/W/{}|MMXU1/TotW", "phase_active_power_watts",
     "active power, > 0 is consumption; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("p1_l1 p1_l2 p1_l3 p1", "W", "float32", "window", 1, (0, 4, 8, 12), "",
     "Wattless/W1/{}|Wattless/TotW1", "phase_fundamental_active_power_watts",
     "fundamental active power, > 0 is consumption; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("q1_l1 q1_l2 q1_l3 q1", "var", "float32", "window", 1, (2, 6, 10, 14), "VARph{}|VAR",
     "MMXU1/VAr/{}|MMXU1/TotVAr", "phase_fundamental_reactive_power_vars",
     "fundamental reactive power, signed, > 0 when the current lags (inductive); IEEE 1459-2010 3.1.2, 3.2.3"),
    ("s_l1 s_l2 s_l3 s", "VA", "float32", "window", 1, (58, 60, 62, 64), "VAph{}|VA",
     "MMXU1/VA/{}|MMXU1/TotVA", "phase_apparent_power_volt_amperes",
     "apparent power (in total the arithmetic sum); IEEE 1459-2010 3.1.2, 3.2.3"),
    ("s1_l1 s1_l2 s1_l3 s1", "VA", "float32", "window", 1, (66, 68, 70, 16), "",
     "Wattless/VA1/{}|Wattless/TotVA1", "phase_fundamental_apparent_power_volt_amperes",
     "fundamental apparent power, hypot(p1, q1); IEEE 1459-2010 3.1.2, 3.2.3"),
    ("n_l1 n_l2 n_l3 n", "VA", "float32", "window", 1, (72, 74, 76, 78), "",
     "Wattless/VAN/{}|Wattless/TotVAN", "phase_nonactive_power_volt_amperes",
     "nonactive power, sqrt(s^2 - p^2), unsigned; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("pf_l1 pf_l2 pf_l3 pf", "1", "float32", "window", 1, (80, 82, 84, 86), "PFph{}|PF",
     "MMXU1/PF/{}|MMXU1/TotPF", "phase_power_factor_ratio",
     "power factor, p / s, sign of p; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("dpf_l1 dpf_l2 dpf_l3 dpf", "1", "float32", "window", 1, (88, 90, 92, 94), "",
     "Wattless/DPF/{}|Wattless/TotDPF", "phase_displacement_power_factor_ratio",
     "displacement power factor, p1 / s1, sign of p1; IEEE 1459-2010 3.1.2, 3.2.3"),
    ("phi1_l1 phi1_l2 phi1_l3 phi1", "deg", "float32", "window", 1, (96, 98, 100, 18), "",
     "Wattless/Phi1/{}|Wattless/TotPhi1", "phase_fundamental_angle_degrees",
     "angle by which the fundamental current lags, atan2(q1, p1), -180 to 180, sign of q1"),
    ("s_vector", "VA", "float32", "window", 1, (102,), "", "Wattless/TotVAVector", "vector_apparent_power_volt_amperes",
     "vector apparent power; IEEE 1459-2010 3.2.3"),
    ("s_effective", "VA", "float32", "window", 1, (104,), "", "Wattless/TotVAEffective",
     "effective_apparent_power_volt_amperes", "effective apparent power, 3 Ve Ie; IEEE 1459-2010 3.2.3"),
    ("pf_vector", "1", "float32", "window", 1, (106,), "", "Wattless/TotPFVector", "vector_power_factor_ratio",
     "vector power factor, p / s_vector; IEEE 1459-2010 3.2.3"),
    ("pf_effective", "1", "float32", "window", 1, (108,), "", "Wattless/TotPFEffective", "effective_power_factor_ratio",
     "effective power factor, p / s_effective; IEEE 1459-2010 3.2.3"),
    ("p1_pos", "W", "float32", "window", 1, (110,), "", "Wattless/TotW1Pos", "positive_sequence_active_power_watts",
     "positive-sequence fundamental active power; IEEE 1459-2010 3.2.3"),
    ("q1_pos", "var", "float32", "window", 1, (112,), "", "Wattless/TotVAr1Pos",
     "positive_sequence_reactive_power_vars",
     "positive-sequence fundamental reactive power, > 0 is inductive; IEEE 1459-2010 3.2.3"),
    # Power quality.
    ("v_u2", "%", "float32", "window", 1, (114,), "", "MSQI1/ImbNgV", "voltage_unbalance_negative_percent",
     "voltage unbalance, negative over positive sequence; IEC 61000-4-30 5.7"),
    ("v_u0", "%", "float32", "window", 1, (116,), "", "MSQI1/ImbZroV", "voltage_unbalance_zero_percent",
     "voltage unbalance, zero over positive sequence; IEC 61000-4-30 5.7"),
    ("thd_v_l1 thd_v_l2 thd_v_l3", "%", "float32", "window", 1, (118, 120, 122), "", "MHAI1/ThdPhV/{}",
     "phase_voltage_thd_percent", "voltage THD by subgroups (THDS), orders 2-50 (3p3w: of the virtual phases, from the "
     "line voltages); IEC 61000-4-7 3.3"),
    ("thd_i_l1 thd_i_l2 thd_i_l3", "%", "float32", "window", 1, (124, 126, 128), "", "MHAI1/ThdA/{}",
     "phase_current_thd_percent", "current THD by subgroups (THDS), orders 2-50; IEC 61000-4-7 3.3"),
    ("thdg_v_l1 thdg_v_l2 thdg_v_l3", "%", "float32", "window", 1, (130, 132, 134), "", "Wattless/ThdGPhV/{}",
     "phase_voltage_thdg_percent", "voltage THD by groups (THDG), orders 2-50 (3p3w: as thd_v); IEC 61000-4-7 3.3"),
    ("thdg_i_l1 thdg_i_l2 thdg_i_l3", "%", "float32", "window", 1, (136, 138, 140), "", "Wattless/ThdGA/{}",
     "phase_current_thdg_percent", "current THD by groups (THDG), orders 2-50; IEC 61000-4-7 3.3"),
    ("thd40_v_l1 thd40_v_l2 thd40_v_l3", "%", "float32", "window", 1, (142, 144, 146), "", "Wattless/Thd40PhV/{}",
     "phase_voltage_thd40_percent", "voltage THD by subgroups, orders 2-40, for standards that ask for 40 (3p3w: as "
     "thd_v)"),
    ("thd40_i_l1 thd40_i_l2 thd40_i_l3", "%", "float32", "window", 1, (148, 150, 152), "", "Wattless/Thd40A/{}",
     "phase_current_thd40_percent", "current THD by subgroups, orders 2-40, for standards that ask for 40"),
    ("tdd_i_l1 tdd_i_l2 tdd_i_l3", "%", "float32", "window", 1, (154, 156, 158), "", "MHAI1/TddA/{}",
     "phase_current_tdd_percent", "total demand distortion, in % of the setting demand_current; IEEE 519-2022"),
    ("trd_i_l1 trd_i_l2 trd_i_l3", "%", "float32", "window", 1, (160, 162, 164), "", "Wattless/TrdA/{}",
     "phase_current_trd_percent", "total rated-current distortion, in % of the setting rated_current; IEEE 1547-2018"),
    ("quadrant", "1", "uint16", "window", 1, (166,), "", "Wattless/Quadrant", "quadrant",
     "quadrant of the totals by the signs of p and q1: 1 = ++, 2 = -+, 3 = --, 4 = +-"),
    ("msv_l1 msv_l2 msv_l3", "V", "float32", "window", 1, (167, 169, 171), "", "Wattless/Msv/{}",
     "phase_mains_signalling_volts", "mains signalling voltage, rms of the four bins nearest to the setting "
     "signalling_frequency; IEC 61000-4-30 5.10"),
    # Harmonics: the lists start at 1000 + 200 k, and one request (102 registers) reads a whole one.
    ("vh_l1 vh_l2 vh_l3", "V", "float32", "window", ORDERS, (1000, 1200, 1400), "", "MHAI1/HPhV/{}",
     "phase_harmonic_voltage_volts",
     "order 0: dc, signed; 1-50: rms of the subgroup (3p3w: as thd_v); IEC 61000-4-7 5.6"),
    ("ih_l1 ih_l2 ih_l3 ih_n", "A", "float32", "window", ORDERS, (1600, 1800, 2000, 2200), "", "MHAI1/HA/{}",
     "phase_harmonic_current_amperes", "order 0: dc, signed; 1-50: rms of the subgroup; IEC 61000-4-7 5.6"),
)  # fmt: skip

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
_TOTAL = ("total", "", "", "")


def _rows(family):
    ids, unit, type_, update, count, addresses, sunspec, sparkplug, prometheus, description = family
    ids = ids.split()
    for id_, address in zip(ids, addresses):
        member = _MEMBERS.get(id_.split("_")[-1]) if "_" in id_ else None
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
        )


ROWS = tuple([row for family in _FAMILIES for row in _rows(family)])


def registers(row):
    """Registers that a row occupies, from row.address on."""
    return REGISTERS[row.type] * row.count


def pack(rows=ROWS):
    """The table as the device holds it: (ids, fields, segments).

    ids       str: the ids in table order, with a space before, between and behind them
    fields    bytes: four uint16 a row, little-endian: slot of its first value in the stage (NOT_STAGED: status row),
              count, first register in the image, index in TYPES + 256 * index in UPDATES
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
    slot = 0
    for row in rows:
        staged = row.update != "status"
        kind = TYPES.index(row.type) + 256 * UPDATES.index(row.update)
        fields += struct.pack("<4H", slot if staged else NOT_STAGED, row.count, image_at[row.id], kind)
        slot += row.count if staged else 0
    ids = " " + " ".join([row.id for row in rows]) + " "
    return ids, fields, b"".join([struct.pack("<3H", *segment) for segment in segments])
