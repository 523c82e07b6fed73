"""Records as files: on a real littlefs with power cuts, in MicroPython; what a folder may hold; the same rules."""

import json
import random
import subprocess
from pathlib import Path

import pytest

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython
from wattless.storage import files
from wattless.storage.media import FileMedium
from wattless.storage.records import CONFIG, ENERGY, EVENTS, StoreError
from wattless.storage.store import Store

SCRIPT = Path(__file__).with_name("littlefs_cuts.py")


def littlefs(tmp_path, seed, rounds):
    done = subprocess.run(
        [micropython("x64"), "-X", "heapsize=16m", SCRIPT, str(seed), str(rounds)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('x64')}:.frozen"},
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr}{done.stdout}"
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", [1, 2])
def test_littlefs_with_a_cut_at_every_operation(tmp_path, seed):
    result = littlefs(tmp_path, seed, 45)
    print(result)
    assert result["saves"] == 45 and result["cuts"] > 180
    assert result["before"] > 0 and result["last"] > 0
    erases = result["erases"] / result["saved"]
    assert abs(erases - files._ERASES) < 0.1, erases  # the figure that docs and health() count with


def formatted(folder):
    store = Store(FileMedium(str(folder)))
    store.format()
    return store


def test_the_last_and_the_one_before(tmp_path):
    store = formatted(tmp_path / "state")
    for k in range(5):
        store.save(ENERGY, bytes([k]) * 688)
        store.save(CONFIG, bytes([k]) * 4096)
        for again in (store, Store(store.medium)):
            assert again.load(ENERGY) == bytes([k]) * 688
            assert again.load(ENERGY, 1) == (bytes([k - 1]) * 688 if k else None)
            assert again.load(CONFIG, 1) == (bytes([k - 1]) * 4096 if k else None)
            assert again.load(EVENTS) is None
    assert sorted(path.name for path in (tmp_path / "state").iterdir()) == [
        "0-0",
        "1-0",
        "1-1",
        "1-2",
        "4-0",
        "4-1",
        "4-2",
    ]


def test_any_content_of_the_file_that_was_being_written(tmp_path):
    """Whatever a file system leaves of it: the newest and the one before are in other files."""
    rng = random.Random(4)
    store = formatted(tmp_path / "state")
    for k in range(3):
        store.save(ENERGY, bytes([k]) * 100)
    for k in range(3, 40):
        path = tmp_path / "state" / store._ring._name(store._ring._place(ENERGY))
        record = path.read_bytes()
        left = rng.choice([None, b"", rng.randbytes(128), record[: rng.randrange(len(record))], record, record + b"x"])
        path.unlink()
        if left is not None:
            path.write_bytes(left)
        store = Store(store.medium)
        assert [store.load(ENERGY, back) for back in (0, 1)] == [bytes([k - 1]) * 100, bytes([k - 2]) * 100]
        store.save(ENERGY, bytes([k]) * 100)
        assert [store.load(ENERGY, back) for back in (0, 1)] == [bytes([k]) * 100, bytes([k - 1]) * 100]


def test_any_bit_that_flips_is_noticed(tmp_path):
    store = formatted(tmp_path)
    store.save(ENERGY, b"before")
    store.save(ENERGY, b"newest")
    record = (tmp_path / "1-1").read_bytes()
    for bit in range(8 * len(record)):
        spoilt = bytearray(record)
        spoilt[bit // 8] ^= 1 << bit % 8
        (tmp_path / "1-1").write_bytes(spoilt)
        again = Store(store.medium)
        assert (again.load(ENERGY), again.load(ENERGY, 1), again.errors) == (b"before", None, 1)
    assert store.load(ENERGY) == b"before" and store.errors == 1


def test_a_record_under_another_name_is_none(tmp_path):
    store = formatted(tmp_path)
    store.save(ENERGY, b"energy")
    (tmp_path / "2-0").write_bytes((tmp_path / "1-0").read_bytes())
    (tmp_path / "1-2").write_bytes((tmp_path / "1-0").read_bytes())
    again = Store(store.medium)
    assert (again.load(EVENTS), again.load(ENERGY, 1), again.errors) == (None, None, 2)


def test_folders_that_are_no_store(tmp_path):
    store = Store(FileMedium(str(tmp_path / "none")))
    assert store.blank and store.problem.endswith("none: is empty or not there: format it")
    with pytest.raises(StoreError, match="format it"):
        store.save(ENERGY, b"x")
    (tmp_path / "notes.txt").write_text("mine")
    store = Store(FileMedium(str(tmp_path)))
    assert not store.blank
    assert store.problem.endswith("holds no sound record, but notes.txt: format it if all in it may go")
    (tmp_path / "1-0").write_bytes(b"WL\x02" + bytes(40))
    assert Store(FileMedium(str(tmp_path))).problem.endswith("of version 2, this firmware knows version 1")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    store.format()
    assert [path.name for path in tmp_path.iterdir()] == ["0-0"]


def test_a_folder_that_cannot_be_written(tmp_path):
    store = formatted(tmp_path)
    store.save(ENERGY, b"one")
    (tmp_path / "1-1").mkdir()
    with pytest.raises(OSError):
        store.save(ENERGY, b"two")
    assert store.load(ENERGY) == b"one" and not store.saving
    (tmp_path / "1-1").rmdir()
    store.save(ENERGY, b"three")
    assert (Store(store.medium).load(ENERGY), store.load(ENERGY, 1)) == (b"three", b"one")
    with pytest.raises(OSError):
        Store(FileMedium(str(tmp_path / "1-0"))).format()  # a file


def test_health(tmp_path):
    store = Store(FileMedium(str(tmp_path), size=40960))
    store.format()
    for _ in range(99):
        store.save(ENERGY, bytes(688))
    health = store.health([(688, 35064)])
    assert (health["writes"], health["erases"], health["free"], health["errors"]) == (100, 110, None, 0)
    assert health["wear"] == pytest.approx(110 / 10 / 1e5)
    assert health["years"] == pytest.approx((1e5 - 11) / (35064 * 1.1 / 10))
