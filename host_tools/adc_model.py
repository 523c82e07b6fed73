"""The simulated front end: what an ADS131M08 at 12.8 or 10.24 kS/s makes of a waveform, as bytes on its SPI.

    waveform --sinc3, rate conversion--> values at the instants k / rate --quantise--> codes --frames--> 24-byte records

The converter's own filter is its sinc3 decimator, modelled by its magnitude at OSR 256. It is applied zero-phase: the
real one delays every channel by 1.5 output samples, which no reading of a meter sees. It is no anti-alias filter, so
whatever the record has above half the rate folds down as in the real converter. An "ideal" ADC samples and rounds,
nothing else.

A record: frame number (uint32, little-endian), then ten big-endian words: STATUS, CH0 .. CH7, CRC-16/CCITT (0x1021,
start 0xFFFF). With words of 24 bits STATUS and CRC stand in the upper 16 bits of theirs, and two bytes of padding
follow: 36 bytes in place of 24. Measured: a million frames from codes in 0.05 s.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np

from host_tools.rate_conversion import Fetch, convert, looped, one_pass
from host_tools.recording import Recording, Segment

KINDS = ("ads131m08", "ideal")
OSR = 256
SINC3_HALF = 1.5  # output samples to each side that its impulse response reaches
CODE_PEAK = 32768  # code of full scale in words of 16 bits; the largest code is one less
STATUS = 0x00FF  # all eight channels have new data, nothing else to report
WORDS = 10
# the ADC's input of each channel; input 7 is spare
COLUMN = {"v1": 0, "v12": 0, "v2": 1, "v3": 2, "v32": 2, "i1": 3, "i2": 4, "i3": 5, "in": 6}
COLUMNS = 7
FRAME = np.dtype([("number", "<u4"), ("words", ">u2", WORDS)])
WIDE_FRAME = np.dtype([("number", "<u4"), ("words", "u1", (WORDS, 3)), ("padding", "u1", 2)])
BLOCK_FRAMES = 16384
HEADROOM = 0.7  # of full scale, where the peak may lie when full scale is chosen from the data
READABLE = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
DEFAULT_FULL_SCALE = {"v": 500.0, "i": 100.0}  # of a quantity that is zero throughout


@dataclass(frozen=True)
class Adc:
    """rate: frames/s. kind: one of KINDS. full_scale_v, full_scale_i: peak V and A at code 32768 (24 bits: 2**23)."""

    rate: float = 12800.0
    kind: str = "ads131m08"
    full_scale_v: float = 500.0
    full_scale_i: float = 100.0
    bits: int = 16

    @property
    def code_peak(self) -> int:
        return 1 << (self.bits - 1)

    def response(self, f: np.ndarray) -> np.ndarray:
        """Gain at f Hz: 1 for the ideal ADC, the sinc3's otherwise."""
        return np.ones_like(f) if self.kind == "ideal" else sinc3(f, self.rate)

    def convert(self, fetch: Fetch, fs: float, first: int, count: int, start: float) -> Iterator[np.ndarray]:
        """A record of fs S/s that began at start s, as it arrives at the frames first .. first + count - 1."""
        return convert(
            fetch, fs, self.rate, first, count, start=start, response=self.response, filter_s=SINC3_HALF / self.rate
        )


def sinc3(f: np.ndarray, rate: float) -> np.ndarray:
    """Magnitude of the decimator: (sin(pi f / rate) / (256 sin(pi f / (256 rate))))^3, signed."""
    x = np.asarray(f, dtype=np.float64) / rate
    fast = OSR * np.sin(np.pi * x / OSR)
    zero = np.abs(fast) < 1e-9
    return np.where(zero, 1.0, np.sin(np.pi * x) / np.where(zero, 1.0, fast)) ** 3


def full_scales(recording: Recording) -> tuple[float, float]:
    """(V, A) for a recording: the largest magnitude of any voltage, of any current, lies at 70 % or a little below."""
    voltages = tuple(name for name in COLUMN if name.startswith("v"))
    currents = tuple(name for name in COLUMN if name.startswith("i"))
    return (
        readable_full_scale(recording.peak(voltages)) or DEFAULT_FULL_SCALE["v"],
        readable_full_scale(recording.peak(currents)) or DEFAULT_FULL_SCALE["i"],
    )


def readable_full_scale(peak: float) -> float:
    """The smallest 1, 1.2, 1.5, 2, ... times a power of ten that has peak at 70 % or below; 0 for a peak of 0."""
    if peak == 0:
        return 0.0
    needed = peak / HEADROOM
    decade = 10.0 ** floor(log10(needed))
    steps = (*READABLE, 10.0)
    return float(f"{next(step for step in steps if step * decade >= needed * (1 - 1e-12)) * decade:.12g}")


def sample(recording: Recording, adc: Adc, repeat: float | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """What the ADC sees, before rounding: (number of the first frame, V and A as (frames, COLUMNS)), block by block.

    repeat None: once through. Frames lie within the recording's samples, and gap segments have none: the next number
    jumps. Within 200 samples of a segment's ends the interpolator sees the record turned about its end
    (rate_conversion.one_pass). repeat: seconds for which the recording's one segment is looped; its length must be a
    whole number of periods."""
    if repeat is not None:
        yield from _segment(recording.segments[0], adc, 0, round(repeat * adc.rate), loop=True)
        return
    for segment in recording.waveforms:
        first = ceil(segment.start * adc.rate - 1e-6)
        last = floor((segment.start + (segment.samples - 1) / segment.fs) * adc.rate + 1e-6)
        yield from _segment(segment, adc, first, last + 1 - first, loop=False)


def _segment(segment: Segment, adc: Adc, first: int, count: int, loop: bool) -> Iterator[tuple[int, np.ndarray]]:
    names = [name for name in segment.data if name in COLUMN]
    data = np.stack([np.asarray(segment.data[name], dtype=np.float64) for name in names])
    fetch = looped(data) if loop else one_pass(data)
    before = segment.start * adc.rate
    if adc.kind == "ideal" and segment.fs == adc.rate and before == round(before):
        cuts = [*range(first, first + count, BLOCK_FRAMES), first + count]
        blocks = (fetch(a - round(before), b - round(before)) for a, b in pairwise(cuts))
    else:
        blocks = adc.convert(fetch, segment.fs, first, count, start=segment.start)
    for block in blocks:
        values = np.zeros((block.shape[1], COLUMNS))
        values[:, [COLUMN[name] for name in names]] = block.T
        yield first, values
        first += len(values)


def tones(
    components: Iterable[tuple[str, float, float, float]],
    count: int,
    adc: Adc = Adc(),
    *,
    dc: dict[str, float] | None = None,
    first: int = 0,
) -> np.ndarray:
    """Sum of sinusoids in closed form at the frames first .. first + count - 1: (count, COLUMNS), before rounding.

    A component (channel, frequency Hz, rms V or A, phase degrees) is sqrt(2) rms cos(2 pi f t + phase) with the ADC's
    gain at f; one above half the rate folds down. dc: a constant per channel."""
    k = np.arange(first, first + count)
    values = np.zeros((count, COLUMNS))
    for channel, frequency, rms, phase in components:
        cycles = np.fmod(k * (frequency / adc.rate), 1.0)
        gain = float(adc.response(np.float64(frequency)))
        values[:, COLUMN[channel]] += np.sqrt(2) * rms * gain * np.cos(2 * np.pi * cycles + np.radians(phase))
    for channel, value in (dc or {}).items():
        values[:, COLUMN[channel]] += value
    return values


def quantise(values: np.ndarray, adc: Adc) -> np.ndarray:
    """Codes (frames, 8), int16 or for 24 bits int32, of V and A (frames, COLUMNS): rounded half to even, clipped; the
    spare input is 0."""
    full_scale = np.array([adc.full_scale_v] * 3 + [adc.full_scale_i] * 4)
    codes = np.zeros((len(values), 8), dtype=np.int16 if adc.bits == 16 else np.int32)
    peak = adc.code_peak
    codes[:, :COLUMNS] = np.clip(np.rint(values * (peak / full_scale)), -peak, peak - 1)
    return codes


def frames(codes: np.ndarray, first: int = 0) -> np.ndarray:
    """Records of codes (n, 8), int16 (dtype FRAME) or int32 (WIDE_FRAME), numbered from first on, modulo 2**30."""
    numbers = (np.arange(first, first + len(codes), dtype=np.int64) & 0x3FFFFFFF).astype(np.uint32)
    if codes.dtype == np.int32:
        return _wide_frames(codes, numbers)
    records = np.empty(len(codes), dtype=FRAME)
    records["number"] = numbers
    records["words"][:, 0] = STATUS
    records["words"][:, 1:9] = codes.view(np.uint16)
    records["words"][:, 9] = crc16(records["words"][:, :9])
    return records


def _wide_frames(codes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    records = np.zeros(len(codes), dtype=WIDE_FRAME)
    records["number"] = numbers
    records["words"][:, 0, :2] = STATUS >> 8, STATUS & 0xFF
    records["words"][:, 1:9] = codes.astype(">i4").view(np.uint8).reshape(len(codes), 8, 4)[:, :, 1:]
    table = _crc_table()[:256]  # of one byte: entry b is what the word b leaves, shifted out from its low half
    crc = np.full(len(codes), 0xFFFF, dtype=np.uint16)
    for column in records["words"][:, :9].reshape(len(codes), 27).T:
        crc = (crc << 8) ^ table[(crc >> 8) ^ column]
    records["words"][:, 9, 0], records["words"][:, 9, 1] = crc >> 8, crc & 0xFF
    return records


def frame_bytes(
    blocks: Iterable[tuple[int, np.ndarray]], adc: Adc, *, drop: Collection[int] = (), corrupt: Collection[int] = ()
) -> Iterator[bytes]:
    """Blocks of `sample` (or one of `tones`) as bytes of records. Faults to inject, by frame number: drop leaves a
    frame out, corrupt spoils its CRC."""
    for first, values in blocks:
        records = frames(quantise(values, adc), first)
        numbers = np.arange(first, first + len(records))
        records["words"][np.isin(numbers, list(corrupt)), 9] ^= 1
        yield records[~np.isin(numbers, list(drop))].tobytes()


def crc16(words: np.ndarray) -> np.ndarray:
    """CRC-16/CCITT-FALSE of rows of 16-bit words, high byte first: 0x1021, start 0xFFFF, not reflected, no xor."""
    table = _crc_table()
    crc = np.full(len(words), 0xFFFF, dtype=np.uint16)
    for column in np.asarray(words).T:
        crc = table[crc ^ column.astype(np.uint16)]
    return crc


@cache
def _crc_table() -> np.ndarray:
    """The remainder that each 16-bit word leaves: a word at a time then costs one lookup."""
    remainder = np.arange(0x10000, dtype=np.uint32)
    for _ in range(16):
        remainder = ((remainder << 1) ^ np.where(remainder & 0x8000, 0x1021, 0)) & 0xFFFF
    return remainder.astype(np.uint16)
