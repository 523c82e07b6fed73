"""Power cuts at every write and erase, and inside them: for every kind the last state or the one before, for ever."""

import random

import pytest

from tests.storage.cut_media import CutMedium, Expected, PowerCut, saves
from wattless.storage import log, records
from wattless.storage.kept import Kept
from wattless.storage.store import Store

# kind: longest record here
KINDS = {1: 180, 2: 300, 3: 70, 4: 400, 5: 20}
# size, page, erase size: the small ones just hold what is saved, so that records are copied all the time
MEDIA = {
    "fram": (3520, 64, 0),
    "eeprom": (3968, 64, 0),
    "flash": (10496, 64, 256),
    "big blocks": (31744, 64, 1024),
}


def new(name: str, seed: int) -> CutMedium:
    print(f"medium {name}, seed {seed}")
    medium = CutMedium(*MEDIA[name], seed, name)
    Store(medium).format()
    return medium


def run(store: Store, expected: Expected, kind: int, data: bytes) -> None:
    expected.begin(kind, data)
    store.save(kind, data)
    expected.done()


def every_cut(name: str, seed: int, warm_up: int, watched: int) -> tuple[int, int]:
    """Saves; at each operation of the last `watched` saves, every cut is tried on a copy. Returns how many cuts, and
    how many records were copied."""
    medium = new(name, seed)
    store, expected = Store(medium), Expected()
    stream = saves(random.Random(seed), KINDS)
    for _ in range(warm_up):
        run(store, expected, *next(stream))
    later = [next(stream) for _ in range(3)]
    tried = 0

    def try_all(cuts):
        nonlocal tried
        for cut in cuts:
            tried += 1
            left, then = medium.clone(cut), expected.copy()
            again = Store(left)
            then.check(again, tuple(KINDS))
            kind, data = later[tried % 3]
            run(again, then, kind, data)
            then.check(again, tuple(KINDS))
            then.check(Store(left), tuple(KINDS))

    medium.watch = try_all
    for _ in range(watched):
        run(store, expected, *next(stream))
    return tried, store._ring.number - warm_up - watched


@pytest.mark.parametrize("name", MEDIA)
def test_a_cut_anywhere(name):
    tried, copied = every_cut(name, seed=1, warm_up=250, watched=30)
    print(tried, "cuts,", copied, "records copied")
    assert tried > 500 and copied > 5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", MEDIA)
def test_cut_after_cut(name, seed):
    """The power fails again and again after a few operations, in the middle of getting over the last time."""
    medium = new(name, seed)
    rng = random.Random(1000 + seed)
    expected, stream = Expected(), saves(rng, KINDS)
    completed = cuts = 0
    while cuts < 250:
        medium.fuse = -1
        store = Store(medium)
        expected.check(store, tuple(KINDS))
        medium.fuse = rng.choice((0, 1, 2, 3, 5, 8, 20, 60))
        try:
            for _ in range(4):
                run(store, expected, *next(stream))
                completed += 1
        except PowerCut:
            cuts += 1
    assert completed > 50


@pytest.mark.parametrize("name", ["flash", "big blocks"])
def test_a_cut_behind_every_copy(name):
    """The worst for the room on flash: each start wastes the rest of a block, copies one record and is cut off."""
    medium = new(name, 7)
    rng = random.Random(7)
    store, expected, stream = Store(medium), Expected(), saves(rng, KINDS)
    for _ in range(100):
        run(store, expected, *next(stream))
    completed = 0
    for _ in range(400):
        store = Store(medium)
        kind, data = next(stream)
        expected.begin(kind, data)
        store.begin(kind, data)
        ring = store._ring
        before = ring.number
        while store.step():
            if ring.number == before + 2:  # one record is whole, the first page of the next is written
                break
        else:
            expected.done()
            completed += 1
        expected.check(Store(medium), tuple(KINDS))
    assert completed > 50


@pytest.mark.parametrize("name", MEDIA)
def test_a_cut_in_the_first_save(name):
    """Right after format(), when nothing is kept but what format() wrote."""
    medium = new(name, 3)
    expected = Expected()
    seen = set()

    def try_all(cuts):
        for cut in cuts:
            store = Store(medium.clone(cut))
            assert store.problem is None
            seen.add(store.load(4))

    medium.watch = try_all
    run(Store(medium), expected, 4, b"first" * 20)
    assert seen <= {None, b"first" * 20} and None in seen


@pytest.mark.parametrize("name", MEDIA)
def test_a_save_given_up_is_as_good_as_a_cut(name):
    """The store that gave up has what it had before; one that starts then may find the record whole."""
    medium = new(name, 5)
    rng = random.Random(5)
    store, expected, stream = Store(medium), Expected(), saves(rng, KINDS)
    given_up, maybe = 0, {kind: [] for kind in KINDS}
    for _ in range(300):
        kind, data = next(stream)
        expected.begin(kind, data)
        store.begin(kind, data)
        for _ in range(rng.choice((0, 1, 2, 4, 7, 99))):
            if not store.step():
                expected.done()
                maybe[kind].clear()
                break
        else:
            given_up += 1
            maybe[kind].append(data)
            store.abort()
            assert not store.saving
            expected.doubtful = None
            expected.check(store, tuple(KINDS))
            again = Store(medium.clone())
            for k in KINDS:
                assert again.load(k) in (store.load(k), *maybe[k])
            kind, data = next(stream)
            run(store, expected, kind, data)
            maybe[kind].clear()
    assert given_up > 100


def test_records_of_4_kb_on_the_parts_of_a_board():
    """Sizes of the real ones: 32 KB of FRAM, 256 KB of flash with 4 KB blocks; a few cuts in each phase."""
    for geometry in ((32768, 128, 0), (262144, 256, 4096)):
        medium = CutMedium(*geometry, 11)
        Store(medium).format()
        rng = random.Random(11)
        stream, expected = saves(rng, {1: 688, 2: 1284, 3: 256, 4: 4096, 5: 32}), Expected()
        store = Store(medium)
        for _ in range(250):
            run(store, expected, *next(stream))
        for _ in range(25):
            medium.fuse = rng.randrange(40)
            with pytest.raises(PowerCut):
                while True:
                    run(store, expected, *next(stream))
            store = Store(medium)
            expected.check(store, (1, 2, 3, 4, 5))


# What the tests above are worth: faults in the store that they must find. -------------------------------------------


def test_without_the_crc_of_the_data_they_fail(monkeypatch):
    monkeypatch.setattr(log, "crc32", lambda data, start=0: 0)
    with pytest.raises(AssertionError, match="kind"):
        every_cut("fram", 1, 120, 12)


@pytest.mark.parametrize("name", ["fram", "flash"])
def test_erasing_before_copying_fails(monkeypatch, name):
    """The record in the way is taken for dead: its place is written over."""
    monkeypatch.setattr(Kept, "first_from", lambda self, place: (self._size, -1))
    monkeypatch.setattr(Kept, "touches", lambda self, place, count: False)
    with pytest.raises(AssertionError, match="kind"):
        every_cut(name, 1, 120, 12)


def test_keeping_only_the_newest_fails(monkeypatch):
    monkeypatch.setattr(records, "keep", lambda kind: 1)
    with pytest.raises(AssertionError, match="kind"):
        every_cut("fram", 1, 20, 2)


def test_trusting_the_page_at_the_head_fails(monkeypatch):
    """Flash: after a cut, the ring goes on in the block where the write was cut off."""
    begin = log.Log.begin

    def trusting(self, kind, data):
        if self.medium.erase_size and self._fresh:
            self._fresh = False
            self._ahead = -self._head % self.medium.erase_size
        begin(self, kind, data)

    monkeypatch.setattr(log.Log, "begin", trusting)
    with pytest.raises(AssertionError, match="twice"):
        every_cut("flash", 1, 120, 12)
