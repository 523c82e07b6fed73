"""Rapid voltage changes, IEC 61000-4-30 5.11: acceptance E5, closed forms, and the definition in numpy."""

import numpy as np
import pytest

from tests.metering.halves import UDIN, built, ended, feed, urms

# Waveforms of 9 s: % of Udin from a time on. Expected changes: channel, channels, begin s, duration s, delta Umax and
# delta Uss in % of Udin. A step is over before it is seen: its duration is 0.
WAVES = {
    "E5 step to 96 %": ([((0, 100), (3, 96))], [("l1", "l1", 3, 0, 4.0, 4.0)]),
    "step up": ([((0, 97), (3, 101.5))], [("l1", "l1", 3, 0, 4.5, 4.5)]),
    "2.9 % is none": ([((0, 100), (3, 97.1))], []),
    "3.1 % is one": ([((0, 100), (3, 96.9))], [("l1", "l1", 3, 0, 3.1, 3.1)]),
    "there and back": ([((0, 100), (3, 95), (3.5, 100))], [("l1", "l1", 3, 0.5, 5.0, 0.0)]),
    "there and back later": (
        [((0, 100), (3, 95), (6, 100))],
        [("l1", "l1", 3, 0, 5.0, 5.0), ("l1", "l1", 6, 0, 5.0, 5.0)],
    ),
    "a motor starts": (
        [((0, 100), (3, 92), (3.3, 93), (3.6, 94.5), (3.9, 97))],
        [("l1", "l1", 3, 0.9, 8.0, 3.0)],
    ),
    "two of three, one after the other": (
        [((0, 100), (3, 96)), ((0, 100), (3.7, 105)), ((0, 100),)],
        [("l2", "l1 l2", 3, 0.7, 5.0, 5.0)],
    ),
    "not steady at the start": ([((0, 100), (0.3, 92), (2.5, 98))], [("l1", "l1", 2.5, 0, 6.0, 6.0)]),
    "it became a dip": ([((0, 100), (3, 94), (3.4, 89), (3.6, 97))], []),
    "a dip": ([((0, 100), (3, 60), (3.4, 100))], []),
    "a dip on another phase": ([((0, 100), (3, 95)), ((0, 100), (3.2, 70), (3.3, 100)), ((0, 100),)], []),
    "it became a swell": ([((0, 100), (3, 106), (3.2, 112), (3.3, 103))], []),
    "a change long after a dip": (
        [((0, 100), (2, 60), (2.4, 100), (5, 96))],
        [("l1", "l1", 5, 0, 4.0, 4.0)],
    ),
    "three wires": ([((0, 100),), ((0, 100), (3, 104.4))], [("l23", "l23", 3, 0, 4.4, 4.4)]),
}
WIRINGS = {1: "1p2w", 2: "3p3w", 3: "3p4w"}


@pytest.mark.parametrize("f", [50.0, 60.0])
@pytest.mark.parametrize("case", WAVES)
def test_waveforms(case, f):
    profiles, expected = WAVES[case]
    events, log = built(wiring=WIRINGS[len(profiles)], nominal_frequency=int(f))
    feed(events, np.transpose([urms(profile, 9.0, f, -120 * k) for k, profile in enumerate(profiles)]), f)
    found = [entry.as_dict() for entry in ended(log) if entry.name == "rvc"]
    assert log.count(4) == len(found) == len(expected)
    half = 0.5 / f
    for line, (channel, channels, t, duration, largest, step) in zip(found, expected, strict=True):
        assert (line["channel"], line["channels"], line["state"]) == (channel, channels.split(), "end")
        assert line["t"] == pytest.approx(t + half, abs=1.01 * half)
        assert line["duration"] == pytest.approx(duration, abs=2.01 * half)
        assert line["delta_max"] == pytest.approx(largest, abs=0.2)
        assert line["delta_ss"] == pytest.approx(step, abs=0.2)


def test_e5_exactly():
    """The value that begins it is the first at 96 %; the mean just before has 99 values of 100 % and the mixed one."""
    events, log = built()
    feed(events, [[v] for v in urms(WAVES["E5 step to 96 %"][0][0], 9.0, 50.0)])
    assert [entry.name for entry in ended(log)] == ["rvc"]
    (change,) = ended(log)
    step = (99 * 100 + np.sqrt((100**2 + 96**2) / 2)) / 100 - 96
    assert change.value == change.detail == pytest.approx(step, abs=0.002)
    assert (change.sample, change.duration) == (302 * 128, 0)


def test_the_last_hundred_values_are_not_in_delta_max():
    """A step to 96 % which then wobbles by 1 %: within half the threshold, so steady."""
    events, log = built()
    feed(events, [[100.0]] * 200 + [[96.0 + k % 2 * 2 - 1] for k in range(300)])
    (change,) = ended(log)
    assert change.duration == 0
    assert change.value == pytest.approx(5.0, abs=0.002)  # the first value, 95 %
    assert change.detail == pytest.approx(4.0, abs=0.002)
    events, log = built()
    feed(events, [[100.0]] * 200 + [[96.0]] + [[96.0 - k % 2] for k in range(300)])
    (change,) = ended(log)
    assert change.value == pytest.approx(100 - (51 * 96 + 49 * 95) / 100, abs=0.002)  # 95 % belongs to the new level


@pytest.mark.parametrize("wobble, steady", [(1.45, True), (1.55, False)])
def test_hysteresis(wobble, steady):
    """Once a change has begun, steady means within half the threshold; before, 2.9 % are."""
    events, log = built()
    level = [[100.0 + (k % 2 * 2 - 1) * 2.9] for k in range(300)]
    feed(events, level)
    assert log.count(4) == 0
    feed(events, [[95.0]] * 5 + [[96.0 + (k % 2 * 2 - 1) * wobble] for k in range(300)], first=302)
    assert log.count(4) == steady


def test_a_threshold_of_none_is_off():
    events, log = built(rvc_threshold=None)
    feed(events, [[100.0]] * 200 + [[94.0]] * 200)
    assert log.total == 0


def test_behind_a_gap_a_steady_state_must_be_found_anew():
    events, log = built()
    feed(events, [[100.0]] * 200)
    events.restart(30000)
    feed(events, [[93.0]] * 99 + [[100.0]] * 99, first=300)
    assert log.total == 0
    feed(events, [[100.0]] * 2 + [[96.0]] * 100, first=500)
    assert log.count(4) == 1
    feed(events, [[100.0]] * 20, first=700)
    events.restart(110000)  # within a change: nobody knows what it became
    feed(events, [[100.0]] * 300, first=900)
    assert log.count(4) == 1


def by_definition(values, count, threshold):
    """[(round of the begin, rounds, delta Umax, delta Uss)] of `values` (rounds, channels), which come one by one in
    order of the channels: what the text of the standard says, value by value."""
    found = []
    first = begin = before = None
    known = False
    for k in range(count - 1, len(values)):
        for channel in range(values.shape[1]):
            ends = [k + (c <= channel) for c in range(values.shape[1])]  # where the values so far end
            if ends[-1] < count:
                continue
            last = np.transpose([values[end - count : end, c] for c, end in enumerate(ends)])
            mean = last.mean(axis=0)
            steady = (np.abs(last - mean) <= (threshold if first is None else threshold / 2)).all()
            if first is not None and steady:
                step = np.abs(mean - before).max()
                largest = max(step, abs(values[begin, first] - before[first]))
                for c, end in enumerate(ends):
                    during = values[begin + (c < first) : end - count, c]
                    largest = max(largest, np.abs(during - before[c]).max(initial=0))
                found.append((begin, max(0, k - begin - count), largest, step))
                first = None
            elif first is None and known and not steady:
                first, begin = channel, k
                before = mean.copy()
                before[channel] = values[k - count : k, channel].mean()
            known = known or steady
    return found


@pytest.mark.parametrize("nominal", [50, 60])
@pytest.mark.parametrize("seed", range(12))
def test_the_definition(seed, nominal):
    """Random levels, ramps and noise near the threshold; no value near a dip or a swell."""
    random = np.random.default_rng(seed)
    count, threshold, channels = 2 * nominal, (1.0, 3.0)[seed % 2], (1, 3)[seed // 2 % 2]
    pieces = [np.full((150, channels), 100.0)]
    for _ in range(12):
        n = random.choice([1, 5, 40, 130, 300])
        start, end = pieces[-1][-1], random.normal(100, threshold, channels)
        ramp = random.choice([0, 1]) * np.linspace(1, 0, n)[:, None]
        pieces.append(start * ramp + end * (1 - ramp))
    values = np.concatenate(pieces)
    values += random.uniform(-1, 1, values.shape) * threshold * random.choice([0.1, 0.45, 0.9])
    values = np.clip(values, 92, 108)
    codes = np.round(values * UDIN / 3200).astype(int)  # what is kept: half codes
    wiring = {1: "1p2w", 3: "3p4w"}[channels]
    events, log = built(wiring=wiring, nominal_frequency=nominal, rvc_threshold=threshold)
    for k, row in enumerate(codes):
        for channel, code in enumerate(row):
            events.half(channel, 100 * k, int(code) * 32)
    expected = by_definition(codes * 3200 / UDIN, count, threshold)
    found = ended(log)
    assert len(found) == len(expected) == log.total
    for entry, (begin, rounds, largest, step) in zip(found, expected, strict=True):
        assert entry.sample == 100 * begin
        assert entry.duration * 12800 == pytest.approx(100 * rounds, abs=0.01)
        assert entry.value == pytest.approx(largest, abs=1e-3)
        assert entry.detail == pytest.approx(step, abs=1e-3)


def test_the_definition_gives_what_a_pencil_does():
    """From the last steady value to the first at 97 %: 30 half periods; 129 rounds without a steady state, less 100."""
    values = np.repeat([100.0, 95.0, 92.0, 97.0], [150, 10, 20, 200])[:, None]
    assert by_definition(values, 100, 3.0) == [(150, 29, 8.0, 3.0)]
