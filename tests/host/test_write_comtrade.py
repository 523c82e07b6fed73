"""COMTRADE files around events: what they have in them, read by the library of others and by `load`."""

import numpy as np
import pytest

from host_tools import recording
from host_tools.adc_model import Adc, frame_bytes, frames
from host_tools.write_comtrade import KEEP_S, MAX_S, Keeper

ADC = Adc(12800.0, "ideal", 400.0, 20.0)
CHANNELS = ("v1", "i1")


def ramp(n):
    """V and A that tell the frame they are of."""
    values = np.zeros((n, 7))
    values[:, 0] = np.arange(n) % 30000 * (400 / 32768)
    values[:, 3] = -(np.arange(n) % 20000) * (20 / 32768)
    return values


def fed(folder, n, events, block=1000, **options):
    keeper = Keeper(ADC, CHANNELS, 50, folder / "out", **options)
    values = ramp(n)
    for first in range(0, n, block):
        for records in frame_bytes([(first, values[first : first + block])], ADC):
            keeper.feed(records)
        for at, line in events:
            if first <= at < first + block:
                keeper.event(line)
    return keeper


def event(t, duration, number=1):
    return {"event": "dip", "number": number, "t": t, "duration": duration}


def test_the_waveform_around_an_event(tmp_path):
    keeper = fed(tmp_path, 25600, [(10000, event(0.5, 0.1))], pre_s=0.1, post_s=0.15)
    (path,) = keeper.files  # written as soon as its last frame was there
    assert path.name == "event-0001-dip.cfg"
    loaded = recording.load(path, None, {"v1": "v1", "i1": "i1"})
    (segment,) = loaded.segments
    assert (segment.fs, segment.samples) == (12800.0, round(0.35 * 12800))
    k = np.arange(round(0.4 * 12800), round(0.75 * 12800))
    assert segment.data["v1"] == pytest.approx(k * (400 / 32768), rel=1e-7)
    assert segment.data["i1"] == pytest.approx(-(k % 20000) * (20 / 32768), rel=1e-7)
    assert path.read_text().splitlines()[-4:-2] == ["01/01/1970,00:00:00.400000", "01/01/1970,00:00:00.500000"]


def test_what_waits_is_written_at_the_end(tmp_path):
    keeper = fed(tmp_path, 12800, [(12000, event(0.9, None, 7))])
    assert keeper.files == []
    assert [path.name for path in keeper.close()] == ["event-0007-dip.cfg"]


def test_a_long_event_is_cut_and_memory_is_bounded(tmp_path):
    keeper = fed(tmp_path, round(12800 * (KEEP_S + 15)), [(12800 * 70, event(60.0, 9.9 + MAX_S))], block=12800)
    (segment,) = recording.load(keeper.files[0], None, {"v1": "v1"}).segments
    assert segment.samples == pytest.approx((0.2 + MAX_S) * 12800, abs=1)
    assert sum(map(len, keeper._blocks)) <= (KEEP_S + 1) * 12800 + 1


def test_lost_frames_keep_their_time(tmp_path):
    keeper = Keeper(ADC, CHANNELS, 50, tmp_path)
    keeper.feed(frames(np.zeros((640, 8), np.int16)).tobytes())
    keeper.feed(frames(np.ones((640, 8), np.int16), 768).tobytes())  # 10 ms are missing
    keeper.event(event(0.0, 0.0))
    (path,) = keeper.close()
    data = np.frombuffer(path.with_suffix(".dat").read_bytes(), np.dtype([("n", "<u4"), ("t", "<u4"), ("a", "<i2", 2)]))
    assert data["t"][[0, 639, 640, 1279]].tolist() == [0, 49922, 60000, 109922]


def test_no_event_no_file(tmp_path):
    assert fed(tmp_path, 2000, []).close() == []
    assert not (tmp_path / "out").exists()
