"""What is true: values typed in, or read from a reference meter by Modbus, with their uncertainty and certificate.

A reference meter is described by a file, JSON or TOML:

    {"name": "RMM3003", "serial": "4711", "certificate": "D-K-15007 2026-03", "uncertainty": {"v": 0.01, "i": 0.01,
     "phase": 0.003}, "modbus": "192.168.1.9:502", "unit": 1,
     "registers": {"v_l1": {"address": 0, "type": "float32"},
                   "p_l1": {"address": 12, "type": "int32", "scale": 0.1, "words": "little", "function": 4}}}

uncertainty: expanded (k = 2), in % of reading for v and i, in degrees for phase. modbus: as `wattless --modbus` has it
(HOST, HOST:PORT, rtu:DEVICE; then baud and parity). Ids are those of the meter's points: v_l1, i_l1, p_l1, q1_l1,
phi1_l1, v_l12, i_n, f; phi1 may follow from p and q1.
"""

from __future__ import annotations

import json
import struct
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import acos, degrees, hypot, isfinite, radians, tan
from pathlib import Path
from typing import NamedTuple, Protocol

from host_tools.calibrate import model
from host_tools.calibrate.tables import Point
from host_tools.meter_link import ModbusLink
from host_tools.recording import InputError

TYPES = {"int16": ("h", 1), "uint16": ("H", 1), "int32": ("i", 2), "uint32": ("I", 2), "float32": ("f", 2),
         "float64": ("d", 4)}  # fmt: skip
QUANTITIES = ("v", "i", "p", "q1", "phi1", "pf")
LINES = ("12", "23", "31")
_IDS = {f"{name}_l{k}" for name in QUANTITIES[:5] for k in (1, 2, 3)} | {f"v_l{line}" for line in LINES} | {"i_n", "f"}


@dataclass(frozen=True)
class Uncertainty:
    """Expanded (k = 2): v and i in % of reading, phase in degrees."""

    v: float
    i: float
    phase: float

    def power(self, where: Point) -> float:
        """Of active power, %, at a point: independent shares."""
        return hypot(self.v, self.i, 100 * tan(radians(abs(where.angle))) * radians(self.phase))


@dataclass(frozen=True)
class Identity:
    """What the record says about the reference."""

    name: str
    certificate: str
    uncertainty: Uncertainty
    serial: str = ""
    how: str = "typed in"

    def as_dict(self) -> dict:
        u = self.uncertainty
        shares = {"v_percent": u.v, "i_percent": u.i, "phase_degrees": u.phase, "coverage": 2}
        line = {"name": self.name, "serial": self.serial, "certificate": self.certificate, "how": self.how}
        return {**line, "uncertainty": shares}


class Reference(Protocol):
    """values() is None for a reference that a person reads: then they are asked for, once a step."""

    identity: Identity

    def values(self) -> dict[str, float] | None: ...


class Typed:
    def __init__(self, identity: Identity) -> None:
        self.identity = identity

    def values(self) -> None:
        return None


class Register(NamedTuple):
    address: int
    type: str
    scale: float = 1.0
    words: str = "big"
    function: int = 3


@dataclass
class ModbusReference:
    """A reference meter. link: a connection to it; registers: by id."""

    identity: Identity
    link: ModbusLink
    registers: Mapping[str, Register] = field(default_factory=dict)

    def values(self) -> dict[str, float]:
        """One reading. A value that is not a number is left out."""
        found = {}
        for id_, register in self.registers.items():
            layout, count = TYPES[register.type]
            data = self._read(register, count)
            if register.words == "little":
                data = b"".join(data[at : at + 2] for at in range(len(data) - 2, -2, -2))
            value = struct.unpack(">" + layout, data)[0] * register.scale
            if isfinite(value):
                found[id_] = value
        return found

    def _read(self, register: Register, count: int) -> bytes:
        read = self.link.read if register.function == 3 else self.link.read_inputs
        return read(register.address, count)


class ReferenceLink(ModbusLink):
    """A Modbus link that also reads input registers (FC04)."""

    def read_inputs(self, address: int, count: int) -> bytes:
        answer = self.ask(lambda: self._client.read_input_registers(address, count=count, device_id=self.unit))
        return b"".join(value.to_bytes(2, "big") for value in answer.registers)


def load(path: str | Path) -> ModbusReference:
    """The reference meter that a file describes, connected. InputError for a file that is not right, LinkError where
    the meter cannot be reached."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        given = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}") from None
    identity, registers = _identity(given, path), _registers(given, path)
    names = ("baud", "parity")
    options = {name: given[name] for name in names if name in given}
    link = ReferenceLink(_text(given, "modbus", path), unit=given.get("unit", 1), **options)
    return ModbusReference(identity, link, registers)


def _identity(given: Mapping, path: Path) -> Identity:
    return Identity(
        _text(given, "name", path),
        _text(given, "certificate", path),
        uncertainty(given.get("uncertainty"), str(path)),
        str(given.get("serial", "")),
        f"Modbus, {_text(given, 'modbus', path)}",
    )


def _text(given: Mapping, name: str, path: Path) -> str:
    if not isinstance(given, Mapping) or not isinstance(given.get(name), str) or not given[name]:
        raise InputError(f"{path}: {name}: want a text")
    return given[name]


def _registers(given: Mapping, path: Path) -> dict[str, Register]:
    lines = given.get("registers")
    if not isinstance(lines, Mapping) or not lines:
        raise InputError(f"{path}: registers: want an object of id: {{address, type, scale}}")
    found = {}
    for id_, line in lines.items():
        if id_ not in _IDS:
            raise InputError(f"{path}: {id_}: want an id of {', '.join(sorted(_IDS))}")
        try:
            register = Register(**line)
        except TypeError:
            raise InputError(f"{path}: {id_}: want address, type, and if need be scale, words, function") from None
        if register.type not in TYPES or register.words not in ("big", "little") or register.function not in (3, 4):
            allowed = f"type of {', '.join(TYPES)}; words big or little; function 3 or 4"
            raise InputError(f"{path}: {id_}: want {allowed}")
        found[id_] = register
    return found


def uncertainty(given: object, where: str) -> Uncertainty:
    """Of a mapping, or of text as in "v=0.01,i=0.01,phase=0.003"."""
    if isinstance(given, str):
        given = dict(part.strip().partition("=")[::2] for part in given.split(","))
    try:
        values = [float(given[name]) for name in ("v", "i", "phase")]  # type: ignore[index]
    except (TypeError, KeyError, ValueError):
        values = [-1.0]
    if not all(0 <= value < 10 for value in values):
        raise InputError(f"{where}: uncertainty: want v and i in % of reading and phase in degrees (k = 2)")
    return Uncertainty(*values)


def typed(text: str, phases: Iterable[int]) -> dict[str, float]:
    """Values as a person types them: "v=230.02 i=5.001 phi=60.01 v_ll=398.4", or phase by phase "v_l1=230.1 ...".

    Without a phase it holds for all of them. phi: degrees by which the current lags; pf: 0.5L, 0.8C or 1 in place of
    it. InputError names what is not right."""
    phases = tuple(phases)
    found: dict[str, float] = {}
    for word in text.replace(",", " ").split():
        name, equals, value = word.partition("=")
        name = {"phi": "phi1", "q": "q1", "n": "i_n"}.get(name, name.replace("phi_", "phi1_").replace("q_l", "q1_l"))
        number = _number(name, value) if equals else None
        if number is None:
            raise InputError(f"{word}: want NAME=VALUE, e.g. v=230.02 i=5.001 phi=60.01 or v_l1=230.1")
        if name == "v_ll":
            ids = [f"v_l{line}" for line in LINES]
        elif name in QUANTITIES:
            ids = [f"{name}_l{k}" for k in phases]
        else:
            ids = [name]
        for id_ in ids:
            id_ = id_.replace("pf_", "phi1_")
            if id_ not in _IDS:
                allowed = "v, i, p, q, phi, pf, each also with _l1, _l2, _l3; v_ll, v_l12, v_l23, v_l31, i_n, f"
                raise InputError(f"{word}: want one of {allowed}")
            found[id_] = number
    return found


def _number(name: str, text: str) -> float | None:
    """The value; of a power factor its angle."""
    sign = {"L": 1, "C": -1}.get(text[-1:].upper(), 0) if name.startswith("pf") else 0
    try:
        value = float(text[:-1] if sign else text)
    except ValueError:
        return None
    if not isfinite(value):
        return None
    if name.startswith("pf"):
        if not -1 <= value <= 1 or (not sign and abs(value) != 1):
            return None
        return sign * degrees(acos(value)) if sign else degrees(acos(value))
    return value


def missing(values: Mapping[str, float], wanted: Iterable[str]) -> list[str]:
    return [id_ for id_ in wanted if id_ not in values]


def true_values(values: Mapping[str, float], phases: Iterable[int]) -> dict[str, float]:
    """With what follows from them. InputError where they contradict one another."""
    try:
        found = model.complete(values, phases)
        if all(f"v_l{line}" in values for line in LINES) and all(f"v_l{k}" in values for k in (1, 2, 3)):
            around = sum(model.triangle(values))
            if abs(around - 360) > 0.2:
                raise model.ModelError(f"the line voltages do not close: their angles make {around:.2f} degrees")
    except model.ModelError as error:
        raise InputError(f"reference: {error}") from None
    return found
