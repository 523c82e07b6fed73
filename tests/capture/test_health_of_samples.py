"""Sample diagnostics from frames on: noise and dc that the samples have, faults of frames, and what is none of them."""

import numpy as np
import pytest

from host_tools.adc_model import Adc, frames, quantise, tones
from tests.capture.health_bench import OFFSET, UNSYNC, FakePoints, Log
from tests.simulate import ByteFrames
from wattless import config, kernels, meter
from wattless.capture.health import COUNTERS, Health
from wattless.capture.stream import CRC, GAP, JITTER, Stream
from wattless.dsp import resample, sine
from wattless.dsp.frequency import Tracker
from wattless.dsp.window import PACKED_BYTES, Window
from wattless.metering import spectra
from wattless.metering.wiring import wiring

RNG = np.random.default_rng(12)


def through_the_chain(values, adc, settings, spoil=lambda records: records):
    """Of each window of V and A `values`, one phase: (flags, what Health has in the stage); the log; the Health."""
    wanted = config.load({"wiring": "1p2w", **settings})
    wires = wiring("1p2w")
    memory = memoryview(bytearray(65536))
    records = spoil(frames(quantise(values, adc)))
    chosen = kernels.viper("")
    stream = Stream(ByteFrames(records.tobytes()), memory[:-PACKED_BYTES], (0,) * 8, kernels=chosen.unpack)
    table = sine.table()
    cycles = {50: 10, 60: 12}[wanted.nominal_frequency] // (1 if wanted.window == "10/12" else 2)
    tracker = Tracker(stream, table, wires.references, 12800, wanted.nominal_frequency, cycles, 100, chosen.phase)
    bank = meter.filter_bank(12800, wanted.adc)
    between, lists = spectra.kinds(wanted)
    packed = memory[-PACKED_BYTES:]
    window = Window(stream, bank, table, packed, cycles, wires.slots, chosen, (), between, lists)
    log, points = Log(), FakePoints()
    health = Health(wanted, stream, log, points)
    tracker.restart(resample.LOOK_BACK)
    told = []
    for _ in range(10000):
        stream.drain()
        if tracker.window():
            window.begin(tracker.first, tracker.frac, tracker.length)
            while window.step():
                stream.drain()
            flags = stream.flags(tracker.first - resample.LOOK_BACK, tracker.next_first + resample.LOOK_AHEAD)
            stream.keep = tracker.next_first - resample.LOOK_BACK
            if not tracker.synced:
                flags |= UNSYNC
            flags |= health.window(window, tracker.first, tracker.next_first - 1, flags)
            told.append((flags, list(points.stage)))
        elif stream.ended and not tracker.seeking:
            break
    return told, log, health


ADC = Adc(full_scale_v=500.0, full_scale_i=100.0)
LSB = np.array([ADC.full_scale_v] * 3 + [ADC.full_scale_i] * 4) / 32768
SITE = [("v1", 50.03, 230, 0), ("i1", 50.03, 20, -30)]
HARMONICS = [("i1", 50.03 * h, 4 / h, 0) for h in range(2, 51)]


def site(seconds, components=SITE):
    return tones(components, round(seconds * ADC.rate), ADC)


@pytest.mark.parametrize("f, interharmonics", [(50, "subgroups"), (60, "groups")])
def test_the_noise_floor_is_that_of_the_noise(f, interharmonics):
    """White noise of 20 codes rms on the voltages and 3 on the currents, below harmonics of all orders: within 30 %."""
    given = [(name, hertz * f / 50, rms, phase) for name, hertz, rms, phase in SITE + HARMONICS]
    values = site(0.7, given) + RNG.normal(0, 1, (round(0.7 * ADC.rate), 7)) * LSB * ([20] * 3 + [3] * 4)
    told, _, _ = through_the_chain(values, ADC, {"nominal_frequency": f, "interharmonics": interharmonics})
    assert len(told) >= 2
    for flags, (_, volts, amperes) in told:
        assert flags == 0
        assert volts == pytest.approx(20 / 327.68, rel=0.3)
        assert amperes == pytest.approx(3 / 327.68, rel=0.3)


def test_a_clean_site_has_no_noise_but_its_rounding():
    told, log, _ = through_the_chain(site(0.7, SITE + HARMONICS), ADC, {})
    assert [flags for flags, _ in told] == [0] * len(told) and log.lines == []
    assert max(max(stage[1:]) for _, stage in told) < 2 * 0.29 / 327.68


def test_a_dip_and_a_starting_motor_are_no_noise_and_no_offset():
    """Half the voltage for half a window, a current of 0 to full scale within a sample: no alarm in two windows."""
    values = site(0.9)
    values[5000:6500, :3] *= 0.5
    values[:5000, 3:] = 0
    values[5000:, 3:6] += 30 * np.exp(-np.arange(len(values) - 5000) / 600)[:, None]
    told, log, _ = through_the_chain(values, ADC, {})
    assert [flags for flags, _ in told] == [0] * len(told) and log.lines == []


def test_dc_of_a_voltage_raises_the_flag():
    values = site(0.6)
    values[:, 0] -= 0.02 * 500
    told, log, _ = through_the_chain(values, ADC, {"window": "5/6"})
    assert [flags for flags, _ in told][:4] == [0, 0, OFFSET, OFFSET]
    assert log.lines[0][2:4] == (15, 1)


def test_faults_of_frames_reach_flags_counters_and_events():
    def spoil(records):
        records["words"][1900, 9] ^= 1
        records["number"][3200:3203] |= 1 << 31
        keep = np.ones(len(records), bool)
        keep[4500:4504] = False
        return records[keep]

    told, log, health = through_the_chain(site(0.6), ADC, {"window": "5/6"}, spoil)
    flags = [flags for flags, _ in told]
    assert flags == [0, CRC, JITTER, GAP, 0]
    assert [line[2] for line in log.lines] == [11, 14, 10]
    counted = {name: health.count(name) for name in COUNTERS if health.count(name)}
    assert counted == {"lost_frames": 4, "crc_errors": 1, "jitter_frames": 3, "gaps": 1}
