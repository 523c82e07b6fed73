"""`wattless flash` on the virtual device: what it changes, what it leaves alone, and what it does when it cannot."""

import hashlib
import subprocess
import sys

import pytest

from host_tools.board import flash, image
from host_tools.board.session import BoardError, Session
from tests.flash import programs

OURS = "meter.json", "calibration.cal", "store/a.rec", "notes.py", "records/1"
STRANGER = "import time\nprint('stranger')\nwhile True:\n    time.sleep(1)\n"


def mpremote(device, *words):
    """The released command line, on the same board."""
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", device.path, *words], capture_output=True, timeout=20
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def tree(on_board, device):
    """path -> bytes of all files on the board."""
    lines = on_board(device, "walk('')\nfor e in os.ilistdir():\n if e[1] == 0x4000: walk(e[0])").splitlines()
    return dict(eval(line) for line in lines)


def put(on_board, device, path, text):
    folder = path.rpartition("/")[0]
    made = f"os.mkdir({folder!r})\n" if folder else ""
    on_board(device, f"{made}with open({path!r}, 'w') as f: f.write({text!r})")


def test_a_fresh_board_gets_all_of_it_and_a_second_flash_changes_nothing(device, update, on_board):
    wanted = programs.make("1")
    code, said = update(device, wanted)
    assert code == 0, said
    assert sum(line.startswith("add ") for line in said) == len(wanted.files) + 2  # main.py, and the sums
    assert device.wait_for('"announce": "ready"')
    assert update(device, wanted) == (0, ["No changes applied"])
    assert programs.versions(device.output) == ["1"] * 4
    here = tree(on_board, device)
    assert here == {path: len(data) for path, data in {**wanted.files, "main.py": wanted.main}.items()}


def test_what_lies_on_the_board_is_what_the_released_mpremote_finds(device, update):
    wanted = programs.make("1", size=5000)
    assert update(device, wanted)[0] == 0
    for path in ("wattless/one.py", "wattless.manifest", "wattless/__init__.py"):
        assert hashlib.sha256(wanted.files[path]).hexdigest() in mpremote(device, "sha256sum", f":{path}")
    assert mpremote(device, "cat", ":main.py").replace("\r\n", "\n").encode() == wanted.main


def test_mpremote_writes_and_flash_puts_it_right(device, update, tmp_path):
    wanted = programs.make("1")
    update(device, wanted)
    (tmp_path / "one.py").write_text("V = 'by hand'\n")
    mpremote(device, "cp", str(tmp_path / "one.py"), ":wattless/one.py", "+", "rm", ":extra.py")
    code, said = update(device, wanted)
    assert code == 0
    assert [line.split()[0::2] for line in said[:2]] == [["add", "extra.py"], ["change", "wattless/one.py"]] or [
        line.split()[0::2] for line in said[:2]
    ] == [["add", "extra.py"], ["change", "wattless/one.py"]][::-1]
    assert mpremote(device, "cat", ":wattless/one.py").startswith("V = '1'")


def test_check_says_and_leaves(device, update, on_board):
    update(device, programs.make("1"))
    before = device.disk.read_bytes()
    code, said = update(device, programs.make("2"), check=True)
    assert code == 2
    rows = {tuple(line.split()[0::2]) for line in said[:-1]}
    changed = {"extra.py", "wattless/one.py", "wattless/deep/two.py", "wattless/data.txt", "wattless.manifest"}
    wanted = {("add", "wattless/of_2/only.py"), ("delete", "wattless/of_1/only.py")} | {("change", p) for p in changed}
    assert rows == wanted
    assert said[-1].startswith("add 1 files, 8 bytes; change 5 files, ")
    assert "delete 1 files, 8 bytes; same 4 files, " in said[-1]
    assert device.disk.read_bytes() == before
    assert device.wait_for('"announce": "ready"')
    code, said = update(device, programs.make("1"), check=True)
    assert code == 0 and said[-1].startswith("add 0 files")
    assert device.disk.read_bytes() == before


def test_change_add_and_delete(device, update, on_board):
    update(device, programs.make("1"))
    code, said = update(device, programs.make("2"))
    assert code == 0, said
    assert "metering paused for" in said[-1]
    assert programs.versions(device.output) == ["2"] * 4
    here = tree(on_board, device)
    assert "wattless/of_2/only.py" in here and "wattless/of_1/only.py" not in here
    assert (
        on_board(device, "print(sorted(os.listdir('wattless')), 'update' in os.listdir())")
        == str(["__init__.py", "data.txt", "deep", "of_2", "one.py"]) + " False"
    )


def test_what_is_not_ours_stays(device, update, on_board):
    for path in OURS:
        put(on_board, device, path, f"mine: {path}")
    put(on_board, device, "boot.py", "mine = 1\n")
    for version in "12":
        assert update(device, programs.make(version))[0] == 0
    for path in OURS:
        assert on_board(device, f"print(open({path!r}).read())") == f"mine: {path}"
    assert on_board(device, "print(open('boot.py').read())") == "mine = 1"


def test_a_manifest_cannot_make_us_delete_what_is_kept(device, update, on_board):
    """Even where the manifest on the board claims it for the image."""
    update(device, programs.make("1"))
    put(on_board, device, "meter.json", "{}")
    put(on_board, device, "wattless.manifest", '{"files": {"meter.json": [2, ""], "extra.py": [1, ""]}}')
    assert update(device, programs.make("1"))[0] == 0
    assert on_board(device, "print(open('meter.json').read())") == "{}"


@pytest.mark.parametrize("path", ["meter.json", "store/x.py", "main.py", "update/new/0", "/etc/x", "records/1"])
def test_no_image_brings_such_a_file(path):
    with pytest.raises(image.ImageError, match="cannot be part"):
        image.make("virtual", "x", {path: b""})


def test_sources_that_hide_our_modules_go(device, update, on_board):
    """MicroPython takes x.py before x.mpy."""
    put(on_board, device, "extra.py", "V = 'hidden'\n")
    put(on_board, device, "wattless/one.py", "V = 'hidden'\n")
    wanted = image.make(
        "virtual", programs.MACHINE, {"extra.mpy": b"M\x06\x00\x1f", "wattless/one.mpy": b"M\x06\x00\x1f"}
    )
    code, said = update(device, wanted, check=True)
    rows = [line.split()[0::2] for line in said[:-1]]
    assert ["delete", "extra.py"] in rows and ["delete", "wattless/one.py"] in rows


FAULTS = {
    "wrong import": ("import nowhere\n", "ImportError: no module named 'nowhere'"),
    "exit": (
        "import sys\nprint('adc_rate: 3 is not allowed')\nsys.exit(2)\n",
        "the program ended: adc_rate: 3 is not allowed",
    ),
    "silent": ("import time\nprint('up')\nwhile True: time.sleep(1)\n", "no line with"),
    "resets": ("import machine\nmachine.reset()\n", "went back to its old version"),
    "does not stop": (
        "print('deaf')\nwhile True:\n try:\n  while True: pass\n except KeyboardInterrupt: pass\n",
        "no line with",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_version_that_does_not_get_ready_goes_again(device, update, on_board, fault):
    program, reason = FAULTS[fault]
    update(device, programs.make("1"))
    before = tree(on_board, device)
    code, said = update(device, programs.make("2", meter_main_py=program), ready_s=0.5, patience_s=0.1)
    assert code == 1
    assert any("Going back" in line and reason in line for line in said), said
    if fault == "does not stop":
        assert "At its next start the board goes back to its old version by itself" in said[-1]
        device.forget()
        device.power_cycle()
        assert device.wait_for('"announce": "ready"')
    else:
        assert said[-1] == "the old version runs again"
    assert programs.versions(device.output) == ["1"] * 4
    assert tree(on_board, device) == before


def test_nobody_confirms(device, update, on_board):
    """The host goes away while the new version starts: at the next start the old one is back."""
    update(device, programs.make("1"))
    with Session(device.path, print) as session:
        session.enter()
        session.run("os.mkdir('update')\nos.mkdir('update/new')\nos.mkdir('update/old')")
        session.write("update/new/0", b"V = '2'\n")
        session.write("update/swap", b"0 change extra.py\n")
        device.forget()
        session.restart()
    assert device.wait_for('"state": "trial"') and device.wait_for('"announce": "ready"')
    assert programs.versions(device.output) == ["1", "1", "2", "1"]
    device.forget()
    device.power_cycle()
    assert device.wait_for('"state": "undone"') and device.wait_for('"announce": "ready"')
    assert programs.versions(device.output) == ["1"] * 4


def test_a_strangers_program(device, update, on_board):
    """A main.py that is not ours: it runs until ours is confirmed, and again where ours fails."""
    put(on_board, device, "main.py", STRANGER)
    code, said = update(device, programs.make("2", meter_main_py="import nowhere\n"), ready_s=1.0)
    assert code == 1 and any("nowhere" in line for line in said)
    assert on_board(device, "print(open('main.py').read())").replace("\r", "") == STRANGER.strip()
    assert set(tree(on_board, device)) == {"main.py"}
    assert update(device, programs.make("2"))[0] == 0
    assert set(tree(on_board, device)) == {*programs.make("2").files, "main.py"}


def test_a_new_main_py_comes_last(device, update, on_board):
    update(device, programs.make("1"))
    newer = programs.make("2").main + b"# newer\n"
    code, said = update(device, programs.make("2", main=newer))
    assert code == 0, said
    assert on_board(device, "print(open('main.py').read().split()[-1])") == "newer"
    assert update(device, programs.make("2", main=newer)) == (0, ["No changes applied"])


def test_a_new_main_py_that_does_not_work_goes_again(device, update, on_board):
    update(device, programs.make("1"))
    code, said = update(device, programs.make("2", main=b"# wattless boot 1\nimport nowhere\n"), ready_s=1.0)
    assert code == 1 and any("with the new main.py" in line for line in said)
    assert said[-1] == "the old version runs again"
    assert programs.versions(device.output) == ["2"] * 4


def test_a_main_py_with_another_journal_comes_first(device, update, on_board):
    update(device, programs.make("1"))
    other = programs.make("2").main.replace(b"# wattless boot 1\n", b"# wattless boot 2\n")
    assert update(device, programs.make("2", main=other))[0] == 0
    assert programs.versions(device.output) == ["2"] * 4
    assert "main_before.py" not in tree(on_board, device)


def test_the_wrong_board(device, update):
    wrong = image.make("pybv11", "PYBv1.1", programs.files("1"))
    with pytest.raises(BoardError, match="wrong board .* it is 'linux .* pybv11 is 'PYBv1.1'"):
        update(device, wrong)


@pytest.mark.parametrize(
    "head, reason",
    [
        (b"M\x05\x00\x1f", "has .mpy version 5, the board's MicroPython loads 6"),
        (b"M\x06\x1f\x1f", "native code for armv7emsp .* the board runs x64"),
        (b"M\x06\x09\x1f", r"native code for x64 \(.mpy 6.1\), the board runs x64 \(.mpy 6.3\)"),
    ],
)
def test_mpy_files_that_the_board_cannot_load(device, update, head, reason):
    with pytest.raises(BoardError, match=reason):
        update(device, image.make("virtual", programs.MACHINE, {"extra.mpy": head}))


def test_no_space(devices, update, on_board):
    device = devices(disk_bytes=48 << 10)
    update(device, programs.make("1"))
    before = tree(on_board, device)
    code, said = update(device, programs.make("2", size=20000))
    assert code == 1
    assert any("not enough space in /: the update needs " in line for line in said)
    assert said[-2:] == ["nothing was changed", "the old version runs again"]
    assert tree(on_board, device) == before


def test_a_disk_that_is_full_all_the_same(devices, update, on_board, monkeypatch):
    device = devices(disk_bytes=48 << 10)
    update(device, programs.make("1"))
    before = tree(on_board, device)
    monkeypatch.setattr("host_tools.board.plan.space", lambda *_: 0)
    code, said = update(device, programs.make("2", size=20000))
    assert code == 1 and any("ENOSPC" in line or "28" in line for line in said), said
    assert said[-1] == "the old version runs again"
    assert tree(on_board, device) == before


def test_a_disk_that_keeps_other_bytes(device, update, on_board, monkeypatch):
    """The hash is read back: bytes that changed on their way are not committed."""
    update(device, programs.make("1"))
    write = Session.write
    spoilt = lambda self, path, data: write(self, path, data.replace(b"2", b"3") if "new" in path else data)  # noqa: E731
    monkeypatch.setattr(Session, "write", spoilt)
    code, said = update(device, programs.make("2"))
    assert code == 1 and any("did not arrive" in line for line in said)
    assert programs.versions(device.output) == ["1"] * 4


def test_no_board_and_no_port(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(flash.images, "build", lambda board: programs.make("1"))
    monkeypatch.setattr("host_tools.board.session.list_ports", lambda: [("/dev/ttyACM7", "Pyboard")])
    assert flash.run("virtual", str(tmp_path / "none"), False, said.append) == 1
    assert "no board on" in said[-1] and "/dev/ttyACM7  Pyboard" in said[-1]
    monkeypatch.setattr("host_tools.board.session.list_ports", lambda: [("/dev/ttyACM7", "a"), ("/dev/ttyACM8", "b")])
    assert flash.run("virtual", None, False, said.append) == 1
    assert "several serial ports" in said[-1] and "/dev/ttyACM8" in said[-1]
    monkeypatch.setattr("host_tools.board.session.list_ports", list)
    assert flash.run("virtual", None, False, said.append) == 1
    assert "no board found" in said[-1]


def test_no_such_board():
    said = []
    assert flash.run("abacus", "/dev/null", False, said.append) == 1
    assert said[-1].startswith("wattless: no board 'abacus': there are ") and "pybv11" in said[-1]
