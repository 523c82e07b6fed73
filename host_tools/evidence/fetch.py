"""`wattless capture`: asks a meter to keep its next window, and brings it over while the meter goes on measuring.

    path = capture(port="/dev/ttyACM0")                the serial console (services/shell.py)
    path = capture(modbus="192.168.1.20:502")          Modbus TCP
    path = capture(modbus="/dev/ttyUSB0", baud=19200)  Modbus RTU

90 to 110 KB: a few seconds over the console and TCP, a minute at 19200 bit/s. What arrives is hashed and compared with
what the meter said before it is written; a file that exists is never overwritten.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from host_tools.evidence import EvidenceError, container

WAIT_S = 15.0  # for a window that lies wholly in the ring, and its hash
ANSWER_S = 5.0
POLL_S = 0.1
LINE_BYTES = 512  # of evidence in an answer of the console
BAUD = 115200  # of the console; without meaning on USB
TCP_PORT = 502

COMMAND_REGISTER = 20004  # services/modbus_settings.py
FREEZE, RELEASE = 5, 6
STATUS_FILE, FIRST_FILE, FILE_BYTES = 1, 2, 20000  # services/modbus_files.py
STATUS_BYTES = 48
RECORD_BYTES = 242  # most in one answer
STATES = ("idle", "armed", "waiting", "sealing", "ready")


class Meter(Protocol):
    """How one talks to a meter. EvidenceError when it refuses or does not answer."""

    def freeze(self) -> None: ...

    def status(self) -> dict:
        """state; when it is "ready" size, sha256 and seq; error where there was one."""

    def read(self, at: int, size: int) -> bytes:
        """Some of the bytes from `at` on, `size` at most."""

    def release(self) -> None: ...


def capture(
    port: str | None = None,
    modbus: str | None = None,
    out: Path | None = None,
    *,
    unit: int = 1,
    baud: int | None = None,
    parity: str = "E",
    kept: bool = False,
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> Path:
    """Fetches evidence of the meter's next window and returns the file with it.

    port: serial port of the console; modbus: HOST[:PORT], or the serial port of a line (with unit, baud, parity).
    out: the file, default window-SEQ.evidence in the current folder. kept: fetch what the meter has kept already, and
    leave it there. progress(bytes so far, bytes in all). EvidenceError when it cannot be had."""
    if (port is None) == (modbus is None):
        raise EvidenceError("want either the console's port or a Modbus address")
    if out is not None and out.exists():
        raise EvidenceError(f"{out} exists: evidence is not overwritten, give another name")
    connected = shell(port, baud or BAUD) if port else modbus_meter(modbus, unit, baud or 19200, parity)
    with connected as meter:
        data, seq = fetch(meter, kept, progress)
    path = out or Path(f"window-{seq}.evidence")
    try:
        with path.open("xb") as file:
            file.write(data)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


def fetch(meter: Meter, kept: bool = False, progress: Callable[[int, int], None] = lambda done, size: None):
    """(the bytes of the evidence, sequence number of its window), checked against the meter's hash."""
    if kept:
        status = meter.status()
        if status["state"] != "ready":
            raise EvidenceError(f"the meter has kept nothing: it is {status['state']}")
    else:
        meter.release()
        meter.freeze()
        status = _ready(meter)
    try:
        for _ in range(2):  # a console has no checksum on its lines
            data = _all(meter, status["size"], progress)
            if hashlib.sha256(data[: -container.HASH_BYTES]).hexdigest() == status["sha256"]:
                container.parse(data, "what the meter sent")
                return data, status["seq"]
        raise EvidenceError("what arrived twice has not the hash that the meter told: the line spoils bytes")
    finally:
        if not kept:
            with contextlib.suppress(EvidenceError):  # a broken line: what broke it is the error to tell
                meter.release()


def _ready(meter: Meter) -> dict:
    """Waits for the window and its hash."""
    give_up = time.monotonic() + WAIT_S
    while True:
        status = meter.status()
        if status["state"] == "ready":
            return status
        if status.get("error"):
            raise EvidenceError(f"the meter: {status['error']}")
        if status["state"] in ("idle", "armed"):
            raise EvidenceError("somebody else released what the meter was to keep: try again")
        if time.monotonic() > give_up:
            skipped = status.get("skipped", 0)
            why = f"{skipped} windows did not lie wholly in its memory" if skipped else "does it get samples?"
            raise EvidenceError(f"the meter kept no window within {WAIT_S:g} s ({status['state']}): {why}")
        time.sleep(POLL_S)


def _all(meter: Meter, size: int, progress: Callable[[int, int], None]) -> bytes:
    if not 0 < size <= 4 * container.LARGEST:
        raise EvidenceError(f"the meter tells a size that makes no sense: {size} bytes")
    data = bytearray()
    while len(data) < size:
        part = meter.read(len(data), size - len(data))
        if not part:
            raise EvidenceError(f"the meter sent {len(data)} of {size} bytes and no more: was it released?")
        data += part
        progress(len(data), size)
    return bytes(data)


class ShellMeter:
    """The serial console: a line is a command, its answer one line of JSON that begins with the command."""

    def __init__(self, stream) -> None:
        """stream: write(bytes), readline() -> bytes, with a timeout of its own below ANSWER_S."""
        self._stream = stream

    def ask(self, line: str) -> dict:
        """The answer to a command."""
        name = line.split()[0]
        self._stream.write(line.encode() + b"\n")
        give_up = time.monotonic() + ANSWER_S
        text = b""
        while time.monotonic() < give_up:
            text += self._stream.readline()
            if not text.endswith(b"\n"):
                continue  # a pause in the middle of a line
            try:
                said = json.loads(text)
            except ValueError:
                said = None
            text = b""
            if isinstance(said, dict) and said.get("re") == name:
                if "error" in said:
                    raise EvidenceError(f"the meter: {said['error']}")
                return said
        raise EvidenceError(f"no answer to `{name}` within {ANSWER_S:g} s: is that the console of a Wattless meter?")

    def freeze(self) -> None:
        self.ask("freeze")

    def status(self) -> dict:
        return self.ask("evidence")

    def read(self, at: int, size: int) -> bytes:
        said = self.ask(f"read {at} {min(size, LINE_BYTES)}")
        try:
            return base64.b64decode(said["data"], validate=True)
        except (ValueError, KeyError, TypeError) as error:
            raise EvidenceError(f"the meter sent bytes {at}.. that cannot be read: {error}") from error

    def release(self) -> None:
        self.ask("release")


@contextlib.contextmanager
def shell(port: str, baud: int = BAUD) -> Iterator[ShellMeter]:
    """The meter on a serial console."""
    import serial  # comes with mpremote

    try:
        with serial.Serial(port, baud, timeout=0.5, write_timeout=ANSWER_S) as stream:
            stream.reset_input_buffer()
            yield ShellMeter(stream)
    except (serial.SerialException, OSError) as error:
        raise EvidenceError(f"{port}: {error}") from error


class ModbusMeter:
    """A pymodbus client of the meter: FC20 for the bytes, FC06 for freeze and release."""

    def __init__(self, client, unit: int) -> None:
        self._client = client
        self._unit = unit

    def freeze(self) -> None:
        self._command(FREEZE, "freeze")

    def release(self) -> None:
        self._command(RELEASE, "release")

    def _command(self, value: int, name: str) -> None:
        self._checked(lambda: self._client.write_register(COMMAND_REGISTER, value, device_id=self._unit), name)

    def status(self) -> dict:
        data = self._file(STATUS_FILE, 0, STATUS_BYTES)
        words = [int.from_bytes(data[at : at + 2], "big") for at in range(0, STATUS_BYTES, 2)]
        if words[0] != 1 or words[1] >= len(STATES):
            raise EvidenceError(f"the meter's status file is of another version: {data[:4].hex()}")
        return {
            "state": STATES[words[1]],
            "size": words[2] << 16 | words[3],
            "seq": words[4] << 16 | words[5],
            "skipped": words[6],
            "sha256": data[16:48].hex(),
        }

    def read(self, at: int, size: int) -> bytes:
        file, place = divmod(at, FILE_BYTES)
        return self._file(FIRST_FILE + file, place, min(size, RECORD_BYTES, FILE_BYTES - place))

    def _file(self, file: int, place: int, size: int) -> bytes:
        from pymodbus.pdu.file_message import FileRecord

        part = FileRecord(file_number=file, record_number=place // 2, record_length=size)
        reply = self._checked(lambda: self._client.read_file_record([part], device_id=self._unit), "read file record")
        return bytes(reply.records[0].record_data)

    def _checked(self, request: Callable, what: str):
        from pymodbus.exceptions import ModbusException

        try:
            reply = request()
        except (ModbusException, OSError) as error:
            raise EvidenceError(f"Modbus, {what}: {error}") from error
        if reply.isError():
            code = getattr(reply, "exception_code", "?")
            more = ": this meter has no memory for evidence, or an older firmware" if code in (1, 2, 3) else ""
            raise EvidenceError(f"Modbus, {what}: exception {code}{more}")
        return reply


@contextlib.contextmanager
def modbus_meter(address: str, unit: int = 1, baud: int = 19200, parity: str = "E") -> Iterator[ModbusMeter]:
    """The meter at HOST[:PORT], or on a serial line."""
    try:
        from pymodbus.client import ModbusSerialClient, ModbusTcpClient
    except ImportError as error:
        raise EvidenceError("Modbus needs pymodbus: pip install pymodbus") from error

    if address.startswith("/") or address.upper().startswith("COM"):
        client = ModbusSerialClient(port=address, baudrate=baud, parity=parity, timeout=ANSWER_S)
    else:
        host, _, port = address.rpartition(":") if address.count(":") == 1 else (address, "", "")
        if port and not (port.isdigit() and 0 < int(port) < 65536):
            raise EvidenceError(f"{address}: want HOST or HOST:PORT, a port of 1 to 65535")
        client = ModbusTcpClient(host, port=int(port or TCP_PORT), timeout=ANSWER_S)
    try:
        if not client.connect():
            raise EvidenceError(f"{address}: nobody there")
        yield ModbusMeter(client, unit)
    finally:
        client.close()
