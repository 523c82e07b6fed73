"""The toolchain: where it fetches from, what it says when something is missing, compiled code on both interpreters."""

import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from host_tools.toolchain import build_mpy, debian, interpreters, paths
from host_tools.toolchain.steps import SetupError

KERNEL = """
import micropython

@micropython.viper
def negate(n: int) -> int:
    return -n
"""


def uris(*entries):
    return "".join(f"'{mirror}/dists/{suite}/{rest}' some_file 0 \n" for mirror, suite, rest in entries)


def test_mirror_is_the_one_that_serves_the_release_and_its_updates():
    listed = uris(
        ("http://vendor.example", "bookworm", "main/binary-amd64/Packages.xz"),
        ("http://debian.example/debian", "bookworm", "InRelease"),
        ("http://debian.example/debian", "bookworm", "main/binary-amd64/Packages.xz"),
        ("http://debian.example/debian", "bookworm-updates", "main/binary-amd64/Packages.xz"),
        ("http://security.example", "bookworm-security", "main/binary-amd64/Packages.xz"),
        ("http://other.example", "bookworm", "stable/binary-amd64/Packages.xz"),
        ("cdrom:[Debian 12]", "bookworm", "main/binary-amd64/Packages.xz"),
    )
    assert debian.mirrors_of(listed, "bookworm") == ["http://debian.example/debian", "http://vendor.example"]
    assert debian.mirrors_of(listed, "trixie") == []


@pytest.mark.skipif(
    not shutil.which("apt-get") and not os.environ.get("CI"), reason="no apt-get: not a Debian or Ubuntu"
)
def test_apt_reads_both_forms_of_source_list(tmp_path):
    (tmp_path / "one.list").write_text(
        "# deb http://commented.example/debian bookworm main\n"
        "deb [arch=amd64] http://one-line.example/debian/ bookworm main contrib\n"
        "deb http://one-line.example/debian bookworm-updates main\n"
    )
    parts = tmp_path / "parts"
    parts.mkdir()
    (parts / "a.sources").write_text(
        "Types: deb deb-src\nURIs: http://deb822.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\n\n"
        "Enabled: no\nTypes: deb\nURIs: http://disabled.example/debian\nSuites: bookworm\nComponents: main\n"
    )
    options = ["-o", f"Dir::Etc::sourcelist={tmp_path / 'one.list'}", "-o", f"Dir::Etc::sourceparts={parts}"]
    options += ["-o", "APT::Architecture=amd64"]
    found = debian.mirrors_of(debian.listed_uris(options), "bookworm")
    assert sorted(found) == ["http://deb822.example/debian", "http://one-line.example/debian"]


def test_given_mirror_wins_over_the_machines_own(monkeypatch):
    monkeypatch.setenv("DEBIAN_MIRROR", "http://given.example/debian/")
    assert debian.mirrors() == ["http://given.example/debian"]


def test_ubuntu_without_a_mirror_has_none(monkeypatch):
    monkeypatch.delenv("DEBIAN_MIRROR", raising=False)
    monkeypatch.setattr(debian, "os_release", lambda: {"ID": "ubuntu", "VERSION_CODENAME": "noble"})
    assert debian.mirrors() == []


def test_ubuntu_without_micropython_is_told_both_ways_out(monkeypatch, tmp_path):
    monkeypatch.setattr(interpreters, "os_release", lambda: {"ID": "ubuntu", "PRETTY_NAME": "Ubuntu 24.04"})
    monkeypatch.setattr(interpreters, "mirrors", list)
    monkeypatch.setattr(interpreters, "BIN", tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SetupError, match=r"(?s)Ubuntu 24\.04.*apt-get install micropython.*DEBIAN_MIRROR=URL"):
        interpreters.provide()


def test_other_systems_are_told_what_to_use(monkeypatch):
    monkeypatch.setattr(interpreters.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(interpreters.platform, "machine", lambda: "arm64")
    with pytest.raises(SetupError, match="Darwin arm64.*Debian 12"):
        interpreters.provide()


def test_interpreter_that_does_not_start_is_shown_with_its_output(tmp_path):
    broken = tmp_path / "micropython"
    broken.write_text("#!/bin/sh\necho 'no such library: libffi' >&2\nexit 127\n")
    broken.chmod(0o755)
    with pytest.raises(SetupError, match=r"(?s)micropython.*127.*no such library: libffi"):
        interpreters.check(broken)


def test_missing_tool_names_the_command(tmp_path):
    with pytest.raises(paths.ToolMissing, match="make setup"):
        paths.tool("mbpoll", tmp_path)
    with pytest.raises(ValueError, match="x64, arm"):
        paths.micropython("riscv")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A repository with two modules, one of them for ARM only, and nothing generated."""
    monkeypatch.setattr(build_mpy, "GENERATORS", [])
    firmware = tmp_path / "firmware/wattless"
    firmware.mkdir(parents=True)
    (firmware / "kernel.py").write_text(KERNEL)
    (firmware / "kernel_thumb.py").write_text("x = 1\n")
    board = tmp_path / "boards/virtual"
    board.mkdir(parents=True)
    (board / "board.py").write_text("from wattless.kernel import negate\n")
    (board / "manifest.py").write_text("freeze('.')\n")
    return tmp_path


def compiled(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.mpy"))


def test_layout_and_thumb_for_arm_only(tree):
    assert compiled(build_mpy.build("x64", tree)) == ["boards/virtual/board.mpy", "wattless/kernel.mpy"]
    arm = build_mpy.build("armv7emsp", tree)
    assert arm == tree / "build/mpy/armv7emsp"
    assert compiled(arm) == ["boards/virtual/board.mpy", "wattless/kernel.mpy", "wattless/kernel_thumb.mpy"]


def test_only_what_changed_is_compiled_and_what_lost_its_source_goes(tree):
    folder = build_mpy.build("x64", tree)
    before = {name: (folder / name).stat().st_mtime_ns for name in compiled(folder)}
    (tree / "firmware/wattless/kernel.py").write_text(KERNEL.replace("-n", "n"))
    build_mpy.build("x64", tree)
    changed = [name for name in before if (folder / name).stat().st_mtime_ns != before[name]]
    assert changed == ["wattless/kernel.mpy"]
    (tree / "boards/virtual/board.py").unlink()
    build_mpy.build("x64", tree)
    assert compiled(folder) == ["wattless/kernel.mpy"]
    assert list(json.loads((tree / "build/mpy/x64.json").read_text())) == ["wattless/kernel.mpy"]


def test_compile_errors_name_file_and_line_and_leave_no_old_code(tree):
    folder = build_mpy.build("x64", tree)
    (tree / "firmware/wattless/kernel.py").write_text("a = 1\ndef broken(:\n")
    with pytest.raises(build_mpy.CompileError, match=r'"firmware/wattless/kernel\.py", line 2'):
        build_mpy.build("x64", tree)
    assert compiled(folder) == ["boards/virtual/board.mpy"]


def test_generated_sources_are_compiled(tree, monkeypatch):
    monkeypatch.setattr(build_mpy, "GENERATORS", [lambda folder: (folder / "table.py").write_text("rows = b'abc'\n")])
    assert "table.mpy" in compiled(build_mpy.build("x64", tree))


def test_one_build_at_a_time(tree, monkeypatch):
    """Another build would read what a generator has half written, and its manifest would vouch for it."""
    inside, most = [], []

    def slow(folder):
        inside.append(folder)
        (folder / "table.py").write_text("")
        time.sleep(0.1)
        most.append(len(inside))
        (folder / "table.py").write_text("rows = b'abc'\n")
        inside.pop()

    monkeypatch.setattr(build_mpy, "GENERATORS", [slow])
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda _: build_mpy.build("x64", tree), range(3)))
    assert most == [1, 1, 1]
    assert b"abc" in (folders[0] / "table.mpy").read_bytes()


@pytest.mark.parametrize(("machine", "arch"), [("x64", "x64"), ("arm", "armv7emsp")])
def test_compiled_viper_runs_on(machine, arch, tree):
    """Unary minus is what compilers before 1.29 get wrong; the tree is imported as the meter is."""
    interpreter = paths.micropython(machine)
    folder = build_mpy.build(arch, tree)
    code = "import boards.virtual.board as board; print(board.negate(7), board.negate(-7))"
    done = subprocess.run(
        [interpreter, "-c", code],
        cwd=tree / "build",
        env={**os.environ, "MICROPYPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("-7 7\n", "")
