"""The parser of .mpy files, on what mpy-cross makes."""

import pytest

from host_tools.emulator import mpy_file
from host_tools.toolchain.build_mpy import build
from tests.emulator.compiled import module

SOURCE = """
_LARGE = const(1 << 40)

@micropython.asm_thumb
def words(r0, r1) -> uint:
    data(2, 0xfb31, 0xf203)

@micropython.viper
def split(p: ptr32) -> int:
    return p[0]

def plain(x):
    @micropython.viper
    def hidden(y: int) -> int:
        return y
    return hidden, "text", b"bytes", _LARGE, 1.5, (None, True, ...)

class Box:
    @staticmethod
    @micropython.viper
    def close(x: int) -> int:
        return x

    @micropython.native
    def append(self):
        pass
"""


def test_functions_have_the_names_they_are_stored_under():
    parsed = mpy_file.parse(module(SOURCE))
    assert (parsed.source, parsed.architecture) == ("test.py", "armv7emsp")
    kinds = {name: unit.kind for name, unit in parsed.functions().items()}
    assert kinds == {"words": "asm", "split": "viper", "Box.close": "viper", "Box.append": "native"}


def test_an_assembler_function_is_its_words_between_entry_and_exit():
    words = mpy_file.parse(module(SOURCE)).functions()["words"]
    assert words.code == bytes.fromhex("f2b5 31fb 03f2 f2bd")
    assert (words.arguments, words.types & 15) == (2, 3)


def test_objects():
    parsed = mpy_file.parse(module(SOURCE))
    assert mpy_file.FUN_TABLE in parsed.objects
    assert [o for o in parsed.objects if o in (b"bytes", 1 << 40, 1.5)] == [b"bytes", 1 << 40, 1.5]
    assert (None, True, ...) in parsed.objects


def test_every_name_that_mpy_files_take_for_granted():
    known = [name for name in mpy_file._STATIC if name.isidentifier()]
    parsed = mpy_file.parse(module("".join(f"thing.{name} = 1\n" for name in known)))
    assert set(known) <= set(parsed.names)
    assert len(module("".join(f"thing.{name} = 1\n" for name in known))) < 10 * len(known), "names in full"


def test_every_shipped_file_can_be_read():
    tree = build("armv7emsp")
    files = sorted(tree.rglob("*.mpy"))
    assert {mpy_file.read(path).architecture for path in files} == {"armv7emsp", "any"}
    assert "radix4_pass" in mpy_file.read(tree / "wattless/dsp/fft.mpy").functions()


@pytest.mark.parametrize(
    "data, says",
    [
        (b"", "ends in the middle"),
        (module(SOURCE)[:-3], "ends in the middle"),
        (module(SOURCE) + b"x", "1 bytes behind its code"),
        (b"M\x05" + module(SOURCE)[2:], "no .mpy of version 6"),
        (module("x = 1\n@micropython.viper\ndef f():\n    pass\n", "x64"), "not for ARM: architecture 2"),
    ],
)
def test_what_is_no_such_file(data, says):
    with pytest.raises(mpy_file.MpyError, match=says):
        mpy_file.parse(data)
