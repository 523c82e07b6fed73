"""The signed record, its page, and ratios of transformers and coils."""

import json
import math
import stat
from html.parser import HTMLParser

import pytest

from host_tools.calibrate import model, page, ratio, record, tables
from host_tools.calibrate.record import RecordError
from host_tools.recording import InputError

SECRET = bytes(range(32))
ROW = tables.Row("100 % In, PF 1", 1, 0.25, 0.1, 0.15, -0.01, 0.2).as_dict()


def example():
    after = model.Calibration()
    after.gain[3], after.phase[3], after.offset[0] = 8144266, 120, -41943
    return {
        "format": record.FORMAT,
        "time": "2026-11-20T10:00:00+00:00",
        "operator": "A. <B> & C",
        "meter": {"board": "virtual", "where": "/dev/pts/1", "gain_v": 1, "gain_i": 1, "serial": "7",
                  "full_scale_v": 500.0, "full_scale_i": 10.0, "firmware": "0.1.0"},
        "reference": {"name": "RMM", "serial": "1", "certificate": "K-15007", "how": "typed in",
                      "uncertainty": {"v_percent": 0.01, "i_percent": 0.01, "phase_degrees": 0.003, "coverage": 2}},
        "class": "0.2S",
        "nominal": {"v": 230.0, "i": 5.0, "f": 50.0},
        "before": model.Calibration().as_dict(),
        "after": after.as_dict(),
        "as_found": {"rows": [ROW], "readings": []},
        "as_left": {"rows": [{**ROW, "p": 0.001, "passes": True}], "readings": []},
        "not_applied": ["1 % In, PF 1"],
        "verdict": "inside the limits",
        "passes": True,
    }  # fmt: skip


def test_what_was_signed_verifies(tmp_path):
    path = tmp_path / "a/record.json"
    record.save(example(), path, SECRET)
    found = record.load(path)
    record.verify(found, SECRET)
    assert not list(path.parent.glob("*.part"))
    assert found["signature"]["algorithm"] == "HMAC-SHA256" and len(found["signature"]["value"]) == 64


def test_the_digest_is_of_the_canonical_text():
    import hashlib
    import hmac

    text = '{"a":[1,2.5],"b":"\u00fc"}'.encode()
    wanted = hmac.new(SECRET, text, hashlib.sha256).hexdigest()
    assert record.signed({"b": "\u00fc", "a": [1, 2.5]}, SECRET)["signature"]["value"] == wanted


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["as_left"]["rows"][0].update(p=0.0),
        lambda r: r["reference"].update(certificate="another"),
        lambda r: r["before"]["i1"].update(gain=1.01),
        lambda r: r.update(passes=False),
        lambda r: r.update(more=1),
        lambda r: r.pop("operator"),
        lambda r: r["signature"].update(value="0" * 64),
    ],
)
def test_tampering_is_noticed(tmp_path, change):
    path = tmp_path / "record.json"
    record.save(example(), path, SECRET)
    line = json.loads(path.read_text())
    change(line)
    path.write_text(json.dumps(line))
    with pytest.raises(RecordError, match="changed after it was signed"):
        record.verify(record.load(path), SECRET)


def test_other_keys_and_signatures():
    signed = record.signed(example(), SECRET)
    with pytest.raises(RecordError, match="signed with another key"):
        record.verify(signed, bytes(32))
    with pytest.raises(RecordError, match="no HMAC-SHA256"):
        record.verify(example(), SECRET)


def test_a_key_is_made_once_and_nobody_else_reads_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(RecordError, match="there is no key"):
        record.key()
    made = record.key(make=True)
    assert len(made) == 32 and record.key() == made == record.key(make=True)
    assert stat.S_IMODE((tmp_path / "wattless/calibration.key").stat().st_mode) == 0o600
    (tmp_path / "wattless/calibration.key").write_text("00ff")
    with pytest.raises(RecordError, match="64 hexadecimal"):
        record.key()
    (tmp_path / "wattless/calibration.key").write_text("zz")
    with pytest.raises(RecordError):
        record.key()


def test_files_that_are_no_records(tmp_path):
    path = tmp_path / "x.json"
    for text in ("", "[]", '{"format": "other"}'):
        path.write_text(text)
        with pytest.raises(RecordError):
            record.load(path)
    path.write_text(json.dumps({"format": record.FORMAT}))
    with pytest.raises(RecordError, match="without meter"):
        record.load(path)


def test_calibrations_of_a_record():
    found = json.loads(json.dumps(example()))
    after = record.calibration(found, "after")
    assert (after.gain[3], after.phase[3], after.offset[0]) == (8144266, 120, -41943)
    assert record.calibration(found).is_neutral()
    found["before"]["i1"]["gain"] = 3
    with pytest.raises(RecordError, match="before: i1: gain 3"):
        record.calibration(found)


class Text(HTMLParser):
    def __init__(self):
        super().__init__()
        self.words, self.tags = [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.words.append(data.strip())


def test_page():
    reader = Text()
    html = page.page(record.signed(example(), SECRET), "as it was signed")
    reader.feed(html)
    text = " ".join(reader.words)
    wanted_texts = "A. <B> & C|K-15007|+0.2500|+0.0010|outside|0.970872|-41943|Pass:|as it was signed"
    for wanted in wanted_texts.split("|"):
        assert wanted in text, wanted
    assert not reader.tags & {"script", "img", "link"} and "http" not in html


def test_limits_of_the_classes():
    """IEC 62053-22 tables: 0.2S at PF 1 0.4 % from 1 % In, 0.2 % from 5 %; 0.5 L 0.5 % from 2 %, 0.3 % from 10 %."""
    limits = {(1, "1"): 0.4, (4.9, "1"): 0.4, (5, "1"): 0.2, (120, "1"): 0.2, (1, "0.5L"): None, (5, "0.5L"): 0.5,
              (20, "0.5L"): 0.3, (5, "0.8C"): 0.5, (100, "0.8C"): 0.3}  # fmt: skip
    for (percent, pf), wanted in limits.items():
        assert tables.limit(tables.Point(percent, pf), "0.2S") == wanted
    assert tables.limit(tables.Point(5), "0.5S") == 0.5 and tables.limit(tables.Point(20, "0.5L"), "0.5S") == 0.6
    assert tables.limit(tables.Point(0.5), "0.2S") is None


def test_points():
    assert tables.point("100@0.5L") == tables.Point(100, "0.5L") and tables.point("5") == tables.Point(5)
    for text in ("x", "100@0.7L", "0", "500@1", ""):
        with pytest.raises(ValueError, match="want PERCENT@PF"):
            tables.point(text)
    assert len(tables.ALL) == 15 and len(tables.not_applied(tables.FEWEST)) == 13


def test_verdicts():
    errors = (("a", 1, 0.19, 0.2), ("b", 2, -0.31, 0.3), ("c", 3, 9.0, None))
    rows = [tables.Row(where, phase, p, 0, 0, 0, limit) for where, phase, p, limit in errors]
    assert tables.verdict(rows) == "outside the limits: L2 at b: -0.310 %, allowed 0.3 %" and not tables.passes(rows)
    assert tables.verdict(rows[:1]).endswith("95 % of the limit") and tables.passes(rows[:1])
    assert not tables.passes(rows[2:]) and "no point" in tables.verdict(rows[2:])


def test_transformers():
    """5 A through 0.12 ohm are 0.6 V rms; 1.2 V peak are then 2 times 5 A peak: 200/5 gives 400 A peak."""
    assert ratio.transformer("200/5", 0.12) == pytest.approx(400)
    assert ratio.transformer("200A/5A", 0.12, gain=4) == pytest.approx(100)
    assert ratio.transformer("100/0.333V", None) == pytest.approx(360.36036)
    assert ratio.transformer("100/333mV", None) == pytest.approx(360.36036)
    for text, burden in (("200", 1), ("200/0", 1), ("200/5", None), ("200/5", -1), ("100/0.333V", 5), ("a/b", 1)):
        with pytest.raises(InputError):
            ratio.transformer(text, burden)


def test_coils():
    """100 mV at 1 kA, 50 Hz: 1.2 V peak is 12 kA peak; at 60 Hz the same coil gives 120 mV."""
    assert ratio.coil("100@50", 50) == pytest.approx(12000)
    assert ratio.coil("100mV/kA@50Hz", 60, gain=8) == pytest.approx(12000 / 1.2 / 8)
    assert ratio.coil("100", 60) == pytest.approx(12000)
    for text in ("", "x@50", "0@50", "100@0"):
        with pytest.raises(InputError):
            ratio.coil(text, 50)


def test_settings_of_a_ratio():
    assert ratio.settings(1, 50) == {}
    assert ratio.settings(1, 50, ct="200/5", burden=0.12) == {"full_scale_i": 400.0, "current_sensor": "ct"}
    assert ratio.settings(1, 50, rogowski="100@50") == {"full_scale_i": 12000.0, "current_sensor": "rogowski"}
    assert ratio.settings(2, 50, full_scale=math.sqrt(2)) == {"full_scale_i": 1.414214}
    with pytest.raises(InputError, match="--ct and --rogowski"):
        ratio.settings(1, 50, ct="200/5", burden=1, rogowski="100@50")
    with pytest.raises(InputError, match="--burden goes with"):
        ratio.settings(1, 50, burden=1)
    with pytest.raises(InputError, match="want 0.000001"):
        ratio.settings(1, 50, full_scale=1e9)
