"""Every dsp kernel on every interpreter against the numpy models: equal to the last bit.

The jobs are the hard cases (full scale, corners, wrap-around) and random ones from a fixed seed; they run in one
process an interpreter.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from host_tools.make_tables import filter_bank, quantised
from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import ROOT, micropython
from tests.dsp import models

HERE = Path(__file__).parent
RNG = np.random.default_rng(20)
LARGEST = 2**22  # of what the resampler hands to the transform


def ints(values):
    return [int(v) for v in np.ravel(values)]


def fft_jobs():
    for n in (16, 32, 512, 1024, 2048):
        k = np.arange(n)
        tone = np.exp(2j * np.pi * 3 * k / n)
        for z in (
            RNG.integers(-LARGEST, LARGEST, n) + 1j * RNG.integers(-LARGEST, LARGEST, n),
            np.full(n, -LARGEST * (1 + 1j)),
            np.round(LARGEST * tone),
            np.where(k % 2, -1, 1) * (LARGEST - 1j * LARGEST),
            (k == 5) * -1.0,
        ):
            re, im = z.real.astype(np.int64), z.imag.astype(np.int64)
            order = models.bit_reversed(n)
            job = {"kernel": "fft", "z": ints(models.interleaved(re[order], im[order]))}
            yield job, ints(models.interleaved(*models.fft(re, im)))


def resample_jobs():
    cases = [
        ("taps_12800_sinc3", 12800, True, 2560 << 16, 100, 0, (0, 1), (1, 0, 0, 1), 0),
        ("taps_12800_sinc3", 12800, True, 3011 * 65536 + 12345, 200, 65535, (1, 0), (1, 0, 0, 1), 0),
        ("taps_12800_ideal", 12800, False, 2226 * 65536 + 77, 64, 31000, (1, None), (1, 0, 0, 1), 0),
        ("taps_10240_sinc3", 10240, True, 1781 * 65536 + 999, 64, 1, (0, 1), (2, -1, -1, -1), 1),
        ("taps_10240_ideal", 10240, False, 2048 << 16, 64, 40000, (None, 0), (1, 0, 0, 1), 0),
    ]
    length = 3300
    noise = RNG.integers(-32768, 32768, 3295)
    square = np.where(np.arange(3295) // 50 % 2, -32768, 32767)
    banks = {}
    for name, rate, flatten, span, first, frac, pair, mix, shift in cases:
        bank = banks.setdefault(name, quantised(filter_bank(rate, flatten)))
        for start in (0, length - 700):
            out = [
                np.zeros(2048, np.int64) if c is None else models.resample((noise, square)[c], first, frac, span, bank)
                for c in pair
            ]
            a, b, c, d = mix
            mixed = [(a * out[0] + b * out[1]) >> shift, (c * out[0] + d * out[1]) >> shift]
            order = models.bit_reversed(2048)
            job = {"kernel": "resample", "channels": [ints(noise), ints(square)], "length": length, "start": start}
            job |= {"pair": pair, "first": first, "frac": frac, "span": span, "bank": name, "mix": mix, "shift": shift}
            yield job, ints(models.interleaved(mixed[0][order], mixed[1][order]))


def dot_jobs():
    for a in (RNG.integers(-LARGEST, LARGEST, 4096), np.full(4096, -(2**23)), np.full(4096, 2**23 - 1)):
        for b in (RNG.integers(-LARGEST, LARGEST, 4096), a):
            job = {"kernel": "dot", "a": ints(a), "b": ints(b), "first_a": 1, "first_b": 0}
            yield job, [*models.dot(a[1::2], b[0::2]), int(a[1::2].min()), int(a[1::2].max())]


def spectrum_jobs():
    for cycles in (10, 12, 5, 6):
        z = RNG.integers(-(2**25), 2**25, (2, 2048))
        z[:, 30] = -(2**28)
        x, y = models.channels(*z)
        expected = []
        for re, im in (x, y):
            k = np.arange(51) * cycles
            band = sum(int(re[bin_]) ** 2 + int(im[bin_]) ** 2 for bin_ in range(53, 57))
            expected += [ints(models.interleaved(re[k], im[k])), models.pieces(re, im, cycles)]
            expected.append(list(models.split_words(band)))
        yield {"kernel": "spectrum", "z": ints(models.interleaved(*z)), "cycles": cycles, "band": 53}, expected


def correlate_jobs():
    full = np.where(np.arange(700) // 110 % 2, 32767, -32768)
    for samples in (full, RNG.integers(-32768, 32768, 700)):
        for step in (262144, 300001, 222822, 491520):
            half = models.TURN // step
            job = {"kernel": "correlate", "samples": ints(samples), "length": 720, "start": 600, "centre": 340}
            job |= {"half": half, "step": step}
            yield job, list(models.correlate(samples, 340, half, step))


def polar_jobs():
    vectors = ints(RNG.integers(-(2**29), 2**29, 80))
    vectors += [0, 0, 2**29, 0, 0, 2**29, 0, -(2**29), -(2**29), 0, -(2**29), -(2**29), 5, -3, -(2**29), 4]
    pairs = [vectors[i : i + 2] for i in range(0, len(vectors), 2)]
    yield {"kernel": "polar", "vectors": pairs}, [list(models.polar(x, y)) for x, y in pairs]


def record(number, codes, status=0x00FF, spoil=0):
    words = [status, *codes]
    body = b"".join((w & 0xFFFF).to_bytes(2, "big") for w in words)
    crc = models.crc_ccitt(body) ^ spoil
    return (number & 0xFFFFFFFF).to_bytes(4, "little") + body + crc.to_bytes(2, "big")


def unpack_jobs():
    """Frames 0..39 over the 30-bit end of the numbers, one with a bad CRC, one with F_RESYNC, clipped and saturated
    codes, then a gap of 3."""
    length, first = 32, (1 << 30) - 5
    codes = RNG.integers(-32000, 32000, (40, 8))
    codes[7] = 32767
    codes[8] = -32768
    offsets = [0, 100, -100, 32767, -32768, 1, -1, 0]
    records, samples = b"", []
    for n, row in enumerate(codes):
        records += record(first + n, ints(row), 0x40FF if n == 20 else 0x00FF, 0x8001 if n == 15 else 0)
        samples.append(samples[-1] if n == 15 else np.clip(row[:7] - offsets[:7], -32768, 32767))
    records += record(first + 43, [0] * 8)
    samples += [samples[-1]] * 3
    ring = np.zeros((7, length + 16), np.int64)
    for n, sample in enumerate(samples):
        ring[:, n % length] = sample
        if n % length < 16:
            ring[:, length + n % length] = sample
    state = [43 % length, (first + 43) % (1 << 30), 3, 1, 1, 0x7F]
    job = {"kernel": "unpack", "records": list(records), "length": length, "expected": first}
    job |= {"offsets": offsets, "hold": 3}
    yield job, [40, state, ints(ring)]


JOBS = [({"kernel": "sine"}, ints(models.negated_sine()))]
for make in (fft_jobs, resample_jobs, dot_jobs, spectrum_jobs, correlate_jobs, polar_jobs, unpack_jobs):
    JOBS += list(make())


@pytest.fixture(scope="module")
def job_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("golden") / "jobs"
    path.write_text("\n".join(json.dumps(job) for job, _ in JOBS))
    return path


def interpreter(name):
    """(command, environment) that runs the runner."""
    if name == "cpython":
        paths = f"{ROOT / 'host_tools/shim'}:{ROOT / 'firmware'}"
        return [sys.executable], {"PYTHONPATH": paths, "WATTLESS_CHECKED": "1"}
    machine, arch = {"x64": ("x64", "x64"), "arm": ("arm", "armv7emsp")}[name]
    return [micropython(machine), "-X", "heapsize=32m"], {"MICROPYPATH": f"{build(arch)}:.frozen"}


@pytest.mark.parametrize("name", ["cpython", "x64", "arm"])
def test_every_kernel_equals_its_model(name, job_file):
    command, environment = interpreter(name)
    done = subprocess.run(
        [*command, HERE / "runner.py", job_file], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin",
        **environment}
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(JOBS)
    for line, (job, expected) in zip(lines, JOBS, strict=True):
        got = json.loads(line)
        if got != expected:
            flat_got, flat_expected = np.hstack([np.ravel(x) for x in got]), np.hstack([np.ravel(x) for x in expected])
            wrong = np.nonzero(flat_got != flat_expected)[0]
            pytest.fail(f"{job['kernel']}: {len(wrong)} of {len(flat_got)} differ, first at {wrong[0]}: "
                        f"{flat_got[wrong[0]]} instead of {flat_expected[wrong[0]]}")
