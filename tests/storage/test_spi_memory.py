"""Drivers of memory parts against models of the parts, and the store on top of both."""

import random

import pytest

from tests.storage.chips import Eeprom, Fram, Nor
from tests.storage.cut_media import Expected, saves
from wattless.storage.i2c_memory import EepromI2c
from wattless.storage.spi_memory import SpiFlash, SpiFram
from wattless.storage.store import Store

KINDS = {1: 688, 2: 1284, 3: 256, 4: 1500, 5: 32}
# part, bytes, device ID, bytes of address; the first from their data sheets
FRAMS = {
    "MB85RS64V": (8192, bytes.fromhex("047f0302"), 2),
    "MB85RS256B": (32768, bytes.fromhex("047f0509"), 2),
    "MB85RS2MTA": (262144, bytes.fromhex("047f4803"), 3),
    "FM25V02": (32768, bytes.fromhex("7f7f7f7f7f7fc22200"), 2),
    "FM25V10": (131072, bytes.fromhex("7f7f7f7f7f7fc22400"), 3),
}


@pytest.mark.parametrize("part", FRAMS)
def test_fram_tells_its_size(part):
    chip = Fram(*FRAMS[part])
    fram = SpiFram(chip.command)
    assert (fram.size, fram.erase_size, fram.endurance) == (chip.size, 0, 1e13)
    data = random.Random(1).randbytes(128)
    fram.write(fram.size - 128, data)
    assert chip.memory[-128:] == data and not chip.write_enabled
    back = bytearray(200)
    fram.readinto(fram.size - 200, back)
    assert back == b"\xff" * 72 + data


def test_fram_without_an_id():
    chip = Fram(8192, b"", 2)  # FM25L64B
    with pytest.raises(OSError, match="fram: no FRAM with a device ID answers, but 00 00 .*Then say its size"):
        SpiFram(chip.command)
    fram = SpiFram(chip.command, size=8192)
    fram.write(256, b"abc")
    assert chip.memory[256:259] == b"abc"
    chip.powered = False
    with pytest.raises(OSError, match="but ff ff ff"):
        SpiFram(chip.command)


def test_flash_commands():
    sent = []
    chip = Nor()

    def command(head, out, into):
        sent.append(bytes(head) + bytes(out or b""))
        chip.command(head, out, into)

    flash = SpiFlash(command, base=0x10000, size=65536, wait=chip.wait)
    assert (flash.page, flash.erase_size, flash.endurance, flash.size) == (256, 4096, 100_000, 65536)
    del sent[:]
    flash.erase(0x2000)
    assert sent == [b"\x06", b"\x05", b"\x20\x01\x20\x00"]
    flash.until_ready()
    assert flash.ready()
    del sent[:]
    flash.write(0x2100, b"data")
    assert sent == [b"\x06", b"\x05", b"\x02\x01\x21\x00data"]
    back = bytearray(6)
    flash.readinto(0x20FF, back)  # waits
    assert back == b"\xffdata\xff" and sent[-1] == b"\x03\x01\x20\xff"
    assert chip.memory[0x12100:0x12104] == b"data"


def test_flash_does_not_wait_unless_it_must():
    chip = Nor()
    flash = SpiFlash(chip.command, wait=chip.wait)
    chip.waited_ms = 0
    flash.erase(0)
    assert not flash.ready() and chip.waited_ms == 0
    polls = 0
    while not flash.ready():
        chip.tick(200_000)
        polls += 1
    assert polls == 2 and chip.waited_ms == 0
    flash.erase(4096)
    flash.write(0, b"x")
    assert 398 <= chip.waited_ms <= 400
    chip.busy_us = 1e9
    with pytest.raises(OSError, match="flash: does not get ready, or is not there"):
        flash.readinto(0, bytearray(1))


def test_flash_asks_for_the_latch():
    chip = Nor()
    flash = SpiFlash(chip.command, wait=chip.wait)
    chip.powered = False
    flash._busy = False
    chip.command = None
    flash._command = lambda head, out, into: into is not None and into.__setitem__(slice(None), b"\x00" * len(into))
    with pytest.raises(OSError, match="flash: does not take the write enable command"):
        flash.write(0, b"x")


@pytest.mark.parametrize("ident", ["000000", "ffffff", "ef4012", "ef4019"])
def test_no_flash(ident):
    chip = Nor(ident=bytes.fromhex(ident))
    shown = " ".join(ident[k : k + 2] for k in (0, 2, 4))
    with pytest.raises(OSError, match=f"flash: no flash of 512 KB to 16 MB answers: its ID is {shown}"):
        SpiFlash(chip.command, wait=chip.wait)


def test_no_flash_on_the_bus():
    chip = Nor()
    chip.powered = False
    with pytest.raises(OSError, match="no flash of 512 KB to 16 MB answers: its ID is ff ff ff"):
        SpiFlash(chip.command, wait=chip.wait)
    assert chip.waited_ms == 0


def test_a_region_outside_the_flash():
    for base, size in ((0x100000, 65536), (0xF8000, 65536), (100, 65536)):
        with pytest.raises(ValueError, match=f"flash: {size} bytes from {base} on are not whole sectors of a part"):
            SpiFlash(Nor().command, base=base, size=size)


def test_the_processor_restarts_in_the_middle_of_an_erase():
    """The part goes on with it, and answers nothing else."""
    chip = Nor()
    SpiFlash(chip.command, wait=chip.wait).erase(0)
    chip.waited_ms = 0
    flash = SpiFlash(chip.command, wait=chip.wait)
    assert 398 <= chip.waited_ms <= 400 and flash.ready()


def test_eeprom_polls_for_the_acknowledge():
    chip = Eeprom()
    eeprom = EepromI2c(chip, wait=chip.wait)
    assert (eeprom.size, eeprom.page, eeprom.erase_size, eeprom.endurance) == (32768, 64, 0, 1_000_000)
    eeprom.write(64, b"a" * 64)
    assert not eeprom.ready() and chip.waited_ms == 0
    back = bytearray(66)
    eeprom.readinto(63, back)
    assert back == b"\xff" + b"a" * 64 + b"\xff" and chip.waited_ms == 5
    with pytest.raises(ValueError, match="eeprom: 65 bytes at 64 do not lie in one page of 64"):
        eeprom.write(64, b"a" * 65)
    with pytest.raises(ValueError, match="parts above 64 KB are addressed otherwise, 131072 bytes are not"):
        EepromI2c(chip, size=131072)


def test_no_eeprom():
    chip = Eeprom()
    with pytest.raises(OSError, match="eeprom: does not get ready, or is not there"):
        EepromI2c(chip, address=0x57, wait=chip.wait)
    assert chip.waited_ms == 1000


def parts():
    fram, nor, eeprom = Fram(*FRAMS["MB85RS256B"]), Nor(), Eeprom()
    return {
        "fram": (fram, lambda: SpiFram(fram.command)),
        "flash": (nor, lambda: SpiFlash(nor.command, 0x1000, 196608, nor.wait)),
        "eeprom": (eeprom, lambda: EepromI2c(eeprom, wait=eeprom.wait)),
    }


@pytest.mark.parametrize("name", ["fram", "flash", "eeprom"])
def test_the_store_on_parts_that_lose_their_supply(name):
    """In slices, cut off at any of them, the operation under way half done."""
    chip, open_part = parts()[name]
    rng = random.Random(20)
    stream, expected = saves(rng, KINDS), Expected()
    Store(open_part()).format()
    store, saved = Store(open_part()), 0
    for _ in range(60):
        for _ in range(3):
            kind, data = next(stream)
            expected.begin(kind, data)
            store.begin(kind, data)
            left = rng.choice((0, 1, 3, 9, 25, 1000, 1000, 1000, 1000))
            state = 1
            while state and left:
                state = store.step()
                left -= state == 1
                if state == 2:
                    chip.tick(700)
            if state:
                break
            expected.done()
            saved += 1
        if name != "fram":
            chip.cut()
        store = Store(open_part())
        expected.check(store, tuple(KINDS))
    assert saved > 50


@pytest.mark.parametrize("name, limit_us", [("fram", 300), ("flash", 450), ("eeprom", 3200)])
def test_no_step_keeps_the_bus_for_long(name, limit_us):
    """Time on the bus of one step of a save, at 10 MHz and 400 kHz; steps never wait for a part."""
    chip, open_part = parts()[name]
    store = Store(open_part())
    store.format()
    stream = saves(random.Random(3), KINDS)
    longest = 0.0
    for _ in range(150):
        store.begin(*next(stream))
        chip.waited_ms = 0
        while True:
            spent = []
            tick, chip.tick = chip.tick, lambda us, spent=spent: spent.append(us)
            state = store.step()
            chip.tick = tick
            longest = max(longest, sum(spent))
            if not state:
                break
            tick(700 if state == 2 else sum(spent))
        assert chip.waited_ms == 0
    assert longest <= limit_us
