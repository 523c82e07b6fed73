"""Every board package keeps the interface of boards/README.md, on played hardware; so does the virtual board."""

import sys

import pytest

from tests.boards.conformance import problems
from tests.boards.stubs import BOARDS, Hardware, loaded
from tests.boards.stubs_psoc6 import Kit
from tests.boards.stubs_stm32 import Pyboard

HARDWARE = {"pybv11": Pyboard, "cy8cproto_062_4343w": Kit, "virtual": None}


def power_on(name: str) -> Hardware | None:
    return HARDWARE[name]() if HARDWARE[name] else None


def packages() -> list[str]:
    return sorted(path.parent.name for path in BOARDS.glob("*/board.py"))


def test_every_package_is_checked():
    assert packages() == sorted(HARDWARE)


@pytest.mark.parametrize("name", sorted(HARDWARE))
def test_board(name, monkeypatch, request):
    request.getfixturevalue("mpy_tables")
    monkeypatch.setattr(sys, "argv", ["main", "--modbus", "--shell"])
    hardware = power_on(name)
    with loaded(BOARDS / name, hardware) as board:
        assert problems(board, BOARDS / name, hardware) == []
