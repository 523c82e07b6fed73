"""What goes to a board: the whole firmware and its board modules, and nothing that is the user's."""

import hashlib
import json

import pytest

from host_tools.board import image, plan
from host_tools.toolchain import build_mpy
from host_tools.toolchain.paths import ROOT

BOARDS = image.names()


@pytest.fixture(scope="module", params=BOARDS)
def built(request):
    return image.build(request.param)


def test_there_are_boards():
    assert {"pybv11", "cy8cproto_062_4343w", "virtual"} <= set(BOARDS)


def test_all_of_the_firmware_is_in_it(built):
    described = json.loads((ROOT / "boards" / built.board / "board.json").read_text())
    wanted = {"meter_main.mpy", "wattless.manifest", "board.mpy"}
    for path in (ROOT / "firmware/wattless").rglob("*.py"):
        if path.name not in build_mpy.NOT_ON_THE_METER and not (
            built.board == "virtual" and path.name.endswith("_thumb.py")
        ):
            wanted.add(path.relative_to(ROOT / "firmware").with_suffix(".mpy").as_posix())
    if not described.get("leave_out"):
        assert wanted <= built.files.keys()
    for path, data in built.files.items():
        assert path.endswith(".mpy") == data.startswith(b"M\x06") or path == "boot.py", path
    assert not any(path.startswith(("repl", "replay_", "manifest")) for path in built.files)


def test_the_manifest_has_bytes_and_hash_of_every_file(built):
    manifest = json.loads(built.files["wattless.manifest"])
    assert manifest["board"] == built.board
    assert manifest["files"] == {
        path: [len(data), hashlib.sha256(data).hexdigest()]
        for path, data in built.files.items()
        if path != "wattless.manifest"
    }


def test_nothing_of_the_users_is_in_it(built):
    assert not [path for path in built.files if image.kept(path)]
    for path in ("meter.json", "calibration.cal", "records", "store.bin"):
        assert image.kept(path) and path not in built.files


def test_boot_py_is_a_source_and_comes_last(built):
    if "boot.py" in built.files:
        assert list(built.files)[-2:] == ["boot.py", "wattless.manifest"]
        assert b"import wattless" not in built.files["boot.py"]


def test_it_fits_its_board(built):
    """sys.implementation._mpy of a MicroPython 1.23 or later: .mpy 6.3 for a Cortex-M4 with its FPU, for x64."""
    arch = {"virtual": 2}.get(built.board, 7)
    assert image.misfit(built, 6 | 3 << 8 | arch << 10) == ""
    code = any(path.startswith("wattless/dsp") for path in built.files)  # a frozen firmware has it in its image
    assert (image.misfit(built, 6 | 3 << 8 | 9 << 10) != "") == code


def test_a_board_for_which_no_tree_is_made(monkeypatch, tmp_path):
    """Its MicroPython loads armv7m only; and it leaves things out."""
    here = tmp_path / "small"
    here.mkdir()
    described = {"id": "small", "machine": "small", "mpy_arch": "armv7m", "leave_out": ["wattless/metering/*"]}
    (here / "board.json").write_text(json.dumps(described))
    (here / "board.py").write_text("NAME = 'small'\n")
    monkeypatch.setattr(image, "BOARDS", tmp_path)
    monkeypatch.setattr(image, "_compiled", lambda path, arch: b"M\x06" + arch.encode() + path.name.encode())
    made = image.build("small")
    assert made.files["wattless/dsp/fft.mpy"] == b"M\x06armv7mfft.py"
    assert made.files["meter_main.mpy"] == b"M\x06armv7mmain.py" and "main.mpy" not in made.files
    assert made.files["wattless/points_packed.mpy"] and made.files["board.mpy"]
    assert not [path for path in made.files if path.endswith("_thumb.mpy") or path.startswith("wattless/metering")]


def test_compiling_for_an_architecture():
    compiled = image._compiled(ROOT / "firmware/wattless/dsp/fft.py", "armv7m")
    assert compiled[:3] == bytes((ord("M"), 6, 5 << 2 | 3))
    assert image.misfit(image.make("x", "x", {"a.mpy": compiled}), 6 | 3 << 8 | 6 << 10) == ""  # an armv7em loads it


def test_two_builds_are_the_same(built):
    assert image.build(built.board) == built


def test_the_journal_of_a_table():
    rows = [
        plan.Row("add", "wattless/a.mpy", 3),
        plan.Row("same", "b.mpy", 3),
        plan.Row("change", "main.py", 3),
        plan.Row("delete", "c.mpy", 3),
        plan.Row("change", "d.mpy", 3),
    ]
    text, staged = plan.journal(rows)
    assert text == "0 add wattless/a.mpy\n1 delete c.mpy\n2 change d.mpy\n"
    assert staged == {"wattless/a.mpy": "update/new/0", "d.mpy": "update/new/2"}


def test_the_space_of_a_table_is_never_less_than_its_files():
    rows = [plan.Row("add", f"wattless/{n}.mpy", 5000) for n in range(20)]
    assert 20 * 5000 < plan.space(rows, 512) < 20 * 5000 * 1.4
    assert plan.space([*rows, plan.Row("same", "x", 10**6), plan.Row("delete", "y", 10**6)], 512) == plan.space(
        rows, 512
    )


@pytest.mark.parametrize(
    "main, known", [(b"# wattless boot 1\nx", "1"), (b"import x\n", ""), (b"", ""), (b"\xff\n", "")]
)
def test_the_format_of_a_main_py(main, known):
    assert image.format_of(main) == known
    assert image.format_of(image.MAIN_SOURCE.read_bytes()) == "1"
