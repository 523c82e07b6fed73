"""The arrows that DESIGN.md forbids, and the size of a file."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HARDWARE = {"machine", "pyb", "stm", "network", "rp2", "esp", "esp32"}
HOST = {"host_tools", "numpy", "scipy"}
LINES = 400

# folder of firmware/ -> what its modules may import (prefixes); None: anything but what stands in NEVER
ALLOWED = {
    "wattless/dsp": ("array", "micropython", "wattless.dsp"),
    "wattless/metering": ("array", "math", "micropython", "wattless.dsp", "wattless.metering"),
}
NEVER = {
    "wattless/services": ("wattless.metering", "wattless.dsp", "wattless.capture"),
    "wattless/capture": ("wattless.metering", "wattless.services"),
    "wattless/storage": ("wattless.metering", "wattless.services", "wattless.dsp"),
}


def imports(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name, prefixes):
    return any(name == p or name.startswith(p + ".") for p in prefixes)


def forbidden(path, source):
    """What `source`, at `path` relative to firmware/, imports against the rules."""
    wrong = []
    for name in imports(source):
        if within(name, HOST) or (within(name, HARDWARE) and path != "main.py"):
            wrong.append(name)
        for folder, prefixes in ALLOWED.items():
            if path.startswith(folder + "/") and not within(name, prefixes):
                wrong.append(name)
        for folder, prefixes in NEVER.items():
            if path.startswith(folder + "/") and within(name, prefixes):
                wrong.append(name)
    return wrong


def firmware_files():
    return sorted((ROOT / "firmware").rglob("*.py"))


@pytest.mark.parametrize("path", firmware_files(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_no_forbidden_arrow(path):
    assert forbidden(path.relative_to(ROOT / "firmware").as_posix(), path.read_text()) == []


@pytest.mark.parametrize(
    "path, source",
    [
        ("wattless/dsp/fft.py", "import math"),
        ("wattless/dsp/fft.py", "from wattless.capture import stream"),
        ("wattless/metering/powers.py", "from wattless.services.modbus_pdu import Pdu"),
        ("wattless/services/web.py", "from wattless import metering"),
        ("wattless/services/web.py", "import wattless.dsp.fft"),
        ("wattless/capture/dma.py", "import stm"),
        ("wattless/meter.py", "from host_tools import replay"),
        ("main.py", "import numpy as np"),
    ],
)
def test_the_rules_would_catch(path, source):
    assert forbidden(path, source)


def test_there_is_something_to_check():
    folders = {p.parent.relative_to(ROOT / "firmware").as_posix() for p in firmware_files()}
    assert {".", "wattless", *ALLOWED, "wattless/services", "wattless/capture"} <= folders


@pytest.mark.parametrize("folder", ["firmware", "boards", "host_tools", "tests"])
def test_files_stay_small(folder):
    sizes = {p.relative_to(ROOT).as_posix(): len(p.read_text().splitlines()) for p in (ROOT / folder).rglob("*.py")}
    assert {name: lines for name, lines in sizes.items() if lines > LINES} == {}
