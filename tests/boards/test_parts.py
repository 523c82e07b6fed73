"""The parts of the board packages on their own: clocks, consoles, RS-485 ports, inputs, memory, watchdog."""

import calendar
import json
from types import SimpleNamespace

import pytest

from tests.boards.chips import Fram
from tests.boards.stubs import BOARDS, Reset, loaded
from tests.boards.stubs_psoc6 import Kit
from tests.boards.stubs_stm32 import Pyboard

PYBOARD, KIT = BOARDS / "pybv11", BOARDS / "cy8cproto_062_4343w"


@pytest.fixture(params=["pybv11", "cy8cproto_062_4343w"])
def both(request):
    hardware = {"pybv11": Pyboard, "cy8cproto_062_4343w": Kit}[request.param]()
    with loaded(BOARDS / request.param, hardware) as board:
        yield board, hardware


@pytest.fixture
def pyboard():
    hardware = Pyboard()
    with loaded(PYBOARD, hardware) as board:
        yield board, hardware


@pytest.fixture
def kit():
    hardware = Kit()
    with loaded(KIT, hardware) as board:
        yield board, hardware


def ms(*t, thousandths=0):
    """Unix ms of a date, by the calendar of Python's library."""
    return calendar.timegm(t) * 1000 + thousandths


@pytest.mark.parametrize(
    "when",
    [
        ms(2025, 1, 1, 0, 0, 0),
        ms(2028, 2, 29, 23, 59, 59, thousandths=999),  # the next second is March
        ms(2031, 12, 31, 23, 59, 59, thousandths=499),
        ms(2038, 1, 19, 3, 14, 8),  # beyond 2**31 s
        ms(2099, 12, 31, 23, 59, 58, thousandths=1),
    ],
)
def test_clock_keeps_the_time_that_was_set(both, when):
    board, hardware = both
    board.clock.set(when)
    assert abs(board.clock.unix_ms() - when) <= 4
    for _ in range(20):
        hardware.go_on(97)
        board.clock.unix_ms()
    assert abs(board.clock.unix_ms() - (when + 20 * 97)) <= 5


def test_clock_reads_what_was_set_before_a_restart():
    """After a restart only whole seconds are left of what was set: half a second off at most."""
    when = ms(2026, 7, 4, 12, 0, 0, thousandths=650)
    for folder, hardware in ((PYBOARD, Pyboard()), (KIT, Kit())):
        with loaded(folder, hardware) as board:
            board.clock.set(when)
        hardware.pins.clear()
        hardware.go_on(5000)
        with loaded(folder, hardware) as board:
            assert abs(board.clock.unix_ms() - (when + 5000)) <= 1000


def test_clock_of_seconds_finds_the_second(kit):
    """The RTC of the PSoC 6 knows whole seconds: once it was seen to change, the time is right to the readings."""
    board, hardware = kit
    hardware.rtc = (2026, 1, 2, 5, 3, 4, 5, 0)
    hardware.rtc_us = hardware.now_us - 700_000  # 0.7 s into its second
    base = ms(2026, 1, 2, 3, 4, 5)
    assert board.clock.unix_ms() == base
    for _ in range(10):
        hardware.go_on(50)
        board.clock.unix_ms()
    # truth: base + 0.7 + 0.5 s; readings come every 50 ms
    assert 0 <= base + 1200 - board.clock.unix_ms() <= 50


def test_clock_goes_along_when_the_rtc_is_set_elsewhere(kit):
    board, hardware = kit
    board.clock.set(ms(2026, 1, 1, 0, 0, 0))
    hardware.rtc, hardware.rtc_us = (2027, 5, 6, 0, 7, 8, 9, 0), hardware.now_us
    assert board.clock.unix_ms() == ms(2027, 5, 6, 7, 8, 9)


def test_clock_never_set(both):
    board, _ = both
    assert board.clock.unix_ms() is None


@pytest.mark.parametrize("wrong", [0, -1, ms(2024, 12, 31, 23, 59, 59), ms(2100, 1, 1, 0, 0, 0)])
def test_clock_refuses(both, wrong):
    with pytest.raises(ValueError, match="2025 to 2099"):
        both[0].clock.set(wrong)


def test_inputs(both):
    board, hardware = both
    tamper, seal = ("B0", "B1") if board.NAME == "pybv11" else ("P9_2", "P9_3")
    assert board.tamper() is True and board.seal() is False  # open wires: cover open, no jumper
    hardware.drive(tamper, 0)
    hardware.drive(seal, 0)
    assert board.tamper() is False and board.seal() is True


def test_reset(both):
    with pytest.raises(Reset):
        both[0].reset()


def test_watchdog_of_the_pyboard(pyboard):
    board, hardware = pyboard
    assert board.start_watchdog(100_000) == 32767 and ("wdt", 32767) in hardware.calls


def test_watchdog_stays_off_on_the_bench(pyboard):
    board, hardware = pyboard
    hardware.switch = True
    assert board.start_watchdog(8000) == 0
    board.watchdog.feed()
    assert not [call for call in hardware.calls if call[0] in ("wdt", "feed")]


def test_watchdog_of_the_kit(kit):
    board, hardware = kit
    assert board.start_watchdog(8000) == 6000 and ("wdt", 6000) in hardware.calls


def test_ccm_is_64_kb_and_no_more(pyboard):
    board, hardware = pyboard
    memory = board.fast_ram(65536)
    assert len(memory) == 65536 and not any(memory)
    with pytest.raises(MemoryError, match="0 bytes of 65536 are left"):
        board.fast_ram(1)


@pytest.mark.parametrize("there", [True, False])
def test_memory_chip(there):
    hardware = Pyboard(memory=Fram() if there else None)
    with loaded(PYBOARD, hardware) as board:
        if not there:
            assert board.store is None and b"no memory chip on SPI1" in hardware.console()
            return
        assert (board.store.size, board.store.erase_size) == (32768, 0) and hardware.console() == b""
        board.store.write(0x1234, b"kept")
        buf = bytearray(6)
        board.store.readinto(0x1233, buf)
        assert buf == b"\0kept\0" and hardware.memory.memory[0x1234:0x1238] == b"kept"


# The USB port of the pyboard.


def test_usb_reads_what_is_there(pyboard):
    board, hardware = pyboard
    buf = bytearray(4)
    hardware.usb.typed += b"diag\n"
    before = hardware.waited_us
    assert (board.shell.readinto(buf), bytes(buf)) == (4, b"diag")
    assert (board.shell.readinto(buf), buf[:1]) == (1, b"\n") and board.shell.readinto(buf) == 0
    assert hardware.waited_us == before


def test_usb_takes_a_long_line(pyboard):
    board, hardware = pyboard
    line = bytes(range(65, 91)) * 800  # 20 KB, as a window's
    for at in range(0, len(line), 97):
        board.console.write(line[at : at + 97])
    assert hardware.console() == line and hardware.waited_us <= 30_000  # 1 KB a ms


def test_usb_does_not_wait_for_who_does_not_fetch(pyboard):
    board, hardware = pyboard
    hardware.usb.fetches = 0
    before = hardware.waited_us
    for _ in range(200):
        assert board.console.write(bytes(100)) == 100
        board.console.flush()
    assert hardware.waited_us - before <= 10_000 and board.console.unheard == 200 * 100 - 1024
    hardware.usb.fetches = hardware.usb.room = 1024
    board.console.flush()
    board.console.write(b"whole line\n")
    assert hardware.console()[1024:] == b"\nwhole line\n"  # what was cut ended with a line feed


def test_usb_without_a_host(pyboard):
    board, hardware = pyboard
    hardware.usb.connected = False
    before = hardware.waited_us
    board.announce("ready", {})
    assert hardware.console() == b"" and hardware.waited_us == before


def test_announcements_are_lines_of_json(both):
    board, hardware = both
    before = len(hardware.console())
    board.announce("modbus_rtu", {"path": "x", "baud": 9600})
    board.complain("and what is wrong")
    lines = bytes(hardware.console()[before:]).decode().splitlines()
    assert json.loads(lines[0]) == {"announce": "modbus_rtu", "path": "x", "baud": 9600}
    assert lines[1] == "and what is wrong"


# The console, the RS-485 port and the link of the PSoC 6.


def test_kit_console(kit):
    board, hardware = kit
    buf = bytearray(4)
    hardware.typed += b"diag\n"
    assert (board.shell.readinto(buf), bytes(buf)) == (4, b"diag")
    assert (board.shell.readinto(buf), board.shell.readinto(buf)) == (1, 0)


def test_kit_sends_replies_without_gaps(kit):
    board, hardware = kit
    (uart,), (line,) = board.uarts, hardware.uarts
    uart.init(115200, "E")
    reply = bytes(range(255))
    assert uart.write(reply) == 255 and bytes(line.sent) == reply[:128]
    for _ in range(5):
        hardware.go_on(5)  # the Modbus loop
        assert uart.readinto(bytearray(8)) == 0
    assert bytes(line.sent) == reply and hardware.waited_us == 0  # 24.3 ms on the line, the last 128 bytes in the FIFO


def test_kit_receives(kit):
    board, hardware = kit
    (uart,), (line,) = board.uarts, hardware.uarts
    line.rx.extend(b"\x01\x03\x00")
    buf = bytearray(8)
    assert (uart.readinto(buf), bytes(buf[:3]), uart.readinto(buf)) == (3, b"\x01\x03\x00", 0)


@pytest.mark.parametrize("baud, parity, legal", [(300, "E", "1200..230400"), (19200, "X", "E, O or N")])
def test_kit_refuses_line_settings(kit, baud, parity, legal):
    with pytest.raises(ValueError, match=legal):
        kit[0].uarts[0].init(baud, parity)


def test_kit_refuses_long_replies(kit):
    with pytest.raises(ValueError, match="256"):
        kit[0].uarts[0].write(bytes(257))


def test_kit_joins_and_joins_again(kit):
    board, hardware = kit
    board.link.connect(SimpleNamespace(wifi_ssid="site", wifi_password="secret"))
    assert board.link.connected() and board.link.status()["ip"] == "192.168.1.7"
    hardware.joined = None
    assert not board.link.connected()  # not at once: joining takes seconds
    hardware.go_on(30_000)
    assert board.link.connected() and board.link.restarts == 2


def test_kit_says_why_it_did_not_join(kit):
    board, _ = kit
    board.link.connect(SimpleNamespace(wifi_ssid="site", wifi_password="wrong"))
    assert not board.link.connected() and "33555456" in board.link.status()["reason"]


def test_kit_cannot_capture_and_says_so(kit):
    board, _ = kit
    assert board.frames is None and "Technical Reference Manual" in board.CAPTURE_REASON


def test_boot_keeps_the_pc_off_internal_flash():
    hardware = Pyboard()
    builtins = {"__import__": lambda name, *rest: hardware.modules[name]}
    exec((PYBOARD / "boot.py").read_text(), {"__builtins__": builtins})
    assert hardware.calls == [("usb", "VCP")]
