"""Evidence of every kind of meter gives the same integers and registers again, on every interpreter."""

import re

import numpy as np
import pytest

from host_tools.evidence import EvidenceError, container, reproduce
from tests.evidence import kept
from wattless.calibration import unpack

LINES = [(q, f, rms, angle) for q, f, rms, angle in (
    ("v12", 50, 398, 30), ("v32", 50, 398, 90), ("v12", 250, 9, 7), ("i1", 50, 7, -25), ("i3", 50, 7, 95),
    ("i1", 250, 1, 10),
)]  # fmt: skip
SPLIT = [("v1", 60, 120, 0), ("v2", 60, 121, 180), ("i1", 60, 9, -20), ("i2", 60, 5, 150), ("v1", 180, 3, 0)]
WIDE = {"adc_bits": 24, "window": "5/6"}
CASES = {
    "50 Hz": ({}, kept.SITE),
    "60 Hz, 10.24 kS/s": ({"nominal_frequency": 60, "adc_rate": 10240}, kept.at(60.3)),
    "short": ({"window": "5/6", "harmonics": "groups"}, kept.at(42.6)),
    "24 bits": (WIDE, kept.at(49.1)),
    "Rogowski": ({**WIDE, "current_sensor": "rogowski", "neutral_current": "computed"}, kept.SITE),
    "3p3w": ({"wiring": "3p3w", "full_scale_v": 700.0}, LINES),
    "1p3w, 60 Hz": ({"wiring": "1p3w", "nominal_frequency": 60, "adc": "ideal", "rated_current": 10.0}, SPLIT),
    "no voltage": ({}, [("i1", 50, 5, 0)]),
}
ELSEWHERE = {"50 Hz": ("cpython", "arm"), "24 bits": ("arm",), "Rogowski": ("cpython",)}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """name of a case -> file with its evidence."""
    folder = tmp_path_factory.mktemp("evidence")
    files = {}

    def file(name):
        if name not in files:
            settings, components = CASES[name]
            data = kept.run(kept.records(settings, components), settings, freeze_at=1).kept[0]
            files[name] = folder / f"{len(files)}.evidence"
            files[name].write_bytes(data)
        return files[name]

    return file


@pytest.mark.parametrize("name", CASES)
def test_reproduced(name, made):
    for runtime in ("micropython", *ELSEWHERE.get(name, ())):
        report = reproduce.reproduce(made(name), runtime)
        assert report.reproduced, report.text()
        assert report.text().endswith("\nreproduced")


def test_what_was_compared(made, monkeypatch):
    """Every value of a window but those that hang on the past, counted from the table."""
    from wattless.points_table import ROWS

    rows = [row for row in ROWS if row.update == "window" and not row.id.startswith(("source_", "aux_v"))]
    values = sum(row.count for row in rows)
    monkeypatch.setattr(reproduce, "compute", kept.compute_once)
    text = reproduce.reproduce(made("50 Hz")).text()
    assert f", {values} values\n" in text
    assert " ppm (its start" in text
    for left_out in ("aux_v", "source_h3", "energy", "flags event"):
        assert any(left_out in line for line in text.split("\n") if "not compared" in line), left_out


def test_what_a_case_leaves_out(made):
    assert "window length: not synchronised" in reproduce.reproduce(made("no voltage")).text()


def test_smoothed_lists_hang_on_the_past(tmp_path):
    settings = {"smoothing": "1.5 s", "window": "5/6"}
    growing = kept.records(settings, kept.SITE, 0.2) + renumbered(
        kept.records(settings, [(c, f, 0.9 * rms, a) for c, f, rms, a in kept.SITE], 0.4), 2560
    )
    path = tmp_path / "smoothed.evidence"
    path.write_bytes(kept.run(growing, settings, freeze_at=3).kept[0])
    report = reproduce.reproduce(path)
    assert report.reproduced, report.text()
    assert "vh_l1, vh_l2, ... (7 in all): smoothed" in report.text()


def renumbered(frames, first):
    records = np.frombuffer(frames, container.FRAME).copy()
    records["number"] = (records["number"] + first) & 0x3FFFFFFF
    return records.tobytes()


def test_numbers_that_come_round():
    """The counter of frames overflows in the window."""
    frames = renumbered(kept.records(), (1 << 30) - 4500)
    evidence = container.parse(kept.run(frames, freeze_at=1).kept[0])
    assert evidence.frames["number"][0] > 1 << 29 > evidence.frames["number"][-1]
    assert evidence.lost() == 0


def test_troubles_in_the_window(tmp_path):
    """Lost frames, wrong checksums and jitter, in the window and near its ends."""
    frames = bytearray(kept.records(drop=[3000, 3001, 4100, 5200], corrupt=[3300, 5000]))
    for number in (2700, 3000):
        frames[24 * number + 3] |= 0x80
    path = tmp_path / "troubles.evidence"
    path.write_bytes(kept.run(bytes(frames), freeze_at=1).kept[0])
    evidence = container.load(path)
    assert evidence.lost() == 4 and evidence.crc_errors() == 2
    assert evidence.facts["flags"] & 0b11001 == 0b11001  # gap, jitter, crc
    report = reproduce.reproduce(path)
    assert report.reproduced, report.text()


def test_delayed_channels(tmp_path):
    """What a phase calibration delays by whole samples is delayed again; without that it is another window."""
    delays = [0, 1, 0, 3, 0, 7, 2, 0]
    path = tmp_path / "delayed.evidence"
    path.write_bytes(kept.run(kept.records(), freeze_at=1, delays=delays).kept[0])
    evidence = container.load(path)
    assert evidence.facts["delays"] == delays
    made = unpack(bytes.fromhex(evidence.facts["calibration"]))
    assert [made.coarse(k) for k in range(8)] == delays
    report = reproduce.reproduce(path)
    assert report.reproduced, report.text()
    path.write_bytes(kept.packed(evidence, delays=[0] * 8))
    assert "sums, integer" in reproduce.reproduce(path).difference


def test_a_board_with_singles(made, tmp_path, monkeypatch):
    """Registers of a meter with 32-bit floats may differ in their last digits, and not by more."""
    monkeypatch.setattr(reproduce, "compute", kept.compute_once)
    evidence = container.load(made("50 Hz"))
    image = np.frombuffer(evidence.registers, ">u2").copy()
    at = 30  # v_l1, float32
    image[at + 1] ^= 3  # 3 units of the last place: 2e-7
    path = tmp_path / "singles.evidence"
    path.write_bytes(kept.packed(evidence, registers=image.tobytes()))
    assert "v_l1, register 30 (40031)" in reproduce.reproduce(path).difference
    path.write_bytes(kept.packed(evidence, registers=image.tobytes(), floats=32))
    report = reproduce.reproduce(path)
    assert report.reproduced, report.text()
    values = int(re.search(r"(\d+) values", report.text())[1])
    said = f"{values} values, {values - 1} bit for bit, the others within 1e-05 of their scale"
    assert f"{said}: the meter's floats have 32 bits" in report.text()
    image[at + 1] ^= 0x400  # 1e-4
    path.write_bytes(kept.packed(evidence, registers=image.tobytes(), floats=32))
    assert "v_l1" in reproduce.reproduce(path).difference


def test_a_configuration_of_another_firmware(made, tmp_path):
    evidence = container.load(made("50 Hz"))
    path = tmp_path / "other.evidence"
    path.write_bytes(kept.packed(evidence, config={**evidence.facts["config"], "from_the_future": 1}))
    with pytest.raises(EvidenceError, match="from_the_future: no such setting"):
        reproduce.reproduce(path)
