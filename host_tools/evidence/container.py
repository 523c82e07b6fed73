"""Files of evidence: what firmware/wattless/capture/evidence.py sends, byte for byte; its header has the layout.

`load` refuses what is not whole; whether the numbers in it go together is for reproduce.py to say.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from host_tools.adc_model import FRAME, WIDE_FRAME
from host_tools.evidence import EvidenceError

MAGIC = b"WATTEV1\n"
HEAD = struct.Struct("<8s4I")
HASH_BYTES = 32
NUMBERS = (1 << 30) - 1
JITTER = 1 << 31
LARGEST = 1 << 22  # bytes of any part
# what the header must have: name -> type
FACTS = {
    "seq": int, "flags": int, "first": int, "frac": int, "length": int, "synced": bool, "number": int, "frames": int,
    "record_bytes": int, "fingerprint": int, "registers": list, "integers": list, "floats": int, "python": str,
    "config": dict, "delays": list,
}  # fmt: skip


@dataclass(frozen=True)
class Evidence:
    """facts: the header; registers: of the window, as Modbus sends them; integers: all in one array of int32; frames:
    records of adc_model.FRAME or WIDE_FRAME; sha256: of everything, as the file has it."""

    name: str
    facts: dict
    registers: bytes
    integers: np.ndarray
    frames: np.ndarray
    sha256: str

    def register_image(self, registers: bytes | None = None) -> dict[int, int]:
        """PDU address -> value of each register, of `registers` in place of the evidence's own."""
        words = np.frombuffer(self.registers if registers is None else registers, ">u2").tolist()
        addresses = [first + k for first, count in self.facts["registers"] for k in range(count)]
        return dict(zip(addresses, words, strict=True))

    def crc_errors(self) -> int:
        """Frames whose checksum is wrong."""
        words = self.frames["words"]
        rows = np.ascontiguousarray(words[:, :9]).view(np.uint8).reshape(len(words), -1)
        crc = np.full(len(rows), 0xFFFF, dtype=np.uint32)
        for column in rows.T:  # CRC-16/CCITT-FALSE, a byte at a time
            crc ^= column.astype(np.uint32) << 8
            for _ in range(8):
                crc = np.where(crc & 0x8000, crc << 1 ^ 0x1021, crc << 1) & 0xFFFF
        sent = words[:, 9] if words.ndim == 2 else words[:, 9, 0].astype(np.uint32) << 8 | words[:, 9, 1]
        return int((crc != sent).sum())

    def lost(self) -> int:
        """Frames missing between the first and the last; EvidenceError when their numbers do not rise."""
        steps = np.diff((self.frames["number"] & NUMBERS).astype(np.int64)) & NUMBERS
        if len(steps) and (steps.min() < 1 or steps.max() > 33):
            at = int(np.flatnonzero((steps < 1) | (steps > 33))[0])
            raise EvidenceError(f"frame {at + 1} of {len(self.frames)} does not follow the one before: other frames")
        return int((steps - 1).sum())


def load(path: str | Path) -> Evidence:
    """The evidence in a file. EvidenceError for one that is none, was cut short, or whose hash is wrong."""
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"{path.name}: cannot be read: {error.strerror or error}") from error
    return parse(data, path.name)


def parse(data: bytes, name: str = "evidence") -> Evidence:
    """The evidence in `data`; as load."""
    try:
        return _parse(data, name)
    except EvidenceError as error:
        raise EvidenceError(f"{name}: {error}") from error


def _parse(data: bytes, name: str) -> Evidence:
    if len(data) < HEAD.size + HASH_BYTES or not data.startswith(MAGIC):
        raise EvidenceError("is no evidence of a Wattless meter")
    _, *sizes = HEAD.unpack_from(data)
    whole = HEAD.size + sum(sizes) + HASH_BYTES
    if max(sizes) > LARGEST or len(data) != whole:
        raise EvidenceError(f"has {len(data)} bytes, its header says {whole}: cut short, or changed")
    digest = hashlib.sha256(data[:-HASH_BYTES]).digest()
    if digest != data[-HASH_BYTES:]:
        raise EvidenceError(
            f"has been changed since the meter made it: its SHA-256 is {digest.hex()}, "
            f"the meter's {data[-HASH_BYTES:].hex()}"
        )
    parts, at = [], HEAD.size
    for size in sizes:
        parts.append(data[at : at + size])
        at += size
    facts = _facts(parts[0])
    kind = {FRAME.itemsize: FRAME, WIDE_FRAME.itemsize: WIDE_FRAME}.get(facts["record_bytes"])
    if kind is None or len(parts[3]) != facts["frames"] * facts["record_bytes"] or not facts["frames"]:
        raise EvidenceError(f"{len(parts[3])} bytes of frames are not {facts['frames']} of {facts['record_bytes']}")
    if len(parts[1]) != 2 * sum(count for _, count in facts["registers"]):
        raise EvidenceError(f"{len(parts[1])} bytes of registers are not what its header lists")
    if len(parts[2]) != 4 * sum(facts["integers"]):
        raise EvidenceError(f"{len(parts[2])} bytes of integers are not what its header lists")
    return Evidence(
        name, facts, parts[1], np.frombuffer(parts[2], "<i4"), np.frombuffer(parts[3], kind), digest.hex()
    )  # fmt: skip


def _facts(text: bytes) -> dict:
    try:
        facts = json.loads(text)
    except ValueError as error:
        raise EvidenceError(f"its header is not JSON: {error}") from error
    if not isinstance(facts, dict) or facts.get("evidence") != 1:
        raise EvidenceError("is evidence of another version: this program knows version 1")
    for key, kind in FACTS.items():
        value = facts.get(key)
        if not isinstance(value, kind) or (kind is int and (isinstance(value, bool) or value < 0)):
            raise EvidenceError(f"its header has no {key}, or one that makes no sense: {value!r}"[:200])
    ranges, counts, delays = facts["registers"], facts["integers"], facts["delays"]
    if not all(isinstance(pair, list) and len(pair) == 2 and all(_count(x, 65536) for x in pair) for pair in ranges):
        raise EvidenceError("its header lists no registers: want pairs of address and count")
    if not all(_count(x, 100000) for x in counts) or len(delays) != 8 or not all(_count(x, 8) for x in delays):
        raise EvidenceError("its header has lengths of integers or delays that make no sense")
    return facts


def _count(value: object, below: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < below
