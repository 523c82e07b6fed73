"""The interpreters of the board's tests."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "boards" / "virtual", ROOT / "tests" / "board"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from remote import INTERPRETERS, Remote  # noqa: E402


@pytest.fixture(params=INTERPRETERS)
def remote(request):
    """remote(pass_fds) starts an interpreter; each one in turn."""
    started = []

    def start(pass_fds=()):
        started.append(Remote(request.param, pass_fds))
        return started[-1]

    yield start
    for one in started:
        one.close()
