"""firmware/wattless/points.py: snapshots that never mix windows, registers, and what is not known."""

import json
import math
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattless.points import FLAGS, Points
from wattless.points_table import ROWS

FLOATS = [row for row in ROWS if row.type == "float32"]
BLOCK = 173  # registers from PDU address 0 on
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


@pytest.fixture(params=[True, False], ids=["doubles", "singles"])
def points(request):
    """On an interpreter with double precision, and as on a board without."""
    return Points(request.param)


def test_nothing_published_yet(points):
    assert points.seq == 0 and number(points, 20, ">I") == 0
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
    for row in ROWS:
        if row.update != "status":
            for k in range(row.count):
                points.stage[points.at(row.id) + k] = points.at(row.id) + k + 0.5
    points.stage[points.at("quadrant")] = 3.0
    points.publish(12.5, 1_700_000_000_123, 0b10000001)
    for row in FLOATS:
        want = [points.at(row.id) + k + 0.5 for k in range(row.count)]
        assert [number(points, row.address + 2 * k, ">f") for k in range(row.count)] == want, row.id
        assert points.get(row.id) == (want if row.count > 1 else want[0])
    assert number(points, 166, ">H") == points.get("quadrant") == 3
    assert number(points, 20, ">I") == points.seq == points.get("seq") == 1
    assert number(points, 22, ">Q") == points.window_ms == points.get("window_ms") == 1_700_000_000_123
    assert number(points, 26, ">I") == points.flags == points.get("flags") == 0b10000001
    assert points.flag_names() == ["gap", "overrun"] and points.t_first == 12.5


def test_phases_and_total_are_adjacent():
    points = Points()
    for name in ("p", "p1", "q1", "s", "s1", "n", "pf", "dpf", "phi1"):
        first = points.at(name + "_l1")
        assert [points.at(name + suffix) for suffix in ("_l2", "_l3", "")] == [first + 1, first + 2, first + 3]
    assert len(points.stage) == points.at("ih_n") + 51


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
    points.invalidate(0.4, 7, 1 << FLAGS.index("crc"))
    assert (points.seq, points.window_ms, points.flag_names()) == (1, 7, ["crc"])
    assert all(number(points, row.address, ">I") == NAN_BITS for row in FLOATS)
    assert number(points, 166, ">H") == 0xFFFF


@pytest.mark.parametrize("value", [math.inf, -math.inf, -math.nan, math.nan])
def test_what_is_not_finite_is_one_nan(points, value):
    points.stage[points.at("vh_l1") + 3] = value
    points.stage[points.at("quadrant")] = value
    points.publish(0.0, None, 0)
    assert number(points, 1006, ">I") == NAN_BITS and points.get("vh_l1")[3] is None
    assert points.get("quadrant") is None


@given(st.lists(st.floats(width=64), min_size=51, max_size=51))
@settings(deadline=None)
def test_registers_are_the_nearest_singles(values):
    points = Points()
    for k, value in enumerate(values):
        points.stage[points.at("ih_l2") + k] = value
    points.publish(0.0, None, 0)
    with np.errstate(over="ignore"):
        singles = np.array(values).astype(">f4")
    want = np.where(np.isfinite(singles), singles.view(">u4"), NAN_BITS)
    assert list(struct.unpack(">51I", struct.pack(">102H", *words(points, 1800, 102)))) == list(want)
    assert points.get("ih_l2") == [value if math.isfinite(value) else None for value in values]


def test_sequence_number_skips_what_has_a_meaning(points):
    points._front.seq = 0xFFFFFFFD
    points.publish(0.0, None, 0)
    assert number(points, 20, ">I") == 0xFFFFFFFE
    points.publish(0.0, None, 0)
    assert number(points, 20, ">I") == 1


@pytest.mark.parametrize(
    "address, count, answer",
    [
        (0, 125, 0), (48, 125, 0), (172, 1, 0), (172, 2, 2), (173, 1, 2), (49, 125, 2), (0, 174, 2), (500, 1, 2),
        (999, 2, 2), (1000, 102, 0), (1000, 103, 2), (1101, 1, 0), (1101, 2, 2), (1102, 1, 2), (1199, 2, 2),
        (1200, 102, 0), (2200, 102, 0), (2301, 1, 0), (2302, 1, 2), (65535, 1, 2), (65535, 125, 2),
    ],
)  # fmt: skip
def test_holes_are_exception_2(address, count, answer):
    dest = bytearray(b"\xaa" * 400)
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
    with pytest.raises(KeyError, match="seq has no slot"):
        points.at("seq")


class InterruptedStage:
    """A stage that lets a reader in whenever publish touches it."""

    def __init__(self, stage, reader):
        self.stage = stage
        self.reader = reader

    def __len__(self):
        return len(self.stage)

    def __getitem__(self, slot):
        self.reader()
        return self.stage[slot]

    def __setitem__(self, slot, value):
        self.reader()
        self.stage[slot] = value


def test_a_reader_never_sees_two_windows_at_once():
    """Window k has k in every float and as its sequence number: a read finds one window, also during publish."""
    points = Points(doubles=True)
    seen = []

    def reader():
        first, count = FIRST_READ
        block = words(points, first, count)
        floats = {struct.unpack(">f", struct.pack(">2H", *block[at : at + 2]))[0] for at in (*range(0, 20, 2), 28, 122)}
        seen.append((block[21], points.seq, points.flags, *floats, *set(points.get("ih_n"))))

    plain = points.stage
    for window in (1, 2, 3):
        points.stage = plain
        fill(points, float(window))
        points.stage = InterruptedStage(plain, reader)
        seen.clear()
        points.publish(0.0, window, window)
        during = set(seen)
        seen.clear()
        reader()
        if window == 1:
            assert {(seq, flags) for seq, _, flags, *_ in during} == {(0, None)}
        else:
            assert during == {(window - 1,) * 5}
        assert seen == [(window,) * 5]


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
p = Points(False)
size = used() - start
for i in range(len(p.stage)):
    p.stage[i] = i + 0.25
p.stage[p.at("quadrant")] = 4
p.publish(0.5, 1700000000123, 3)
image = bytearray(2 * 125)
answers = []
for first, count in ((0, 125), (120, 53), (1000, 102), (2200, 102), (172, 2)):
    answers.append([p.read(first, count, image, 0), "".join(["%02x" % b for b in image[:2 * count]])])
at = [p.at(i) for i in p.ids()]
print(json.dumps({"packed": packed, "size": size, "ids": p.ids(), "at": at, "answers": answers}))
"""


def test_on_micropython(micropython, tmp_path):
    """The packed table costs 8 KB of heap at most (words of 64 bits here), and is read as under CPython."""
    script = tmp_path / "points_on_micropython.py"
    script.write_text(SCRIPT)
    process = micropython(Path(script), stdin=subprocess.DEVNULL)
    there = json.loads(process.communicate(timeout=20)[0])
    assert there["packed"] <= 8192
    assert there["size"] <= 8192

    here = Points(False)
    for slot in range(len(here.stage)):
        here.stage[slot] = slot + 0.25
    here.stage[here.at("quadrant")] = 4
    here.publish(0.5, 1_700_000_000_123, 3)
    assert there["ids"] == here.ids()
    assert there["at"] == [here.at(name) for name in here.ids()]
    image = bytearray(250)
    for (first, count), got in zip(
        ((0, 125), (120, 53), (1000, 102), (2200, 102), (172, 2)), there["answers"], strict=True
    ):
        assert got == [here.read(first, count, image, 0), image[: 2 * count].hex()]
