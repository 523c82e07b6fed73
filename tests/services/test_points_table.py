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
    want += ["vh" + p for p in phases] + ["ih" + p for p in phases] + ["ih_n"]
    assert [row.id for row in ROWS if row.update == "window"] == want
    assert [row.id for row in ROWS if row.update == "status"] == ["seq", "window_ms", "flags"]
    assert len(BY_ID) == len(ROWS)


def test_no_register_belongs_to_two_rows():
    owner = {}
    for row in ROWS:
        for address in range(row.address, row.address + registers(row)):
            assert address not in owner, f"{row.id} and {owner[address]} at {address}"
            owner[address] = row.id
    assert sorted(a for a in owner if a < 1000) == list(range(173)), "the window block has a hole"
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


def test_packed_form_is_the_table():
    ids, fields, segments = points_table.pack()
    assert ids.split() == [row.id for row in ROWS]
    segments = list(struct.iter_unpack("<3H", segments))
    types = {"float32": 0, "uint16": 1, "uint32": 2, "uint64": 3}
    slot = 0
    for row, (packed_slot, count, image_at, kind) in zip(ROWS, struct.iter_unpack("<4H", fields), strict=True):
        staged = row.update != "status"
        assert packed_slot == (slot if staged else 0xFFFF)
        assert count == row.count
        assert kind == types[row.type] + 256 * {"window": 1, "status": 7}[row.update]
        (where,) = [(first, at) for first, n, at in segments if first <= row.address < first + n]
        assert image_at == where[1] + row.address - where[0]
        slot += count if staged else 0
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
