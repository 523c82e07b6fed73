"""firmware/wattless/services/console.py: the same JSON line, byte for byte, on every interpreter."""

import json
import os

import pytest

GARBAGE_LIMIT = 55_000  # bytes a window, where words have 32 bits
SET_UP = """\
from wattless.points import Points
from wattless.services.console import Console
from standard_output import StandardOutput
points = Points()
def fill(n): points.stage[n] = (-1) ** n * 1.2345678901234567 * 7.3 ** (n % 9 - 4)
[fill(n) for n in range(len(points.stage)) if n % 17]
points.stage[points.at('quadrant')] = 4
points.publish(0.4, None, 5)
"""


@pytest.fixture
def console(remote):
    """console() gives one line; console.ask reaches the interpreter."""
    read_end, write_end = os.pipe()
    ask = remote((write_end,))
    for line in SET_UP.splitlines():
        ask(line)
    ask(f"console = Console(points, StandardOutput({write_end}), lambda: 0x1234)")

    def line():
        ask("console.window(points)")
        got = b""
        while not got.endswith(b"\n"):
            got += os.read(read_end, 65536)
        return got

    line.ask = ask
    yield line
    os.close(read_end)
    os.close(write_end)


LINES = set()


def test_line(console):
    line = console()
    assert line.count(b"\n") == 1
    LINES.add(line)
    assert len(LINES) == 1  # the same on every interpreter so far

    values = json.loads(line)
    ids = console.ask("points.ids()")
    assert list(values) == ["window", "t", "flags", "dsp", *ids]
    assert (values["window"], values["t"], values["flags"], values["dsp"]) == (0, 0.4, ["gap", "flat"], "00001234")
    assert values["quadrant"] == 4 and len(values["vh_l1"]) == 51
    assert values["f"] is None  # not known
    for name in ids:
        for k, value in enumerate(values[name] if isinstance(values[name], list) else [values[name]]):
            n = console.ask(f"points.at({name!r})") + k if name != "quadrant" else None
            if n is not None and n % 17 == 0:
                assert value is None
            elif n is not None:
                assert value == pytest.approx((-1) ** n * 1.2345678901234567 * 7.3 ** (n % 9 - 4), rel=1e-11)


def test_next_window_of_which_nothing_is_known(console):
    console()
    console.ask("points.invalidate(0.6, None, 1)")
    values = json.loads(console())
    assert values["window"] == 1 and values["flags"] == ["gap"]
    assert values["p"] is None and values["vh_l1"] == [None] * 51


def test_garbage_is_bounded(console):
    ask = console.ask
    if not ask("hasattr(__import__('gc'), 'mem_alloc')"):
        return  # CPython counts references instead
    ask("Nowhere = type('Nowhere', (), {'write': lambda self, data: None, 'flush': lambda self: None})")
    ask("console = Console(points, Nowhere(), lambda: None)")
    ask("import gc; gc.collect(); gc.disable(); before = gc.mem_alloc()")
    ask("console.window(points)")
    garbage = ask("gc.mem_alloc() - before")
    assert 0 < garbage < GARBAGE_LIMIT * (2 if ask("sys.maxsize > 2**32") else 1)


def test_reader_is_gone(remote):
    read_end, write_end = os.pipe()
    ask = remote((write_end,))
    os.close(write_end)
    os.close(read_end)
    for line in SET_UP.splitlines():
        ask(line)
    answer = ask(f"Console(points, StandardOutput({write_end}), lambda: None).window(points)")
    assert answer[0] in ("OSError", "BrokenPipeError")
