"""The driver of the ADS131M08 when something is wrong: what it says, what it counts, what it recovers from."""

import numpy as np
import pytest

from host_tools.ads131m08_model import Chip, constant
from host_tools.ads131m08_model import registers as r
from tests.capture.ads131m08_bench import Bench, Stuck, calibration
from wattless.capture.ads131m08 import INPUT_CRC, LOCKED, MAP_CHANGED, RESET, STANDBY, WAS_RESET, AdcError

READY = 0x00FF


@pytest.mark.parametrize("address", range(r.MODE, r.LAST + 1))
def test_a_register_that_reads_back_otherwise_is_named(address):
    wanted = Bench().open().chip.regs[address]
    with pytest.raises(AdcError) as error:
        Bench(Stuck(address, 0x0200)).open()
    assert str(error.value) == f"{r.NAMES[address]}: read 0x{wanted ^ 0x0200:04X}, wanted 0x{wanted:04X}"


@pytest.mark.parametrize(
    "found, said",
    [
        (0x2400, "ID: read 0x2400, wanted 0x28xx"),  # the ADS131M04
        (0x0000, "ID: read 0x0000, wanted 0x28xx: MISO does not move, is the chip powered, CS wired?"),
    ],
)
def test_another_chip(found, said):
    with pytest.raises(AdcError) as error:
        Bench(Stuck(r.ID, r.ID_VALUE ^ found)).open()
    assert str(error.value) == said


@pytest.mark.parametrize("level, read", [(0, "0x0000"), (1, "0xFFFF")])
def test_miso_stuck(level, read):
    bench = Bench()
    bench.chip.stuck = level
    with pytest.raises(AdcError, match=f"ID: read {read}, wanted 0x28xx: MISO does not move"):
        bench.open()


def test_a_reset_that_does_not_happen():
    bench = Bench()
    bench.driver._reset = lambda: None
    bench.open()  # after power came, all is well
    with pytest.raises(AdcError, match="STATUS: read 0x80.., wanted 0x05xx: the reset did not reach the chip"):
        bench.open()


def test_no_clock():
    """Registers work without CLKIN, conversions do not."""
    bench = Bench()
    bench.chip._completion = lambda channel: 1 << 62
    with pytest.raises(AdcError, match="STATUS: read 0x8000, wanted DRDY of all channels: is there CLKIN"):
        bench.open()


def test_wrong_crc_while_opening():
    for frame in range(4, 38):
        bench = Bench()
        transfer = bench.driver._transfer
        count = iter(range(100))

        def spoiled(tx, rx, transfer=transfer, count=count, frame=frame, chip=bench.chip):
            chip.corrupt = next(count) == frame
            transfer(tx, rx)

        bench.driver._transfer = spoiled
        try:
            bench.open()
        except AdcError as error:
            assert str(error).startswith("CRC of a frame: read 0x")
        else:
            # the frame's answer was of no interest: that of a NULL, sent along with the next command
            assert bench.driver.crc_errors <= 1


def test_a_register_too_few_written():
    class Deaf(Chip):
        def _write(self, command, values):
            super()._write(command - 1 if command & 0x7F else command, values)

    with pytest.raises(AdcError) as error:
        Bench(Deaf()).open()
    assert str(error.value) == "CLOCK: writing 8 registers was answered by 0x4186, wanted 0x4187"


def test_a_frame_with_a_wrong_crc():
    bench = Bench().open()
    bench.chip.sources[2] = constant(0.6)
    bench.chip.corrupt = 2
    assert bench.frames(4) == [-1, -1, 0x80FF, 0x80FF]
    assert bench.driver.crc_errors == 2
    assert [bench.driver.code(k) for k in range(8)] == [0, 0, 16384, 0, 0, 0, 0, 0]


def test_codes_of_both_widths():
    for bits in (16, 24):
        bench = Bench().open(bits=bits)
        for k, volts in enumerate((0.0, 1.2, -1.2, 1.5, -1.5, 0.3, -1.2 / 32768, -1.2 / (1 << 23))):
            bench.chip.sources[k] = constant(volts)
        bench.frames(6)
        top = 1 << bits - 1
        least = -1  # of 16 bits: the lower 8 are cut off, so it is -1 still
        wanted = [0, top - 1, -top, top - 1, -top, top // 4, -(top // 32768), least]
        assert [bench.driver.code(k) for k in range(8)] == wanted


def test_gains_of_the_groups():
    bench = Bench().open(gain_v=2, gain_i=16)
    bench.chip.sources = [constant(1.2 / 64)] * 8
    bench.frames(6)
    assert [bench.driver.code(k) for k in range(8)] == [1024] * 3 + [8192] * 4 + [512]


@pytest.mark.parametrize("bits, word", [(16, 0x80FF), (24, 0x81FF)])
def test_after_a_pause(bits, word):
    """Both slots of the FIFO are full: until they are emptied, samples come one period late and DRDY stays low."""
    bench = Bench().open(bits=bits)
    chip = bench.chip
    assert bench.frames(3) == [word] * 3 and chip.drdy == 1
    chip.advance(10 * chip.period)
    bench.frames(5)
    assert chip.drdy == 0
    bench.start()
    assert bench.frames(3) == [word] * 3 and chip.drdy == 1


def test_a_sync_on_the_beat_of_the_data_rate():
    """It does nothing: of the driver's two pulses one is always off the beat."""
    bench = Bench().open()
    chip = bench.chip
    for late in range(0, 520, 8):
        chip.advance(10 * chip.period + (chip._origin - chip.now) % chip.period)
        chip.advance(late)
        bench.start()
        assert bench.frames(2) == [0x80FF] * 2 and chip.drdy == 1
    chip.advance((chip._origin - chip.now) % chip.period + chip.period)
    chip.pulse(10)
    assert bench.frames(2) == [0x80FF] * 2  # no F_RESYNC


def test_channels_are_in_step_whatever_their_phases():
    given = calibration(ch0=(0x800000, 0, -127), ch1=(0x800000, 0, 128), ch2=(0x800000, 0, 40))
    for pause in range(0, 600, 50):
        bench = Bench().open(calibration=given)
        bench.chip.advance(3000 + pause)
        bench.start()
        rows = np.arange(8)[:, None] * np.full(8, 256)  # the number of the conversion, in every channel
        bench.chip.feed(rows)
        for _ in range(7):
            bench.frames(1)
            assert len({bench.driver.code(k) for k in range(8)}) == 1


def test_two_frames_at_once_may_put_channels_out_of_step():
    """Why the driver does not do that: here channel 0's sample comes between the two frames."""
    bench = Bench().open(calibration=calibration(ch0=(0x800000, 0, -127)))
    chip = bench.chip
    chip.feed(np.arange(100)[:, None] * np.full(8, 256))
    chip.advance(10 * chip.period)
    chip.advance((chip._completion(0) - chip.now) % chip.period - 150)  # a frame takes 100
    bench.driver.frame()
    bench.driver.frame()
    bench.frames(3)
    assert bench.driver.code(0) == bench.driver.code(1) - 1


def test_samples_after_sync_are_settled_from_the_third_on():
    bench = Bench().open()
    bench.chip.sources = [constant(0.6)] * 8
    bench.chip.advance(1000)
    bench.start()
    assert bench.driver.code(0) < 16384
    bench.frames(1)
    assert bench.driver.code(0) < 16384
    for _ in range(3):
        assert bench.frames(1) == [0x80FF] and bench.driver.code(0) == 16384


def test_drdy_that_stays_away():
    bench = Bench().open()
    driver, chip = bench.driver, bench.chip

    def now():
        return int(chip.seconds() * 1e6)

    bench.frames(2)
    assert driver.silent(len(chip.falls), now()) == 0
    chip.lost_drdys = 3
    chip.advance(3 * chip.period)
    assert driver.silent(len(chip.falls), now()) == 0  # a few: frames are lost, but it goes on
    bench.frames(1)
    assert driver.silent(len(chip.falls), now()) == 0
    chip.lost_drdys = 1000
    chip.advance(7 * chip.period)
    assert driver.silent(len(chip.falls), now()) == 0
    chip.advance(2 * chip.period + 10)
    assert driver.silent(len(chip.falls), now()) == 9
    assert driver.silent(len(chip.falls), now() - (1 << 30)) == 9  # ticks that wrapped
    chip.lost_drdys = 0
    bench.frames(1)
    assert driver.silent(len(chip.falls), now()) == 0


@pytest.mark.parametrize("bits", [16, 24])
def test_a_brown_out(bits):
    bench = Bench().open(bits=bits)
    bench.frames(3)
    bench.chip.brown_out()
    seen = bench.frames(6)
    if bits == 16:  # the chip speaks in words of 24 bits
        assert seen == [-1] * 6
    else:
        assert seen[0] == 0xFF28 and all(status & WAS_RESET and not status & LOCKED for status in seen[1:])
    said = "UNLOCK|CRC" if bits == 16 else "STATUS: read 0x85.., wanted 0x81FF"
    with pytest.raises(AdcError, match=said):
        bench.driver.calibrate(None)
    bench.open(bits=bits)
    assert bench.frames(2) == [0x80FF | (bits == 24) << 8] * 2


def test_a_register_that_changes_by_itself():
    bench = Bench().open()
    assert bench.frames(40) == [0x80FF] * 40 and not bench.driver.map_changed()
    bench.chip.upset(r.CH0_CFG + 5 * 3 + 3, 0x0001)
    assert [s for s in bench.frames(20) if s & MAP_CHANGED] == [0x80FF | MAP_CHANGED]
    assert bench.driver.map_changed()
    bench.driver.calibrate(None)
    assert not bench.driver.map_changed() and bench.start().frames(3) == [0x80FF] * 3


def test_locked_registers_and_commands_stay():
    bench = Bench().open()
    assert bench.driver.command(0x6180) & ~READY == 0x8000  # WREG CLOCK is no command now: the answer is STATUS
    assert bench.driver.command(RESET) & ~READY == 0x8000
    assert bench.driver.command(STANDBY) & ~READY == 0x8000
    assert bench.driver.read(r.CLOCK) == 0xFF06
    bench.frames(2)
    assert bench.frames(2) == [0x80FF] * 2


def test_a_frame_spoiled_on_its_way_to_the_chip():
    bench = Bench(crc_in=True).open()
    for damage in (0x0001, 0x8000):
        driver = bench.driver
        good = bytes(driver.tx)
        driver.tx[:2] = damage.to_bytes(2, "big")
        assert bench.frames(1) == [0x80FF]
        driver.tx[:] = good
        assert bench.frames(2) == [0x80FF | INPUT_CRC, 0x80FF]


def test_calibrate_without_effect_is_an_error():
    bench = Bench().open()
    bench.chip.regs.write = lambda address, value: True
    with pytest.raises(AdcError, match="CH6_OCAL_LSB: read 0x0000, wanted 0x0700"):
        bench.driver.calibrate(calibration(ch6=(0x800000, 7, 0)))


def test_clipping_and_a_flat_line():
    bench = Bench().open()
    bench.chip.sources[0] = lambda t: 1.3 * (-1.0) ** (t * 100 // 1)  # 50 Hz square wave above full scale
    bench.chip.flat[1] = 0x123400
    codes = []
    for _ in range(600):
        bench.frames(1)
        codes.append((bench.driver.code(0), bench.driver.code(1)))
    assert {a for a, _ in codes} >= {32767, -32768} and {b for _, b in codes[3:]} == {0x1234}
