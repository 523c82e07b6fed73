"""A virtual device, and flashing it."""

import pytest

from host_tools.board import flash
from host_tools.board.session import Session
from host_tools.board.virtual_device import VirtualDevice
from tests.flash.programs import READY_S

PATIENCE_S = 0.3  # with a board that answers within milliseconds


@pytest.fixture
def devices(tmp_path):
    """devices(...) makes one more virtual device; the first one's disk is in tmp_path/0."""
    made = []

    def make(folder=None, **options):
        options.setdefault("disk_bytes", 256 << 10)
        options.setdefault("block", 512)
        made.append(VirtualDevice(folder or tmp_path / str(len(made)), heap="1m", **options))
        return made[-1]

    yield make
    for device in made:
        device.close()


@pytest.fixture
def device(devices):
    return devices()


@pytest.fixture
def update():
    """update(device, image, check=False) -> (exit code, lines said)."""

    def run(device, image, check=False, ready_s=READY_S, patience_s=PATIENCE_S):
        said = []
        with Session(device.path, said.append, patience_s=patience_s) as session:
            code = flash.update(session, image, check, said.append, ready_s)
        return code, said

    return run


@pytest.fixture
def on_board():
    """on_board(device, code) -> what it prints at the prompt; the program stays stopped."""

    def run(device, code):
        with Session(device.path, lambda line: None, patience_s=PATIENCE_S) as session:
            session.enter()
            return session.run(code)

    return run
