"""The watchdog is fed only when all parts have reported."""

import itertools

import pytest

from tests.test_settings import Clock
from wattless.supervisor import Supervisor

PARTS = ("sampling", "services", "storage")


class Dog:
    fed = 0

    def feed(self):
        self.fed += 1


@pytest.mark.parametrize("missing", PARTS)
def test_a_part_that_hangs_starves_the_dog(missing):
    dog, clock = Dog(), Clock()
    supervisor = Supervisor(dog, clock, PARTS)
    for _ in range(100):
        for part in PARTS:
            if part != missing:
                supervisor.beat(part)
        clock.wait(0.1)
    assert dog.fed == 0
    assert supervisor.late() == [missing]


@pytest.mark.parametrize("order", list(itertools.permutations(PARTS)))
def test_all_of_them_feed_it_once(order):
    dog = Dog()
    supervisor = Supervisor(dog, Clock(), PARTS)
    for part in order:
        assert dog.fed == 0
        supervisor.beat(part)
        supervisor.beat(order[0])
    assert dog.fed == supervisor.fed == 1
    assert supervisor.late() == []


def test_without_a_dog_it_tells_all_the_same():
    clock = Clock()
    supervisor = Supervisor(None, clock, PARTS)
    clock.wait(5)
    supervisor.beat("storage")
    assert supervisor.late() == ["sampling", "services"]


def test_only_those_who_were_announced():
    with pytest.raises(KeyError):
        Supervisor(None, Clock(), PARTS).beat("web")
