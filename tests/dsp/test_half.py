"""dsp/half.py and its twin against Python's integers."""

import pytest

from tests.dsp import jobs_half
from tests.dsp.on_interpreters import NAMES, check


@pytest.mark.parametrize("name", NAMES)
def test_half_period_sums_are_exact(name, tmp_path):
    check(name, "run_samples.py", jobs_half.JOBS, tmp_path)
