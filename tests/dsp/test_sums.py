"""dsp/sums.py and its twin against Python's integers."""

import pytest

from tests.dsp import jobs_sums
from tests.dsp.on_interpreters import NAMES, check


@pytest.mark.parametrize("name", NAMES)
def test_sums_are_exact(name, tmp_path):
    check(name, "run_points.py", jobs_sums.JOBS, tmp_path)
