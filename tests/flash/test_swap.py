"""The board's own steps of an update, cut in the middle of every single write and erase of the flash (real littlefs).

The versions are those of run_swap.py: files that change, one that is new, one that goes, and one that is not ours.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from host_tools.board.image import MAIN_SOURCE
from host_tools.toolchain import paths

SCRIPT = Path(__file__).with_name("run_swap.py")


def cuts(last, tmp_path, main=MAIN_SOURCE):
    argv = [str(paths.micropython("x64")), "-X", "heapsize=4m", str(SCRIPT), str(main), last]
    env = {**os.environ, "MICROPYPATH": ".frozen"}
    done = subprocess.run(argv, capture_output=True, cwd=tmp_path, env=env, timeout=60)
    assert done.returncode == 0, (done.stdout[-500:], done.stderr)
    # other lines: what the collector says of files that the cut left open
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith(b"{")]


def wrong(found, last):
    """The cuts after which something is neither the old nor the new version, or not what the state says."""
    bad = []
    for cut in found:
        first, second, state = cut["first"], cut["second"], cut["first_state"]
        ok = first in ("old", "new") and second in ("old", "new") and cut["next"] == "new"
        ok = ok and cut["folders"] == ["p", "q"]
        # A trial that nobody confirmed ends with the old version, everything else stays.
        ok = ok and (second == "old" if state == "trial" else second == first)
        ok = ok and cut["second_state"] == ("undone" if state == "trial" else "")
        if last == "undo":
            ok = ok and second == "old"
        if not ok:
            bad.append(cut)
    return bad


@pytest.mark.parametrize("last", ["confirm", "undo"])
def test_after_every_write(tmp_path, last):
    found = cuts(last, tmp_path)
    assert len(found) > 50 and found[-1]["finished"]
    assert wrong(found, last) == []
    firsts = [cut["first"] for cut in found]
    changes = [one for before, one in zip([None, *firsts], firsts, strict=False) if one != before]
    # Three moments decide: the commit, the start of the trial (then it is undone), and the confirmation.
    assert changes == (["old", "new", "old", "new"] if last == "confirm" else ["old", "new", "old"])
    print(f"{len(found)} writes and erases, {last}")


FAULTS = {
    "overwrites before the old one is away": ("os.rename(path, old)", "os.remove(path)"),
    "forgets where it was": ('os.rename("update/swap", "update/trial")', 'os.remove("update/swap")'),
    "does not look twice": ("and there(path) and not there(old)", "and there(path)"),
    "cleans first": ('os.rename("update/undo", "update/clean")', 'os.remove("update/undo")'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_main_py_is_noticed(tmp_path, fault):
    right, fault_there = FAULTS[fault]
    text = MAIN_SOURCE.read_text()
    assert text.count(right) == 1
    (tmp_path / "main.py").write_text(text.replace(right, fault_there))
    noticed = False
    for last in ("confirm", "undo"):
        try:
            noticed = noticed or bool(wrong(cuts(last, tmp_path, tmp_path / "main.py"), last))
        except AssertionError:  # it did not even come to an end
            noticed = True
    assert noticed
