"""Acceptance tables A, B and C through the whole meter, from ADC bytes to points.

Every case runs with the ADS131M08's sinc3, so its correction is under test as well.
"""

import pytest

from tests.metering import tables
from tests.simulate import measure

CASES = tables.A + tables.B + tables.C


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case):
    windows = measure(case["inputs"], case["seconds"], **case["settings"])
    assert len(windows) >= 2
    window = windows[-1]
    assert window.flags == []
    wrong = {}
    for name, expected in case["results"].items():
        got = getattr(window, name)
        pairs = [(got[h], x) for h, x in expected.items()] if isinstance(expected, dict) else [(got, expected)]
        for value, wanted in pairs:
            if value != (wanted if wanted is None else pytest.approx(wanted, rel=case["share"], abs=case["floor"])):
                wrong[name] = value, wanted
    assert wrong == {}
