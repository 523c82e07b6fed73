"""`wattless explain`: by name and number, and near names for what is none."""

import subprocess

import pytest

from host_tools import explain
from host_tools.firmware_path import codes
from host_tools.toolchain.paths import VENV

SEARCHED = ("MODBUS_EXCEPTION_2", "TIMEOUT_EXCEEDED", "CRC_ERROR", "THD-HIGH-VOLT", "PHASE-IMBAL", "SYNC-ERR")
SEARCHED += ("PKT-LOSS-NET", "E-HARM-61850")


@pytest.mark.parametrize("name", SEARCHED)
@pytest.mark.parametrize("change", (str, str.lower, lambda name: name.replace("-", "_"), lambda name: f" {name} "))
def test_the_codes_that_people_search_for(name, change):
    row = explain.find(change(name))
    assert row.name == name
    said = explain.text(row)
    for words in (row.cause, row.check, row.fix):
        assert words in said


@pytest.mark.parametrize("row", codes.CODES, ids=lambda row: row.name)
def test_every_code_is_found(row):
    assert explain.find(row.name) is row
    if row.number is not None:
        assert explain.find(str(row.number)) is row
    assert "as CANNOT_TELL" not in explain.text(row)


def test_an_event_by_its_name_in_the_json():
    assert explain.find("dip").name == "DIP"
    assert explain.find("noload").name == "NO_LOAD"


def test_near_names():
    with pytest.raises(KeyError, match="do you mean CT_REVERSED_"):
        explain.find("CT_REVERSED")
    with pytest.raises(KeyError, match="no code 64"):
        explain.find("64")


def test_the_command():
    done = subprocess.run([VENV / "bin/wattless", "explain", "37"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("CT_REVERSED_L1 (code 37)")
    done = subprocess.run([VENV / "bin/wattless", "explain", "nonsense"], capture_output=True, text=True)
    assert done.returncode == 2 and "no code nonsense" in done.stderr
