import pytest

from host_tools.toolchain import build_mpy
from tests.boards.stubs import ROOT


@pytest.fixture(scope="session")
def mpy_tables():
    """build/generated, which a manifest freezes."""
    folder = ROOT / build_mpy.GENERATED
    folder.mkdir(parents=True, exist_ok=True)
    for generate in build_mpy.GENERATORS:
        generate(folder)
    return folder
