"""The shipped handler on the modelled STM32F405: frames in the ring, interrupts that come late, DRDYs that do not."""

import pytest

from host_tools.emulator.stm32f405 import CYCLES_PER_US
from tests.hardware.bench import PERIOD, Bench, frame, up_to

QUIET = ("overruns", "spi_errors", "drdy_missed", "drdy_spurious", "drdy_jitter", "drdy_untimed", "resyncs")


def quiet(counters):
    return {name: counters[name] for name in QUIET if counters[name]}


@pytest.mark.parametrize("bits, periods", [(16, 2500), (24, 600)])
def test_thousands_of_frames_byte_for_byte(bits, periods):
    bench = Bench(bits=bits)
    bench.run(periods)
    records = bench.records()
    assert len(records) >= periods - 5  # the first DRDY's frame empties the FIFO, the last one is under way
    assert [content for _, _, content in records] == [frame(k, bits) for k in bench.conversions()]
    assert bench.lost() == 0 and not any(mark for _, mark, _ in records)
    assert quiet(bench.frames.counters()) == {} and bench.chip.dma1.refused == []
    assert bench.converter.commands == []  # the converter heard nothing but NULL
    if bits == 24:
        size = bench.frames.record_bytes
        assert all(bench.got[at + 34 : at + 36] == b"\0\0" for at in range(0, len(bench.got), size))


def test_no_frame_is_lost_at_latencies_up_to_60_us():
    bench = Bench(up_to(60))
    bench.run(2000)
    counters = bench.frames.counters()
    assert bench.lost() == 0 and len(bench.records()) >= 1995
    assert quiet(counters) == {} and bench.converter.blocked == []
    assert counters["worst_us"] >= 60


def test_nor_at_latencies_just_below_the_period_where_reading_does_not_hold_back_drdy():
    """The frame before is still under way when the next DRDY's interrupt runs: it is waited for."""
    bench = Bench(up_to(73), blocks=False)
    bench.run(1000)
    assert bench.lost() == 0 and quiet(bench.frames.counters()) == {}
    assert bench.frames.counters()["drdy_late"] > 0


@pytest.mark.parametrize("us", [76, 150, 400])
def test_later_interrupts_lose_frames_and_say_which(us):
    bench = Bench()
    bench.run(20)
    bench.chip.latency = up_to(us)
    bench.run(800)
    bench.chip.latency = lambda: 0
    bench.run(20)
    counters = bench.frames.counters()
    lost = bench.lost()  # numbers and conversions agree
    assert 0 < lost == counters["drdy_missed"] and counters["spi_errors"] == 0
    assert counters["drdy_jitter"] == 0  # what is late is the interrupt, not DRDY
    assert counters["drdy_late"] > 0


def test_interrupts_off_for_a_second_are_counted_exactly():
    """As an erase of the internal flash would do: TIM2 counts on."""
    bench = Bench()
    bench.run(100)
    bench.chip.handles = False
    bench.run(12800, every=0)
    bench.chip.handles = True
    bench.chip.ask_interrupt()
    bench.run(200)
    assert 12795 <= bench.lost() <= 12805
    assert bench.frames.counters()["drdy_missed"] == bench.lost()


def test_a_drdy_off_its_time_marks_its_frame():
    bench = Bench(up_to(60))
    start = bench.converter.converted
    bench.converter.offsets = {start + 100: 3 * CYCLES_PER_US, start + 200: -5 * CYCLES_PER_US}
    bench.run(400)
    marked = [k for k, (_, mark, _) in zip(bench.conversions(), bench.records(), strict=True) if mark]
    # the one that is off, and the one behind it, whose period is too short or too long
    assert marked == [start + 100, start + 101, start + 200, start + 201]
    assert bench.lost() == 0 and bench.frames.counters()["drdy_jitter"] == 4


def test_half_a_microsecond_is_no_jitter():
    bench = Bench()
    bench.converter.offsets = {k: (-1) ** k * CYCLES_PER_US // 4 for k in range(0, 500)}
    bench.run(400)
    assert bench.frames.counters()["drdy_jitter"] == 0 and bench.lost() == 0


def test_drdys_that_never_fall_are_known_by_their_time():
    """TIM2 cannot count them; the samples stay in the FIFO, so what is read would be one behind for ever."""
    bench = Bench()
    bench.converter.missing = {100, 200, 201}
    bench.run(400)
    assert bench.lost() == 3 == bench.frames.counters()["drdy_missed"]
    assert {100, 200, 201}.isdisjoint(bench.conversions())


@pytest.mark.parametrize("phase", [0.1, 0.3, 0.5])
def test_spikes_on_drdy_are_no_frames(phase):
    bench = Bench()
    for period in (100, 150, 200):
        bench.chip.at(int(PERIOD * (period + phase)), bench.converter.spike)
    bench.run(400)
    counters = bench.frames.counters()
    assert bench.lost() == 0 and counters["drdy_spurious"] == 3 and counters["drdy_jitter"] == 0


def test_a_spike_just_before_a_drdy_costs_one_frame():
    """The reading that it starts, of nothing, holds back the DRDY."""
    bench = Bench(up_to(5))
    bench.chip.at(int(PERIOD * 100.82), bench.converter.spike)
    bench.run(400)
    assert bench.converter.blocked == [100] and bench.lost() == 1
    assert bench.frames.counters()["drdy_spurious"] == 1


def test_without_the_captured_time_the_count_alone_numbers():
    """A TIM5 that captures nothing: said, not fatal, and frames are lost where it matters."""
    bench = Bench(up_to(60), prepare=lambda bench: None)
    bench.chip.tim5.write(0x20, 0)  # CC1E off
    bench.run(200)
    assert bench.lost() == 0 and bench.frames.counters()["drdy_untimed"] >= 195
    bench.chip.latency = up_to(200)
    bench.run(400)
    bench.chip.latency = lambda: 0
    bench.run(20)
    numbers = [number for number, _, _ in bench.records()]
    assert len(numbers) > 350 and numbers == sorted(set(numbers))
    assert numbers[-1] - numbers[0] + 1 - len(numbers) == bench.frames.counters()["drdy_missed"] > 0


def gate(bench):
    """The DMA's clock goes off, as MicroPython's dma_idle_handler does it."""
    bench.chip.rcc.write(0x30, bench.chip.rcc.registers[0x30] & ~(1 << 21))


def test_the_clock_of_the_dma_goes_off_between_two_frames():
    bench = Bench()
    bench.chip.at(PERIOD * 100 + 9000, lambda: gate(bench))
    bench.run(200)
    assert bench.lost() == 0 and quiet(bench.frames.counters()) == {}
    assert bench.chip.rcc.registers[0x30] >> 21 & 1


def test_the_clock_of_the_dma_goes_off_within_a_frame():
    """The converter waits for the rest of the frame, without DRDY: the main loop starts anew after 10 ms, and frames
    go on with the right number."""
    bench = Bench()
    bench.chip.at(PERIOD * 100 + 1800, lambda: gate(bench))
    bench.run(1000)
    counters = bench.frames.counters()
    assert counters["resyncs"] == 1 and len(bench.converter.cut) == 1
    assert 100 <= bench.lost() <= 170 and bench.lost() - counters["drdy_missed"] in (1, 2)  # read and not delivered
    assert counters["drdy_jitter"] == 0 and bench.conversions()[-1] >= 990


def test_a_frame_that_loses_bytes_is_cut_off_and_the_next_ones_are_right():
    """A stream that never ends: that frame and the one after it are lost, and what came while the handler waited."""
    bench = Bench()

    def starve():
        bench.chip.dma1.streams[3].registers[0] &= ~1  # as a transfer error does (10.3.16)

    bench.chip.at(PERIOD * 100 + 2800, starve)
    bench.run(300)
    counters = bench.frames.counters()
    assert counters["spi_errors"] == 1 and bench.lost() == 2 + counters["drdy_missed"] <= 3
    assert counters["resyncs"] == 0


def test_numbers_have_30_bits():
    bench = Bench()
    bench.set("SHIFT", (1 << 30) - 50 - bench.word("LAST_COUNT"))
    bench.run(200)
    numbers = [number for number, _, _ in bench.records()]
    assert max(numbers) == (1 << 30) - 1
    assert [n % (1 << 30) for n in range(numbers[0], numbers[0] + len(numbers))] == numbers
