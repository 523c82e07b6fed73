"""dsp/orders.py against integers from the definitions."""

import pytest

from tests.dsp import jobs_orders
from tests.dsp.on_interpreters import check


@pytest.mark.parametrize("name", ["cpython", "x64", "arm", "viper"])
def test_orders_equal_their_models(name, tmp_path):
    check(name, "run_orders.py", jobs_orders.JOBS, tmp_path)
