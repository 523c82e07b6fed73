"""Closed-form waveforms through the simulated converter and the firmware, on MicroPython for this PC.

On request the very same codes, times volts and amperes per code, go through pqopen-lib too (peer.py).
"""

import json
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from host_tools import adc_model, runtimes
from host_tools.accuracy import peer

Component = tuple[str, float, float, float]  # channel, Hz, rms, degrees
TICK_MS = 1_699_999_200_000  # unix time in ms of a full 2 h
GUARD = 32  # samples between a window and a change: more than the resampler looks back or ahead


class Pair(NamedTuple):
    """Rows of windows: the meter's, and pqopen-lib's, empty where it was not asked for."""

    ours: list[dict]
    theirs: list[dict]

    def settled(self) -> "Pair":
        """Without the windows at the start: one that has its frequency from two periods, three behind a filter."""
        return Pair(self.ours[1:], self.theirs[3:])


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


def lines(
    blocks: Iterable[np.ndarray],
    config: Mapping[str, object],
    noise_lsb: float = 0.0,
    other: peer.Peer | None = None,
    start: float | None = None,
) -> Iterator[dict]:
    """All JSON lines that the firmware makes of V and A (frames, 7) at the ADC's instants, block by block.

    noise: rms in LSB of 16 bits, a fixed seed. other: gets the same codes. start: how many seconds behind a tick of all
    the clock's intervals the first sample is; None: the time is not known."""
    with tempfile.TemporaryDirectory(prefix="wattless-") as folder, tempfile.TemporaryFile() as said:
        path = Path(folder, "meter.json")
        path.write_text(json.dumps(dict(config)), encoding="utf-8")
        argv, env = _command()
        argv = [*argv, "--config", str(path), "--json"]
        if start is not None:
            argv += ["--start", str(TICK_MS + round(1000 * start))]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=env, cwd=folder
        ) as child:
            failures: list[Exception] = []
            feeder = threading.Thread(
                target=_feed, args=(child.stdin, blocks, converter(config), noise_lsb, other, failures), daemon=True
            )
            feeder.start()
            for line in child.stdout:
                yield json.loads(line)
            feeder.join()
        if failures:
            raise failures[0]
        if child.returncode:
            said.seek(0)
            raise RuntimeError(f"the firmware ended with code {child.returncode}:\n{said.read().decode()}")


def _feed(
    stdin: IO[bytes],
    blocks: Iterable[np.ndarray],
    adc: adc_model.Adc,
    noise_lsb: float,
    other: peer.Peer | None,
    failures: list[Exception],
) -> None:
    lsb = np.array([adc.full_scale_v] * 3 + [adc.full_scale_i] * 4) / adc_model.CODE_PEAK * noise_lsb
    rng = np.random.default_rng(1)
    first = 0
    try:
        for values in blocks:
            if noise_lsb:
                values = values + rng.standard_normal(values.shape, dtype=np.float32) * lsb
            codes = adc_model.quantise(values, adc)
            try:
                stdin.write(adc_model.frames(codes, first).tobytes())
            except BrokenPipeError:
                return  # its exit code says why
            first += len(codes)
            if other:
                other.put(codes)
    except Exception as error:
        failures.append(error)
    finally:
        try:
            stdin.close()
        except BrokenPipeError:
            pass


def windows_of(values: np.ndarray, config: Mapping[str, object], noise_lsb: float = 0.0) -> list[dict]:
    """The windows in it."""
    return [line for line in lines([values], config, noise_lsb) if "window" in line]


def windows(components: Sequence[Component], seconds: float, config: Mapping[str, object], **options) -> list[dict]:
    """The same for a sum of sinusoids."""
    return windows_of(_tones(components, seconds, config), config, **options)


def both(components: Sequence[Component], seconds: float, config: Mapping[str, object], noise_lsb: float = 0.0) -> Pair:
    """Windows of a sum of sinusoids, pqopen-lib's too where it is wanted."""
    return both_of(_tones(components, seconds, config), config, noise_lsb)


def both_of(values: np.ndarray, config: Mapping[str, object], noise_lsb: float = 0.0) -> Pair:
    """The same for V and A."""
    other = peer.made_for(config)
    ours = [line for line in lines([values], config, noise_lsb, other) if "window" in line]
    return Pair(ours, other.windows if other else [])


def chain(
    states: Sequence[Sequence[Component]],
    seconds: Sequence[float],
    config: Mapping[str, object],
    noise_lsb: float = 0.0,
    alone: bool = False,
) -> list[Pair]:
    """One stream of steady states, so and so many seconds each: for each the windows that lie in it wholly, without
    their lists.

    Tones of the same frequency go on without a jump of phase. What a state disturbs behind its beginning (a step of the
    voltages may move the next window's end) is the caller's to leave out: a state more. alone: without pqopen-lib."""
    adc = converter(config)
    counts = [round(s * adc.rate) for s in seconds]
    edges = np.concatenate([[0], np.cumsum(counts)])

    def blocks():
        for components, first, count in zip(states, edges[:-1], counts, strict=True):
            yield adc_model.tones(components, count, adc, first=int(first))
        yield adc_model.tones(states[-1], round(0.5 * adc.rate), adc, first=int(edges[-1]))

    other = None if alone else peer.made_for(config)
    ours = [_scalars(line) for line in lines(blocks(), config, noise_lsb, other) if "window" in line]
    theirs = other.windows if other else []
    return [
        Pair(between(ours, a / adc.rate, b / adc.rate, adc.rate), between(theirs, a / adc.rate, b / adc.rate, adc.rate))
        for a, b in pairwise(edges)
    ]


def _scalars(row: dict) -> dict:
    return {name: value for name, value in row.items() if not isinstance(value, list)}


def between(rows: Sequence[dict], start: float, stop: float, rate: float) -> list[dict]:
    """The windows that begin and end between two times (s); the last one of all has no known end and never counts."""
    guard = GUARD / rate
    return [row for row, after in pairwise(rows) if row["t"] >= start + guard and after["t"] <= stop - guard]


def _tones(components: Sequence[Component], seconds: float, config: Mapping[str, object]) -> np.ndarray:
    adc = converter(config)
    return adc_model.tones(components, round(seconds * adc.rate), adc)
