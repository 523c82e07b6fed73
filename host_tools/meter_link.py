"""Talking to a meter that runs: commands over its serial console, registers over Modbus.

    with open_link(port="/dev/ttyACM0") as meter:          # or modbus="192.168.1.20", "host:1502", "rtu:/dev/ttyUSB0"
        report = meter.command("diag")
        meter.write(20010, struct.pack(">f", 85.0))        # Modbus only

A serial link knows commands, a Modbus link registers; each says clearly what it cannot do.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import serial

ANSWER_S = 5.0
_LINE_COUNTERS = {  # as firmware/wattless/services/modbus_rtu.py calls them: pymodbus's request
    "bus_message": "diag_read_bus_message_count",
    "bus_comm_error": "diag_read_bus_comm_error_count",
    "exception": "diag_read_bus_exception_error_count",
    "slave_message": "diag_read_device_message_count",
    "no_response": "diag_read_device_no_response_count",
    "nak": "diag_read_device_nak_count",
    "busy": "diag_read_device_busy_count",
    "overrun": "diag_read_bus_char_overrun_count",
}
UNIT = 1
BAUD = 19200


class LinkError(Exception):
    """The meter cannot be reached, or does not answer. The message says what was tried and what to look at."""


class Refused(Exception):
    """The meter answered that it will not do it. The message is its reason."""


class _Link:
    """What is closed at the end of `with`."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ShellLink(_Link):
    """The serial console of a meter that measures (firmware/wattless/services/shell.py). stream: an open port, in
    place of one that is opened here."""

    def __init__(self, port: str, timeout: float = ANSWER_S, stream: serial.SerialBase | None = None) -> None:
        self.name = port
        self.timeout = timeout
        try:
            self._serial = stream or serial.Serial(port, 115200, timeout=0.05, write_timeout=timeout)
        except (OSError, serial.SerialException) as error:
            raise LinkError(f"{port} cannot be opened: {error}") from error
        self._rest = b""
        self._send(b"\x15\r")  # drops what somebody else may have begun to type

    def close(self) -> None:
        self._serial.close()

    def command(self, line: str, timeout: float | None = None) -> dict:
        """The answer to a command. Refused with the meter's words when it says no, LinkError when it says nothing."""
        name = line.split()[0]
        self._send(line.encode() + b"\r")
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        seen = b""
        while time.monotonic() < end:
            for answer in self._lines():
                seen = answer
                said = _json(answer)
                if isinstance(said, dict) and said.get("re") == name:
                    said.pop("re")
                    if "error" in said:
                        raise Refused(said["error"])
                    return said
        if seen.startswith((b">>>", b"MicroPython")) or self._rest.startswith(b">>>"):
            raise LinkError(f"{self.name}: it is at MicroPython's prompt and does not measure: restart it (Ctrl-D)")
        raise LinkError(f"{self.name}: no answer to `{name}` in {self.timeout:g} s: is it this port? does it measure?")

    def _send(self, data: bytes) -> None:
        try:
            self._serial.write(data)
        except (OSError, serial.SerialException) as error:
            raise LinkError(f"{self.name} does not take bytes: {error}") from error

    def _lines(self) -> list[bytes]:
        try:
            self._rest += self._serial.read(max(1, self._serial.in_waiting))
        except (OSError, serial.SerialException) as error:
            raise LinkError(f"{self.name} is gone: {error}") from error
        *lines, self._rest = self._rest.split(b"\n")
        return [line.strip() for line in lines]


class ModbusLink(_Link):
    """Registers of a meter. where: "HOST", "HOST:PORT" (TCP), or "rtu:DEVICE" (or its path) with baud and parity."""

    def __init__(self, where: str, unit: int = UNIT, baud: int = BAUD, parity: str = "E", timeout: float = 2.0) -> None:
        from pymodbus.client import ModbusSerialClient, ModbusTcpClient

        logging.getLogger("pymodbus").addHandler(logging.NullHandler())  # we say ourselves what went wrong
        self.name = where
        self.unit = unit
        if where.startswith(("rtu:", "/")) or where.upper().startswith("COM"):
            device, stops = where.removeprefix("rtu:"), 2 if parity == "N" else 1
            self._client = ModbusSerialClient(
                device, baudrate=baud, parity=parity, stopbits=stops, timeout=timeout, retries=1
            )
        else:
            host, _, port = where.removeprefix("tcp:").partition(":")
            if port and not (port.isdigit() and 0 < int(port) < 65536):
                raise LinkError(f"{where}: want HOST, HOST:PORT (a port of 1 to 65535) or rtu:DEVICE")
            self._client = ModbusTcpClient(host, port=int(port or 502), timeout=timeout, retries=1)
        if not self._client.connect():
            raise LinkError(f"{where}: no connection: is the address right, does the meter serve Modbus there?")

    def close(self) -> None:
        self._client.close()

    @property
    def client(self):
        """The pymodbus client."""
        return self._client

    def read(self, address: int, count: int) -> bytes:
        """Holding registers as bytes, big-endian."""
        answer = self.ask(lambda: self._client.read_holding_registers(address, count=count, device_id=self.unit))
        return b"".join(value.to_bytes(2, "big") for value in answer.registers)

    def write(self, address: int, data: bytes) -> None:
        """Writes len(data) / 2 registers in one request. Refused: what exception the meter answered."""
        values = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        self.ask(lambda: self._client.write_registers(address, values, device_id=self.unit))

    def line_counters(self) -> dict[str, int]:
        """The counters of the meter's serial line (FC08, subfunctions 11 to 18)."""
        counters = {}
        for name, method in _LINE_COUNTERS.items():
            ask = getattr(self._client, method)
            message = self.ask(lambda ask=ask: ask(device_id=self.unit)).message
            counters[name] = message[0] if isinstance(message, (list, tuple)) else int(message)
        return counters

    def ask(self, request: Callable[[], object]):
        """What `request`, of a call of `client`, is answered. LinkError, Refused."""
        from pymodbus.exceptions import ModbusException

        try:
            answer = request()
        except (ModbusException, OSError) as error:
            raise LinkError(f"{self.name}: {error}") from error
        if answer.isError():
            code = getattr(answer, "exception_code", None)
            if code is None:
                raise LinkError(f"{self.name}: no answer from unit {self.unit}")
            raise Refused(f"MODBUS_EXCEPTION_{code}: `wattless explain MODBUS_EXCEPTION_{code}`")
        return answer


def open_link(port: str | None = None, modbus: str | None = None, **options) -> ShellLink | ModbusLink:
    """A link to the meter on a serial port, or by Modbus. LinkError, also when neither or both are given."""
    if (port is None) == (modbus is None):
        raise LinkError("where is the meter? --port DEVICE (its serial console), or --modbus HOST[:PORT] | rtu:DEVICE")
    return ShellLink(port) if port else ModbusLink(modbus, **options)


def _json(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return None
