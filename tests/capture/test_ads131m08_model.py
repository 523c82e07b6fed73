"""The model of the ADS131M08 against its data sheet, SBAS950B: resets, commands, responses, CRC, FIFO, DRDY."""

from binascii import crc_hqx

import numpy as np
import pytest

from host_tools import adc_model
from host_tools.ads131m08_model import Chip, constant
from host_tools.ads131m08_model import registers as r
from host_tools.ads131m08_model.chip import RESET_PERIODS
from tests.capture.ads131m08_bench import Bench, din

READY = 0x00FF


def woken(**options):
    """A chip whose registers are there, its first answer heard."""
    chip = Chip(**options)
    chip.advance(100)
    assert chip.transfer(din())[:3].hex() == "ff2800"
    return chip


def ask(chip, *words, width=3):
    """The first word of the answer, which comes with the next frame."""
    chip.transfer(din(*words, width=width))
    return int.from_bytes(chip.transfer(din(width=width))[:2], "big")


def test_registers_after_a_reset():
    """Table 8-12."""
    chip = woken()
    wanted = {0: 0x2800, 2: 0x0510, 3: 0xFF0E, 4: 0, 5: 0, 6: 0x0600, 7: 0, 8: 0, 0x31: 0, 0x3D: 0, 0x3E: 0, 0x3F: 0}
    for k in range(8):
        wanted |= dict(zip(range(9 + 5 * k, 14 + 5 * k), (0, 0, 0, 0x8000, 0), strict=True))
    assert {address: ask(chip, 0xA000 | address << 7) for address in wanted} == wanted
    assert ask(chip, 0xA080) & ~READY == 0x0500  # STATUS: RESET, 24 bits
    assert r.NAMES[0x30] == "CH7_GCAL_LSB" and len(r.NAMES) == 0x32


def test_bits_that_cannot_be_written_stay():
    chip = woken()
    for address in (0, 1, 0x31, 0x3E):
        before = chip.register(address) & ~READY
        ask(chip, 0x6000 | address << 7, 0xFFFF)
        assert chip.register(address) & ~READY == before
    for address, mask in ((2, 0x3F1F), (3, 0xFF1F), (4, 0x7777), (9, 0xFFC7), (0x0B, 0xFF00), (0x30, 0xFF00)):
        regs = r.Registers()
        assert regs.write(address, 0xFFFF) and regs[address] == mask | r.DEFAULTS[address] & ~mask
        assert regs.write(address, 0) and regs[address] == r.DEFAULTS[address] & ~mask


COMMANDS = [
    # table 8-11: command, answer
    (0x0011, 0xFF28),
    (0x0022, 0x0022),
    (0x0033, 0x0033),
    (0x0555, 0x0555),
    (0x0655, 0x0655),
    (0xA180, 0xFF0E),  # one register: its contents
    (0xA182, 0xE182),  # three
    (0x1234, 0x0500),  # no command: STATUS, as NULL
]


@pytest.mark.parametrize("command, answer", COMMANDS)
def test_commands_and_their_answers(command, answer):
    chip = woken()
    chip.transfer(din(command))
    chip.advance(40)  # for a reset: registers take 5 us, 33 periods
    assert int.from_bytes(chip.transfer(din())[:2], "big") == answer


def test_a_reset_needs_a_whole_frame():
    """8.5.1.10.2: else the command is answered by itself."""
    chip = woken()
    ask(chip, 0x6200, 0x1234)
    chip.transfer(din(0x0011)[:27])
    assert chip.transfer(din())[:2].hex() == "0011"
    assert ask(chip, 0xA200) == 0x1234 & 0x7777
    chip.transfer(din(0x0011))
    assert chip.transfer(din()) == bytes(30) and chip.complaints  # within tREGACQ
    chip.advance(40)
    assert chip.transfer(din())[:2].hex() == "ff28" and chip.register(4) == 0


@pytest.mark.parametrize("low, is_reset", [(1, False), (RESET_PERIODS - 1, False), (RESET_PERIODS, True)])
def test_sync_or_reset(low, is_reset):
    """Table 6.6: 1 to 2047 tCLKIN, from 2048 on."""
    chip = woken()
    ask(chip, 0x6200, 0x0007)
    chip.advance(1000)
    chip.pulse(low)
    chip.advance(40)
    assert (chip.register(4) == 0) is is_reset
    assert (chip.transfer(din())[:2].hex() == "ff28") is is_reset
    assert chip.complaints == []


def test_reading_several_registers():
    """8.5.1.10.7.2: the ack, the registers, the CRC, no data. What is sent meanwhile is no command."""
    chip = woken()
    chip.sources = [constant(0.5)] * 8
    chip.transfer(din(0xA103))
    frame = chip.transfer(din(0x0022))
    assert frame.hex(" ", 3).split()[:5] == ["e10300", "051000", "ff0e00", "000000", "000000"]
    assert frame[15:].hex() == crc_hqx(frame[:15], 0xFFFF).to_bytes(2, "big").hex().ljust(30, "0")
    assert int.from_bytes(chip.transfer(din())[:2], "big") & ~READY == 0x0500 and chip.running


def test_writing_registers():
    """8.5.1.10.8: the answer counts those that exist; the frame may be longer than ten words."""
    chip = woken()
    assert ask(chip, 0x6201, 0x1111, 0x2222) == 0x4201
    assert (chip.register(4), chip.register(5)) == (0x1111, 0x2222)
    many = 0x6000 | 0x09 << 7 | 19, *range(0x100, 0x1500, 0x100)  # four channels
    chip.transfer(b"".join(w.to_bytes(2, "big") + b"\0" for w in many))
    assert int.from_bytes(chip.transfer(din())[:2], "big") == 0x4000 | 0x09 << 7 | 19
    assert [chip.register(a) for a in (0x09, 0x0A, 0x0D, 0x1C, 0x1D)] == [0x0100, 0x0200, 0x0500, 0x1400, 0]
    assert ask(chip, 0x6000 | 0x2F << 7 | 3, 0x1234, 0x5600, 1, 2) == 0x4000 | 0x2F << 7 | 1
    assert chip.regs.gcal(7) == 0x123456
    assert ask(chip, 0x6000, 0xFFFF) == 0x4000 | 0x7F  # none: one less than 0


@pytest.mark.parametrize("mode, width", [(0x0010, 2), (0x0110, 3), (0x0210, 4), (0x0310, 4)])
def test_word_lengths(mode, width):
    chip = woken()
    chip.sources[:2] = [constant(-0.6), constant(0.6)]
    chip.transfer(din(0x6100, mode))
    for _ in range(5):
        chip.next_drdy()
        frame = chip.transfer(bytes(10 * width))
    words = [frame[at : at + width].hex() for at in range(0, 10 * width, width)]
    assert words[0] == f"{mode & 0x0300 | READY:04x}".ljust(2 * width, "0")
    wanted = {
        0x0010: ["c000", "4000", "0000"],
        0x0110: ["c00000", "400000", "000000"],
        0x0210: ["c0000000", "40000000", "00000000"],  # zeros behind
        0x0310: ["ffc00000", "00400000", "00000000"],  # the sign in front
    }
    assert words[1:4] == wanted[mode]
    assert words[9] == f"{crc_hqx(frame[: 9 * width], 0xFFFF):04x}".ljust(2 * width, "0")


def test_the_crc_vectors():
    assert r.crc16(b"123456789") == 0x29B1
    assert r.crc16(b"123456789", 0x8005) == 0xAEE7  # CRC-16/CMS
    assert r.crc16(bytes.fromhex("810000") + bytes(12)) == 0xB42D  # sent by an ADS131M04


def test_ansi_crc():
    chip = woken()
    chip.transfer(din(0x6100, 0x0910))
    frame = chip.transfer(din())
    frame = chip.transfer(din())
    assert int.from_bytes(frame[27:29], "big") == r.crc16(frame[:27], 0x8005) != r.crc16(frame[:27])
    assert frame[0] == 0x09  # CRC_TYPE stands in STATUS too


def test_input_crc():
    """8.3.12: behind the command; with a wrong one only WREG is executed, and CRC_ERR is set until STATUS was sent."""
    chip = woken()
    ask(chip, 0x6100, 0x1110)

    def crc(*words):
        return crc_hqx(b"".join(w.to_bytes(2, "big") + b"\0" for w in words), 0xFFFF)

    def status():
        return int.from_bytes(chip.transfer(din(0, crc(0)))[:2], "big") & ~READY

    status()
    chip.transfer(din(0x0022, crc(0x0022) ^ 1))
    assert status() == 0x1100 and chip.running
    assert status() == 0x0100
    chip.transfer(din(0x6200, 0x0005, crc(0x6200, 0x0005) ^ 0x8000))
    assert chip.register(4) == 0x0005 and status() == 0x1100
    chip.transfer(din(0x6200, 0x0006, crc(0x6200, 0x0006)))
    assert int.from_bytes(chip.transfer(din(0x0022, crc(0x0022)))[:2], "big") == 0x4200 and chip.register(4) == 0x0006
    assert not chip.running and int.from_bytes(chip.transfer(din())[:2], "big") == 0x0022
    assert int.from_bytes(chip.transfer(din(0, crc(0)))[:2], "big") & ~READY == 0x1100  # the NULL before had no CRC


def test_locked():
    """8.5.1.10.5: only NULL, UNLOCK and RREG."""
    chip = woken()
    ask(chip, 0x0555)
    for command in (0x0011, 0x0022, 0x0033, 0x6200):
        assert ask(chip, command, 0x0007) & ~READY == 0x8500
    assert chip.running and chip.register(4) == 0 and ask(chip, 0xA180) == 0xFF0E
    ask(chip, 0x0655)
    assert ask(chip, 0x6200, 0x0007) == 0x4200 and chip.register(4) == 7


def test_standby():
    chip = woken()
    ask(chip, 0x0022)
    assert not chip.next_drdy(100_000)
    ask(chip, 0x0033)
    assert chip.next_drdy()


def test_a_channel_switched_off_sends_zeros():
    chip = woken()
    chip.sources = [constant(0.6)] * 8
    ask(chip, 0x6180, 0xFD06)
    for _ in range(4):
        chip.next_drdy()
        frame = chip.transfer(din())
    assert frame[3:12].hex(" ", 3) == "400000 000000 400000" and frame[1] == 0xFD


@pytest.mark.parametrize("clkin, osr, period", [(6553600, 256, 512), (5242880, 256, 512), (5242880, 1024, 2048)])
def test_drdy_comes_every_two_osr(clkin, osr, period):
    chip = woken(clkin=clkin)
    ask(chip, 0x6180, 0xFF02 | (osr // 256).bit_length() << 2)
    for _ in range(6):
        chip.next_drdy()
        chip.transfer(din())
    assert set(np.diff(chip.falls[-5:])) == {period}
    assert clkin / period in (12800, 10240, 2560)


def test_drdy_unread_still_falls_every_period():
    """DRDY_FMT 0: it goes high for a moment first. As a pulse (1) every other one is skipped."""
    for mode, every in ((0x0510, 1), (0x0511, 2)):
        chip = woken()
        ask(chip, 0x6101, mode, 0xFF06)
        chip.advance(20 * 512)
        assert set(np.diff(chip.falls[-4:])) == {every * 512}


def test_drdy_does_not_move_while_a_frame_is_on_its_way():
    chip = woken(sclk=1_000_000)
    ask(chip, 0x6180, 0xFF06)
    chip.next_drdy()
    before = len(chip.falls)
    chip.transfer(din())  # 240 us: three conversions
    assert len(chip.falls) == before and chip.drdy == 0


def test_drdy_select():
    """8.6: of the most lagging channel, of any, of the most leading."""
    for select, offsets in ((0, {2 * 100}), (1, {2 * 100, 0, -2 * 100}), (2, {-2 * 100}), (3, {-2 * 100})):
        chip = woken()
        ask(chip, 0x6101, 0x0510 | select << 2, 0xFF06)
        ask(chip, 0x6000 | 9 << 7, 100 << 6)
        ask(chip, 0x6000 | 14 << 7, (-100 & 0x3FF) << 6)
        chip.advance(10 * 512)
        assert {(at - chip._origin + 256) % 512 - 256 for at in chip.falls[-9:]} == offsets


def test_fifo_of_two():
    """8.5.1.9.1: a flag of STATUS stays until both samples were read."""
    chip = woken()
    ask(chip, 0x6180, 0xFF06)
    chip.pulse(7)
    chip.feed(np.arange(1, 9)[:, None] * np.ones((1, 8), dtype=int))
    chip.advance(5 * 512 + 10)
    seen = []
    for _ in range(3):
        frame = chip.transfer(din())
        seen.append((frame[1], frame[5], chip.drdy))
    assert seen == [(0xFF, 4, 0), (0xFF, 5, 1), (0x00, 5, 1)]


def test_resynchronisation():
    """8.4.5: off the beat the filters start anew and F_RESYNC says so, once; on the beat nothing happens."""
    chip = woken()
    ask(chip, 0x6180, 0xFF06)
    chip.next_drdy()
    beat = chip._origin
    chip.advance((beat - chip.now) % 512 + 512)
    chip.pulse(10)
    assert chip._origin == beat and not chip.status() & r.F_RESYNC
    chip.advance((beat - chip.now) % 512 + 100)
    at = chip.now
    chip.pulse(10)
    assert chip._origin == at and chip.status() & r.F_RESYNC and chip.status() & READY == 0
    assert chip.next_drdy() and chip.now == at + 512
    assert [chip.transfer(din())[0] & 0x40 for _ in range(2)] == [0x40, 0]


def test_register_map_crc():
    """8.3.13: a bit a tCLKIN; REG_MAP says that it changed, until STATUS was sent."""
    chip = woken()
    ask(chip, 0x6100, 0x2510)
    chip.advance(2 * 752)
    data = b"".join(chip.register(a).to_bytes(2, "big") for a in range(2, 0x31))
    assert chip.register(r.REGMAP_CRC) == crc_hqx(data, 0xFFFF)
    assert [chip.transfer(din())[0] & 0x20 for _ in range(2)] == [0x20, 0]
    chip.upset(0x30, 0x0100)
    chip.advance(752)
    assert chip.register(r.REGMAP_CRC) != crc_hqx(data, 0xFFFF)
    assert [chip.transfer(din())[0] & 0x20 for _ in range(2)] == [0x20, 0]


def test_faults():
    chip = Bench().open().chip
    chip.jitter.extend([13, 0, 40])
    base = chip.falls[-1]
    for _ in range(4):
        chip.next_drdy()
        chip.transfer(bytes(20))
    assert [at - base for at in chip.falls[-4:]] == [512 + 13, 1024, 1536 + 40, 2048]
    chip.lost_drdys = 2
    chip.next_drdy()
    assert chip.falls[-1] - chip.falls[-2] == 3 * 512
    chip.sclk = 30_000_000
    chip.transfer(bytes(20))
    assert chip.complaints == ["SCLK of 30000000 Hz"]
    for words in ((0x6300, 0x0700), (0x6400, 0x0001)):
        with pytest.raises(NotImplementedError):
            ask(woken(), *words)
    chip = woken()
    ask(chip, 0x6180, 0xFF0D)
    assert chip.complaints == ["CLKIN of 6553600 Hz in this power mode"]


@pytest.mark.parametrize("bits", [16, 24])
def test_frames_are_those_of_the_simulated_front_end(bits, monkeypatch):
    """Byte for byte, from the same codes; STATUS has the length of the words, and the lock when there is one."""
    rng = np.random.default_rng(8)
    values = rng.uniform(-1.2, 1.2, (200, 7)) * np.array([500.0] * 3 + [100.0] * 4)
    codes = adc_model.quantise(values, adc_model.Adc(bits=bits))
    assert codes.min() == -(1 << bits - 1) and codes.max() == (1 << bits - 1) - 1  # clipped ones among them
    for locked in (False, True):
        bench = Bench().open(bits=bits)
        if not locked:
            bench.driver.command(0x0655)
            bench.start()
        bench.chip.feed(codes.astype(np.int64) << (24 - bits))
        got = []
        for _ in range(len(codes)):
            bench.frames(1)
            got.append(bench.got[-1])
        monkeypatch.setattr(adc_model, "STATUS", 0x00FF | locked << 15 | (bits == 24) << 8)
        records = adc_model.frames(codes)
        words = records["words"].tobytes()
        size = 10 * bits // 8
        assert [words[at : at + size] for at in range(0, len(words), size)] == got
