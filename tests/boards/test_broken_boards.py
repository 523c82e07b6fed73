"""The conformance test finds what is wrong: a good board, made here, and one fault after the other."""

import json
from types import SimpleNamespace

import pytest

from host_tools.toolchain.build_mpy import GENERATED
from tests.boards.conformance import problems
from tests.boards.stubs import ROOT, Hardware

MANIFEST = f"""
import os
include("$(PORT_DIR)/boards/manifest.py")
NOT = ("manifest.py", "points_table.py", "points_families.py", "codes.py")
for base in ({str(ROOT / "firmware")!r}, {str(ROOT / GENERATED)!r}):
    for folder, _, names in os.walk(base):
        for name in names:
            if name.endswith(".py") and name not in NOT:
                module(os.path.relpath(os.path.join(folder, name), base), base_path=base, opt=2)
module("board.py", opt=2)
"""
WIRING = """# Wiring
## 1. Safety first
Mains voltage kills. CAT III 300 V, a fuse in each lead, isolation. Not yet built or measured.
## 2. Pins
| pin | use | goes to |
|---|---|---|
| A1 | USART1 TX | the bus |
| A2 | input | the cover |
"""


class Bench(Hardware):
    pin_names = frozenset({"A1", "A2", "A3"})

    def __init__(self):
        super().__init__()
        self.said = bytearray()

    def console(self):
        return self.said


class Clock:
    def __init__(self, hardware):
        self._hardware = hardware
        self._set = None

    def ticks_ms(self):
        return self._hardware.now_us // 1000

    def ticks_us(self):
        return self._hardware.now_us

    def diff(self, a, b):
        return (a - b + (1 << 29)) % (1 << 30) - (1 << 29)

    def unix_ms(self):
        return None if self._set is None else self._set[0] + (self._hardware.now_us - self._set[1]) // 1000

    def set(self, unix_ms):
        if unix_ms < 1735689600000:
            raise ValueError("want 2025 or later")
        self._set = (unix_ms, self._hardware.now_us)


class Frames:
    record_bytes = 24

    def open(self, settings, calibration):
        raise OSError("the converter does not answer")

    def calibrate(self, calibration):
        pass

    def readinto(self, buf):
        return 0

    def counters(self):
        return {"overruns": 0}


class Uart:
    path = "USART1"

    def init(self, baud, parity):
        self.baud, self.parity = baud, parity

    def readinto(self, buf):
        return 0

    def write(self, buf):
        return len(buf)


class Stream:
    def __init__(self, hardware):
        self._hardware = hardware

    def write(self, data):
        self._hardware.said += bytes(data)
        return len(data)

    def flush(self):
        pass

    def readinto(self, buf):
        return 0


class Link:
    name = "link"

    def connect(self, settings):
        if not getattr(settings, "wifi_ssid", None):
            raise ValueError("wifi_ssid is not set")

    def connected(self):
        return False

    def status(self):
        return {"name": "link", "state": "joining", "reason": "no such network"}


class Dog:
    def __init__(self, hardware):
        self._hardware = hardware
        self.on = False

    def feed(self):
        if self.on:
            self._hardware.call("feed")


@pytest.fixture
def good(tmp_path, mpy_tables):
    """(board, folder, hardware) of a board without a fault."""
    hardware = Bench()
    hardware.take("A1", "USART1 TX")
    hardware.take("A2", "input")
    stream = Stream(hardware)

    def say(text):
        stream.write(text.encode() + b"\n")

    def start_watchdog(timeout_ms):
        if timeout_ms < 1:
            raise ValueError("want 1 ms or more")
        hardware.call("wdt", timeout_ms)
        board.watchdog.on = True
        return timeout_ms

    board = SimpleNamespace(
        NAME="bench", frames=Frames(), realtime=True, clock=Clock(hardware), epoch_ms=None, fast_ram=bytearray,
        evidence_ram=64, evidence_buffer=lambda: bytearray(64), thumb=True, uarts=[Uart()], host="0.0.0.0", link=Link(),
        console=stream, shell=stream, store=None, watchdog=Dog(hardware), start_watchdog=start_watchdog,
        tamper=lambda: False, seal=None, reset=lambda: None,
        leave=lambda code: None, config_path=None, rooms=("tcp", "mqtt", "evidence"),
        serve_json=False, serve_half_cycle=False, serve_modbus=True,
        announce=lambda what, details: say(json.dumps({"announce": what, **details})), complain=say,
    )  # fmt: skip
    folder = tmp_path / "bench"
    folder.mkdir()
    about = {
        "id": "bench", "mcu": "m4", "product": "Bench", "vendor": "us", "url": "", "docs": "wiring.md", "thumbnail": "",
        "features": [], "images": [], "deploy": [], "machine": "Bench",
    }  # fmt: skip
    for name, text in (("board.json", json.dumps(about)), ("wiring.md", WIRING), ("manifest.py", MANIFEST)):
        (folder / name).write_text(text)
    (folder / "board.py").write_text("")
    return board, folder, hardware


def test_a_good_board(good):
    assert problems(*good) == []


def one(good, wanted):
    """There is one problem, and it says `wanted`."""
    found = problems(*good)
    assert len(found) == 1 and wanted in found[0], found


NAMES = [
    "NAME", "frames", "realtime", "clock", "epoch_ms", "fast_ram", "evidence_ram", "evidence_buffer", "thumb", "uarts",
    "host", "link", "console", "shell", "store", "watchdog", "start_watchdog", "tamper", "seal", "reset", "leave",
    "config_path",
    "rooms", "serve_json", "serve_half_cycle", "serve_modbus", "announce", "complain",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_missing(good, name):
    delattr(good[0], name)
    one(good, f"lacks the name {name}")


class Waits(Uart):
    hardware = None

    def write(self, buf):
        self.hardware.wait(len(buf) * 573)
        return len(buf)


class Slow(Stream):
    def readinto(self, buf):
        self._hardware.wait(1_000_000)
        return 0


class Loud(Frames):
    def open(self, settings, calibration):
        pass


VALUES = [  # name, value (or function of the hardware that makes it), what is said
    ("NAME", "other", "the folder is 'bench'"),
    ("realtime", 1, "want True or False"),
    ("epoch_ms", 17, "want None on hardware"),
    ("host", 0, "want None or str"),
    ("tamper", lambda: 1, "tamper() gives 1"),
    ("reset", lambda now: None, "reset(now)"),
    ("announce", lambda what: None, "want a function of 2"),
    ("rooms", ("tcp", "cellar"), "'cellar' is none of"),
    ("rooms", ["tcp"], "want a tuple"),
    ("rooms", ("tcp", "tcp"), "want a tuple of different names"),
    ("evidence_ram", 128, "evidence_buffer() has 64 bytes"),
    ("frames", None, "want a text that says why"),
    ("frames", Loud(), "want OSError"),
    ("frames", SimpleNamespace(record_bytes=24, readinto=len, counters=dict, calibrate=len), "frames lacks open"),
    ("uarts", (), "want a list"),
    ("link", None, "mqtt wants a link"),
    ("complain", lambda text: None, "want one line"),
    ("store", SimpleNamespace(name="chip", endurance=1e5, files=False, readinto=len, write=len), "store lacks erase"),
    ("store", SimpleNamespace(files=True, names=len, read=len, write=len, make=len, name="x"), "lacks endurance"),
    ("shell", SimpleNamespace(write=len), "shell lacks readinto"),
]  # fmt: skip


@pytest.mark.parametrize("name, value, said", VALUES)
def test_a_value_is_wrong(good, name, value, said):
    setattr(good[0], name, value)
    assert any(said in line for line in problems(*good)), problems(*good)


def test_memory_is_not_cleared(good):
    good[0].fast_ram = lambda n: bytearray(b"\x01" * n)
    assert any("not 0" in line for line in problems(*good))


def test_memory_is_given_twice(good):
    memory = bytearray(65536)

    def fast_ram(n):
        return memoryview(memory)[:n]

    good[0].fast_ram = fast_ram
    one(good, "the same memory twice")


@pytest.mark.parametrize(
    "name, wrong, said",
    [
        ("ticks_ms", lambda self: self._hardware.now_us // 500, "600 ms"),
        ("diff", lambda self, a, b: a - b, "over the wrap"),
        ("unix_ms", lambda self: 0, "want None"),
        ("set", lambda self, unix_ms: None, "takes 1970"),
    ],
)
def test_the_clock_is_wrong(good, name, wrong, said):
    board, folder, hardware = good
    board.clock = type("Wrong", (Clock,), {name: wrong})(hardware)
    assert any(said in line for line in problems(*good)), problems(*good)


@pytest.mark.parametrize(
    "name, wrong, said",
    [
        ("readinto", lambda self, buf: None, "want 0"),
        ("write", lambda self, buf: 1, "gives 1"),
        ("init", lambda self, baud, parity: Uart.init(self, 9600, parity), "leaves baud 9600"),
        ("path", None, "without path"),
    ],
)
def test_the_uart_is_wrong(good, name, wrong, said):
    good[0].uarts = [type("Wrong", (Uart,), {name: wrong})()]
    assert any(said in line for line in problems(*good)), problems(*good)


def test_a_uart_waits(good):
    board, folder, hardware = good
    uart = Waits()
    uart.hardware = hardware
    board.uarts = [uart]
    one(good, "uarts: waited 149")


def test_the_shell_waits(good):
    board, folder, hardware = good
    board.shell = Slow(hardware)
    one(good, "streams: waited 1000.0 ms")


@pytest.mark.parametrize(
    "name, wrong, said",
    [
        ("connected", lambda self: True, "before connect"),
        ("status", lambda self: {}, "name, state and reason"),
        ("connect", lambda self, settings: None, "want ValueError"),
        ("name", None, "lacks its name"),
    ],
)
def test_the_link_is_wrong(good, name, wrong, said):
    good[0].link = type("Wrong", (Link,), {name: wrong})()
    assert any(said in line for line in problems(*good)), problems(*good)


def test_the_watchdog_comes_late(good):
    board, folder, hardware = good
    dog, board.watchdog = board.watchdog, None

    def start_watchdog(timeout_ms):
        board.watchdog = dog

    board.start_watchdog = start_watchdog
    one(good, "nobody who asked before")


def test_the_watchdog_is_not_fed(good):
    good[0].watchdog.feed = lambda: None
    one(good, "want it started once and then fed")


def test_something_raises(good):
    good[0].tamper = lambda: 1 / 0
    one(good, "kinds: ZeroDivisionError")


FILES = [  # file, replaced, by, what is said
    ("board.json", '"mcu"', '"cpu"', "board.json lacks mcu"),
    ("board.json", '"bench"', '"other"', "id is 'other'"),
    ("board.json", "{", "", "is not JSON"),
    ("board.json", '"wiring.md"', '"more.md"', "there is no more.md"),
    ("board.json", '"machine"', '"m"', "lacks machine"),
    ("wiring.md", "Mains voltage kills.", "", "does not say 'mains voltage kills'"),
    ("wiring.md", "## 1. Safety first\n", "", "want the safety notes"),
    ("wiring.md", "| A1 | USART1 TX", "| A1 | USART1 RX", "A1 is told as USART1 RX, and taken as USART1 TX"),
    ("wiring.md", "| A2 | input | the cover |\n", "", "A2 is told as None"),
    ("wiring.md", "| A2 | input | the cover |\n", "| A2 | input | |\n| A3 | output | |\n", "A3 is told as output"),
    ("wiring.md", "| A2 | input | the cover |\n", "| A2 | input | |\n| A2 | input | |\n", "stands twice"),
    ("wiring.md", "| pin | use |", "| where | what |", "no table of pins"),
    ("manifest.py", 'module("board.py", opt=2)', "", "leaves out board.py"),
    ("manifest.py", '"codes.py"', '"none.py"', "freezes wattless/codes.py, which is not for a meter"),
    ("manifest.py", 'module("board.py", opt=2)', 'module("board.py")', "board.py with opt=0"),
    ("manifest.py", 'module("board.py", opt=2)', 'module("bored.py", opt=2)', "does not exist"),
    ("manifest.py", 'include("$(PORT_DIR)/boards/manifest.py")', "", "what the port freezes"),
    ("manifest.py", "import os", "import nothing_like_that", "ModuleNotFoundError"),
]


@pytest.mark.parametrize("name, old, new, said", FILES)
def test_a_file_is_wrong(good, name, old, new, said):
    path = good[1] / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    assert any(said in line for line in problems(*good)), problems(*good)


@pytest.mark.parametrize("name", ["board.json", "wiring.md", "manifest.py"])
def test_a_file_is_missing(good, name):
    (good[1] / name).unlink()
    assert any(f"{name} is missing" in line for line in problems(*good))


def test_a_pin_is_taken_twice():
    hardware = Bench()
    hardware.take("A1", "USART1 TX")
    with pytest.raises(ValueError, match="is taken by USART1 TX"):
        hardware.take("A1", "output")
    with pytest.raises(ValueError, match="doesn't exist"):
        hardware.take("A9", "output")
