"""capture/unpack.py, unpack_wide.py and their twins against samples from the definition of a frame."""

import pytest

from tests.dsp import jobs_capture
from tests.dsp.on_interpreters import NAMES, check


@pytest.mark.parametrize("name", NAMES)
def test_frames_become_samples(name, tmp_path):
    check(name, "run_samples.py", jobs_capture.JOBS, tmp_path)
