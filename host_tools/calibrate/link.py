"""The meter that is calibrated, over its serial console or by Modbus.

    meter = connect(open_link(port="/dev/ttyACM0"))
    window = meter.read(("v_l1", "i_l1", "phi1_l1", "vdc_l1"))

vdc_l1, idc_l1 .. idc_n are order 0 of the lists vh_, ih_: the signed dc. A window is a snapshot: all its values are of
the same one. By Modbus the meter does not tell its board, firmware, range and wiring: they are None unless they are
given.
"""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import NamedTuple, Protocol

from host_tools.calibrate.model import Calibration, from_dict
from host_tools.firmware_path import points_table
from host_tools.meter_link import LinkError, ModbusLink, Refused, ShellLink

ROWS = {row.id: row for row in points_table.ROWS}
FLAGS = (
    "gap", "clip", "flat", "jitter", "crc", "unsync", "event", "overrun", "short", "fallback", "noload", "offset",
    "noise", "supply",
)  # fmt: skip
SPAN = 125  # registers of a request
TRIES = 5
RATES = (12800, 10240)
# firmware/wattless/services/modbus_settings.py
CODE, STATE, COMMAND, RESULT, TRIPS, CALIBRATION = 20000, 20002, 20004, 20005, 20010, 20100
LOCK, CALIBRATE, UNDO, RESTART = 1, 2, 3, 4
TRIP_NAMES = (
    "dip_threshold", "swell_threshold", "interruption_threshold", "event_hysteresis", "rvc_threshold", "offset_limit",
    "noise_limit", "aux_minimum", "signalling_frequency", "demand_current", "rated_current", "nominal_current",
    "nominal_voltage", "full_scale_v", "full_scale_i",
)  # fmt: skip
SETTINGS = (
    "wiring", "nominal_frequency", "nominal_voltage", "nominal_current", "full_scale_v", "full_scale_i", "adc_rate",
    "gain_v", "gain_i", "current_sensor", "neutral_current",
)  # fmt: skip
_LIST_FORMS = {"vdc": "vh", "idc": "ih"}
_EXISTING = {at for row in ROWS.values() for at in range(row.address, row.address + points_table.registers(row))}


class Window(NamedTuple):
    """One window: its sequence number, the names of its flags, values by id (None: not known)."""

    seq: int
    flags: tuple[str, ...]
    values: dict[str, float | None]


@dataclass(frozen=True)
class About:
    """What the meter is. None: it does not say."""

    where: str
    board: str | None = None
    firmware: str | None = None
    gain_v: int | None = None
    gain_i: int | None = None
    wiring: str | None = None
    rate: float | None = None
    nominal_frequency: float | None = None
    nominal_voltage: float | None = None
    nominal_current: float | None = None
    full_scale_v: float = 0.0
    full_scale_i: float = 0.0
    current_sensor: str | None = None
    neutral_current: str | None = None


class Meter(Protocol):
    """Both raise LinkError where the meter does not answer and Refused, with its words, where it says no."""

    def about(self) -> About: ...
    def calibration(self) -> Calibration: ...
    def unlock(self, code: str) -> None: ...
    def calibrate(self, wanted: Calibration) -> None: ...
    def undo(self) -> None: ...
    def set(self, name: str, value: object) -> None: ...
    def restart(self) -> None: ...
    def read(self, ids: Sequence[str]) -> Window: ...


def connect(link: ShellLink | ModbusLink, **known: object) -> Meter:
    """The meter behind a link. known: fields of About that a Modbus link cannot find out."""
    return ShellMeter(link) if isinstance(link, ShellLink) else ModbusMeter(link, **known)


def source(id_: str) -> tuple[str, bool]:
    """(point, whether it is order 0 of that list) of an id."""
    name, _, line = id_.partition("_")
    return (f"{_LIST_FORMS[name]}_{line}", True) if name in _LIST_FORMS else (id_, False)


def flag_names(mask: int | None) -> tuple[str, ...]:
    return () if mask is None else tuple(name for bit, name in enumerate(FLAGS) if mask >> bit & 1)


class ShellMeter:
    def __init__(self, link: ShellLink) -> None:
        self._link = link

    def about(self) -> About:
        firmware = self._link.command("diag")["firmware"]
        values = self._get(SETTINGS)
        rate = values.pop("adc_rate")
        return About(self._link.name, firmware["board"], firmware["version"], rate=rate, **values)

    def calibration(self) -> Calibration:
        return from_dict(self._link.command("calibration")["present"])

    def unlock(self, code: str) -> None:
        self._link.command(f"unlock {code}")

    def calibrate(self, wanted: Calibration) -> None:
        line = wanted.as_dict()
        neutral = {"gain": 1.0, "offset": 0, "phase": 0}
        line = {name: value for name, value in line.items() if value != neutral}  # a line has 1024 bytes
        for value in line.values():
            if isinstance(value, dict):
                value["gain"] = round(value["gain"], 8)
        self._link.command("calibrate " + json.dumps(line, separators=(",", ":")))

    def undo(self) -> None:
        self._link.command("undo")

    def set(self, name: str, value: object) -> None:
        self._link.command(f"set {name} {json.dumps(value)}")

    def restart(self) -> None:
        try:
            self._link.command("restart", 0.5)
        except LinkError:  # it has no time to answer
            pass

    def read(self, ids: Sequence[str]) -> Window:
        wanted = [(id_, *source(id_)) for id_ in ids]
        found = self._get(["seq", "flags", *dict.fromkeys(point for _, point, _ in wanted)])
        values = {}
        for id_, point, of_list in wanted:
            value = found[point]
            values[id_] = (value[0] if value else None) if of_list else value
        return Window(found["seq"] or 0, flag_names(found["flags"]), values)

    def _get(self, names: Sequence[str]) -> dict:
        return self._link.command("get " + " ".join(names))["values"]


class ModbusMeter:
    def __init__(self, link: ModbusLink, **known: object) -> None:
        self._link = link
        self._known = {name: value for name, value in known.items() if value is not None}

    def about(self) -> About:
        trips = dict(zip(TRIP_NAMES, self._floats(TRIPS, len(TRIP_NAMES)), strict=True))
        names = ("nominal_voltage", "nominal_current", "full_scale_v", "full_scale_i")
        found = About(self._link.name, rate=self._rate(), **{name: trips[name] for name in names})
        return replace(found, **self._known)

    def _rate(self) -> float | None:
        """Of the converter, from the frames that the meter counts against its own clock."""
        row = ROWS["capture_rate"]
        counted = struct.unpack(">I", self._link.read(row.address, 2))[0] / 1000
        near = min(RATES, key=lambda rate: abs(rate - counted))
        return near if abs(near / counted - 1) < 0.02 else None

    def calibration(self) -> Calibration:
        values = struct.unpack(">8I8i8h", self._link.read(CALIBRATION, 40))
        made = Calibration(self._known.get("gain_v", 1), self._known.get("gain_i", 1))
        for field, at in ((made.gain, 0), (made.offset, 8), (made.phase, 16)):
            for k in range(8):
                field[k] = values[at + k]
        return made

    def unlock(self, code: str) -> None:
        if not code.isdigit() or code.startswith("0") or int(code) > 0xFFFFFFFF:
            raise Refused(f"the access code goes through a register: want 1..{0xFFFFFFFF} without leading zeros")
        self._write(CODE, struct.pack(">I", int(code)))

    def calibrate(self, wanted: Calibration) -> None:
        values = (*wanted.gain, *wanted.offset, *wanted.phase)
        self._write(CALIBRATION, struct.pack(">8I8i8h", *values))
        self._write(COMMAND, struct.pack(">H", CALIBRATE))

    def undo(self) -> None:
        self._write(COMMAND, struct.pack(">H", UNDO))

    def set(self, name: str, value: object) -> None:
        if name not in TRIP_NAMES or not isinstance(value, (int, float)):
            raise Refused(f"{name} cannot be set by Modbus: use the serial console (--port)")
        self._write(TRIPS + 2 * TRIP_NAMES.index(name), struct.pack(">f", value))

    def restart(self) -> None:
        try:
            self._write(COMMAND, struct.pack(">H", RESTART))
        except LinkError:  # it has no time to answer
            pass

    def read(self, ids: Sequence[str]) -> Window:
        rows = {id_: ROWS[source(id_)[0]] for id_ in ids}
        wanted = {id_: (row.address, row.type) for id_, row in rows.items()}
        seq, flags = ROWS["seq"].address, ROWS["flags"].address
        wanted |= {"seq": (seq, "uint32"), "flags": (flags, "uint32")}
        spans = _spans(wanted.values())
        for _ in range(TRIES):
            image = {at: self._link.read(at, count) for at, count in spans}
            if len(spans) == 1 or self._link.read(seq, 2) == _cut(image, seq, 4):
                break
        else:
            raise LinkError(f"{self._link.name}: too slow: {TRIES} times a new window came between two requests")
        sizes = points_table.REGISTERS
        found = {id_: _value(_cut(image, at, 2 * sizes[kind]), kind) for id_, (at, kind) in wanted.items()}
        return Window(found.pop("seq") or 0, flag_names(found.pop("flags")), found)

    def _floats(self, address: int, count: int) -> list[float | None]:
        values = struct.unpack(f">{count}f", self._link.read(address, 2 * count))
        return [value if isfinite(value) else None for value in values]

    def _write(self, address: int, data: bytes) -> None:
        try:
            self._link.write(address, data)
        except Refused as error:
            state, _, _, result = struct.unpack(">HHHH", self._link.read(STATE, 4))
            names = ("unlocked", "locked", "no access code set", "blocked after a wrong code", "sealed by the jumper")
            results = ("done", "locked", "not legal", "nothing there")
            raise Refused(f"{results[result % 4]} (the meter is {names[state % 5]})") from error


def _spans(places: Iterable[tuple[int, str]]) -> list[tuple[int, int]]:
    """(address, registers) of the fewest requests that cover the places (address, type); a register that is not there
    may not be asked for."""
    made: list[tuple[int, int]] = []
    for address, kind in sorted(places):
        end = address + points_table.REGISTERS[kind]
        first, count = made[-1] if made else (address, 0)
        if made and end - first <= SPAN and all(at in _EXISTING for at in range(first + count, address)):
            made[-1] = (first, max(count, end - first))
        else:
            made.append((address, end - address))
    return made


def _cut(image: dict[int, bytes], address: int, size: int) -> bytes:
    first = max(at for at in image if at <= address)
    return image[first][2 * (address - first) : 2 * (address - first) + size]


def _value(data: bytes, kind: str) -> float | None:
    if kind == "float32":
        value = struct.unpack(">f", data)[0]
        return value if isfinite(value) else None
    return None if data == b"\xff" * len(data) else int.from_bytes(data, "big")


def wait_until_back(meter: Meter, seconds: float, clock=time.monotonic, sleep=time.sleep) -> None:
    """Until a restarted meter answers again. LinkError when it does not."""
    end = clock() + seconds
    while True:
        sleep(0.2)
        try:
            meter.read(("f",))
            return
        except (LinkError, Refused):
            if clock() > end:
                raise
