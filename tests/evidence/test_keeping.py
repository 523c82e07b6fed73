"""The device's part: which frames are kept, while metering goes on as if nothing were."""

from array import array

import pytest

from host_tools.evidence import EvidenceError, container
from tests.evidence import kept
from tests.evidence.run_kept import MEMORY
from tests.simulate import config, meter
from wattless.capture import evidence as device
from wattless.capture import stream
from wattless.capture.evidence_ring import RecordRing, copy_words

SHORT = {"window": "5/6"}
RING = 4400  # records


@pytest.fixture(scope="module")
def frames():
    return kept.records(SHORT, seconds=1.6)


@pytest.fixture(scope="module")
def undisturbed(frames):
    return kept.run(frames, SHORT, freeze_at=None)


def test_metering_goes_on(frames, undisturbed):
    """No frame lost, and every register and integer of every window as without: while one is kept, read, and behind."""
    run = kept.run(frames, SHORT, freeze_at=2, again_at=5)
    assert len(run.kept) == 2 and run.lost == 0
    assert [window[:4] for window in run.windows] == [window[:4] for window in undisturbed.windows]
    assert len(run.windows) >= 7 and not undisturbed.kept
    assert [window[4] for window in undisturbed.windows] == ["armed"] * len(run.windows)


def test_the_bytes_are_the_frames(frames):
    """Registers and fingerprint are those of the window asked for, the frames the source's own, around that window."""
    run = kept.run(frames, SHORT, freeze_at=2, again_at=5)
    for data in run.kept:
        evidence = container.parse(data)
        facts = evidence.facts
        assert [facts["seq"], facts["flags"], facts["fingerprint"]] == run.windows[facts["seq"] - 1][:3]
        numbers = evidence.frames["number"].tolist()
        first = numbers[0]
        assert evidence.frames.tobytes() == frames[24 * first : 24 * (first + len(numbers))]
        begin, end = facts["first"], facts["first"] + (facts["frac"] + facts["length"] >> 16)
        assert facts["number"] == begin and first == begin - 64
        assert end + 9 <= numbers[-1] <= end + 320  # the filter's reach, and a period for the phase at the end
    # the first wish had the next window; the second one met an empty ring, and frames are read windows ahead here
    assert container.parse(run.kept[0]).facts["seq"] == 3
    assert run.status["state"] == "ready" and run.status["skipped"] == facts["seq"] - 6 >= 1
    assert run.status["sha256"] == evidence.sha256 and run.status["size"] == len(run.kept[1])


def test_not_armed(frames):
    """Where the ring is not always filled, filling begins with the wish."""
    run = kept.run(frames, SHORT, freeze_at=2, armed=False)
    assert len(run.kept) == 1
    assert [window[4] for window in run.windows[:3]] == ["idle", "idle", "waiting"]
    assert run.status["skipped"] >= 1


def test_a_break_is_no_part_of_a_window():
    """Frames of before a break are not fed to who computes the window behind it, not even the last 64."""
    frames = kept.records(SHORT, seconds=0.9, drop=range(4000, 4100))
    run = kept.run(frames, SHORT, freeze_at=3)
    (data,) = run.kept
    evidence = container.parse(data)
    assert evidence.facts["number"] == 4107 and evidence.frames["number"][0] == 4100
    assert evidence.facts["first"] == 4107


def test_many_lost_frames_are_found_by(tmp_path):
    """Every 20th frame lost: the window's first and last are still found."""
    drop = range(100, 8000, 20)
    evidence = container.parse(kept.run(kept.records(SHORT, drop=drop), SHORT, freeze_at=2).kept[0])
    numbers = evidence.frames["number"].tolist()
    first = evidence.facts["number"]
    assert evidence.lost() == sum(number in drop for number in range(numbers[0], numbers[-1] + 1))
    assert sum(number < first for number in numbers) == 64


def test_too_little_memory():
    settings = config.load(kept.BASE)
    made = meter(b"", kept.BASE)
    # 11 periods at 42 Hz, 64 in front, a block of 64, 20 ms: 12800 / 42 = 304 + 2
    wanted = 24 * (64 + 11 * 306 + 64 + 256)
    assert device.needed(settings) == wanted < 96 * 1024
    with pytest.raises(device.EvidenceError, match=f"{wanted - 1} bytes of memory, a window .* needs {wanted}"):
        device.Evidence(bytearray(wanted - 1), settings, made.points, made.window)
    device.Evidence(bytearray(wanted), settings, made.points, made.window)
    wide = config.load({**kept.BASE, **SHORT, "adc_bits": 24, "nominal_frequency": 60, "adc_rate": 10240})
    assert device.needed(wide) == 36 * (64 + 7 * 205 + 64 + 204)


def test_a_window_that_does_not_fit_is_not_taken(frames):
    """Memory enough on a board whose frames come one by one, too little where all of them are there at once."""
    settings = {**kept.BASE, **SHORT}
    least = device.needed(config.load(settings)) // 24
    assert least < 3000 < MEMORY
    run = kept.run(frames, SHORT, memory=least)
    assert not run.kept and run.status["state"] == "waiting" and run.status["skipped"] >= 4


def keeper(settings=None):
    settings = {**kept.BASE, **(settings or {})}
    made = meter(b"", settings)
    return device.Evidence(bytearray(MEMORY * 24), config.load(settings), made.points, made.window)


def test_states():
    evidence = keeper()
    assert (evidence.state, evidence.size, evidence.sha256, evidence.seq) == ("idle", 0, None, None)
    assert not evidence.poll() and not evidence.window(None, None, 0, None)
    with pytest.raises(device.EvidenceError, match="no byte 0: idle"):
        evidence.read(0, bytearray(1))
    evidence.freeze()
    assert evidence.state == "waiting"
    evidence.release()
    assert evidence.state == "idle"
    evidence.arm()
    evidence.freeze()
    evidence.freeze()
    evidence.release()
    assert evidence.state == "armed"


def test_the_ring():
    """What lies in the ring are the newest records in their order, whatever the blocks, and where one asks for them."""
    ring = RecordRing(bytearray(RING * 24), 24)
    rows = b"".join(number.to_bytes(4, "little") + bytes([number & 0xFF] * 20) for number in range(13000))
    at = 0
    for block in [1, 64, 63, 7] * 80:
        ring.append(memoryview(bytearray(rows[24 * at : 24 * (at + block)])), 24 * block)
        at += block
        assert len(ring) == min(at, RING)
    assert at == 10800
    for first, last in ((at - 3000, at - 100), (at - RING + 64, at - 1), (2 * RING, 2 * RING), (8900, 9000)):
        place, count = ring.around(first, last)
        found = bytes(ring.memory[24 * place :]) + bytes(ring.memory[: 24 * place])
        assert found[: 24 * count] == rows[24 * (first - 64) : 24 * (last + 1)]
    assert ring.around(at - RING + 63, at - 1) is None  # 63 in front of it
    assert ring.around(at - 3000, at) is None
    assert ring.around(at - RING - 1, at - 1) is None
    ring.clear()
    assert len(ring) == 0 and ring.around(at - 3000, at - 100) is None


@pytest.mark.parametrize("gap, there", [(1, 64), (33, 64), (34, 10), (100, 10), (-5, 10), (0, 10)])
def test_where_the_stream_began_anew(gap, there):
    """The stream fills 32 lost frames; behind more, or behind numbers that do not rise, it began anew."""
    assert stream.FILL_LIMIT == 32
    first = 1000
    numbers = [first - gap - 9 - k for k in range(300)][::-1] + [first + k - 9 for k in range(500)]
    ring = RecordRing(bytearray(1000 * 24), 24)
    rows = b"".join((number | 1 << 31).to_bytes(4, "little") + bytes(20) for number in numbers)
    ring.append(memoryview(bytearray(rows)), len(rows))
    place, count = ring.around(first + 1, first + 400)
    assert place == 300 + 10 - there and count == there + 400


def test_the_tap():
    """Nothing when nobody wants it."""
    evidence = keeper()
    block = memoryview(bytearray(64 * 24))
    for phase, records in ((None, 0), (evidence.arm, 64), (evidence.freeze, 128), (evidence.restart, 64)):
        if phase:
            phase()
        evidence.tap(block, len(block))
        assert len(evidence._ring) == records
    evidence.phase = device.SEALING
    evidence.tap(block, len(block))
    evidence.restart()
    assert len(evidence._ring) == 64


def test_no_memory_for_the_notes(monkeypatch):
    """A meter must not end because somebody wants evidence."""
    evidence = keeper()

    def none(*_):
        raise MemoryError

    evidence.freeze()
    monkeypatch.setattr(evidence._ring, "around", lambda first, last: (64, 3000))
    monkeypatch.setattr(evidence, "_note", none)
    ring = type("Ring", (), {"_state": [0, 100], "count": 100})
    span = type("Span", (), {"ring": ring, "first": 64, "frac": 0, "length": 1 << 24, "reach": 306})
    assert not evidence.window(span, None, 0, None)
    assert evidence.state == "idle"
    assert evidence.status()["error"].startswith("no memory")
    evidence.freeze()
    assert "error" not in evidence.status()


def test_passwords_stay_at_home(monkeypatch, frames):
    """Whatever settings there will be: no password, code or key leaves with the configuration."""
    from wattless import config as configuration

    names = ("wifi_ssid", "wifi_password", "mqtt_key", "access_code", "wifi_secret")
    rows = tuple((name, configuration.CHOICE, ("hush",), "", "hush") for name in names)
    monkeypatch.setattr(configuration, "SETTINGS", configuration.SETTINGS + rows)
    evidence = keeper()
    evidence._facts = {"integers": [0]}
    evidence._pieces = [None]
    evidence._make_text()
    evidence._seal()
    text = bytes(evidence._pieces[0][0])
    assert text.count(b"hush") == 1 and b"wifi_ssid" in text


def test_files_that_are_no_evidence(tmp_path, frames):
    data = kept.run(frames, SHORT).kept[0]
    path = tmp_path / "x.evidence"
    for bad, said in (
        (b"", "is no evidence"),
        (b"PK" + data[2:], "is no evidence"),
        (data[:-1], "cut short, or changed"),
        (data + b"x", "cut short, or changed"),
        (data[:5000] + bytes([data[5000] ^ 1]) + data[5001:], "has been changed since the meter made it"),
        (data[:-1] + bytes([data[-1] ^ 1]), "has been changed since the meter made it"),
    ):
        path.write_bytes(bad)
        with pytest.raises(EvidenceError, match=f"x.evidence: .*{said}"):
            container.load(path)
    with pytest.raises(EvidenceError, match="cannot be read"):
        container.load(tmp_path / "none.evidence")


def test_words_are_copied_from_anywhere_to_anywhere():
    source, dest = array("i", range(100, 120)), array("i", [7] * 20)
    copy_words(source, dest, 3, 5, 4)
    assert list(dest) == [7] * 5 + [103, 104, 105, 106] + [7] * 11
    copy_words(source, dest, 0, 0, 0)
    assert list(dest) == [7] * 5 + [103, 104, 105, 106] + [7] * 11
