"""Every case of `make accuracy` is within its target, and the tool's table says so truthfully."""

import json

import pytest

from host_tools.accuracy import cases
from host_tools.accuracy.table import Result, save


@pytest.mark.parametrize("group", cases.GROUPS, ids=lambda group: group.__name__)
def test_within_target(group):
    results = list(group())
    assert results
    for result in results:
        assert result.error <= result.target, result


def test_the_file(tmp_path):
    path = tmp_path / "build/accuracy.json"
    save([Result("g", "c", "q, %", 0.2, 0.1, 1.0), Result("g", "c", "r, dB", -90.0, -85)], path)
    first, second = json.loads(path.read_text())
    assert first.pop("pass") is False
    assert first == {"group": "g", "case": "c", "quantity": "q, %", "error": 0.2, "target": 0.1, "limit": 1.0}
    assert second["pass"] is True and second["limit"] is None
