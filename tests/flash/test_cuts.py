"""Power and cable gone in the middle of an update: the board starts with its old or its new version, whole, and the
next update completes. Through the released mpremote, on real littlefs.

Where a cut leaves the disk is what matters, as memory is lost: so one update is stopped at every protocol step and at
200 random bytes of its transfer, the disk is copied as it is then, and every different copy is started as a board of
its own. Some cuts are also made in earnest, with the host at the other end of the cable. Cuts inside the board's own
steps, after every single write and erase, are in test_swap.py.
"""

import hashlib
import os
import random

import pytest

from host_tools.board.session import ConnectionLost, Session
from tests.flash import programs

SEED = int(os.environ.get("WATTLESS_SEED") or random.SystemRandom().randrange(1 << 32))
BYTES = 200
IN_EARNEST = 8
SIZE = 3000  # of the two larger files, so that most bytes of the transfer are the files'
OLD, NEW = ["1"] * 4, ["2"] * 4
STRANGER = "import json\nprint(json.dumps({'versions': ['s'] * 4}))\nprint('{\"announce\": \"ready\"}')\n"


class Copies:
    """Copies of a board's disk, each kept once, with where they came from."""

    def __init__(self, device):
        self._device = device
        self.disks = {}
        self.cuts = 0

    def take(self, where):
        assert self._device.idle()
        data = self._device.disk.read_bytes()
        self.disks.setdefault(hashlib.sha256(data).digest(), (where, data))
        self.cuts += 1


def recorded(device, update, image, at_bytes, monkeypatch):
    """Updates the device; returns copies of its disk after each step and each of these bytes, and the bytes sent."""
    copies = Copies(device)
    wanted = set(at_bytes)
    first = device.received
    run = Session.run

    def tapped(count):
        if count - first in wanted:
            copies.take(f"byte {count - first}")

    def stepped(session, code):
        said = run(session, code)
        with device._lock:
            copies.take(f"step {code.splitlines()[0][:60]!r}")
        return said

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run", stepped)
        device.taps.append(tapped)
        assert update(device, image)[0] == 0
        device.taps.clear()
    return copies, device.received - first


def starts_whole(device, *whole):
    """The board that was just switched on says that it runs one of these versions and no mix; returns which."""
    assert device.wait_for('"announce": "ready"'), bytes(device.output)
    found = programs.versions(device.output)
    assert found in whole, bytes(device.output)
    return found


def check(devices, update, tmp_path, copies, *whole):
    """Every copy starts whole, is updated, and starts with the new version. Returns the versions that were found."""
    found = []
    for number, (where, disk) in enumerate(copies.disks.values()):
        folder = tmp_path / f"cut{number}"
        folder.mkdir()
        (folder / "disk.lfs").write_bytes(disk)
        device = devices(folder)
        try:
            found.append(starts_whole(device, *whole))
            code, said = update(device, programs.make("2", SIZE))
            assert code == 0, said
            device.forget()
            device.power_cycle()
            starts_whole(device, NEW)
        except AssertionError as error:
            raise AssertionError(f"cut after {where}, seed {SEED}: {error}") from error
        finally:
            device.close()
    return found


def test_every_step_and_200_random_bytes(devices, update, tmp_path, monkeypatch):
    print(f"seed {SEED} (WATTLESS_SEED)")
    device = devices()
    update(device, programs.make("1", SIZE))
    blank = device.disk.read_bytes()
    _, sent = recorded(device, update, programs.make("2", SIZE), (), monkeypatch)
    device.power_off()
    device.disk.write_bytes(blank)
    device.power_on()
    starts_whole(device, OLD, NEW)
    at_bytes = random.Random(SEED).sample(range(1, sent - 200), BYTES)
    copies, _ = recorded(device, update, programs.make("2", SIZE), at_bytes, monkeypatch)
    assert copies.cuts >= BYTES + 30
    found = check(devices, update, tmp_path, copies, OLD, NEW)
    assert OLD in found and NEW in found
    print(f"{copies.cuts} cuts, {len(found)} different disks, {found.count(OLD)} of them with the old version")


def test_every_step_of_a_first_update(devices, update, on_board, tmp_path, monkeypatch):
    """Of a board with a program of its own, which has no idea of updates."""
    device = devices()
    on_board(device, f"with open('main.py', 'w') as f: f.write({STRANGER!r})")
    copies, _ = recorded(device, update, programs.make("2", SIZE), (), monkeypatch)
    found = check(devices, update, tmp_path, copies, ["s"] * 4, NEW)
    assert ["s"] * 4 in found and NEW in found


def test_every_step_of_a_way_back(devices, update, tmp_path, monkeypatch):
    device = devices()
    update(device, programs.make("1", SIZE))
    copies = Copies(device)
    run = Session.run

    def stepped(session, code):
        said = run(session, code)
        with device._lock:
            copies.take(f"step {code.splitlines()[0][:60]!r}")
        return said

    with monkeypatch.context() as patch:
        patch.setattr(Session, "run", stepped)
        assert update(device, programs.make("2", SIZE, meter_main_py="import nowhere\n"))[0] == 1
    # Before the way back begins the new version may still stand there, and cannot start: the next start undoes it.
    for number, (where, disk) in enumerate(copies.disks.values()):
        folder = tmp_path / f"back{number}"
        folder.mkdir()
        (folder / "disk.lfs").write_bytes(disk)
        board = devices(folder)
        if not board.wait_for('"announce": "ready"', 1.0):
            assert b'"state": "trial"' in board.output, (where, bytes(board.output))
            board.power_cycle()
        starts_whole(board, OLD)
        board.close()


@pytest.mark.parametrize("number", range(IN_EARNEST))
def test_cut_in_earnest(devices, update, number):
    """Cable pulled and power gone: the host says so at once, the board starts whole, the next update completes."""
    device = devices()
    update(device, programs.make("1", SIZE))
    after = random.Random(SEED + number).randrange(1, 20000)
    device.cut_after = device.received + after
    try:
        code, said = update(device, programs.make("2", SIZE))
        assert code == 0  # the cut was later than the end
        device.power_off()
    except ConnectionLost as error:
        assert "lost the board on /dev/pts/" in str(error)
    device.cut_after = None
    device.forget()
    device.plug_in()
    device.power_on()
    starts_whole(device, OLD, NEW)
    code, said = update(device, programs.make("2", SIZE))
    assert code == 0, f"byte {after}, seed {SEED}: {said}"
    assert update(device, programs.make("2", SIZE)) == (0, ["No changes applied"])
