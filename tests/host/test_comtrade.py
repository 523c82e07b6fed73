"""COMTRADE: the shared fault record, and records written here."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from host_tools.recording import InputError, load, parse_map

XTZ = Path(__file__).parents[1] / "data/waveforms/xtz.cfg"
CFG = """station,device,1999
3,2A,1D
1,Ua,A,,{unit},0.1,0.5,{skew},-32767,32767,1,1,S
2,Ia,A,,A,0.01,0,0,-32767,32767,1,1,S
1,trip,,,0
50
{rates}
01/01/2024,00:00:00.000000
01/01/2024,00:00:00.000000
{kind}
1
"""


def write(folder, counts, kind="BINARY", unit="V", skew=0.0, rates="1\n3200,{n}", promised=None):
    """A record of the counts (samples, 2)."""
    n = promised or len(counts)
    cfg = CFG.format(unit=unit, skew=skew, rates=rates.format(n=n), kind=kind)
    (folder / "r.cfg").write_text(cfg)
    if kind == "ASCII":
        rows = "".join(f"{k + 1},{round(k * 312.5)},{a},{b},0\r\n" for k, (a, b) in enumerate(counts))
        (folder / "r.DAT").write_text(rows + "\x1a")
    else:
        row = np.dtype([("n", "<u4"), ("t", "<u4"), ("a", "<i2", 2), ("d", "<u2")])
        data = np.zeros(len(counts), row)
        data["n"], data["t"], data["a"] = np.arange(1, len(counts) + 1), 312.5 * np.arange(len(counts)), counts
        (folder / "r.dat").write_bytes(data.tobytes())
    return folder / "r.cfg"


COUNTS = np.stack((np.arange(800) % 7, np.arange(800) % 11), axis=1)
MAP = {"v1": "Ua", "i1": "2"}


def fails(expected, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        load(*args, **kwargs)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_segments_of_the_fault_record():
    loaded = load(XTZ, mapping=parse_map("v1=1,v2=2,v3=3"))
    assert [(s.samples, s.fs, s.is_gap) for s in loaded.segments] == [
        (1280, 3200.0, False),
        (36, 50.0, True),
        (1472, 3200.0, False),
        (289, 50.0, True),
    ]
    assert [s.start for s in loaded.segments] == pytest.approx([0.0, 0.4, 1.12, 1.58])
    assert loaded.fs == 3200 and len(loaded.waveforms) == 2
    assert "2 segments below 2500 S/s treated as gaps" in loaded.notes


def test_values_and_the_dip_of_the_fault_record():
    """Secondary volts: count x a + b, from the bytes; the dip of reference/metering-and-pq.md section 5."""
    loaded = load(XTZ, mapping=parse_map("v1=1,v2=2,v3=3"))
    row = np.dtype([("n", "<u4"), ("t", "<u4"), ("a", "<i2", 48), ("d", "<u2", 6)])
    counts = np.frombuffer(XTZ.with_suffix(".dat").read_bytes(), row)["a"]
    v1 = loaded.segments[0].data["v1"]
    assert v1 == pytest.approx(counts[:1280, 0] * 0.0078092, rel=1e-12)
    rms = np.sqrt(np.convolve(v1**2, np.ones(64) / 64, "valid"))[::32]
    low = np.flatnonzero(rms < 0.9 * 57.735)
    assert (low[0] * 32 + 64) / 3200 == pytest.approx(0.2254, abs=0.01)
    assert rms.min() / 57.735 == pytest.approx(0.698, abs=0.003)


def test_channels_by_chinese_name_and_skew():
    named = load(XTZ, mapping={"v1": "220kV母线I_Ua", "i1": "220kVfx2x_211开关_Ia"})
    numbered = load(XTZ, mapping={"v1": "1", "i1": "21"})
    for name in ("v1", "i1"):
        assert np.array_equal(named.segments[0].data[name], numbered.segments[0].data[name])
    assert "channel skews of up to 18.6 us taken out" in named.notes


def test_skew_is_taken_out(tmp_path):
    """A channel sampled 40 us late: the record of a sine is that of the sine, at the record's own instants."""
    n = np.arange(1600)
    counts = np.zeros((1600, 2))
    counts[:, 0] = np.round(20000 * np.sin(2 * np.pi * 50 * (n / 3200 + 40e-6)))
    v1 = load(write(tmp_path, counts, skew=40.0), mapping=MAP).segments[0].data["v1"] - 0.5
    error = np.abs(v1 / 2000 - np.sin(2 * np.pi * 50 * n / 3200))
    assert np.max(error[200:-200]) < 1e-4 and np.max(error) < 1e-3


@pytest.mark.parametrize("kind", ["BINARY", "ASCII"])
def test_formats(tmp_path, kind):
    loaded = load(write(tmp_path, COUNTS, kind), mapping=MAP)
    assert loaded.segments[0].data["v1"] == pytest.approx(COUNTS[:, 0] * 0.1 + 0.5)
    assert loaded.segments[0].data["i1"] == pytest.approx(COUNTS[:, 1] * 0.01)


def test_units(tmp_path):
    path = write(tmp_path, COUNTS, unit="kV")
    assert load(path, mapping=MAP).segments[0].data["v1"][6] == pytest.approx(1100)
    fails("--map i1: channel 'Ua' is in kV, i1 must be in A", path, mapping={"v1": "1", "i1": "1"})


def test_two_waveform_rates(tmp_path):
    loaded = load(write(tmp_path, COUNTS, rates="2\n3200,320\n6400,800"), mapping=MAP)
    assert [(s.start, s.fs, s.samples) for s in loaded.segments] == [(0.0, 3200.0, 320), (0.1, 6400.0, 480)]


def test_rate_from_time_stamps(tmp_path):
    loaded = load(write(tmp_path, COUNTS, rates="0\n0,800"), mapping=MAP)
    assert [(s.fs, s.samples) for s in loaded.segments] == [(pytest.approx(3200.0, rel=1e-5), 800)]


def test_all_too_slow(tmp_path):
    fails("sampling rate 1000 S/s is impossible here", write(tmp_path, COUNTS, rates="1\n1000,800"), mapping=MAP)


def test_missing_value(tmp_path):
    counts = COUNTS.copy()
    counts[41, 1] = -32768
    fails("sample 42 (a value marked missing?): i1 is nan", write(tmp_path, counts), mapping=MAP)
    load(write(tmp_path, counts, rates="2\n50,100\n3200,800"), mapping=MAP)  # it lies in a gap


def test_cut_short(tmp_path):
    path = write(tmp_path, COUNTS, promised=1000)
    fails("cut short: r.dat has 800 samples, the .cfg file promises 1000", path, mapping=MAP)


def test_channels_that_are_not_there():
    fails("the channels have names of their own: choose with --map by name or number", XTZ)
    fails("--map v1=49: there is no such analogue channel; allowed are numbers from 1 to 48", XTZ, mapping={"v1": "49"})
    fails("--map: t does not go with COMTRADE", XTZ, mapping={"t": "1", "v1": "1"})


def test_options_and_files_that_do_not_fit(tmp_path):
    fails("--fs 5000 contradicts the .cfg file, which has 3200, 50, 3200, 50 S/s", XTZ, fs=5000, mapping={"v1": "1"})
    assert load(XTZ, fs=3200, mapping={"v1": "1"}).fs == 3200
    fails("xtz.dat: is the data half of a COMTRADE recording: give the .cfg file", XTZ.with_suffix(".dat"))
    shutil.copy(XTZ, tmp_path)
    fails("the data file xtz.dat is not beside it", tmp_path / "xtz.cfg", mapping={"v1": "1"})
    (tmp_path / "xtz.dat").write_bytes(b"")
    (tmp_path / "xtz.cfg").write_text("no,such\nthing")
    fails("is not a COMTRADE file that can be read", tmp_path / "xtz.cfg", mapping={"v1": "1"})
    (tmp_path / "xtz.cfg").write_text("")
    fails("the file is empty", tmp_path / "xtz.cfg", mapping={"v1": "1"})
