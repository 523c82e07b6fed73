"""firmware/wattless/services/console.py: the same JSON line, byte for byte, on every interpreter."""

import json
import os

import pytest

GARBAGE_LIMIT = 175_000  # bytes a window, where words have 32 bits
SET_UP = """\
from array import array
from wattless.points import Points
from wattless.services.console import Console
from standard_output import StandardOutput
points = Points()
def fill(n): points.stage[n] = (-1) ** n * 1.2345678901234567 * 7.3 ** (n % 9 - 4)
for n in range(len(points.stage)): n % 17 and fill(n)
points.stage[points.at('quadrant')] = 4
points.stage[points.at('source_h5')] = 2
points.put_list(points.list('vh_l1'), 0, array('i', range(-7, 44)), 0, 51, 0.3)
points.put('wh_import', 2**40)
points.publish(0.4, None, 5)
"""


@pytest.fixture
def console(remote):
    """console() gives one line; console.ask reaches the interpreter."""
    read_end, write_end = os.pipe()
    ask = remote((write_end,))
    for line in SET_UP.splitlines():
        assert ask(line) is None
    ask(f"console = Console(points, StandardOutput({write_end}), lambda: 0x1234)")

    def line():
        assert ask("console.window(points)") is None
        got = b""
        while not got.endswith(b"\n"):
            got += os.read(read_end, 65536)
        return got

    line.ask = ask
    line.more = lambda: os.read(read_end, 65536)
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
    energies = console.ask("points.ids('energy')")
    assert list(values)[: 4 + len(ids) + len(energies)] == ["window", "t", "flags", "dsp", *ids, *energies]
    assert list(values)[-1] == "supply_alarms"
    assert (values["window"], values["t"], values["flags"], values["dsp"]) == (0, 0.4, ["gap", "flat"], "00001234")
    assert (values["quadrant"], values["source_h5"]) == (4, "site")
    assert (values["wh_import"], values["wh_export"]) == (2**40, None)
    assert values["vh_l1"] == pytest.approx([0.3 * k for k in range(-7, 44)], rel=3e-7)
    assert values["f"] is None and values["vh_l2"] == [None] * 51  # not known
    for name in ids:
        if isinstance(values[name], list) or name == "quadrant" or name.startswith("source_h"):
            continue
        n = console.ask(f"points.at({name!r})")
        if n % 17 == 0:
            assert values[name] is None
        else:
            assert values[name] == pytest.approx((-1) ** n * 1.2345678901234567 * 7.3 ** (n % 9 - 4), rel=1e-7)


def test_an_interval_has_a_line_behind_the_window_it_ends_with(console):
    console()
    console.ask("points.stage[points.at('t3s_p')] = 12.5")
    console.ask("points.publish_interval('3 s', 1700000000000, 64)")
    read = console()
    while read.count(b"\n") < 2:
        read += console.more()
    window, interval = map(json.loads, read.splitlines())
    assert window["window"] == 0
    assert list(interval)[:4] == ["interval", "number", "end_ms", "flags"]
    assert (interval["interval"], interval["number"], interval["end_ms"]) == ("3 s", 1, 1700000000000)
    assert interval["flags"] == ["event"] and interval["t3s_p"] == 12.5 and interval["t3s_vh_l1"] == [None] * 51


def test_events_and_half_periods(console):
    console.ask("from wattless.event_log import EventLog")
    console.ask("log = EventLog(rate=12800)")
    console.ask("log.listeners.append(console.event)")
    console.ask("log.add(1, 1, 12800, 0.0625, 70.5, mask=3)")
    assert json.loads(console.more()) == {
        "event": "dip", "code": 1, "number": 1, "state": "end", "channel": "l1", "channels": ["l1", "l2"], "t": 1.0,
        "unix_ms": None, "duration": 0.0625, "residual": 70.5,
    }  # fmt: skip
    console.ask("points.stage[points.at('half_p_l2')] = -2.5")
    console.ask("points.publish_interval('half-cycle', 12345, 0)")
    console.ask("console.half(points)")
    half = json.loads(console.more())
    assert (half["half"], half["half_p_l2"], len(half)) == (12345, -2.5, 15)


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
