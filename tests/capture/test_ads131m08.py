"""What the driver of the ADS131M08 puts on DIN, byte by byte, written from the data sheet SBAS950B: commands and their
words (table 8-11), registers (table 8-12), CRC (8.3.12)."""

from binascii import crc_hqx

import pytest

from host_tools.ads131m08_model import Chip
from tests.capture.ads131m08_bench import Bench, calibration, din
from wattless.capture import ads131m08
from wattless.capture.ads131m08 import AdcError, clocking, crc16

NEUTRAL = (0x0004, 0x0000, 0x0000, 0x8000, 0x0000)  # CFG: DC block off, OCAL, GCAL
READ_8, WRITE_8, WRITE_6 = 0xA007, 0x6007, 0x6005


def register_words(clock, gain1, gain2, channels):
    """Contents of 03h to 30h."""
    return [clock, gain1, gain2, 0x0600, 0x0000, 0x0000, *[word for channel in channels for word in channel]]


def opening(words, mode, width):
    """DIN of all of open(): reset, ID, registers written and read back, MODE, LOCK, the map's CRC, SYNC."""
    frames = [din(0), din(0xA000), din(0xA080), din(0)]
    for at in (0x03, 0x0B, 0x13, 0x1B, 0x23):
        frames += [din(WRITE_8 | at << 7, *words[at - 3 : at + 5]), din(0)]
    frames += [din(WRITE_6 | 0x2B << 7, *words[0x28:]), din(0)]
    for at in (0x03, 0x0B, 0x13, 0x1B, 0x23, 0x29):
        frames += [din(READ_8 | at << 7), din(0)]
    frames.append(din(0x6100, mode))  # WREG MODE: 011 000010 0000000
    # its answer; RREG MODE; LOCK; RREG REGMAP_CRC; two to see STATUS; the first after SYNC
    for word in (0, 0xA100, 0, 0x0555, 0, 0xBF00, 0, 0, 0, 0):
        frames.append(din(word, width=width))
    return frames


@pytest.mark.parametrize(
    "rate, bits, gain_v, gain_i, mode, clock, gain1, gain2",
    [
        # MODE: REGCRC_EN, WLENGTH, TIMEOUT; CLOCK: all channels, OSR 256: 001b, high resolution: 10b
        (12800, 16, 1, 1, 0x2010, 0xFF06, 0x0000, 0x0000),
        (12800, 24, 1, 1, 0x2110, 0xFF06, 0x0000, 0x0000),
        (10240, 16, 2, 8, 0x2010, 0xFF06, 0x3111, 0x0333),
        (2560, 24, 1, 128, 0x2110, 0xFF0E, 0x7000, 0x0777),  # 5.24288 MHz / 2 / 1024
        (1600, 24, 64, 32, 0x2110, 0xFF12, 0x5666, 0x0555),  # 6.5536 MHz / 2 / 2048
    ],
)
def test_opening_byte_by_byte(rate, bits, gain_v, gain_i, mode, clock, gain1, gain2):
    bench = Bench(Chip(clkin=clocking(rate)[0])).open(rate, bits, gain_v, gain_i)
    assert bench.sent == opening(register_words(clock, gain1, gain2, [NEUTRAL] * 8), mode, bits // 8)
    assert bench.chip.complaints == []
    assert bench.driver.tx == bytes(10 * bits // 8)
    assert (bench.driver.rate, bench.driver.bits, bench.driver.clkin) == (rate, bits, bench.chip.clkin)


def test_some_of_these_bytes_as_the_data_sheet_spells_them():
    bench = Bench().open()
    assert bench.sent[1].hex(" ", 3)[:13] == "a00000 000000"  # RREG ID: 101 000000 0000000
    assert bench.sent[4].hex(" ", 3).split()[:4] == ["618700", "ff0600", "000000", "000000"]  # WREG 03h, 8 registers
    assert bench.got[5].hex(" ", 3).split()[0] == "418700"  # 010 000011 0000111: eight written
    assert bench.got[0].hex(" ", 3).split()[0] == "ff2800"  # the answer to a reset
    assert bench.got[2].hex(" ", 3).split()[0] == "280000"
    assert bench.got[3].hex(" ", 3).split()[0][:2] == "05"  # STATUS: RESET, words of 24 bits
    assert bench.got[17].hex(" ", 3).split()[0] == "e18700"  # the answer to RREG 03h, 8 registers: 111 000011 0000111


def test_calibration_registers():
    given = calibration(
        ch0=(0x7DA91E, 0, 0),  # 0.98173
        ch3=(0xFFFFFF, -1, 5),
        ch6=(0x800001, 0x123456, -100),
        ch7=(0x000000, -0x800000, 127),
    )
    words = register_words(
        0xFF06,
        0x0000,
        0x0000,
        [
            (0x0004, 0x0000, 0x0000, 0x7DA9, 0x1E00),
            NEUTRAL,
            NEUTRAL,
            (0xFEC4, 0xFFFF, 0xFF00, 0xFFFF, 0xFF00),  # PHASE -5: 11 1111 1011b
            NEUTRAL,
            NEUTRAL,
            (0x1904, 0x1234, 0x5600, 0x8000, 0x0100),  # PHASE 100: 00 0110 0100b
            (0xE044, 0x8000, 0x0000, 0x0000, 0x0000),  # PHASE -127: 11 1000 0001b
        ],
    )
    assert Bench().open(calibration=given).sent == opening(words, 0x2010, 2)


def test_whole_samples_of_a_delay_are_not_the_converters():
    # 4 degrees of 50 Hz: 728.2 periods of 6.5536 MHz / 2: 3 samples of 256 less 40 periods, which come earlier: +40
    bench = Bench().open(calibration=calibration(ch3=(0x800000, 0, 728)))
    assert bench.chip.register(9 + 5 * 3) >> 6 == 40
    for delay, bits in ((128, 0x380), (129, 127), (-127, 127), (255, 1), (256, 0)):
        bench = Bench().open(calibration=calibration(ch3=(0x800000, 0, delay)))
        assert bench.chip.register(9 + 5 * 3) >> 6 == bits, delay


def test_calibrating_while_it_runs():
    bench = Bench().open()
    before = len(bench.sent)
    bench.driver.calibrate(calibration(ch1=(0x800000, 7, 0)))
    sent = bench.sent[before:]
    assert sent[0] == din(0x0655, width=2)  # UNLOCK
    assert sent[2] == din(WRITE_8 | 9 << 7, 4, 0, 0, 0x8000, 0, 4, 0, 0x0700, width=2)
    assert din(0x0555, width=2) in sent  # LOCK again
    assert bench.start().frames(3) == [0x80FF] * 3
    assert bench.chip.regs.offset(1) == 7 and bench.driver.map_changed() is False


def test_crc_vectors():
    assert crc16(b"123456789", 9) == 0x29B1  # CRC-16/CCITT-FALSE
    # a frame that an ADS131M04 sent, of six words of 24 bits, zeros in its channels: the padding counts
    assert crc16(bytes.fromhex("810000") + bytes(12), 15) == 0xB42D
    assert crc16(b"", 0) == 0xFFFF


@pytest.mark.parametrize("bits", [16, 24])
def test_crc_of_what_the_driver_sends(bits):
    """With RX_CRC_EN: behind the command, for WREG behind the registers; not yet in the frame that switches it on."""
    bench = Bench(crc_in=True).open(bits=bits)
    width = bits // 8
    switch = bench.sent.index(din(0x6100, 0x3010 | (bits == 24) << 8))
    assert all(frame == din(*_words(frame, 3)[: 1 + _used(frame)]) for frame in bench.sent[:switch])
    assert len(bench.sent) > switch + 9
    bench.driver.calibrate(calibration(ch0=(0x900000, -5, 9)))
    for frame in bench.sent[switch + 1 :]:
        n = width * (1 + _used(frame))
        assert frame[n : n + 2] == crc_hqx(frame[:n], 0xFFFF).to_bytes(2, "big")
        assert frame[n + 2 :] == bytes(len(frame) - n - 2)
    assert bench.driver.tx == bench.sent[-1]
    assert bench.driver.tx.hex() == {16: "00001d0f", 24: "000000cc9c00"}[bits].ljust(20 * width, "0")
    assert bench.start().frames(3) == [0x80FF | (bits == 24) << 8] * 3


def _words(frame, width):
    return [int.from_bytes(frame[at : at + 2], "big") for at in range(0, len(frame), width)]


def _used(frame):
    """Registers that a WREG brings along."""
    return (frame[1] & 0x7F) + 1 if frame[0] >> 5 == 3 else 0


def test_rates():
    assert clocking(12800) == (6553600, 1) and clocking(10240) == (5242880, 1)
    assert clocking(6400) == (6553600, 2) and clocking(2560) == (5242880, 3) and clocking(160) == (5242880, 7)
    for rate, clkin in ((12801, None), (25600, None), (0, None), (10240, 6553600), (12800, 8192000)):
        with pytest.raises(ValueError, match=f"rate: {rate} S/s is not legal: want one of "):
            clocking(rate, clkin)
    with pytest.raises(ValueError) as error:
        clocking(8000)
    rates = "12800, 6400, 3200, 1600, 800, 400, 200, 10240, 5120, 2560, 1280, 640, 320, 160"
    assert str(error.value) == f"rate: 8000 S/s is not legal: want one of {rates}"
    for rate in map(int, rates.split(", ")):
        clkin, code = clocking(rate)
        assert clkin / 2 / (128 << code) == rate


@pytest.mark.parametrize(
    "given, said",
    [
        ({"bits": 32}, "bits: 32 is not legal: want 16 or 24"),
        ({"gain_v": 3}, "gain_v: 3 is not legal: want one of 1, 2, 4, 8, 16, 32, 64, 128"),
        ({"gain_i": 256}, "gain_i: 256 is not legal"),
        ({"calibration": calibration(ch2=(1 << 24, 0, 0))}, "gain of channel 2: 16777216 is not legal: want 0"),
        ({"calibration": calibration(ch2=(0, 1 << 23, 0))}, "offset of channel 2: 8388608 is not legal"),
        ({"rate": 2560, "calibration": calibration(ch5=(0, 0, 300))}, "phase of channel 5: 300 is not legal"),
    ],
)
def test_nothing_is_sent_when_a_setting_is_not_legal(given, said):
    bench = Bench(Chip(clkin=5242880 if "rate" in given else 6553600))
    with pytest.raises(ValueError, match=said):
        bench.open(**given)
    assert bench.sent == []


def test_pulses_are_in_the_data_sheets_limits():
    """Table 6.6, at both clocks: a reset at least 2048 tCLKIN, a SYNC 1 to 2047."""
    for clkin in ads131m08.CLOCKS:
        assert ads131m08.RESET_LOW_US * clkin >= 2048e6
        assert 1e6 <= ads131m08.SYNC_LOW_US * clkin <= 2047e6
    assert issubclass(AdcError, OSError)
