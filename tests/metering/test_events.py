"""Dips, swells and interruptions: acceptance table E of IEC 61000-4-30 and its rules, one by one."""

import math

import numpy as np
import pytest

from tests.metering.halves import UDIN, built, ended, feed, urms
from wattless.event_log import NAMES
from wattless.metering import events as module
from wattless.metering import rapid_changes
from wattless.points import Points

FULL = ((0, 100),)
SWELL_L2 = ((0, 100), (0.44, 112), (0.54, 100))
NO_RVC = {"rvc_threshold": None}

# Waveforms: % of Udin from a time on. Expected: event, channel, channels, begin s, duration s, value %.
# Limits of class A: a period of duration, for steps between half periods (50 Hz), and 0.2 % of Udin. A value that
# decides ends up to three half periods behind the step: the rest of the half period in which the step is, and a period
# when nothing less is beyond the threshold.
WAVES = {
    "E1 70 % for 5 cycles": ([((0, 100), (0.4, 70), (0.5, 100))], [("dip", "l1", "l1", 0.4, 0.1, 70.0)]),
    "E2 one dip, by its hysteresis": (
        [((0, 100), (0.4, 89.9), (1.4, 91.9), (2.4, 89.9), (3.4, 100))],
        [("dip", "l1", "l1", 0.4, 3.0, 89.9)],
    ),
    "E2 with 92.1 % between: two": (
        [((0, 100), (0.4, 89.9), (1.4, 92.1), (2.4, 89.9), (3.4, 100))],
        [("dip", "l1", "l1", 0.4, 1.0, 89.9), ("dip", "l1", "l1", 2.4, 1.0, 89.9)],
    ),
    "E4 115 % for 2 cycles": ([((0, 100), (0.4, 115), (0.44, 100))], [("swell", "l1", "l1", 0.4, 0.04, 115.0)]),
    "E5 96 %, for ever": ([((0, 100), (2.0, 96))], []),
    "90.1 and 109.9 %": ([((0, 100), (0.4, 90.1), (0.6, 109.9), (0.8, 100))], []),
    "one phase gone: dip and interruption": (
        [((0, 100), (0.4, 0), (0.9, 100))],
        [("interruption", "l1", "l1", 0.4, 0.5, 0.0), ("dip", "l1", "l1", 0.4, 0.5, 0.0)],
    ),
    "three phases, one dips": (
        [FULL, ((0, 100), (0.4, 60), (0.6, 100)), FULL],
        [("dip", "l2", "l2", 0.4, 0.2, 60.0)],
    ),
    "three phases, one after the other": (
        [((0, 100), (0.4, 80), (0.6, 100)), ((0, 100), (0.5, 70), (0.7, 100)), ((0, 100), (0.6, 50), (0.8, 100))],
        [("dip", "l3", "l1 l2 l3", 0.4, 0.4, 50.0)],
    ),
    "three phases, two gone: no interruption": (
        [((0, 100), (0.4, 0), (0.6, 100)), ((0, 100), (0.4, 0), (0.6, 100)), ((0, 100), (0.4, 6), (0.6, 100))],
        [("dip", "l1", "l1 l2 l3", 0.4, 0.2, 0.0)],
    ),
    "three phases, all gone while the last is": (
        [((0, 100), (0.4, 2), (1.0, 100)), ((0, 100), (0.5, 1), (0.9, 100)), ((0, 100), (0.6, 3), (1.1, 100))],
        [("interruption", "l2", "l1 l2 l3", 0.6, 0.3, 1.0), ("dip", "l2", "l1 l2 l3", 0.4, 0.7, 1.0)],
    ),
    "a swell on one phase during a dip on another": (
        [((0, 100), (0.4, 80), (0.6, 100)), SWELL_L2, FULL],
        [("swell", "l2", "l2", 0.44, 0.1, 112.0), ("dip", "l1", "l1", 0.4, 0.2, 80.0)],
    ),
    "split phase": (
        [((0, 100), (0.4, 80), (0.6, 100)), ((0, 100), (0.4, 120), (0.6, 100))],
        [("dip", "l1", "l1", 0.4, 0.2, 80.0), ("swell", "l2", "l2", 0.4, 0.2, 120.0)],
    ),
    "three wires: line voltages": (
        [((0, 100), (0.4, 80), (0.6, 100)), ((0, 100), (0.45, 75), (0.55, 100))],
        [("dip", "l23", "l12 l23", 0.4, 0.2, 75.0)],
    ),
}
WIRINGS = {1: "1p2w", 2: "1p3w", 3: "3p4w"}


@pytest.mark.parametrize("f, nominal", [(50.0, 50), (60.0, 60), (49.2, 50)])
@pytest.mark.parametrize("case", WAVES)
def test_waveforms(case, f, nominal):
    profiles, expected = WAVES[case]
    wires = "3p3w" if case.startswith("three wires") else WIRINGS[len(profiles)]
    events, log = built(wiring=wires, nominal_frequency=nominal, **NO_RVC)
    columns = [urms(profile, 4.0, f, -120 * k) for k, profile in enumerate(profiles)]
    feed(events, np.transpose(columns), f)
    found = ended(log)
    assert sorted(entry.name for entry in found) == sorted(row[0] for row in expected)
    assert log.total == len(expected)
    half = 0.5 / f
    for name, channel, channels, t, duration, value in expected:
        line = next(e for e in found if e.name == name and abs(e.t - t) < 0.4).as_dict()
        assert (line["channel"], line["channels"], line["state"]) == (channel, channels.split(), "end")
        assert line["t"] == pytest.approx(t + 1.5 * half, abs=1.52 * half)
        assert line["duration"] == pytest.approx(duration, abs=(2 if f == 50 else 3) * half)
        assert line["maximum" if name == "swell" else "residual"] == pytest.approx(value, abs=0.2)


def test_e1_begins_with_the_mix_of_two_half_periods():
    """First value: sqrt((1 + 0.49) / 2) = 86.3 %, and the times are those of the values, to the sample."""
    values = urms(WAVES["E1 70 % for 5 cycles"][0][0], 1.0, 50.0)
    assert values[values < 90][0] == pytest.approx(86.31, abs=0.01)
    events, log = built(**NO_RVC)
    seen = []
    log.listeners.append(lambda entry: seen.append((entry.number, entry.state, entry.sample, entry.duration)))
    feed(events, [[v] for v in values])
    assert [row[:3] for row in seen] == [(1, 0, 41 * 128), (1, 1, 41 * 128)]
    assert math.isnan(seen[0][3]) and seen[1][3] == pytest.approx(11 * 0.01)


# What begins and ends an event: percent of Udin, all thresholds whole numbers of 1/64 code with SETTINGS and these.
EDGES = {
    "dip_threshold": 75,
    "event_hysteresis": 6.25,
    "swell_threshold": 125,
    "interruption_threshold": 12.5,
    **NO_RVC,
}
LSB = 100 / UDIN
DIP, SWELL, OUT = 75, 125, 12.5


@pytest.mark.parametrize(
    "values, code, open_, ended_",
    [
        ([DIP], 1, False, 0),  # falls below: not at
        ([DIP - LSB], 1, True, 0),
        ([DIP - LSB, DIP + 6.25 - LSB], 1, True, 0),
        ([DIP - LSB, DIP + 6.25], 1, False, 1),  # equal to or above
        ([SWELL], 2, False, 0),
        ([SWELL + LSB], 2, True, 0),
        ([SWELL + LSB, SWELL - 6.25 + LSB], 2, True, 0),
        ([SWELL + LSB, SWELL - 6.25], 2, False, 1),
        ([OUT], 3, False, 0),
        ([OUT - LSB], 3, True, 0),
        ([OUT - LSB, OUT + 6.25 - LSB], 3, True, 0),
        ([OUT - LSB, OUT + 6.25], 3, False, 1),
    ],
)
def test_edges(values, code, open_, ended_):
    events, log = built(**EDGES)
    feed(events, [[100]] + [[v] for v in values])
    entries = [entry for entry in log.entries() if entry.code == code]
    assert [entry.state for entry in entries] == [0] * open_ + [1] * ended_
    assert log.count(code) == len(entries)


# Rounds of three voltages, and (event, first round, round of its end, channel, channels, value) in the order of the log
RULES = {
    "a dip ends when the last has recovered, not at 91 %": (
        [(100, 100, 100), (89, 100, 100), (95, 91, 100), (95, 91, 100), (95, 92, 100)],
        [("dip", 1, 4, "l1", "l1", 89)],
    ),
    "one recovers in the half period in which another falls": (
        [(100, 100, 100), (80, 100, 100), (100, 85, 100), (100, 100, 100)],
        [("dip", 1, 3, "l1", "l1 l2", 80)],
    ),
    "an interruption needs all, ends with any": (
        [(100, 100, 100), (4, 4, 5), (4, 4, 4), (4, 6, 4), (4, 7, 4), (100, 100, 100)],
        [("dip", 1, 5, "l1", "l1 l2 l3", 4), ("interruption", 2, 4, "l1", "l1 l2 l3", 4)],
    ),
    "the lowest of an interruption is not that of the dip before": (
        [(100, 100, 100), (1, 50, 50), (4, 3, 4), (100, 100, 100)],
        [("dip", 1, 3, "l1", "l1 l2 l3", 1), ("interruption", 2, 3, "l2", "l1 l2 l3", 3)],
    ),
    "two interruptions in a dip": (
        [(100, 100, 100), (2, 2, 2), (2, 30, 2), (1, 1, 1), (50, 50, 50), (100, 100, 100)],
        [
            ("dip", 1, 5, "l1", "l1 l2 l3", 1),
            ("interruption", 1, 2, "l1", "l1 l2 l3", 2),
            ("interruption", 3, 4, "l1", "l1 l2 l3", 1),
        ],
    ),
    "the second has its own channels": (
        [(100, 80, 100), (100, 100, 100), (100, 100, 70), (100, 100, 100)],
        [("dip", 0, 1, "l2", "l2", 80), ("dip", 2, 3, "l3", "l3", 70)],
    ),
    "a swell's largest voltage": (
        [(100, 100, 100), (111, 100, 100), (109, 130, 100), (100, 108, 112), (108, 108, 108)],
        [("swell", 1, 4, "l2", "l1 l2 l3", 130)],
    ),
}


@pytest.mark.parametrize("case", RULES)
def test_polyphase_rules(case):
    rounds, expected = RULES[case]
    events, log = built(wiring="3p4w", **NO_RVC)
    feed(events, rounds, first=0)
    found = [(e.name, e.sample // 128, e.sample + e.duration * 12800, e.as_dict()) for e in ended(log)]
    assert len(found) == len(expected)
    for (name, begin, end, line), (wanted, first, last, channel, channels, value) in zip(found, expected, strict=True):
        assert (name, begin, line["channel"], line["channels"]) == (wanted, first, channel, channels.split())
        assert end == pytest.approx(last * 128, abs=0.01)
        assert line["maximum" if name == "swell" else "residual"] == pytest.approx(value, abs=1e-4)


def test_voltages_with_zero_crossings_of_their_own():
    """A dip begins with the first below and ends with the last that recovered, an interruption begins with the last
    and ends with the first. The crossing of l3 lies between those of l1 and l2."""
    events, log = built(wiring="3p4w", **NO_RVC)
    for k, level in enumerate((100, 2, 2, 100)):
        for element, shift in ((0, 0), (2, 43), (1, 86)):
            events.half(element, 128 * k + shift, round(level * UDIN / 100))
    assert log.count(1) == log.count(3) == 1
    events.half(0, 512, UDIN)
    assert [(e.name, e.sample, e.duration * 12800) for e in ended(log)] == [
        ("dip", 128, pytest.approx(256 + 86)),
        ("interruption", 128 + 86, pytest.approx(256 - 86)),
    ]


def test_sliding_reference():
    """Usr(n) = 0.9967 Usr(n-1) + 0.0033 U: a pole of e**(-0.2 / 60), one minute."""
    events, log = built(event_reference="sliding", **NO_RVC)
    for n in range(1, 901):
        events.reference_update(0, 0.8 * UDIN, False)
        if n in (1, 300, 900):
            rest = (events.reference(0) / UDIN - 0.8) / 0.2
            assert rest == pytest.approx(0.9967**n, abs=2e-5)
            assert rest == pytest.approx(math.exp(-n * 0.2 / 60), abs=4e-3)
    before = events.reference(0)
    events.reference_update(0, 0.1 * UDIN, True)  # a flagged window
    assert events.reference(0) == before
    events.half(0, 0, int(0.905 * before))
    assert log.total == 0
    events.half(0, 128, int(0.895 * before))
    events.half(0, 256, int(0.921 * before))
    (dip,) = ended(log)
    assert (dip.name, dip.value) == ("dip", pytest.approx(89.5, abs=1e-3))
    events.half(0, 384, int(0.055 * before))  # 4.6 % of Udin
    events.half(0, 512, int(0.2 * before))
    assert [(entry.name, entry.value) for entry in ended(log)][1:] == [
        ("interruption", pytest.approx(5.5 * before / UDIN, abs=1e-3))
    ]


def test_a_fixed_reference_does_not_slide():
    events, _ = built()
    events.reference_update(0, 0.8 * UDIN, False)
    assert events.reference(0) == UDIN


def test_what_was_touched():
    """Round k ends in front of sample 128 k. Below in the rounds 5 to 7: samples 512 to 1023."""
    events, _ = built(**NO_RVC)
    levels = [100] * 5 + [80] * 3 + [100] * 4 + [120] + [100] * 3
    for k, level in enumerate(levels):
        events.half(0, 128 * k, round(level * UDIN / 100))
        if k == 6:  # in progress
            assert not events.touched(0, 511)
            assert events.touched(256, 512) and events.touched(640, 5000)
    for first, last, expected in (
        (0, 511, False),
        (0, 512, True),
        (600, 700, True),
        (1023, 1023, True),
        (1024, 1407, False),
        (1024, 1408, True),  # the swell
        (1663, 1700, True),
        (1664, 9999, False),
    ):
        assert events.touched(first, last) == expected, (first, last)


def test_more_events_than_a_window_has_room_for():
    events, log = built(**NO_RVC)
    feed(events, [[80], [100]] * 40, first=0)
    assert log.count(1) == 40
    assert all(events.touched(256 * k, 256 * k + 255) for k in range(40))
    assert not events.touched(256 * 40, 256 * 40 + 255)


@pytest.mark.parametrize("after, total", [(100, 1), (80, 2)])
def test_a_gap_in_the_samples_cuts_an_event_off(after, total):
    """It lasted at least so long; what is behind the gap is an event of its own."""
    events, log = built(**NO_RVC)
    feed(events, [[100], [70], [75]], first=0)
    events.restart(300)
    (entry,) = ended(log)
    line = entry.as_dict()
    assert (line["state"], line["duration"], line["residual"]) == ("cut", pytest.approx(172 / 12800, abs=1e-6), 70.0)
    assert events.touched(200, 299) and not events.touched(300, 5100)
    feed(events, [[after], [100]], first=50)
    assert log.total == total
    assert [e.state for e in ended(log)] == [2] + [1] * (total - 1)


def test_restart_without_an_event():
    """Voltages that have not come yet are no interruption, and no dip lasts for their sake."""
    events, log = built(wiring="3p4w", **NO_RVC)
    feed(events, [(100, 100, 100)] * 3, first=0)
    events.restart(5000)
    assert log.total == 0
    events.half(0, 6000, 0)
    events.half(0, 6128, UDIN)
    events.half(1, 6171, UDIN)
    assert [(entry.name, entry.channels, entry.value) for entry in ended(log)] == [("dip", ["l1"], 0)]


POINTS = ("event_count", "dip_count", "swell_count", "interruption_count", "rvc_count")
LAST = ("event_code", "event_channel", "event_start_ms", "event_duration_ms", "event_value")


def test_points():
    events, log = built(wiring="3p4w")
    log.time_of = lambda sample: 1_700_000_000_000 + sample * 1000 // 12800
    points = Points()

    def shown(names):
        events.publish(points)
        return [points.get(name) for name in names]

    assert shown(POINTS) == [0] * 5 and shown(LAST) == [None] * 5
    feed(events, [(100, 100, 100), (100, 70, 100)], first=0)
    assert shown(POINTS) == [1, 1, 0, 0, 0] and shown(LAST) == [None] * 5
    feed(events, [(100, 70, 100), (100, 100, 100)], first=2)
    for _ in range(2):  # what does not change stays
        assert shown(LAST) == [1, 2, 1_700_000_000_010, 20, pytest.approx(70, abs=1e-4)]
    log.add(17)
    assert shown(POINTS) == [2, 1, 0, 0, 0] and shown(LAST)[0] == 1
    feed(events, [(100, 100, 120)], first=4)
    assert shown(POINTS) == [3, 1, 1, 0, 0] and shown(LAST)[0] == 1
    events.restart(1000)
    assert shown(LAST) == [2, 3, 1_700_000_000_040, None, pytest.approx(120, abs=1e-4)]


def test_codes_have_their_names():
    assert [NAMES[code] for code in (module.DIP, module.SWELL, module.INTERRUPTION, rapid_changes.RVC)] == [
        "dip",
        "swell",
        "interruption",
        "rvc",
    ]


@pytest.mark.parametrize(
    "setting, expected",
    [({"nominal_voltage": 9000.0}, [1, 0, 1]), ({"nominal_voltage": 1.0, "full_scale_v": 1e6}, [0, 1, 0])],
)
def test_nominal_voltages_that_do_not_fit_the_front_end(setting, expected):
    """Nothing overflows: 250 V are a dip (and an interruption) of 9000 V, which 500 V full scale never show, and a
    swell of 1 V."""
    events, log = built(**setting)
    events.half(0, 128, 1 << 20)
    assert [log.count(code) for code in (1, 2, 3)] == expected
