"""`wattless replay FILE.evidence`: the registers of a window, computed anew from its frames by the firmware itself.

What the frames alone decide is compared, integer for integer and register for register; what hangs on the past is
listed with the reason. A meter with floats of 32 bits rounds its registers where this PC has 64: then they agree within
1e-5 of their scale (tests/metering/test_single_precision.py), and the report says so; the integers are equal always.
"""

from __future__ import annotations

import binascii
import json
import math
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from host_tools import runtimes
from host_tools.evidence import EvidenceError, container
from host_tools.evidence.container import JITTER, NUMBERS, Evidence
from host_tools.firmware_path import points_table

SCRIPT = "replay_evidence"  # boards/virtual
TIMEOUT_S = 120
SHARE = 1e-5  # of the scale, for registers of single precision
SYNC_LIMIT = 3e-4  # of a window's length
FRAME_FLAGS = {1: "gap", 2: "clip", 8: "jitter", 16: "crc"}
SETTLED_FLAGS = {4: "flat", 32: "unsync", 256: "short"}
MANY_MARKS = 16  # of capture/stream.py: with more troubles than that, marks melt together
UNKNOWN = {"float32": None, "uint16": 0xFFFF, "uint32": 0xFFFFFFFF, "uint64": (1 << 64) - 1}
CODES = {"float32": ">f", "uint16": ">H", "uint32": ">I", "uint64": ">Q"}
STATUS = ("seq", "window_ms", "flags")
HISTORY = {
    "source_": "the verdicts who distorts look at many windows",
    "aux_v": "read when the window was published, after its frames",
}
SMOOTHED = "smoothed over 1.5 s: the lists of harmonics hang on the windows before"
REST = "energy, counters, events, half periods, aggregates, health and wiring diagnosis are sums over the past"


@dataclass
class Report:
    """difference: the first one, None: reproduced. compared, notes, left_out: lines for people."""

    name: str
    runtime: str
    difference: str | None = None
    compared: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def reproduced(self) -> bool:
        return self.difference is None

    def text(self) -> str:
        lines = [f"{self.name}, computed anew on {self.runtime}"]
        lines += [f"  same          {line}" for line in self.compared]
        lines += [f"  note          {line}" for line in self.notes]
        lines += [f"  not compared  {line}" for line in self.left_out]
        return "\n".join([*lines, "reproduced" if self.reproduced else f"NOT reproduced: {self.difference}"])


class Difference(Exception):
    """The first thing that is not as the file says."""


def reproduce(path: str | Path, runtime: str = "micropython") -> Report:
    """Compares the evidence in a file with what its frames give on `runtime` (runtimes.RUNTIMES).

    EvidenceError for a file that is no evidence or was changed, and where the firmware cannot use it; ToolMissing,
    CompileError (host_tools.toolchain) where it cannot be started."""
    evidence = container.load(path)
    report = Report(evidence.name, runtime)
    report.compared.append(f"SHA-256 {evidence.sha256}")
    try:
        _check_frames(evidence, report)
        _check_status(evidence, report)
        _compare(evidence, compute(path, runtime), report)
    except Difference as error:
        report.difference = str(error)
    return report


def compute(path: str | Path, runtime: str) -> dict:
    """What boards/virtual/replay_evidence.py finds."""
    argv, env = runtimes.command(runtime, [str(Path(path).absolute())])
    argv[argv.index("main")] = SCRIPT
    env = {"WATTLESS_CHECKED": "0", **env}  # checked arithmetic takes twice the time and gives the same
    with tempfile.TemporaryDirectory(prefix="wattless-") as folder:  # MicroPython looks for modules there first
        try:
            done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise EvidenceError(f"the firmware on {runtime} takes more than {TIMEOUT_S} s") from error
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise EvidenceError(f"the firmware on {runtime} ended with code {done.returncode}: {said}") from error
    if "error" in found:
        raise EvidenceError(f"{Path(path).name}: {found['error']}")
    return found


def _check_frames(evidence: Evidence, report: Report) -> None:
    facts = evidence.facts
    lost, bad = evidence.lost(), evidence.crc_errors()
    before = (facts["number"] - int(evidence.frames["number"][0])) & NUMBERS
    if before > len(evidence.frames) + lost:
        raise Difference(f"the window begins with frame {facts['number']}, which is not among the file's")
    text = f"{len(evidence.frames)} frames from number {int(evidence.frames['number'][0]) & NUMBERS} on"
    report.compared.append(f"{text}: {lost} lost, {bad} with a wrong CRC")


def _check_status(evidence: Evidence, report: Report) -> None:
    image = evidence.register_image()
    for row in points_table.ROWS:
        if row.id in STATUS:
            told = evidence.facts.get(row.id)
            value = _integer(row, image, row.address)
            if value != (UNKNOWN[row.type] if told is None else told):
                raise Difference(f"register {_place(row.address)} ({row.id}): {value}, the header says {told}")
    crc = 0
    for array in _arrays(evidence.facts["integers"], evidence.integers):
        crc = binascii.crc32(array.tobytes(), crc)
    if crc != evidence.facts["fingerprint"]:
        said = evidence.facts["fingerprint"]
        raise Difference(f"fingerprint of the integers: {crc:#010x}, the header says {said:#010x}")
    report.compared.append(f"header and registers say the same of window {evidence.facts['seq']}")


def _compare(evidence: Evidence, found: dict, report: Report) -> None:
    facts = evidence.facts
    if found["stream"]["crc"] != evidence.crc_errors() or found["stream"]["lost"] != evidence.lost():
        raise Difference(f"troubles of the frames: the firmware counts {found['stream']}")
    _compare_integers(evidence, found)
    report.compared.append(f"{len(evidence.integers)} integers in {len(facts['integers'])} arrays")
    report.compared.append(f"fingerprint {facts['fingerprint']:#010x}")
    _compare_flags(evidence, found, report)
    _compare_registers(evidence, found, report)
    _compare_length(facts, found, report)
    kernels = facts.get("about", {}).get("kernels", "unknown")
    report.notes.append(f"made by {facts['python']} with {kernels} kernels, computed anew with {found['kernels']}")


def _compare_integers(evidence: Evidence, found: dict) -> None:
    told = list(_arrays(evidence.facts["integers"], evidence.integers))
    if [len(array) for array in told] != [len(text) // 8 for _, text in found["integers"]]:
        raise Difference("the firmware that made this has other arrays of integers than the one here")
    for array, (name, text) in zip(told, found["integers"], strict=True):
        anew = np.frombuffer(bytes.fromhex(text), "<i4")
        for at in np.flatnonzero(array != anew)[:1]:
            raise Difference(f"{name}, integer {at}: the meter's {array[at]}, computed anew {anew[at]}")
    if found["fingerprint"] != evidence.facts["fingerprint"]:
        raise Difference(f"fingerprint: the meter's {evidence.facts['fingerprint']:#x}, anew {found['fingerprint']:#x}")


def _compare_flags(evidence: Evidence, found: dict, report: Report) -> None:
    facts = evidence.facts
    flags, anew = facts["flags"], found["flags"]
    settled = {4: anew & 4, 32: 0 if facts["synced"] else 32, 256: 256 if facts["config"].get("window") == "5/6" else 0}
    for bit, name in SETTLED_FLAGS.items():
        if flags & bit != settled[bit]:
            raise Difference(f"flag {name}: the meter's {bool(flags & bit)}, computed anew {bool(settled[bit])}")
    troubles = {
        "gap": found["stream"]["lost"] + _restarts(evidence), "clip": found["stream"]["clip"],
        "jitter": int((evidence.frames["number"] & JITTER != 0).sum()), "crc": found["stream"]["crc"],
    }  # fmt: skip
    many = sum(troubles.values()) > MANY_MARKS
    for bit, name in FRAME_FLAGS.items():
        # a mark covers the whole block of frames that was read at once: near the window's ends it may reach into it
        if anew & bit and not flags & bit:
            raise Difference(f"flag {name}: the meter's False, computed anew True")
        if flags & bit and not troubles[name] and not many:
            raise Difference(f"flag {name}: the meter's True, and no frame here has that")
    names = [*SETTLED_FLAGS.values(), *FRAME_FLAGS.values()]
    report.compared.append("flags " + " ".join(names))
    report.left_out.append("flags event overrun fallback noload offset noise supply: they hang on other windows")


def _restarts(evidence: Evidence) -> int:
    """Frames whose STATUS word says more than that there is new data."""
    words = evidence.frames["words"]
    status = words[:, 0] if words.ndim == 2 else words[:, 0, 0].astype(int) << 8 | words[:, 0, 1]
    return int((status & 0xFF00 != 0).sum())


def _compare_registers(evidence: Evidence, found: dict, report: Report) -> None:
    facts = evidence.facts
    told = evidence.register_image()
    anew = evidence.register_image(bytes.fromhex(found["registers"]))
    single = facts["floats"] < found["floats"]
    scales = _scales(told) if single else {}
    left_out: dict[str, list[str]] = {}
    registers = values = exact = 0
    for row in _rows(told):
        if row.id in STATUS:
            continue
        if reason := _history(row, facts["config"]):
            left_out.setdefault(reason, []).append(row.id)
            continue
        for order, address, mine, other in _values(row, told, anew):
            if mine != other and not (single and _near(row, mine, other, scales)):
                where = f"{row.id}[{order}]" if row.count > 1 else row.id
                raise Difference(f"{where}, register {_place(address)}: the meter's {mine}, computed anew {other}")
            values += 1
            exact += mine == other
        registers += points_table.registers(row)
    text = f"{registers} registers, {values} values"
    if single:
        text += f", {exact} bit for bit, the others within {SHARE:g} of their scale: the meter's floats have 32 bits"
    report.compared.append(text)
    report.left_out += [f"{', '.join(_shortened(ids))}: {reason}" for reason, ids in left_out.items()]
    report.left_out.append(REST)


def _compare_length(facts: dict, found: dict, report: Report) -> None:
    if not facts["synced"]:
        report.left_out.append("window length: not synchronised, it is that of a window before")
    elif found["length"] is None:
        report.left_out.append("window length: no steady voltage at its start to find it by")
    else:
        off = found["length"] / facts["length"] - 1
        if abs(off) > SYNC_LIMIT:
            raise Difference(f"window length: {facts['length']} / 65536 samples, the frames have {found['length']}")
        report.compared.append(f"window length, {off * 1e6:+.2f} ppm (its start follows from the window before)")


def _rows(image: dict[int, int]) -> Iterator:
    """The rows of the table whose registers are all there."""
    for row in points_table.ROWS:
        if all(address in image for address in range(row.address, row.address + points_table.registers(row))):
            yield row


def _history(row, config: dict) -> str | None:
    """Why a row does not follow from the frames of one window; None: it does."""
    if config.get("smoothing", "none") != "none" and row.id.startswith(("vh_", "ih_")):
        return SMOOTHED
    return next((reason for name, reason in HISTORY.items() if row.id.startswith(name)), None)


def _values(row, told: dict[int, int], anew: dict[int, int]) -> Iterator[tuple[int, int, object, object]]:
    width = points_table.REGISTERS[row.type]
    for order in range(row.count):
        address = row.address + width * order
        yield order, address, _value(row, told, address), _value(row, anew, address)


def _integer(row, image: dict[int, int], address: int) -> int:
    value = 0
    for k in range(points_table.REGISTERS[row.type]):
        value = value << 16 | image[address + k]
    return value


def _value(row, image: dict[int, int], address: int) -> float | int | None:
    value = _integer(row, image, address)
    if row.type != "float32":
        return None if value == UNKNOWN[row.type] else value
    (number,) = struct.unpack(">f", value.to_bytes(4, "big"))
    return None if math.isnan(number) else number


def _scales(image: dict[int, int]) -> dict[str, float]:
    """The size of voltages, currents and powers in a window, by unit."""
    largest: dict[str, float] = {"%": 100.0, "deg": math.degrees(1)}
    for row in _rows(image):
        if row.unit in ("V", "A", "VA") and row.type == "float32":
            sizes = [abs(value) for _, _, value, _ in _values(row, image, image) if value is not None]
            largest[row.unit] = max([largest.get(row.unit, 0.0), *sizes])
    largest["W"] = largest["var"] = largest.get("VA", 0.0)
    return largest


def _near(row, mine: object, other: object, scales: dict[str, float]) -> bool:
    if not isinstance(mine, float) or not isinstance(other, float):
        return False
    scale = 100.0 if row.id.startswith("pollution") else scales.get(row.unit, abs(other))
    return abs(mine - other) <= SHARE * scale


def _arrays(lengths: list[int], integers: np.ndarray) -> Iterator[np.ndarray]:
    at = 0
    for length in lengths:
        yield integers[at : at + length]
        at += length


def _place(address: int) -> str:
    return f"{address} ({40001 + address})"


def _shortened(ids: list[str]) -> list[str]:
    return ids if len(ids) <= 4 else [*ids[:2], f"... ({len(ids)} in all)"]
