"""The numbers on the wiring pages: each formula in `expression = value unit` is computed again."""

import math
import re

import pytest

from tests.boards.stubs import BOARDS

FORMULA = re.compile(r"`([^`=]+) = (-?\d+(?:\.\d+)?)(?: ?([^`]*))?`")
NAMES = {name: getattr(math, name) for name in ("sqrt", "pi", "log10", "atan", "tan", "degrees", "radians")}
PAGES = sorted(BOARDS.glob("*/wiring.md"))


def wrong_numbers(page: str) -> list[str]:
    wrong = []
    for expression, told, unit in FORMULA.findall(page):
        value = eval(expression, {"__builtins__": {}}, NAMES)
        digits = len(told.partition(".")[2])
        if abs(value - float(told)) > 0.5001 * 10**-digits:
            wrong.append(f"{expression} = {told} {unit}: it is {value:.6g}")
    return wrong


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_numbers(path):
    assert wrong_numbers(path.read_text()) == []


def test_there_are_numbers():
    assert len(FORMULA.findall((BOARDS / "pybv11/wiring.md").read_text())) > 50
    assert wrong_numbers("`1.2 * 2 = 2.4 V` `1 / 3 = 0.33`") == []
    assert wrong_numbers("`1.2 * 2 = 2.5 V`") and wrong_numbers("`1 / 3 = 0.334`")
