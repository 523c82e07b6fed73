"""dsp/resample.py, dsp/resample_wide.py and their twins against the model."""

from array import array

import pytest

from tests.dsp import jobs_resample
from tests.dsp.on_interpreters import NAMES, check
from wattless.dsp import resample


@pytest.mark.parametrize("name", NAMES)
def test_points_equal_the_model(name, tmp_path):
    check(name, "run_points.py", jobs_resample.JOBS, tmp_path)


def test_a_window_beyond_the_filters_reach_is_refused():
    cursor = resample.new_cursor()
    with pytest.raises(ValueError, match="3584"):
        resample.aim(cursor, 0, 0, resample.LONGEST + 1, 4000, 0, None)


def test_the_longest_window_fits_the_cursor():
    ring, bank = array("h", [-1] * 4016), __import__("wattless.dsp.taps_10240_sinc3", fromlist=["TAPS"]).TAPS
    cursor, z = resample.new_cursor(), array("i", bytes(4 * 4096))
    for frac in (0, 65535):
        resample.aim(cursor, 3999, frac, resample.LONGEST, 4000, 0, None)
        for _ in range(0, resample.POINTS, resample.SLICE):
            resample.resample(ring, cursor, bank, z)
        assert set(z[0::2]) == {-64} and set(z[1::2]) == {0}
