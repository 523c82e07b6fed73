"""When what is saved, what a cut takes, what is refused: Persistence with a clock that the test moves."""

import random

import pytest

from tests.storage.chips import Eeprom, Fram, Nor
from tests.storage.cut_media import CutMedium
from wattless.storage.i2c_memory import EepromI2c
from wattless.storage.media import FileMedium
from wattless.storage.persistence import ALIVE_MS, RETRY_MS, SLICE_US, STUCK_MS, Persistence
from wattless.storage.ram import RamMedium
from wattless.storage.records import ASIDE, CALIBRATION, CONFIG, ENERGY, EVENTS
from wattless.storage.spi_memory import SpiFlash, SpiFram
from wattless.storage.store import Store

WINDOW_MS = 200


class Clock:
    """Moves by hand; ticks_ms wraps at 2**30 as MicroPython's does. Each look at ticks_us costs `look_us`."""

    def __init__(self, start_ms: int = (1 << 30) - 7000, look_us: int = 0) -> None:
        self.us = start_ms * 1000
        self.look_us = look_us

    def ticks_ms(self) -> int:
        return self.us // 1000 % (1 << 30)

    def ticks_us(self) -> int:
        self.us += self.look_us
        return self.us % (1 << 30)

    def diff(self, a: int, b: int) -> int:
        return (a - b + (1 << 29)) % (1 << 30) - (1 << 29)

    def move(self, ms: float) -> None:
        self.us += int(1000 * ms)


class Part:
    """Something with a state that changes at each take()."""

    def __init__(self, length: int = 688) -> None:
        self.length = length
        self.value = 0
        self.frozen = False
        self.refuse: tuple[int, ...] = ()

    def take(self) -> bytes:
        return self.value.to_bytes(8, "little").ljust(self.length, b"\x5a")

    def give(self, data: bytes) -> None:
        value = int.from_bytes(data[:8], "little")
        if value in self.refuse:
            raise ValueError(f"energy: {value} does not fit")
        self.value = value


def formatted(medium):
    store = Store(medium)
    store.format()
    return store


def poll_for(p, clock, seconds):
    for _ in range(int(seconds * 1000 / WINDOW_MS)):
        clock.move(WINDOW_MS)
        p.poll()


@pytest.mark.parametrize(
    "make, period",
    [
        (lambda tmp: RamMedium(), 60),
        (lambda tmp: RamMedium(262144, 256, 4096), 900),
        (lambda tmp: FileMedium(str(tmp / "state")), 900),
    ],
    ids=["fram", "flash", "files"],
)
def test_periods_by_the_medium(tmp_path, make, period):
    clock, energy, config = Clock(), Part(), Part()
    store = formatted(make(tmp_path))
    p = Persistence(store, clock)
    p.add(ENERGY, energy.take, energy.give)
    p.add(CONFIG, config.take, config.give)
    taken = []
    for k in range(int(3.2 * period * 1000 / WINDOW_MS)):
        clock.move(WINDOW_MS)
        energy.value = config.value = k
        p.poll()
        newest = store.load(ENERGY)
        if newest and (not taken or newest != taken[-1]):
            taken.append(newest)
    assert len(taken) == 3  # at 0.9, 1.8, 2.7 periods
    parts = p.status()["parts"]
    assert (parts["energy"]["every_s"], parts["energy"]["saves"], parts["energy"]["bytes"]) == (period, 3, 688)
    assert (parts["config"]["every_s"], parts["config"]["saves"], parts["config"]["age_s"]) == (0, 0, None)
    with pytest.raises(ValueError, match="every_s must be 0 to 86400 s, not 90000"):
        p.add(EVENTS, energy.take, energy.give, 90000)


def simulated(name):
    """(chip, medium factory, period in s) of the real drivers on models of the parts."""
    fram, nor, eeprom = Fram(32768, bytes.fromhex("047f0509"), 2), Nor(), Eeprom()
    return {
        "fram": (fram, lambda: SpiFram(fram.command), 60),
        "flash": (nor, lambda: SpiFlash(nor.command, 0, 262144, nor.wait), 900),
        "eeprom": (eeprom, lambda: EepromI2c(eeprom, wait=eeprom.wait), 60),
    }[name]


@pytest.mark.parametrize("name", ["fram", "flash", "eeprom"])
def test_at_most_one_interval_of_energy_is_lost(name):
    """Supply cut at random, all kinds busy, 8 steps a poll at most: what is lost is younger than the period."""
    chip, open_part, period = simulated(name)
    rng, clock = random.Random(9), Clock(look_us=150)
    formatted(open_part())
    ms = worst = 0
    for _ in range(25):
        store = Store(open_part())
        p = Persistence(store, clock)
        energy, events, config = Part(), Part(1284), Part(4000 if name == "flash" else 1500)
        p.add(ENERGY, energy.take, energy.give)
        p.add(EVENTS, events.take, events.give)
        p.add(CONFIG, config.take, config.give)
        p.restore()
        lost = ms - energy.value  # the energy is the time, in ms, that was measured
        worst = max(worst, lost)
        assert lost <= 1000 * period, f"{lost} ms lost"
        ms = energy.value
        for k in range(rng.randrange(int(2.5 * period * 1000 / WINDOW_MS))):
            clock.move(WINDOW_MS)
            chip.tick(1000 * WINDOW_MS)
            ms += WINDOW_MS
            energy.value = ms
            events.value = k // 700
            if k % 400 == 0:
                config.value += 1
                p.soon(CONFIG)
            p.poll()
            assert p.reason is None
        if name != "fram":
            chip.cut()
    assert worst > 500 * period  # or this tested nothing


def test_what_did_not_change_is_not_saved_again():
    clock, events = Clock(), Part()
    store = formatted(RamMedium())
    p = Persistence(store, clock)
    p.add(EVENTS, events.take, events.give, 60)
    events.value = 1
    poll_for(p, clock, 600)
    assert store.health()["writes"] == 2  # that of format() and one
    events.value = 2
    poll_for(p, clock, 60)
    assert store.health()["writes"] == 3
    poll_for(p, clock, 600)
    p = Persistence(Store(store.medium), clock)
    p.add(EVENTS, events.take, events.give, 60)
    p.restore()
    poll_for(p, clock, 600)
    assert p.store.health()["writes"] == 3  # restored, not changed
    p.add(CALIBRATION, lambda: None, events.give, 60)
    poll_for(p, clock, 100)
    assert p.store.load(CALIBRATION) is None


def test_soon_and_now():
    clock, config, energy = Clock(), Part(), Part()
    store = formatted(CutMedium(32768, 128, 0, 1))
    p = Persistence(store, clock)
    p.add(ENERGY, energy.take, energy.give, 60)
    p.add(CONFIG, config.take, config.give)
    assert not p.pending(CONFIG)
    p.soon(CONFIG)
    assert p.pending(CONFIG) and store.load(CONFIG) is None
    while p.poll():
        assert p.pending(CONFIG)
    assert not p.pending(CONFIG) and store.load(CONFIG) == config.take()
    config.value = energy.value = 7
    p.soon(CONFIG)
    clock.look_us = SLICE_US
    assert p.poll() and store.saving
    p.save_now(ENERGY)  # at once; what was under way comes later
    assert store.load(ENERGY) == energy.take() and store.load(CONFIG) != config.take() and p.pending(CONFIG)
    while p.poll():
        pass
    assert store.load(CONFIG) == config.take()
    with pytest.raises(ValueError, match="nothing was added for kind 2"):
        p.soon(EVENTS)


def test_a_poll_ends_after_its_slice():
    """However much there is to save: the step that passes SLICE_US is the last."""
    clock, config = Clock(look_us=300), Part(4096)
    store = formatted(CutMedium(32768, 128, 0, 1))
    p = Persistence(store, clock)
    p.add(CONFIG, config.take, config.give)
    p.soon(CONFIG)
    polls = 0
    while True:
        before, start = store.medium.operations, clock.us
        more = p.poll()
        assert store.medium.operations - before <= 4
        assert clock.us - start <= SLICE_US + 2 * 300
        polls += 1
        if not more:
            break
    assert 2 * 33 / 4 < polls <= 40 and store.load(CONFIG) == config.take()


def test_what_is_refused_is_put_aside():
    """The part gets the record before; who wants can look at the one that was refused."""
    clock, energy = Clock(), Part()
    store = formatted(RamMedium())
    for k in (1, 2, 3):
        energy.value = k
        store.save(ENERGY, energy.take())
    refused = store.load(ENERGY)
    for _ in range(2):  # a second start, before anything was saved: no difference, and put aside once
        fresh = Part()
        fresh.refuse = (3,)
        p = Persistence(Store(store.medium), clock)
        p.add(ENERGY, fresh.take, fresh.give)
        p.restore()
        assert (fresh.value, p.refused, p.reasons) == (2, 1, {ENERGY: "energy: 3 does not fit"})
        assert p.store.load(ENERGY + ASIDE) == refused
    assert p.store.health()["writes"] == 5
    status = p.status()
    assert status["reasons"] == {"energy": "energy: 3 does not fit"} and status["parts"]["energy"]["restored"] == 1
    poll_for(p, clock, 200)
    assert p.store.load(ENERGY) == fresh.take() and p.store.load(ENERGY + ASIDE) == refused
    both = Part()
    both.refuse = (2, 3)
    p = Persistence(Store(store.medium), clock)
    p.add(ENERGY, both.take, both.give)
    p.restore()
    assert (both.value, p.refused, p.status()["parts"]["energy"]["restored"]) == (0, 2, None)
    assert p.store.load(ENERGY + ASIDE) == p.store.load(ENERGY)  # the newest of them


def test_restore_asks_each_part_once():
    """Settings are restored first, the meter made from them later."""
    clock, energy, config = Clock(), Part(), Part()
    store = formatted(RamMedium())
    store.save(CONFIG, config.take())
    store.save(ENERGY, energy.take())
    given = []
    p = Persistence(store, clock)
    p.add(CONFIG, config.take, lambda data: given.append("config"))
    p.restore()
    p.add(ENERGY, energy.take, lambda data: given.append("energy"))
    p.restore()
    assert given == ["config", "energy"]


def test_damage_makes_everything_be_saved_anew():
    """What is only in memory and in one damaged place must not wait for its period."""
    clock, energy, config = Clock(), Part(), Part(100)
    store = formatted(RamMedium())
    for k in (1, 2):
        energy.value = config.value = k
        store.save(CONFIG, config.take())
        store.save(ENERGY, energy.take())
    store.medium.memory[store._ring._kept.where[2 * CONFIG] + 40] ^= 1
    p = Persistence(Store(store.medium), clock)
    p.add(ENERGY, energy.take, energy.give)
    p.add(CONFIG, config.take, config.give)
    p.restore()
    assert (config.value, energy.value, p.store.errors) == (1, 2, 1)
    poll_for(p, clock, 10)
    assert Store(store.medium).load(CONFIG) == config.take()
    assert p.status()["parts"]["config"]["saves"] == 1


class Failing(RamMedium):
    """Fails, or stays busy, when told."""

    fails = busy = False

    def ready(self):
        return not self.busy

    def _write(self, at, buf):
        if self.fails:
            raise OSError("no acknowledge")
        super()._write(at, buf)


def test_a_medium_that_fails_is_told_and_tried_again():
    clock, energy, config = Clock(), Part(), Part()
    medium = Failing()
    p = Persistence(formatted(medium), clock)
    p.add(ENERGY, energy.take, energy.give)
    p.add(CONFIG, config.take, config.give)
    p.soon(CONFIG)
    medium.fails = True
    poll_for(p, clock, 35)
    assert (p.failed, p.reason, p.alive, p.pending(CONFIG)) == (4, "no acknowledge", True, True)
    assert 35000 / RETRY_MS <= p.failed
    medium.fails = False
    poll_for(p, clock, 11)
    assert (p.failed, p.reason, p.pending(CONFIG)) == (4, None, False) and p.store.load(CONFIG) == config.take()
    medium.fails = True
    with pytest.raises(OSError, match="no acknowledge"):
        p.save_now(ENERGY)
    assert p.failed == 5 and p.pending(ENERGY)
    medium.fails = False
    poll_for(p, clock, 11)
    assert p.store.load(ENERGY) == energy.take()


def test_a_medium_that_stays_busy_is_given_up():
    clock, energy = Clock(), Part()
    medium = Failing()
    p = Persistence(formatted(medium), clock)
    p.add(ENERGY, energy.take, energy.give)
    p.soon(ENERGY)
    medium.busy = True
    poll_for(p, clock, STUCK_MS / 1000 + 1)
    assert (p.failed, p.reason) == (1, "ram: saving takes longer than 60 s")
    assert p.alive
    medium.busy = False
    poll_for(p, clock, RETRY_MS / 1000 + 1)
    assert p.reason is None and p.store.load(ENERGY) == energy.take()


def test_a_part_that_gives_too_much_does_not_stop_the_others():
    clock, energy = Clock(), Part()
    p = Persistence(formatted(RamMedium()), clock)
    p.add(CONFIG, lambda: bytes(5000), energy.give)
    p.add(ENERGY, energy.take, energy.give)
    p.soon(CONFIG)
    p.soon(ENERGY)
    poll_for(p, clock, 25)
    assert p.reason == "a record has at most 4096 bytes, not 5000: config"
    assert p.store.load(ENERGY) == energy.take()


def test_alive_means_polled():
    clock = Clock()
    p = Persistence(formatted(RamMedium()), clock)
    assert p.alive
    clock.move(ALIVE_MS)
    assert not p.alive
    p.poll()
    assert p.alive


def test_a_store_that_is_not_formatted_stops_nothing():
    clock, energy = Clock(), Part()
    p = Persistence(Store(RamMedium()), clock)
    p.add(ENERGY, energy.take, energy.give)
    p.restore()
    poll_for(p, clock, 200)
    status = p.status()
    assert (status["problem"], p.failed, p.alive) == ("ram: is blank: format it", 0, True)
    with pytest.raises(OSError, match="is blank: format it"):
        p.save_now(ENERGY)
    p.store.format()
    poll_for(p, clock, 70)
    assert p.store.load(ENERGY) == energy.take()
