"""Recordings: what loads, and the sentence for each thing that does not."""

from pathlib import Path

import numpy as np
import pytest

from host_tools import recording
from host_tools.recording import InputError, Recording, Segment, load, parse_map

WAVEFORMS = Path(__file__).parents[1] / "data/waveforms"


def write(folder, text, name="record.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def fails(expected, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        load(*args, **kwargs)
    message = str(caught.value)
    assert expected in message
    assert "\n" not in message


# What loads.


def test_csv_with_t(tmp_path):
    path = write(tmp_path, "t,v1,i1\n" + "".join(f"{n / 12800:.6f},{n},{-n}\n" for n in range(100)))
    (segment,) = load(path).segments
    assert (segment.start, segment.fs, segment.samples) == (0.0, 12800.0, 100)
    assert segment.data["v1"].tolist() == list(range(100))
    assert segment.data["i1"][3] == -3 and segment.data["i1"].dtype == np.float64


def test_rate_from_t_that_is_no_whole_number(tmp_path):
    path = write(tmp_path, "t,v1\n" + "".join(f"{5 + n / 30732.35:.9f},1\n" for n in range(2000)))
    assert load(path).segments[0].fs == pytest.approx(30732.35, rel=1e-7)


def test_fs_takes_the_place_of_t(tmp_path):
    path = write(tmp_path, "t,v1\n0,1\n0,2\n0,3\n")
    assert load(path, fs=5000).segments[0].fs == 5000


@pytest.mark.parametrize("delimiter", [";", "\t", ", "])
def test_other_delimiters_quotes_bom_and_blank_lines(tmp_path, delimiter):
    text = '\ufeff"v1"' + delimiter + "i1\r\n1" + delimiter + '2\r\n\r\n"3"' + delimiter + "4e0\r\n\r\n"
    (segment,) = load(write(tmp_path, text), fs=5000).segments
    assert segment.data["v1"].tolist() == [1, 3] and segment.data["i1"].tolist() == [2, 4]


def test_map_takes_just_what_it_names(tmp_path):
    path = write(tmp_path, "time,v1,Spannung,i1\n0,9,1,x\n0.0001,9,2,y\n")
    loaded = load(path, mapping=parse_map("t=time, v1=Spannung"))
    assert loaded.channels == ("v1",) and loaded.segments[0].data["v1"].tolist() == [1, 2]


def test_shared_recordings_load():
    for path in sorted(WAVEFORMS.glob("*.csv")):
        (segment,) = load(path, fs=30000, mapping=parse_map("v1=v_V,i1=i_A")).segments
        assert segment.samples in (500, 512) and 160 < np.max(segment.data["v1"]) < 300


def test_npz(tmp_path):
    np.savez(tmp_path / "r.npz", v1=np.arange(10), i1=np.arange(10, dtype=np.float32), fs=4000)
    loaded = load(tmp_path / "r.npz")
    assert loaded.channels == ("v1", "i1") and loaded.fs == 4000 and loaded.segments[0].data["i1"][9] == 9
    assert load(tmp_path / "r.npz", fs=8000).fs == 8000


def test_npz_with_t(tmp_path):
    np.savez(tmp_path / "r.npz", v1=np.arange(10), t=np.arange(10) / 6400)
    assert load(tmp_path / "r.npz").fs == 6400


# What does not: columns.


def test_unknown_column(tmp_path):
    fails("unknown column U, I: allowed are t, v1, v2, v3", write(tmp_path, "t,U,I\n0,1,1\n"))
    fails("name others with --map, as in --map v1=U", write(tmp_path, "t,U,I\n0,1,1\n"))


def test_unknown_name_in_map(tmp_path):
    path = write(tmp_path, "a,b\n1,2\n")
    fails("--map v1=c: there is no column 'c'; there are a, b", path, fs=5000, mapping={"v1": "c"})
    fails("--map: 'v9' is not a channel: allowed are v1", path, fs=5000, mapping={"v9": "a"})


@pytest.mark.parametrize("text", ["v1", "v1=", "=a", "v1=a,,i1=b", ""])
def test_map_that_is_no_map(text):
    with pytest.raises(InputError, match="is not NAME=COLUMN, as in v1=voltage,i1=current"):
        parse_map(text)


def test_map_that_names_twice():
    with pytest.raises(InputError, match="v1 is given twice"):
        parse_map("v1=a,v1=b")


@pytest.mark.parametrize(
    "header, expected",
    [
        ("i1", "no voltage among i1: allowed are v1; v1, v2; v1, v2, v3; v12, v32"),
        ("v2,v3", "v2, v3 alone fit no wiring"),
        ("v12,i1", "v12 alone fit no wiring"),
        ("v1,v2,v3,v12,v32", "both phase voltages and line voltages: allowed is one kind"),
        ("v1,i2", "i2 has no voltage v2 beside it"),
        ("v1,v1", "the column 'v1' occurs more than once"),
        ("1.0,2.0", "line 1 has numbers: the first line must name the columns"),
    ],
)
def test_columns_that_make_no_sense(tmp_path, header, expected):
    row = ",".join("1" for _ in header.split(","))
    fails(expected, write(tmp_path, f"{header}\n{row}\n{row}\n"), fs=5000)


# What does not: samples.


@pytest.mark.parametrize(
    "body, expected",
    [
        ("1,2\n\n3,nan\n", "line 4: i1 is nan; every sample must be a finite number"),
        ("1,2\ninf,2\n", "line 3: v1 is inf; every sample must be a finite number"),
        ("1,2\n1,x\n", "line 3: 'x' is not a number"),
        ("1,2\n1,\n", "line 3: '' is not a number"),
        ("1,2\n1\n", "line 3 has 1 values: expected are 2"),
        ("1,2\n1,2,3\n", "line 3 has 3 values: expected are 2"),
        ("", "no samples: there is a header and nothing below it"),
        ("\n\n", "no samples: there is a header and nothing below it"),
    ],
)
def test_bad_rows(tmp_path, body, expected):
    fails(expected, write(tmp_path, "v1,i1\n" + body), fs=5000)


def test_decimal_comma_is_told_by_its_line(tmp_path):
    fails("line 2: '1,5' is not a number (decimal point", write(tmp_path, "v1;i1\n1,5;2,5\n"), fs=5000)


# What does not: time.


def test_no_time(tmp_path):
    fails("no time: the file has no column t, so give the sampling rate with --fs HZ", write(tmp_path, "v1\n1\n"))


@pytest.mark.parametrize("fs", [2499.0, 10.1e6, 0.0, -1.0, float("nan"), float("inf")])
def test_impossible_fs(tmp_path, fs):
    fails("is impossible here: allowed are 2500 to 1e+07 S/s", write(tmp_path, "v1\n1\n"), fs=fs)


def times(values):
    return "t,v1\n" + "".join(f"{t:.7f},1\n" for t in values)


def test_t_that_is_too_slow(tmp_path):
    fails("column t: 100 S/s is impossible here", write(tmp_path, times(np.arange(50) / 100)))


def test_t_that_does_not_rise(tmp_path):
    t = np.arange(50) / 5000
    t[20] = t[19]
    fails("line 22: t = 0.0038 s does not come after 0.0038 s: t must rise", write(tmp_path, times(t)))
    fails("line 22", write(tmp_path, times(np.where(np.arange(50) == 20, -1, t))))


def test_t_with_a_hole(tmp_path):
    t = np.delete(np.arange(50) / 5000, 30)
    fails("line 32: t steps by 0.0004 s where 0.0002 s is the rule", write(tmp_path, times(t)))


def test_t_whose_steps_drift(tmp_path):
    n = np.arange(500)
    fails("away from equal steps", write(tmp_path, times(n / 5000 * (1 + n * 1e-4))))


def test_one_sample_has_no_rate(tmp_path):
    fails("1 sample: two at least are needed", write(tmp_path, "t,v1\n0,1\n"))


# What does not: files.


def test_files_that_are_none(tmp_path):
    fails("record.csv: no such file", tmp_path / "record.csv")
    (tmp_path / "folder.csv").mkdir()
    fails("folder.csv: is a folder", tmp_path / "folder.csv")
    fails("unknown kind of file, .wav: allowed are .csv, .cfg (COMTRADE) and .npz", tmp_path / "x.wav")
    fails("unknown kind of file, without a suffix", tmp_path / "x")


def test_empty_and_binary_csv(tmp_path):
    fails("the file is empty", write(tmp_path, ""))
    fails("the file is empty", write(tmp_path, "\n\n"))
    fails("is not text", write(tmp_path, "\0\1\2"))


def test_unreadable_file(tmp_path, monkeypatch):
    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    fails("record.csv: cannot be read: Permission denied", write(tmp_path, "v1\n1\n"))


@pytest.mark.parametrize(
    "arrays, expected",
    [
        ({"v1": np.arange(3.0)}, "no time: there is neither fs nor t"),
        ({"v1": np.arange(3.0), "fs": np.array([1.0, 2.0])}, "fs is an array float64 (2,): expected one number"),
        ({"v1": np.arange(3.0), "fs": 100}, "fs 100 S/s is impossible here"),
        ({"v1": np.zeros((2, 2)), "fs": 5000}, "array v1 is float64 (2, 2): expected one dimension"),
        ({"v1": np.array(["a"]), "fs": 5000}, "expected one dimension of real numbers"),
        ({"v1": np.zeros(3), "i1": np.zeros(4), "fs": 5000}, "arrays of different lengths (v1: 3, i1: 4)"),
        ({"v1": np.zeros(0), "fs": 5000}, "no samples: the arrays are empty"),
        ({"v1": np.array([0, np.nan]), "fs": 5000}, "sample 2: v1 is nan"),
        ({"fs": 5000}, "no arrays: expected v1, i1, ... and fs"),
        ({"u": np.zeros(3), "fs": 5000}, "unknown array u"),
        ({"v1": np.array([None, 1]), "fs": 5000}, "is not an .npz of plain arrays"),
    ],
)
def test_bad_npz(tmp_path, arrays, expected):
    np.savez(tmp_path / "r.npz", **arrays)
    fails(expected, tmp_path / "r.npz")


def test_npz_that_is_none(tmp_path):
    fails("is not an .npz of plain arrays", write(tmp_path, "hello", "r.npz"))


# Channels and wirings.


def of(*names):
    return Recording("r", (Segment(0.0, 5000.0, {name: np.full(4, n + 1.0) for n, name in enumerate(names)}),))


def test_three_wire_from_phase_voltages():
    formed = of("v1", "v2", "v3", "i1", "i2", "i3").for_wiring("3p3w")
    assert set(formed.channels) == {"v12", "v32", "i1", "i3"}
    data = formed.segments[0].data
    assert data["v12"][0] == 1 - 2 and data["v32"][0] == 3 - 2 and data["i3"][0] == 6
    assert "does not measure i2: left out" in formed.notes[-1]


def test_wiring_that_the_channels_do_not_make():
    with pytest.raises(InputError, match="wiring 3p4w needs v1, v2, v3; the recording has v1, i1"):
        of("v1", "i1").for_wiring("3p4w")
    with pytest.raises(InputError, match=r"wiring 3p3w needs v12, v32 \(or v1, v2 and v3\); the recording has v1, v2"):
        of("v1", "v2").for_wiring("3p3w")


def test_fewer_channels_than_there_are():
    one = of("v1", "v2", "v3", "i1", "i2", "i3", "in").for_wiring("1p2w")
    assert one.channels == ("v1", "i1", "in")
    assert one.missing_currents("1p2w") == () and of("v1").missing_currents("1p2w") == ("i1",)


def test_every_channel_has_a_place():
    for voltages, currents in recording.WIRINGS.values():
        assert {*voltages, *currents} <= set(recording.CHANNELS)
