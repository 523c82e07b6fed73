"""Faults planted in the block's words, in the set-up and in the handler: the model and its tests find each of them."""

import pytest

from host_tools.emulator.stm32f405 import ModelError
from tests.hardware.bench import PERIOD, Bench, changed, up_to

WORDS = {
    "wrong stream for RX": ("RX", lambda word: word - 0x18),
    "wrong stream for TX": ("TX", lambda word: word + 0x18),
    "wrong channel for RX": ("RX_CR", lambda word: word | 1 << 25),
    "wrong channel for TX": ("TX_CR", lambda word: word | 3 << 25),
    "RX from memory to the SPI": ("RX_CR", lambda word: word | 1 << 6),
    "TX from the SPI to memory": ("TX_CR", lambda word: word & ~(1 << 6)),
    "RX without MINC": ("RX_CR", lambda word: word & ~(1 << 10)),
    "RX never enabled": ("RX_CR", lambda word: word & ~1),
    "RX of half-words": ("RX_CR", lambda word: word | 1 << 11 | 1 << 13),
    "circular": ("RX_CR", lambda word: word | 1 << 8),
    "flag of another stream": ("RX_DONE", lambda word: word >> 6),
    "half transfer taken for the whole": ("RX_DONE", lambda word: word >> 1),
    "RX's flags not cleared": ("RX_CLEAR", lambda word: 0),
    "all but RX's half transfer cleared": ("RX_CLEAR", lambda word: word & ~(1 << 26)),
    "TX's flags not cleared": ("TX_CLEAR", lambda word: 0),
    "another stream's flags cleared": ("TX_CLEAR", lambda word: word << 6),
    "CS upside down": ("CS_LOW", lambda word: word >> 16),
    "CS never high": ("CS_HIGH", lambda word: 1 << 28),
    "CS of another pin": ("CS_LOW", lambda word: word << 1),
    "a byte too few": ("BYTES", lambda word: word - 1),
    "a byte too many": ("BYTES", lambda word: word + 1),
    "ring too long": ("END", lambda word: word + 24 * 100),
    "the other timer counts": ("COUNT", lambda word: word + 0xC00),
    "no such register": ("TIMER", lambda word: word + 0x400),
    "pending flag of another line": ("LINE", lambda word: 2),
}

HANDLER = {
    "RX's flags not cleared": ("        dma[_LIFCR] = p[_RX_CLEAR]\n", ""),
    "CS not high between frames": ("        pins[0] = p[_CS_HIGH]\n", ""),
    "TX before RX, RX late": (
        "        rx[_CR] = p[_RX_CR]\n        tx[_CR] = p[_TX_CR]\n",
        "        tx[_CR] = p[_TX_CR]\n        left = 500\n        while left:\n            left -= 1\n"
        "        rx[_CR] = p[_RX_CR]\n",
    ),
    "address written behind the enable": (
        "        rx[_M0AR] = p[_SLOT] + 4\n        rx[_NDTR] = p[_BYTES]\n",
        "        rx[_NDTR] = p[_BYTES]\n        rx[_CR] = p[_RX_CR]\n        rx[_M0AR] = p[_SLOT] + 4\n",
    ),
    "frame over its number": ("rx[_M0AR] = p[_SLOT] + 4", "rx[_M0AR] = p[_SLOT]"),
    "slot given out while it is written": ("p[_SLOT] = at\n", "p[_SLOT] = at + p[_SIZE]\n"),
    "ring without an end": ("            at = p[_RING]\n", "            at = at\n"),
    "number of the frame before": ("((count + p[_SHIFT])", "((count + p[_SHIFT] - p[_KNOWN])"),
}  # fmt: skip


ROUND = 400  # periods: once round the ring and more


def look(bench, latency=60, periods=80):
    """What the tests of capture ask of undisturbed frames."""
    bench.chip.latency = up_to(latency)
    bench.run(periods)
    counters = bench.frames.counters()
    assert bench.lost() == 0 and len(bench.records()) >= periods - 10
    assert not any(counters[name] for name in ("overruns", "spi_errors", "drdy_missed", "drdy_jitter", "resyncs"))
    assert bench.chip.dma1.refused == [] and bench.converter.cut == []
    # the first delivered record is the third DRDY's: the numbers begin at 2
    assert bench.records()[0][0] == bench.conversions()[0] + 1


def test_without_a_fault_there_is_none():
    bench = Bench()
    look(bench, periods=ROUND)
    bench.chip.latency = up_to(150)
    bench.run(ROUND)
    assert bench.frames.counters()["drdy_spurious"] == 0 and bench.converter.cut == []


@pytest.mark.parametrize("fault", WORDS)
def test_a_wrong_word_is_found(fault):
    name, change = WORDS[fault]
    bench = Bench()
    word = change(bench.word(name))
    bench.set(name, (word + (1 << 31) & 0xFFFFFFFF) - (1 << 31))
    with pytest.raises((AssertionError, ModelError)):
        look(bench, periods=ROUND if "ring" in fault else 80)
        # without its flag cleared an interrupt late into the next period comes again for nothing; a frame that counts
        # as read at its half is cut by the next
        bench.chip.latency = up_to(150)
        bench.run(ROUND)
        assert bench.frames.counters()["drdy_spurious"] == 0 and bench.converter.cut == []


@pytest.mark.parametrize("fault", HANDLER)
def test_a_wrong_line_of_the_handler_is_found(fault):
    bench = Bench(code=changed(*HANDLER[fault]))
    with pytest.raises((AssertionError, ModelError)):
        look(bench, periods=ROUND if "ring" in fault else 80)


def test_a_handler_that_does_not_turn_the_clock_on_is_found():
    """Capture's start turns it on once; afterwards only the handler does."""

    def run(bench):
        bench.chip.at(PERIOD * 40 + 9000, lambda: bench.chip.rcc.write(0x30, 0x1FF))
        look(bench)

    run(Bench())
    with pytest.raises(AssertionError):
        run(Bench(code=changed("    clock[0] = 1\n", "")))


@pytest.mark.parametrize(
    "old, new",
    [
        ("1 << 9 | 1 << 8 | 1 << 6 | 1 << 3 | 1 << 2 | 1)", "1 << 9 | 1 << 8 | 1 << 6 | 1 << 3 | 1 << 2)"),  # mode 0
        ("1 << 9 | 1 << 8 | 1 << 6 | 1 << 3", "1 << 9 | 1 << 8 | 1 << 6 | 4 << 3"),  # f/32
        ("_SPI_DMA = const(3)", "_SPI_DMA = const(2)"),  # RX does not ask
        ("1 << 15 | 1 << 14 | 3 << 8", "1 << 14 | 3 << 8"),  # TIM2 counts rising edges
        ("1 << 14 | 1 << 3 | 1  # 6.3.13", "1 << 14 | 1 << 3  # 6.3.13"),  # TIM2 has no clock
        ("= 3 << 4  # MMS 3", "= 2 << 4  # MMS 3"),  # no TRGO with each capture
        ("Pin.IRQ_FALLING", "Pin.IRQ_RISING"),
        ('Pin("A0", Pin.ALT, pull=Pin.PULL_UP, alt=1)', 'Pin("A0", Pin.IN, pull=Pin.PULL_UP)'),  # not TIM2's
        ("Pin(name, Pin.ALT, alt=5)", "Pin(name, Pin.ALT, alt=6)"),
        ("0x18 * 3", "0x18 * 2"),
    ],
)
def test_a_wrong_setting_of_the_board_is_found(old, new, monkeypatch):
    from host_tools.emulator.stm32f405 import board

    text = board.FRONT_END.read_text()
    assert text.count(old) == 1, old
    monkeypatch.setattr(board, "front_end_source", lambda: text.replace(old, new))
    with pytest.raises((AssertionError, ModelError)):
        bench = Bench()
        look(bench)
        assert bench.frames.counters()["drdy_untimed"] == 0 and bench.frames.counters()["worst_us"] < 65
