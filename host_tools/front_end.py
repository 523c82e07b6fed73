"""The simulated front end with errors of its own, and the converter's registers that take them back.

    site's waveform --planted errors--> volts at the converter --OCAL, GCAL, PHASE--> codes --frames--> records

    FrontEnd(values, adc, 50, parse("i1:gain=3,phase=4;v2:offset=0.5"))

Dividers, current transformers and filters are linear: gain and delay are exact on a loop of whole periods (the delay in
its discrete Fourier transform), an offset is added behind them, and the noise is white. What the converter does follows
SBAS950 8.3.10 and 8.3.11: OCAL off, times GCAL / 2**23, limited to its range; PHASE is a delay in modulator periods,
256 a sample. Rounding to the word comes last and once: the real converter's 24-bit steps in between are a hundredth of
the last place of a 16-bit word.
Costs 3 ms for a loop of a period, 0.2 s for 20 s with delays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from host_tools.adc_model import COLUMNS, OSR, Adc, frames
from host_tools.recording import InputError

CHANNELS = ("v1", "v2", "v3", "i1", "i2", "i3", "in")
GROUPS = {"v": CHANNELS[:3], "i": CHANNELS[3:], "all": CHANNELS}
UNITY = 1 << 23  # GCAL of 1
PEAK = 1 << 23  # code of full scale in 24 bits
NOISE_FRAMES = 64000  # a loop with noise is as long as this at least: 5 s
_WORD = re.compile(r"(gain|offset|phase|noise)=([-+0-9.eE]+)(%?)")


@dataclass(frozen=True)
class Error:
    """What is wrong with an input. gain: %; -200 is a transformer that is turned round. offset: V or A;
    offset_percent: the same in % of full scale, added to it. phase: degrees of the nominal frequency by which the
    channel is late. noise: rms, in LSB of 16 bits."""

    gain: float = 0.0
    offset: float = 0.0
    offset_percent: float = 0.0
    phase: float = 0.0
    noise: float = 0.0


NO_ERROR = Error()
Errors = Mapping[str, Error]


def parse(text: str) -> dict[str, Error]:
    """{channel: Error} of "i1:gain=3,phase=4;v:offset=0.1%". v, i, all: several channels; what comes later is put
    over what came before. InputError says what is allowed."""
    found: dict[str, Error] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, rest = part.partition(":")
        channels = GROUPS.get(name.strip(), (name.strip(),))
        if not colon or not set(channels) <= set(CHANNELS):
            allowed = ", ".join((*CHANNELS, *GROUPS))
            raise InputError(f"{part!r}: want CHANNEL:NAME=VALUE,... with a CHANNEL of {allowed}")
        values = {}
        for word in rest.split(","):
            match = _WORD.fullmatch(word.strip())
            if not match or match[3] and match[1] != "offset":
                wanted = "gain=PERCENT, offset=VALUE (V, A) or offset=VALUE%, phase=DEGREES, noise=LSB"
                raise InputError(f"{word.strip()!r}: want {wanted}")
            try:
                values[match[1] + ("_percent" if match[3] else "")] = float(match[2])
            except ValueError:
                raise InputError(f"{word.strip()!r}: {match[2]} is no number") from None
        for channel in channels:
            found[channel] = replace(found.get(channel, NO_ERROR), **values)
    return found


def read(given: str) -> dict[str, Error]:
    """The same of a JSON file {"i1": {"gain": 3, "phase": 4}}, or of a text as `parse` takes it."""
    if not given.endswith(".json"):
        return parse(given)
    try:
        lines = json.loads(Path(given).read_text(encoding="utf-8"))
        words = [
            f"{name}:{key.removesuffix('_percent')}={float(value)!r}" + "%" * key.endswith("_percent")
            for name, values in lines.items()
            for key, value in values.items()
        ]
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise InputError(f'{given}: want JSON as {{"i1": {{"gain": 3, "phase": 4}}}}: {error}') from None
    return parse(";".join(words))


def shifted(values: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """A loop (n, channels) later by so many samples, whole or not, each channel by its own: exact for all it has below
    half its rate."""
    if not np.any(samples):
        return values
    spectrum = np.fft.rfft(values, axis=0)
    turns = np.outer(np.arange(len(spectrum)), samples) / len(values)
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * turns), len(values), axis=0)


@dataclass(frozen=True)
class Registers:
    """What the converter was told, by channel: GCAL, OCAL (LSB of 24 bits), delay in modulator periods. bits: of a
    word; gain_v, gain_i: of its inputs."""

    gain: tuple[int, ...] = (UNITY,) * COLUMNS
    offset: tuple[int, ...] = (0,) * COLUMNS
    phase: tuple[int, ...] = (0,) * COLUMNS
    bits: int = 16
    gain_v: int = 1
    gain_i: int = 1


class FrontEnd:
    """values: V and A of one loop of whole periods (frames, COLUMNS), before rounding. adc: rate and full scales, with
    the inputs' gains of `registers`. frequency: nominal, Hz: planted phases are degrees of it.

    Another thread may call `take`, `connect` and `plant`: the next block is made with what they say, and the numbers of
    the frames go on."""

    def __init__(
        self,
        values: np.ndarray,
        adc: Adc,
        frequency: float,
        errors: Errors | None = None,
        registers: Registers | None = None,
        seed: int = 1,
    ) -> None:
        self._values = values
        self._adc = adc
        self._frequency = frequency
        self._errors = [(errors or {}).get(name, NO_ERROR) for name in CHANNELS]
        self._first = self.registers = registers or Registers(bits=adc.bits)
        self._seed = seed
        self.loop = self._made()

    def take(self, said: Mapping) -> None:
        """What a board says with {"announce": "front_end", ...}: rate, bits, gain_v, gain_i, gain, offset, phase."""
        if said["rate"] != self._adc.rate:
            raise InputError(f"adc_rate: the simulated site is sampled at {self._adc.rate:g} S/s, not {said['rate']}")
        self.registers = Registers(
            tuple(said["gain"][:COLUMNS]),
            tuple(said["offset"][:COLUMNS]),
            tuple(said["phase"][:COLUMNS]),
            said["bits"],
            said["gain_v"],
            said["gain_i"],
        )
        self.loop = self._made()

    def connect(self, values: np.ndarray) -> None:
        """Another waveform at the inputs."""
        self._values = values
        self.loop = self._made()

    def plant(self, errors: Errors) -> None:
        """Other errors in place of those there are."""
        self._errors = [errors.get(name, NO_ERROR) for name in CHANNELS]
        self.loop = self._made()

    def blocks(self, n_frames: int, first: int = 0) -> Iterator[bytes]:
        """Consecutive blocks of n_frames records, without end, numbered from `first` on."""
        number = np.arange(first, first + n_frames, dtype=np.int64)
        while True:
            loop = self.loop
            records = loop[number % len(loop)]
            records["number"] = number & 0x3FFFFFFF
            yield records.tobytes()
            number += n_frames

    def codes(self) -> np.ndarray:
        """Of a loop: (frames, 8), int16 or int32."""
        set_to, adc = self.registers, self._adc
        noise = np.array([error.noise for error in self._errors])
        late = np.array([error.phase for error in self._errors]) / 360 / self._frequency * adc.rate  # samples
        values = shifted(self._values, late + np.array(set_to.phase) / OSR)
        if noise.any():
            values = np.tile(values, (-(-NOISE_FRAMES // len(values)), 1))
        values = values * (1 + np.array([error.gain for error in self._errors]) / 100)
        full_scale = np.array([adc.full_scale_v] * 3 + [adc.full_scale_i] * 4)
        values += np.array([e.offset for e in self._errors])
        values += np.array([e.offset_percent for e in self._errors]) / 100 * full_scale
        first = self._first
        range_ = np.array([set_to.gain_v / first.gain_v] * 3 + [set_to.gain_i / first.gain_i] * 4)
        codes = values * (PEAK / full_scale) * range_
        if noise.any():
            codes += np.random.default_rng(self._seed).normal(0, 256, codes.shape) * noise
        codes = np.clip(codes, -PEAK, PEAK - 1)
        codes = (codes - np.array(set_to.offset)) * (np.array(set_to.gain) / UNITY)
        peak = 1 << (set_to.bits - 1)
        made = np.zeros((len(codes), 8), dtype=np.int16 if set_to.bits == 16 else np.int32)
        made[:, :COLUMNS] = np.clip(np.rint(codes * (peak / PEAK)), -peak, peak - 1)
        return made

    def _made(self) -> np.ndarray:
        return frames(self.codes())
