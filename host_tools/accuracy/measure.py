"""Closed-form waveforms through the simulated converter and the firmware, on MicroPython for this PC."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from host_tools import adc_model, runtimes

Component = tuple[str, float, float, float]  # channel, Hz, rms, degrees


def converter(config: Mapping[str, object]) -> adc_model.Adc:
    """The ADC of a configuration, with the meter's defaults."""
    return adc_model.Adc(
        float(config.get("adc_rate", 12800)),
        str(config.get("adc", "ads131m08")),
        float(config.get("full_scale_v", 500.0)),
        float(config.get("full_scale_i", 100.0)),
        int(config.get("adc_bits", 16)),
    )


@cache
def _command() -> tuple[list[str], dict[str, str]]:
    return runtimes.command("micropython", [])


def windows_of(values: np.ndarray, config: Mapping[str, object], noise_lsb: float = 0.0) -> list[dict]:
    """Windows that the firmware makes of V and A (frames, 7) at the ADC's instants; noise: rms in LSB, a fixed seed."""
    adc = converter(config)
    if noise_lsb:
        lsb = np.array([adc.full_scale_v] * 3 + [adc.full_scale_i] * 4) / adc_model.CODE_PEAK  # of 16 bits
        values = values + np.random.default_rng(1).normal(0, noise_lsb, values.shape) * lsb
    records = b"".join(adc_model.frame_bytes([(0, values)], adc))
    with tempfile.TemporaryDirectory(prefix="wattless-") as folder:
        path = Path(folder, "meter.json")
        path.write_text(json.dumps(dict(config)), encoding="utf-8")
        argv, env = _command()
        argv = [*argv, "--config", str(path), "--json"]
        done = subprocess.run(argv, input=records, capture_output=True, env=env, cwd=folder, check=False)
    if done.returncode:
        raise RuntimeError(f"the firmware ended with code {done.returncode}:\n{done.stderr.decode()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def windows(components: Sequence[Component], seconds: float, config: Mapping[str, object], **options) -> list[dict]:
    """The same for a sum of sinusoids."""
    adc = converter(config)
    return windows_of(adc_model.tones(components, round(seconds * adc.rate), adc), config, **options)
