"""firmware/wattless/points.py: snapshots that never mix windows, registers, and what is not known."""

import json
import math
import struct
import subprocess
from array import array
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattless.points import FLAGS, Points
from wattless.points_table import ROWS

FLOATS = [row for row in ROWS if row.type == "float32"]
LISTS = [row for row in ROWS if row.count > 1]
SCALARS = [row for row in FLOATS if row.count == 1]
WINDOW = [row for row in SCALARS if row.update == "window"]
NAN_BITS = 0x7FC00000
FIRST_READ = (0, 125)  # what one request can have: vectors, sequence number, most of the window's values


def words(points, address, count):
    data = bytearray(2 * count)
    assert points.read(address, count, data, 0) == 0
    return struct.unpack(f">{count}H", data)


def number(points, address, layout):
    data = bytearray(struct.calcsize(layout))
    assert points.read(address, len(data) // 2, data, 0) == 0
    return struct.unpack(layout, data)[0]


def fill(points, value):
    for slot in range(len(points.stage)):
        points.stage[slot] = value


@pytest.fixture
def points():
    return Points()


def test_nothing_published_yet(points):
    assert points.seq == points.seq_of("3 s") == 0 and number(points, 20, ">I") == 0
    assert points.window_ms is None and number(points, 22, ">Q") == 0xFFFFFFFFFFFFFFFF
    assert points.flags is None and number(points, 26, ">I") == 0xFFFFFFFF
    assert points.flag_names() == []
    assert number(points, 166, ">H") == 0xFFFF
    for row in FLOATS:
        for k in range(row.count):
            assert number(points, row.address + 2 * k, ">I") == NAN_BITS, row.id
    assert all(points.get(name) in (None, [None] * 51) for name in points.ids())
    assert all(math.isnan(value) for value in points.stage)


def test_every_value_at_its_address(points):
    """Slot k holds k + 0.5: exact in single precision."""
    for row in SCALARS:
        points.stage[points.at(row.id)] = points.at(row.id) + 0.5
    points.stage[points.at("quadrant")] = 3.0
    for row in LISTS:
        ints = array("i", [row.address + k for k in range(row.count)])
        points.put_list(points.list(row.id), 0, ints, 0, row.count, 0.5)
    points.publish(12.5, 1_700_000_000_123, 0b10000001)
    for update in ("half-cycle", "10 s", "3 s", "10 min", "2 h", "event"):
        points.publish_interval(update, 1_000_000, 3)
    for row in FLOATS:
        want = [(row.address + k) / 2 for k in range(row.count)] if row.count > 1 else [points.at(row.id) + 0.5]
        assert [number(points, row.address + 2 * k, ">f") for k in range(row.count)] == want, row.id
        assert points.get(row.id) == (want if row.count > 1 else want[0])
    assert number(points, 166, ">H") == points.get("quadrant") == 3
    assert number(points, 20, ">I") == points.seq == points.get("seq") == 1
    assert number(points, 22, ">Q") == points.window_ms == points.get("window_ms") == 1_700_000_000_123
    assert number(points, 26, ">I") == points.flags == points.get("flags") == 0b10000001
    assert points.flag_names() == ["gap", "overrun"] and points.t_first == 12.5
    assert (points.get("half_sample"), points.get("end_ms_2h"), points.get("flags_3s")) == (1_000_000, 1_000_000, 3)


def test_phases_and_total_are_adjacent():
    points = Points()
    for name in ("p", "p1", "q1", "s", "s1", "n", "pf", "dpf", "phi1", "sn", "half_q1", "t10min_p"):
        first = points.at(name + "_l1")
        assert [points.at(name + suffix) for suffix in ("_l2", "_l3", "")] == [first + 1, first + 2, first + 3]
    assert len(points.stage) == points.at("event_value") + 1


def test_classes_do_not_touch_each_other(points):
    fill(points, 1.0)
    points.publish_interval("3 s", 5, 0)
    assert points.get("t3s_p") == 1.0 and points.get("p") is None and points.seq == 0
    assert points.stage[points.at("p")] == 1.0 and math.isnan(points.stage[points.at("t3s_p")])
    points.publish(0.0, None, 0)
    assert points.get("p") == 1.0 and points.get("t3s_p") == 1.0
    points.publish(0.0, None, 0)
    assert points.get("p") is None and points.get("t3s_p") == 1.0


def test_integers_are_put_at_once(points):
    for name, value in (("wh_import", 2**63), ("varh_q4_l3", 0), ("event_code", 4), ("wiring_codes", 2**32 - 2)):
        assert points.get(name) is None
        points.put(name, value)
        assert points.get(name) == value
        points.put(name, None)
        assert points.get(name) is None
    with pytest.raises(KeyError, match="quadrant passes through the stage"):
        points.put("quadrant", 1)


def test_word_order_is_high_word_first(points):
    points.stage[points.at("q1")] = -1234.5
    points.publish(0.0, None, 0)
    assert words(points, 14, 2) == (0xC49A, 0x5000)  # the oracle vector of the reference


def test_what_was_not_written_again_is_not_known(points):
    points.stage[points.at("f")] = 50.0
    points.stage[points.at("quadrant")] = 2.0
    points.publish(0.0, 1, 0)
    assert (points.get("f"), points.get("quadrant")) == (50.0, 2)
    points.publish(0.2, None, 0)
    assert (points.get("f"), points.get("quadrant"), points.window_ms) == (None, None, None)
    assert number(points, 28, ">I") == NAN_BITS and number(points, 166, ">H") == 0xFFFF
    assert number(points, 22, ">Q") == 0xFFFFFFFFFFFFFFFF


def test_invalidate_leaves_nothing_but_the_flags(points):
    fill(points, 1.0)
    points.put_list(points.list("vh_l1"), 0, array("i", [7] * 51), 0, 51, 1.0)
    points.invalidate(0.4, 7, 1 << FLAGS.index("crc"))
    assert (points.seq, points.window_ms, points.flag_names()) == (1, 7, ["crc"])
    assert all(number(points, row.address, ">I") == NAN_BITS for row in WINDOW)
    assert number(points, 166, ">H") == 0xFFFF and points.get("vh_l1") == [None] * 51


@pytest.mark.parametrize("value", [math.inf, -math.inf, -math.nan, math.nan])
def test_what_is_not_finite_is_one_nan(points, value):
    points.stage[points.at("p")] = value
    points.stage[points.at("quadrant")] = value
    points.publish(0.0, None, 0)
    assert number(points, 56, ">I") == NAN_BITS and points.get("p") is None
    assert points.get("quadrant") is None


@given(
    st.lists(st.integers(-(2**31) + 1, 2**31 - 1), min_size=51, max_size=51),
    st.floats(1e-12, 1e9),
    st.integers(0, 26),
)
@settings(deadline=None)
def test_a_list_is_integers_times_a_factor(values, factor, shift):
    points = Points()
    ints = [value >> shift for value in values]
    points.put_list(points.list("ih_l2"), 0, array("i", ints), 0, 51, factor)
    points.publish(0.0, None, 0)
    assert points.get("ih_l2") == pytest.approx([value * factor for value in ints], rel=2e-7)


@given(
    st.lists(st.integers(-(2**58), 2**58), min_size=51, max_size=51), st.floats(1e-15, 1e3), st.integers(0, 58)
)
@settings(deadline=None)
def test_and_of_two_words(values, factor, shift):
    points = Points()
    values = [value >> shift for value in values]
    words_of = array("i", [word for value in values for word in divmod(value, 2**28)])
    points.put_pairs(points.list("hp_l1"), 1, words_of, 1, 50, factor)
    points.publish(0.0, None, 0)
    assert points.get("hp_l1")[1:] == pytest.approx([value * factor for value in values[1:]], rel=2e-7)


def test_a_list_is_not_seen_before_it_is_published(points):
    handle = points.list("vh_l2")
    for window in (1, 2):
        points.put_list(handle, 0, array("i", [window] * 51), 0, 51, 1.0)
        assert points.get("vh_l2") == ([None] * 51 if window == 1 else [1.0] * 51)
        points.publish(0.0, None, 0)
        assert points.get("vh_l2") == [float(window)] * 51


def test_a_list_that_was_not_written_again_is_not_known(points):
    handle = points.list("t3s_vh_l1")
    points.put_list(handle, 0, array("i", [2] * 51), 0, 51, 0.25)
    points.publish_interval("3 s", None, 0)
    points.publish(0.0, None, 0)
    assert points.get("t3s_vh_l1") == [0.5] * 51
    points.publish_interval("3 s", None, 0)
    assert points.get("t3s_vh_l1") == [None] * 51
    with pytest.raises(ValueError, match="values 1..51 of a list of 51"):
        points.put_list(handle, 1, array("i", [2] * 51), 0, 51, 0.25)


def test_sequence_number_skips_what_has_a_meaning(points):
    points._classes["window"].seq = 0xFFFFFFFD
    points.publish(0.0, None, 0)
    assert number(points, 20, ">I") == 0xFFFFFFFE
    points.publish(0.0, None, 0)
    assert number(points, 20, ">I") == 1


@pytest.mark.parametrize(
    "address, count, answer",
    [
        (0, 125, 0), (250, 125, 0), (391, 1, 0), (391, 2, 2), (392, 1, 2), (268, 125, 2), (0, 393, 2), (500, 1, 0),
        (999, 2, 2), (1000, 102, 0), (1000, 103, 2), (1101, 1, 0), (1101, 2, 2), (1102, 1, 2), (1199, 2, 2),
        (1200, 102, 0), (2200, 102, 0), (2301, 1, 0), (2302, 1, 2), (65535, 1, 2), (65535, 125, 2),
    ],
)  # fmt: skip
def test_holes_are_exception_2(address, count, answer):
    dest = bytearray(b"\xaa" * 900)
    assert Points().read(address, count, dest, 3) == answer
    untouched = dest[:3] + dest[3 + 2 * count :] if answer == 0 else dest
    assert untouched == b"\xaa" * len(untouched)


def test_read_states_what_does_not_fit(points):
    with pytest.raises(ValueError, match="3 registers at 5 do not fit in 10 bytes"):
        points.read(0, 3, bytearray(10), 5)


def test_unknown_ids():
    points = Points()
    for name in ("p_l4", "l1", ""):
        with pytest.raises(KeyError):
            points.get(name)
        with pytest.raises(KeyError):
            points.at(name)
    for name, how in (("seq", "put or publish"), ("wh_import", "put or publish"), ("vh_l1", "put_list")):
        with pytest.raises(KeyError, match=f"{name} has no slot in the stage: {how} sets it"):
            points.at(name)
    with pytest.raises(KeyError, match="p is no list"):
        points.list("p")


SCRIPT = """
import gc
def used():
    gc.collect()
    gc.collect()
    return gc.mem_alloc()
start = used()
import wattless.points_packed
packed = used() - start
import json, struct
from wattless.points import Points
start = used()
p = Points()
size = used() - start
for i in range(len(p.stage)):
    p.stage[i] = i + 0.25
p.stage[p.at("quadrant")] = 4
from array import array
p.put_list(p.list("vh_l1"), 0, array("i", [(7919 * k * k * k) % 1000003 * (-1) ** k for k in range(51)]), 0, 51, 0.001)
p.put_pairs(p.list("ih_n"), 0, array("i", [(k * 12345671) % 268435456 - (k % 5 == 0) for k in range(102)]), 0, 51, 1e-9)
p.publish(0.5, 1700000000123, 3)
image = bytearray(2 * 125)
answers = []
for first, count in ((0, 125), (250, 125), (1000, 102), (2200, 102), (391, 2)):
    answers.append([p.read(first, count, image, 0), "".join(["%02x" % b for b in image[:2 * count]])])
at = [p.row(i) for i in p.ids()]
print(json.dumps({"packed": packed, "size": size, "ids": p.ids(), "at": at, "answers": answers}))
"""


def test_on_micropython(micropython, tmp_path):
    """The packed table costs 8 KB of heap at most (words of 64 bits here), and is read as under CPython."""
    script = tmp_path / "points_on_micropython.py"
    script.write_text(SCRIPT)
    process = micropython(Path(script), stdin=subprocess.DEVNULL)
    there = json.loads(process.communicate(timeout=20)[0])
    assert there["packed"] <= 8192
    assert there["size"] <= 20480

    here = Points()
    for slot in range(len(here.stage)):
        here.stage[slot] = slot + 0.25
    here.stage[here.at("quadrant")] = 4
    words_of = array("i", [(7919 * k * k * k) % 1000003 * (-1) ** k for k in range(51)])
    here.put_list(here.list("vh_l1"), 0, words_of, 0, 51, 0.001)
    words_of = array("i", [(k * 12345671) % 268435456 - (k % 5 == 0) for k in range(102)])
    here.put_pairs(here.list("ih_n"), 0, words_of, 0, 51, 1e-9)
    here.publish(0.5, 1_700_000_000_123, 3)
    assert there["ids"] == here.ids()
    assert there["at"] == [list(here.row(name)) for name in here.ids()]
    image = bytearray(250)
    for (first, count), got in zip(
        ((0, 125), (250, 125), (1000, 102), (2200, 102), (391, 2)), there["answers"], strict=True
    ):
        assert got == [here.read(first, count, image, 0), image[: 2 * count].hex()]


def test_lists_wait_in_other_memory_too():
    """The transform's buffer, which is full of something else then; what is published is the same."""
    numbers = array("i", range(1000, 1051))
    published = []
    for memory in (None, array("i", [-1] * 4096), bytearray(b"\xa5" * 16384)):
        points = Points()
        if memory is not None:
            points.wait_in(memory, 16384)
        points.put_list(points.list("ih_l3"), 0, numbers, 0, 51, 0.25)
        points.publish(0, None, 0)
        published.append((points.get("ih_l3"), points.get("ih_l2")))
    assert published[0] == published[1] == published[2]
    assert published[0] == ([0.25 * number for number in numbers], [None] * 51)


def test_memory_for_lists_must_hold_them_all():
    points = Points()
    with pytest.raises(ValueError, match=f"{points.waiting_bytes()} bytes cannot wait in 100"):
        points.wait_in(bytearray(100), 100)
