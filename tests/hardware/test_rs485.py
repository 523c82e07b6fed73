"""RS-485 from the interrupt: bytes, their times, the direction pin; and what happens without the interrupt."""

import pytest

from host_tools.emulator.stm32f405 import CYCLES_PER_US
from tests.hardware.bench import PERIOD, Bench, changed, up_to

REPLY = bytes(range(1, 256))


def send(bench, reply, baud, parity="E"):
    """Sends a reply and runs until it has left. Returns the cycle at which it was written."""
    bench.board.port.init(baud, parity)
    start = bench.chip.now
    assert bench.board.port.write(reply) == len(reply)
    character = bench.chip.usart2.character_cycles()
    bench.run((len(reply) + 2) * character // PERIOD + 60)
    return start


def check(bench, reply, start):
    usart = bench.chip.usart2
    character = usart.character_cycles()
    assert bytes(c.byte for c in usart.sent) == reply
    assert all(c.whole for c in usart.sent), "the driver was off while a character was on the line"
    gaps = [b.start - a.end for a, b in zip(usart.sent, usart.sent[1:], strict=False)]
    assert max(gaps, default=0) < 1.5 * character  # else the frame is two (serial line guide 2.5.1.1)
    (on, up), (off, down) = usart.driver
    assert (up, down) == (1, 0)
    assert on < usart.sent[0].start <= on + 2 * PERIOD
    latest = 2 * PERIOD  # two DRDYs, the second one as late as it may be
    assert 0 <= off - usart.sent[-1].end < latest
    assert usart.sent[0].start - start < 4 * PERIOD


# at 1,200 Bd 255 bytes take 2.3 s, 30,000 interrupts: 12 of them show the same
@pytest.mark.parametrize("baud, size", [(1200, 12), (9600, 255), (115200, 255)])
def test_a_reply_leaves_byte_for_byte_and_no_frame_is_lost(baud, size):
    bench = Bench(up_to(50))
    bench.run(20)
    start = send(bench, REPLY[:size], baud)
    check(bench, REPLY[:size], start)
    counters = bench.frames.counters()
    assert bench.lost() == 0 and counters["spi_errors"] == counters["drdy_missed"] == 0
    assert bench.board.uart.waited == 0


def test_two_replies_one_after_the_other():
    bench = Bench()
    send(bench, b"first", 115200)
    send(bench, b"second one", 115200, "N")
    assert bytes(c.byte for c in bench.chip.usart2.sent) == b"firstsecond one"
    assert [level for _, level in bench.chip.usart2.driver] == [1, 0, 1, 0]
    settings = bench.board.uart.settings
    assert (settings.parity, settings.stop, settings.timeout, settings.rxbuf >= 260) == (None, 2, 0, True)


def test_a_reply_while_one_leaves_is_refused():
    bench = Bench()
    bench.board.port.init(9600, "E")
    bench.board.port.write(b"0123456789")
    bench.run(40)
    assert bench.board.port.write(b"x" * 5) == 5
    bench.run(400)
    assert bytes(c.byte for c in bench.chip.usart2.sent) == b"0123456789"
    assert bench.frames.counters()["replies_refused"] == 1
    with pytest.raises(ValueError, match="257 bytes; 256 are allowed"):
        bench.board.port.write(bytes(257))


def test_drdy_ends_in_the_middle_of_a_reply():
    """The main loop finds it out and sends the rest, so that the bus is not held for ever."""
    bench = Bench()
    bench.board.port.init(9600, "E")
    bench.run(20)
    bench.board.port.write(REPLY[:60])
    bench.run(100)
    bench.converter.on = False
    bench.run(600)
    usart = bench.chip.usart2
    assert bytes(c.byte for c in usart.sent) == REPLY[:60] and all(c.whole for c in usart.sent)
    assert usart.driver[-1][1] == 0 and bench.chip.gpioc.drives(5) == 0
    assert bench.board.uart.waited >= 1 and bench.frames.counters()["resyncs"] >= 1


def test_drdy_ends_while_the_last_byte_is_on_the_line():
    bench = Bench()
    bench.board.port.init(1200, "E")
    bench.run(20)
    bench.board.port.write(b"ab")
    while bench.word("SEND_LEFT"):
        bench.run(1, every=1)
    bench.converter.on = False
    bench.run(600)
    usart = bench.chip.usart2
    assert bytes(c.byte for c in usart.sent) == b"ab" and all(c.whole for c in usart.sent)
    assert bench.chip.gpioc.drives(5) == 0


def test_without_frames_write_waits():
    bench = Bench()
    bench.board.port.init(19200, "O")
    bench.frames._stop()
    bench.board.port.write(b"hello")
    usart = bench.chip.usart2
    assert bytes(c.byte for c in usart.sent) == b"hello" and all(c.whole for c in usart.sent)
    assert usart.driver[-1][1] == 0 and bench.board.uart.settings.parity == 1


def test_reading_takes_what_is_there():
    bench = Bench()
    buffer = bytearray(8)
    assert bench.board.port.readinto(buffer) == 0
    bench.board.uart.received += b"0123456789"
    assert bench.board.port.readinto(buffer) == 8 and bytes(buffer) == b"01234567"
    assert bench.board.port.readinto(buffer) == 2 and bytes(buffer[:2]) == b"89"


@pytest.mark.parametrize(
    "old, new",
    [
        ("usart[_USART_SR] & _USART_TC:", "usart[_USART_SR] & _USART_TXE:"),  # off when the last byte begins
        ("            if usart[_USART_SR] & _USART_TXE:", "            if left:"),  # over the last byte
        ("pins[0] = p[_DE_ON]", "pins[0] = p[_DE_OFF]"),
        ("p[_SEND_AT] = at + 1", "p[_SEND_AT] = at + 2"),
        ("p[_SEND_LEFT] = left - 1", "p[_SEND_LEFT] = left - 2"),
        ("pins[0] = p[_DE_OFF]", "pins[0] = 0"),
    ],
)
def test_a_wrong_line_is_found(old, new):
    bench = Bench(code=changed(old, new))
    bench.run(20)
    start = send(bench, REPLY[:20], 9600)
    with pytest.raises((AssertionError, ValueError, IndexError)):
        check(bench, REPLY[:20], start)


def test_a_character_takes_what_the_line_says():
    bench = Bench()
    send(bench, b"ab", 9600)
    first = bench.chip.usart2.sent[0]
    assert (first.end - first.start) / CYCLES_PER_US == pytest.approx(11e6 / 9600, rel=0.001)
