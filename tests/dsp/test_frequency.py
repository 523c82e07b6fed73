"""The windows that the tracker cuts, from frames on: lengths, the very first one, 24-bit words."""

import numpy as np
import pytest

from host_tools.adc_model import Adc, frame_bytes, tones
from tests.simulate import ByteFrames
from wattless.capture.stream import Stream
from wattless.dsp import phase, sine
from wattless.dsp.frequency import Tracker

RATE = 12800


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
