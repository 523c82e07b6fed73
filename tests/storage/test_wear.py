"""Wear: how evenly, how much a year, against sums done here by hand; and what docs/storage.md says of it."""

import math
import random

import pytest

from host_tools.toolchain.paths import ROOT
from tests.storage.cut_media import CutMedium, saves
from wattless.storage import files
from wattless.storage.media import FLASH_CYCLES, FRAM_CYCLES, FileMedium
from wattless.storage.ram import RamMedium
from wattless.storage.store import Store

YEAR_S = 31557600
HEAD = 28
# bytes of a record: energy, event log of 32 entries (all codes counted), calibration, configuration, access code
LENGTHS = {1: 688, 2: 12 + 32 * 24 + 63 * 8, 3: 512, 4: 1024, 5: 32}

# name in the docs: size, page, erase size, period in s, cycles promised
PARTS = {
    "FRAM 32 KB (MB85RS256B)": (32768, 128, 0, 60, 1e13),
    "FRAM 256 KB (MB85RS2MTA)": (262144, 128, 0, 60, 1e13),
    "EEPROM 32 KB (24LC256)": (32768, 64, 0, 60, 1e6),
    "EEPROM 64 KB (24LC512)": (65536, 128, 0, 60, 1e6),
    "NOR flash, 256 KB of it (W25Q)": (262144, 256, 4096, 900, 1e5),
    "NOR flash, 1 MB of it (W25Q)": (1048576, 256, 4096, 900, 1e5),
}


@pytest.mark.parametrize("geometry, limit", [((262144, 256, 4096), 1.1), ((32768, 128, 0), 1.1)], ids=["flash", "fram"])
def test_every_cell_wears_alike(geometry, limit):
    """Seldom and often saved kinds mixed: the largest count over the mean."""
    medium = CutMedium(*geometry, 1)
    store = Store(medium)
    store.format()
    rng = random.Random(2)
    stream = saves(rng, LENGTHS)
    for _ in range(4000):
        store.save(*next(stream))
    counts = medium.erased or medium.written
    spread = max(counts) / (sum(counts) / len(counts))
    print("largest over mean", spread, "largest", max(counts))
    assert spread < limit and max(counts) > 10
    assert store.health()["wear"] * medium.endurance == pytest.approx(max(counts), abs=2)
    if medium.erased:
        assert store.health()["erases"] == pytest.approx(sum(counts), rel=0.01)


def test_wear_with_a_restart_before_every_save():
    """The rest of a block is given away each time; it stays even all the same."""
    medium = CutMedium(262144, 256, 4096, 1)
    Store(medium).format()
    stream = saves(random.Random(3), LENGTHS)
    for _ in range(700):
        Store(medium).save(*next(stream))
    spread = max(medium.erased) / (sum(medium.erased) / len(medium.erased))
    assert sum(medium.erased) < 1.5 * 700 and spread < 1.2


def in_pages(length, page):
    return math.ceil((HEAD + length) / page) * page


def by_hand(size, page, block, lengths, kept):
    """(turns of the ring, blocks erased) that saving records of `lengths` takes while `kept` bytes are kept."""
    turns = sum(in_pages(length, page) for length in lengths) / (size - kept)
    return turns, turns * size / block if block else 0


@pytest.mark.parametrize("size, page, block", [(262144, 256, 4096), (32768, 128, 0), (32768, 64, 0)])
def test_turns_are_what_the_closed_form_says(size, page, block):
    medium = CutMedium(size, page, block, 1)
    store = Store(medium)
    store.format()
    for kind in (2, 3, 4, 5):
        for _ in range(2):
            store.save(kind, bytes(LENGTHS[kind]))
    kept = 2 * sum(in_pages(length, page) for length in LENGTHS.values()) + page
    copied = kept - 2 * in_pages(688, page)  # the newest two energies are never in the way
    before = sum(medium.written), sum(medium.erased)
    count = 3000
    for k in range(count):
        store.save(1, bytes([k & 0xFF]) * 688)
    turns, erases = by_hand(size, page, block, [688] * count, copied)
    assert (sum(medium.written) - before[0]) * page == pytest.approx(turns * size, rel=0.02)
    assert sum(medium.erased) - before[1] == pytest.approx(erases, rel=0.02)
    times = 1000
    health = store.health([(688, times)])
    want = (medium.endurance * (1 - health["wear"])) / (times * in_pages(688, page) / (size - kept))
    assert health["years"] == pytest.approx(want)


def year(size, page, block, period, cycles):
    """(records, MB written, blocks erased, cycles of a cell, years) a year: energy and events at every period, each
    time with something new, and all that is kept copied in every turn: the most there can be."""
    times = YEAR_S / (0.9 * period)
    kept = 2 * sum(in_pages(length, page) for length in LENGTHS.values()) + page
    turns, erases = by_hand(size, page, block, [LENGTHS[1], LENGTHS[2]], kept)
    return 2 * times, times * turns * size / 1e6, times * erases, times * turns, cycles / (times * turns)


def number(x):
    """As the docs print it: three digits."""
    if x == 0:
        return "-"
    if x >= 1e7:
        return f"{x:.0e}".replace("e+0", "e")
    digits = 3 - len(str(int(x)))
    return f"{round(x, digits):,.0f}" if x >= 10 else f"{x:.3g}"


def rows():
    for name, (size, page, block, period, cycles) in PARTS.items():
        records, megabytes, erases, wear, years = year(size, page, block, period, cycles)
        yield [name, f"{period} s", *map(number, (records, megabytes, erases, wear, years))]
    for name, size, block in (
        ("littlefs, 1 MB in 4 KB blocks", 1 << 20, 4096),
        ("littlefs, 64 MB in 256 KB", 1 << 26, 1 << 18),
    ):
        records = 2 * YEAR_S / (0.9 * 900)
        erases = 1.1 * records
        wear = erases * block / size
        yield [name, "900 s", *map(number, (records, records / 2 * (688 + 1284 + 56) / 1e6, erases, wear, 1e5 / wear))]


def test_the_docs_have_these_figures():
    text = (ROOT / "docs/storage.md").read_text()
    for row in rows():
        assert f"| {' | '.join(row)} |" in text, f"docs/storage.md lacks: | {' | '.join(row)} |"
    assert files._ERASES == 1.1 and FileMedium("x").endurance == FLASH_CYCLES == 1e5
    assert RamMedium().endurance == FRAM_CYCLES == 1e13
