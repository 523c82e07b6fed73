"""The windows that the tracker cuts, from frames on: lengths, the very first one, 24-bit words."""

from array import array

import numpy as np
import pytest

from host_tools.adc_model import Adc, frame_bytes, tones
from tests.simulate import ByteFrames
from wattless.capture.stream import Stream
from wattless.dsp import phase, sine
from wattless.dsp.frequency import Tracker

RATE = 12800


# IEC 61000-4-30 table 3: shares of Udin of the phases; harmonics (order, share, degrees), interharmonic 1 % (order of
# fnom), rectangular flicker (%, changes a minute)
STATES = {
    "clean": ((1, 1, 1), (), 0, (0, 1)),
    "state 2": ((0.73, 0.80, 0.87), ((3, 0.1, 0), (5, 0.05, 0), (29, 0.05, 0)), 7.5, (0.894, 39)),
    "state 3": ((1.52, 1.40, 1.28), ((7, 0.1, 180), (13, 0.05, 0), (25, 0.05, 0)), 3.5, (2.888, 110)),
}


def site(f, nominal, state, seconds):
    """Three voltages (samples, 3) in a test state, with 20 mV of noise."""
    shares, orders, interharmonic, (flicker, per_minute) = STATES[state]
    t = np.arange(round(seconds * RATE)) / RATE
    volts = np.random.default_rng(1).normal(0, 0.02, (len(t), 3))
    envelope = 230 * 2**0.5 * (1 + flicker / 200 * np.sign(np.sin(np.pi * per_minute / 60 * t)))
    for k, share in enumerate(shares):
        angle = 2 * np.pi * (f * t - k / 3)
        wave = np.cos(angle) + sum(part * np.cos(h * angle + np.radians(lead)) for h, part, lead in orders)
        if interharmonic:
            wave = wave + 0.01 * np.cos(2 * np.pi * interharmonic * nominal * t)
        volts[:, k] += share * envelope * wave
    return volts


class Ring:
    """Voltages (samples, channels) as a ring of 16-bit words, full scale 800 V. It never wraps, but samples before
    `oldest` must not be used; around a sample asked for, `half` are."""

    wide = False
    oldest = half = 0

    def __init__(self, volts):
        codes = np.round(volts / 800 * 32768).astype(np.int16)
        self.length = self.stride = self.count = len(codes)
        self.data = array("h", codes.T.tobytes())

    def index(self, sample):
        assert sample - self.half >= self.oldest
        return sample


def track(volts, nominal, tick=None):
    """(start, length, synchronised) of the windows in volts; at the sample `tick` one begins."""
    ring = Ring(volts)
    tracker = Tracker(ring, sine.table(), range(volts.shape[1]), RATE, nominal, nominal // 5, 64)
    tracker.restart(16)
    found = []
    while True:
        while not tracker.window():
            if not tracker.seeking:
                return found
        found.append((tracker.first + tracker.frac / 65536, tracker.length / 65536, tracker.synced))
        if tick is not None and tracker.first < tick <= tracker.next_first:
            ring.oldest, ring.half = tracker.first - 16, phase.TURN // tracker.step
            tracker.begin_at(tick)


def windows(components, nominal, seconds=0.7, bits=16, noise=0.02, kernels=phase):
    """(frequency from the length, start in samples, synchronised) of the windows in a sum of tones."""
    adc = Adc(full_scale_v=800.0, bits=bits)
    values = tones(components, round(seconds * RATE), adc)
    return cut(values + np.random.default_rng(3).normal(0, noise, values.shape), adc, nominal, kernels)


def cut(values, adc, nominal, kernels=phase):
    """The windows in V and A (samples, 7)."""
    bits = adc.bits
    frames = ByteFrames(b"".join(frame_bytes([(0, values)], adc)))
    stream = Stream(frames, bytearray(65536), [0] * 7, wide=bits == 24, channels=7 if bits == 16 else 3)
    cycles = {50: 10, 60: 12}[nominal]
    tracker = Tracker(stream, sine.table(), (0, 1), RATE, nominal, cycles, 64, kernels)
    tracker.restart(16)
    found = []
    while not stream.ended:
        stream.drain()
        while tracker.window():
            start = tracker.first + tracker.frac / 65536
            found.append((cycles * RATE * 65536 / tracker.length, start, tracker.synced))
            stream.keep = tracker.next_first - 16
    return found


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("f, nominal", [(42.5, 50), (48.3, 50), (50.05, 50), (57.5, 50), (60.05, 60)])
def test_the_first_window_is_as_good_as_the_others(f, nominal, bits):
    """Within 0.1 mHz, also where the rounding of angles in the correlation is nearly the same from sample to sample
    (50.05 Hz: step 8.008 places of the sine table)."""
    found = windows([("v1", f, 230, 20), ("v1", 3 * f, 23, 0), ("v1", 5 * f, 12, 0)], nominal, bits=bits)
    assert len(found) >= 2 and all(synced for _, _, synced in found)
    assert [got for got, _, _ in found] == pytest.approx([f] * len(found), abs=1e-4)


@pytest.mark.parametrize("slope", [1.0, -4.0])
def test_a_window_is_ten_periods_while_the_frequency_ramps(slope):
    """The first one too. IEC 61000-4-7, 4.4.1 allows 0.03 %, 0.003 turns; 0.0001 here."""

    def turns(t):
        return 50 * t + slope * t * t / 2

    t = np.arange(round(1.1 * RATE)) / RATE
    values = np.zeros((len(t), 7))
    values[:, 0] = 325 * np.cos(2 * np.pi * turns(t))
    found = cut(values, Adc(kind="ideal", full_scale_v=800.0), 50)
    assert len(found) >= 3
    for f, start, _ in found:
        begin = start / RATE
        assert turns(begin + 10 / f) - turns(begin) == pytest.approx(10, abs=1e-4)


def test_windows_follow_each_other():
    found = windows([("v2", 50.3, 230, -70)], 50)
    starts = [start for _, start, _ in found]
    assert np.diff(starts) == pytest.approx([10 * RATE / 50.3] * (len(found) - 1), abs=0.01)
    assert starts[0] == 16


def test_without_voltage_windows_are_nominal():
    assert [(f, synced) for f, _, synced in windows([], 50)] == [(50.0, False)] * 3


def test_no_measurement_takes_5_ms():
    """336 k instructions; one correlation takes 70 a sample (dsp/phase.py), two periods at the lowest frequency."""
    lengths = []

    class Kernels:
        @staticmethod
        def correlate(ring, sine, params, out):
            lengths.append(2 * params[phase.HALF] + 1)
            phase.correlate(ring, sine, params, out)

    windows([("v1", 42.5, 230, 0)], 50, kernels=Kernels)
    assert max(lengths) * 70 < 50_000


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "f, nominal", [(42.5, 50), (50.02, 50), (50.05, 50), (57.5, 50), (51, 60), (60.05, 60), (69, 60)]
)
def test_ten_seconds_of_windows_give_the_frequency(f, nominal, state):
    """Group G: class A allows 10 mHz, 1 mHz is the aim; the sample clock is exact here."""
    found = track(site(f, nominal, state, 10), nominal)
    assert len(found) > 40 and all(synced for _, _, synced in found)
    periods = len(found) * nominal // 5
    assert periods * RATE / sum(length for _, length, _ in found) == pytest.approx(f, abs=2e-5)


# where in the fourth window the tick comes: within its first period phases come from the periods after it
@pytest.mark.parametrize("share", [0.0005, 0.11, 0.13, 1])
@pytest.mark.parametrize("f, nominal", [(42.5, 50), (50.05, 50), (57.5, 50), (51, 60), (60.05, 60), (69, 60)])
@pytest.mark.parametrize("state, error", [("clean", 2e-5), ("state 3", 1e-3)])
def test_a_window_may_begin_before_the_end_of_the_one_before(f, nominal, state, error, share):
    """IEC 61000-4-7, 4.4.1: 0.003 turns."""
    volts = site(f, nominal, state, 1.5)
    start, length, _ = track(volts, nominal)[3]
    tick = int(start + share * length) + (share < 0.001)
    found = track(volts, nominal, tick)
    assert found[4][0] == tick and len(found) >= 6
    assert all(synced for _, _, synced in found)
    assert [length * f / RATE for _, length, _ in found] == pytest.approx([nominal // 5] * len(found), abs=error)
    for (start, length, _), (after, _, _) in zip(found[4:], found[5:], strict=False):
        assert start + length == after


@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize("slope", [1.0, -4.0])
def test_it_has_ten_periods_while_the_frequency_ramps(slope, share):
    t = np.arange(round(1.4 * RATE)) / RATE
    turns = 50 * t + slope * t * t / 2
    volts = 325 * np.cos(2 * np.pi * turns)[:, None]
    start, length, _ = track(volts, 50)[2]
    found = track(volts, 50, int(start + share * length))
    ends = np.interp([[start, start + length] for start, length, _ in found], np.arange(len(t)), turns)
    assert np.diff(ends) == pytest.approx(10, abs=1e-4)


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_voltage_that_fails_at_the_tick_is_not_the_reference(share):
    volts = site(50.2, 50, "clean", 1.4)
    volts[:, 1:] *= 0.9
    start, length, _ = track(volts, 50)[2]
    tick = int(start + share * length)
    volts[tick - 250 : tick + 900, 0] = 0
    found = track(volts, 50, tick)
    assert [length * 50.2 / RATE for _, length, _ in found] == pytest.approx([10] * len(found), abs=1e-4)


def test_without_lock_it_begins_there_as_well():
    found = track(np.zeros((RATE, 1)), 50, 6000)
    starts = [start for start, _, _ in found]
    assert starts == [16, 2576, 5136, 6000, 8560] and not any(synced for _, _, synced in found)


@pytest.mark.parametrize("sample", [16, 2577])
def test_it_must_begin_in_the_window_before(sample):
    tracker = Tracker(Ring(site(50, 50, "clean", 0.4)), sine.table(), range(3), RATE, 50, 10, 64)
    tracker.restart(16)
    while not tracker.window():
        pass
    with pytest.raises(ValueError, match="not in the window 16..2575"):
        tracker.begin_at(sample)
