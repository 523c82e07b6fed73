"""firmware/wattless/points_table.py: the public contract, and the packed form against the table."""

import struct

import pytest

from host_tools import register_map
from wattless import points, points_table
from wattless.points_table import ROWS, registers

BY_ID = {row.id: row for row in ROWS}

# DESIGN section 5: 40001-40020. (PDU address, 4xxxx, id)
VECTORS = (
    (0, 40001, "p1_l1"),
    (2, 40003, "q1_l1"),
    (4, 40005, "p1_l2"),
    (6, 40007, "q1_l2"),
    (8, 40009, "p1_l3"),
    (10, 40011, "q1_l3"),
    (12, 40013, "p1"),
    (14, 40015, "q1"),
    (16, 40017, "s1"),
    (18, 40019, "phi1"),
)
# Then the snapshot, then the window's values. Frozen: a client may have any of these in its configuration.
PUBLISHED = {
    "seq": 20, "window_ms": 22, "flags": 26, "f": 28, "v_l1": 30, "v_l12": 36, "i_l1": 42, "i_n": 48, "p_l1": 50,
    "p": 56, "s_l1": 58, "s": 64, "s1_l1": 66, "s1_l3": 70, "n_l1": 72, "n": 78, "pf_l1": 80, "pf": 86, "dpf_l1": 88,
    "dpf": 94, "phi1_l1": 96, "phi1_l3": 100, "s_vector": 102, "s_effective": 104, "pf_vector": 106,
    "pf_effective": 108, "p1_pos": 110, "q1_pos": 112, "v_u2": 114, "v_u0": 116, "thd_v_l1": 118, "thd_i_l1": 124,
    "thdg_v_l1": 130, "thdg_i_l1": 136, "thd40_v_l1": 142, "thd40_i_l1": 148, "tdd_i_l1": 154, "trd_i_l1": 160,
    "quadrant": 166, "msv_l1": 167, "vh_l1": 1000, "vh_l2": 1200, "vh_l3": 1400, "ih_l1": 1600, "ih_l2": 1800,
    "ih_l3": 2000, "ih_n": 2200,
}  # fmt: skip


@pytest.mark.parametrize("address, number, name", VECTORS)
def test_reactive_power_vectors_are_40001_to_40020(address, number, name):
    row = BY_ID[name]
    assert (row.address, row.type, row.count) == (address, "float32", 1)
    assert register_map.modicon(address) == number


def test_published_addresses_stay():
    assert {name: BY_ID[name].address for name in PUBLISHED} == PUBLISHED


def test_ids_are_those_of_the_design():
    phases = ("_l1", "_l2", "_l3")
    families = ("p", "p1", "q1", "s", "s1", "n", "pf", "dpf", "phi1")
    thd = ("thd_v", "thd_i", "thdg_v", "thdg_i", "thd40_v", "thd40_i", "tdd_i", "trd_i")
    want = ["f", *("v" + p for p in phases), "v_l12", "v_l23", "v_l31", *("i" + p for p in phases), "i_n"]
    want += [family + suffix for family in families for suffix in (*phases, "")]
    want += ["s_vector", "s_effective", "pf_vector", "pf_effective", "p1_pos", "q1_pos", "v_u2", "v_u0"]
    want += [family + phase for family in thd for phase in phases] + ["quadrant"]
    want += ["msv" + p for p in phases]
    more = ("v1", "i1"), ("sn", "di", "dv", "sh", "ph", "dh", "pollution")
    want += [family + phase for family in more[0] for phase in phases]
    want += [family + suffix for family in more[1] for suffix in (*phases, "")]
    want += ["su1", "s1_pos", "pf1_pos", "v_eff", "i_eff"]
    want += [f"{q}_{sequence}" for q in "vi" for sequence in ("pos", "neg", "zero")] + ["i_u2", "i_u0"]
    families = ("cf_v", "cf_i", "kf_i", "thdh_v", "thdh_i", "pwhd_v", "pwhd_i")
    want += [family + phase for family in families for phase in phases] + ["aux_v", "noise_v", "noise_i"]
    want += [f"{name}_h{h}" for name in ("source", "source_confidence", "source_z") for h in range(3, 26, 2)]
    want += ["vh" + p for p in phases] + ["ih" + p for p in phases] + ["ih_n"]
    want += [name + p for name in ("vih", "iih", "hp") for p in phases]
    assert [row.id for row in ROWS if row.update == "window"] == want
    assert [row.id for row in ROWS if row.update == "status"][:3] == ["seq", "window_ms", "flags"]
    energies = ["wh_import", "wh_export", *(f"varh_{q}" for q in ("q1", "q2", "q3", "q4", "import", "export")), "vah"]
    assert [row.id for row in ROWS if row.update == "energy"] == [e + p for e in energies for p in (*phases, "")]
    names = {update: {row.id for row in ROWS if row.update == update} for update in points_table.UPDATES}
    assert {n.replace("t10min", "t3s") for n in names["10 min"]} - names["3 s"] == {"t3s_pst" + p for p in phases}
    assert {n for n in names["2 h"] if n.replace("t2h", "t3s") not in names["3 s"]} == {"t2h_plt" + p for p in phases}
    assert len(BY_ID) == len(ROWS)


def test_no_register_belongs_to_two_rows():
    owner = {}
    for row in ROWS:
        for address in range(row.address, row.address + registers(row)):
            assert address not in owner, f"{row.id} and {owner[address]} at {address}"
            owner[address] = row.id
    block = [row for row in ROWS if row.update == "window" and row.count == 1]
    taken = [row for row in block if row.address >= 20] + [BY_ID[name] for _, _, name in VECTORS]
    ends = {row.address + registers(row) for row in taken} | {BY_ID["flags"].address + 2}
    assert max(ends) == 375 and set(range(375)) <= set(owner), "the window block has a hole"
    assert max(owner) < 0xFFFF


def test_pack_refuses_a_register_that_is_taken():
    twice = (*ROWS, ROWS[0]._replace(id="other", address=21))
    with pytest.raises(ValueError, match="other: PDU address 21 is taken"):
        points_table.pack(twice)


def test_names_for_hosts_are_unique_and_well_formed():
    for column in ("sparkplug", "prometheus"):
        names = [getattr(row, column) for row in ROWS]
        assert len(set(names)) == len(names)
    assert len({row.sparkplug.lower() for row in ROWS}) == len(ROWS)  # Sparkplug B: must not differ in case only
    for row in ROWS:
        assert not set(row.sparkplug) & set("+# ") and "{" not in row.sparkplug
        assert row.prometheus.partition("{")[0].replace("_", "").isalnum()
        assert row.unit and row.description and "{" not in row.description and "\n" not in row.description
    points_of = [row.sunspec for row in ROWS if row.sunspec]
    assert len(set(points_of)) == len(points_of)


def test_names_from_the_standards():
    """SunSpec models 211-214 and IEC 61850-7-4, as their documents spell them."""
    sunspec = {
        "f": "Hz", "v_l1": "PhVphA", "v_l31": "PPVphCA", "i_l3": "AphC", "i_n": None, "p_l2": "WphB", "p": "W",
        "q1_l1": "VARphA", "q1": "VAR", "s": "VA", "pf_l3": "PFphC", "pf": "PF", "p1": None, "n": None,
    }  # fmt: skip
    iec = {
        "f": "MMXU1/Hz", "v_l2": "MMXU1/PhV/phsB", "v_l12": "MMXU1/PPV/phsAB", "i_n": "MMXU1/A/neut",
        "q1": "MMXU1/TotVAr", "q1_l1": "MMXU1/VAr/phsA", "thd_v_l1": "MHAI1/ThdPhV/phsA", "ih_l3": "MHAI1/HA/phsC",
        "v_u2": "MSQI1/ImbNgV", "dpf": "Wattless/TotDPF",
    }  # fmt: skip
    assert {name: BY_ID[name].sunspec for name in sunspec} == sunspec
    assert {name: BY_ID[name].sparkplug for name in iec} == iec


def test_obis_codes():
    """IEC 62056-6-1 and IEC 62053-23 annex C: quadrants 5 to 8, phases 20, 40, 60 above the total."""
    totals = {
        "wh_import": 1, "wh_export": 2, "varh_import": 3, "varh_export": 4, "varh_q1": 5, "varh_q2": 6, "varh_q3": 7,
        "varh_q4": 8,
    }  # fmt: skip
    for name, c in totals.items():
        assert [BY_ID[name + p].obis for p in ("", "_l1", "_l2", "_l3")] == [f"{c + k}.8.0" for k in (0, 20, 40, 60)]
    others = {"f": "14.7.0", "v_l2": "52.7.0", "i_l3": "71.7.0", "i_n": "91.7.0", "pf": "13.7.0", "q1": None}
    assert {name: BY_ID[name].obis for name in others} == others
    codes = [row.obis for row in ROWS if row.obis]
    assert len(set(codes)) == len(codes)


def test_packed_form_is_the_table():
    ids, fields, segments = points_table.pack()
    assert ids.decode().split() == [row.id for row in ROWS]
    segments = list(struct.iter_unpack("<3H", segments))
    types = {"float32": 0, "uint16": 1, "uint32": 2, "uint64": 3}
    slot = lists = 0
    order = ["status", "window", "half-cycle", "10 s", "3 s", "10 min", "2 h", "energy", "event"]
    for row, (place, image_at, kind) in zip(ROWS, struct.iter_unpack("<3H", fields), strict=True):
        straight = row.update in ("status", "energy") or (row.update == "event" and row.type != "float32")
        if row.count > 1:
            assert place == lists and row.count == 51 and kind & 0xFF == 0x80
            lists += 1
        else:
            assert place == (0xFFFF if straight else slot), row.id
            assert kind & 0xFF == types[row.type]
            slot += not straight
        assert kind >> 8 == order.index(row.update)
        (where,) = [(first, at) for first, n, at in segments if first <= row.address < first + n]
        assert image_at == where[1] + row.address - where[0]
    updates = [row.update for row in ROWS]
    assert updates == sorted(updates, key=order.index), "publish takes the rows of a class in one stretch"
    image = [at + i for _, n, at in segments for i in range(n)]
    assert image == list(range(sum(registers(row) for row in ROWS)))


def test_firmware_reads_the_packed_form_as_it_was_written():
    assert (points.IDS, points.FIELDS, points.SEGMENTS) == points_table.pack()


def test_register_map_writes_every_address_three_ways():
    text = register_map.markdown(0, 19)
    lines = text.splitlines()
    assert len(lines) == 2 + len(VECTORS)
    for line, (address, number, name) in zip(lines[2:], VECTORS, strict=True):
        assert line.startswith(f"| {address} | {number} | 0x{address:04X} | `{name}` | float32 | ")
    (quadrant,) = [line for line in register_map.markdown().splitlines() if "`quadrant`" in line]
    assert quadrant.startswith("| 166 | 40167 | 0x00A6 | `quadrant` | uint16 |  | ")
    harmonics = register_map.markdown(1000, 1199).splitlines()[2:]
    assert [line.split(" | ")[:5] for line in harmonics] == [
        ["| 1000–1101", "41001–41102", "0x03E8–0x044D", "`vh_l1`", "51 x float32"]
    ]
    assert register_map.modicon(9998) == 49999 and register_map.modicon(40000) == 440001


@pytest.mark.parametrize("bounds", [(-1, 5), (6, 5), (0, 65536)])
def test_register_map_states_its_range(bounds):
    with pytest.raises(ValueError, match="0 <= first <= last <= 65535"):
        register_map.markdown(*bounds)
