"""The model of the STM32F405 keeps the rules of its manual: each is broken here once."""

import pytest

from host_tools.emulator.stm32f405 import Board, Chip, Converter, ModelError
from host_tools.emulator.stm32f405.cost import handler_cost
from tests.hardware.bench import Bench, frame

DMA, S3, S4 = 0x40026000, 0x40026058, 0x40026070
RCC, SPI, TIM2, TIM5, USART, GPIOB = 0x40023800, 0x40003800, 0x40000000, 0x40000C00, 0x40004400, 0x40020400
RX_CR, TX_CR = 0x30400, 0x20440


@pytest.fixture
def chip():
    chip = Chip()
    board = Board(chip)
    board.frames.hardware.prepare()
    chip.address_of(chip.block)
    Converter(chip, frame)
    chip.advance(20000)  # a conversion
    chip.write(SPI + 4, 3)
    chip.write(GPIOB + 0x18, 1 << 28)  # CS low
    chip.into, chip.out = bytearray(32), bytearray(32)
    for stream, buffer in ((S3, chip.into), (S4, chip.out)):
        chip.write(stream + 8, SPI + 12)
        chip.write(stream + 12, chip.address_of(buffer))
        chip.write(stream + 4, 20)
    return chip


def start(chip, rx=RX_CR, tx=TX_CR):
    chip.write(S3, rx | 1)
    chip.write(S4, tx | 1)
    chip.advance(20 * 130)


def test_a_transfer_as_it_should_be(chip):
    start(chip)
    assert bytes(chip.into[:20]) == frame(0)
    assert chip.read(S3 + 4) == 0 and not chip.read(S3) & 1
    assert chip.read(DMA) >> 22 & 0x3F == 0x30  # HTIF3, TCIF3
    assert chip.read(DMA + 4) & 0x3F == 0x30
    assert chip.dma1.refused == []


def test_twenty_bytes_take_fifteen_microseconds(chip):
    chip.write(S3, RX_CR | 1)
    chip.write(S4, TX_CR | 1)
    chip.advance(20 * 128 - 1)
    assert chip.read(S3 + 4) == 1
    chip.advance(1)
    assert chip.read(S3 + 4) == 0


def test_a_stream_with_flags_is_not_enabled(chip):
    start(chip)
    chip.write(S3, RX_CR | 1)
    assert not chip.read(S3) & 1 and "stream 3 has flags" in chip.dma1.refused[0]
    chip.write(DMA + 8, 0x3D << 22)
    chip.write(S3, RX_CR | 1)
    assert chip.read(S3) & 1


def test_an_enabled_stream_is_not_written(chip):
    chip.write(S3, RX_CR | 1)
    chip.write(S3 + 4, 5)
    chip.write(S3 + 12, 0)
    assert chip.read(S3 + 4) == 20 and chip.read(S3 + 12) == chip.address_of(chip.into)
    assert len(chip.dma1.refused) == 2
    chip.write(S3, RX_CR)
    assert not chip.read(S3) & 1 and chip.read(DMA) >> 27 & 1  # disabled: that sets TCIF


@pytest.mark.parametrize("rx, tx", [(RX_CR | 1 << 25, TX_CR), (RX_CR, TX_CR | 1 << 26), (RX_CR | 1 << 6, TX_CR)])
def test_a_wrong_channel_or_direction_delivers_nothing(chip, rx, tx):
    start(chip, rx, tx)
    assert bytes(chip.into) == bytes(32)


def test_without_its_clock_nothing_moves_and_reads_are_zero(chip):
    chip.write(RCC + 0x30, chip.read(RCC + 0x30) & ~(1 << 21))
    start(chip)
    assert bytes(chip.into) == bytes(32)
    assert chip.read(S3 + 4) == chip.read(S3 + 8) == 0
    chip.write(0x42000000 + (RCC + 0x30 - 0x40000000) * 32 + 21 * 4, 1)  # bit-band: of this bit alone
    assert chip.read(RCC + 0x30) >> 21 & 1 and chip.read(S3 + 4) == 20
    start(chip)
    assert chip.read(S3 + 4) == 0


def test_other_than_bytes_is_said(chip):
    with pytest.raises(ModelError, match="only bytes in direct mode"):
        chip.write(S3, RX_CR | 1 << 11 | 1)


def test_an_address_where_nothing_is_is_said(chip):
    with pytest.raises(ModelError, match="0x40002000, where the model has nothing"):
        chip.read(0x40002000)
    with pytest.raises(ModelError, match="where no buffer is"):
        chip.load(0x2001FF00)
    with pytest.raises(ModelError, match="no register at offset"):
        chip.read(TIM2 + 0x50)


def test_an_overrun_ends_by_reading_dr_and_sr(chip):
    for _ in range(3):
        chip.write(SPI + 12, 0)
        chip.advance(200)
    assert chip.read(SPI + 8) & 0x41 == 0x41  # OVR, RXNE
    chip.read(SPI + 8)
    assert chip.read(SPI + 8) & 0x40
    chip.read(SPI + 12)
    chip.read(SPI + 8)
    assert chip.read(SPI + 8) & 0x41 == 0


def test_timers_count_and_capture(chip):
    before = chip.read(TIM2 + 0x24)
    chip.advance(13125 * 10)
    assert chip.read(TIM2 + 0x24) == before + 10
    captured = chip.read(TIM5 + 0x34)
    assert (chip.read(TIM5 + 0x24) - captured) * 2 < 13125
    chip.advance(13125)
    assert chip.read(TIM5 + 0x34) - captured in (6562, 6563)


def test_tc_falls_when_sr_was_read_before_dr_is_written(chip):
    board = Board(chip)
    board.port.init(115200, "E")
    assert chip.read(USART) & 0xC0 == 0xC0
    chip.write(USART + 4, 1)
    assert chip.read(USART) & 0xC0 == 0x80  # the first is shifted at once, the buffer is free
    chip.write(USART + 4, 2)
    assert chip.read(USART) & 0xC0 == 0
    chip.advance(40000)
    assert chip.read(USART) & 0xC0 == 0xC0 and [c.byte for c in chip.usart2.sent] == [1, 2]
    assert not any(c.whole for c in chip.usart2.sent)  # nobody raised the driver's pin


def test_bsrr_sets_before_it_resets(chip):
    chip.write(GPIOB + 0x18, 1 << 12 | 1 << 28)
    assert chip.gpiob.drives(12) == 1


def test_the_handler_is_shipped_code_and_its_cost_is_told():
    cost = handler_cost()
    bench = Bench()
    bench.run(40)
    assert [n for _, n in bench.chip.entries[-10:]] == [cost["frame"]] * 10
    assert cost["frame"] <= 300 and cost["window"] == 2560 * cost["frame"]
    assert cost["frame"] < cost["byte"] < cost["frame"] + 60 and cost["frame"] < cost["wrap"] < cost["worst"]
