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
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from host_tools.evidence import EvidenceError, container
from host_tools.meter_link import LinkError, ModbusLink, Refused, ShellLink

WAIT_S = 15.0  # for a window that lies wholly in the ring, and its hash
ANSWER_S = 5.0
POLL_S = 0.1
LINE_BYTES = 512  # of evidence in an answer of the console

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
    baud: int = 19200,
    parity: str = "E",
    kept: bool = False,
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> Path:
    """Fetches evidence of the meter's next window and returns the file with it.

    port: serial port of the console; modbus: HOST[:PORT], or rtu: and the serial port of a line (with
    unit, baud, parity).
    out: the file, default window-SEQ.evidence in the current folder. kept: fetch what the meter has kept already, and
    leave it there. progress(bytes so far, bytes in all). EvidenceError when it cannot be had."""
    if (port is None) == (modbus is None):
        raise EvidenceError("want either the console's port or a Modbus address")
    if out is not None and out.exists():
        raise EvidenceError(f"{out} exists: evidence is not overwritten, give another name")
    line = {"unit": unit, "baud": baud, "parity": parity, "timeout": ANSWER_S}
    with connected(lambda: ShellLink(port, ANSWER_S) if port else ModbusLink(modbus, **line)) as meter:
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
    """Over the commands of the serial console."""

    def __init__(self, link: ShellLink) -> None:
        self._link = link

    def ask(self, line: str) -> dict:
        """The answer to a command."""
        try:
            return self._link.command(line)
        except Refused as error:
            raise EvidenceError(f"the meter: {error}") from error
        except LinkError as error:
            raise EvidenceError(str(error)) from error

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


class ModbusMeter:
    """FC20 for the bytes, FC16 for freeze and release."""

    def __init__(self, link: ModbusLink) -> None:
        self._link = link

    def freeze(self) -> None:
        self._checked(lambda: self._link.write(COMMAND_REGISTER, bytes((0, FREEZE))), "freeze")

    def release(self) -> None:
        self._checked(lambda: self._link.write(COMMAND_REGISTER, bytes((0, RELEASE))), "release")

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

        link = self._link
        part = FileRecord(file_number=file, record_number=place // 2, record_length=size)
        request = lambda: link.ask(lambda: link.client.read_file_record([part], device_id=link.unit))  # noqa: E731
        return bytes(self._checked(request, "read file record").records[0].record_data)

    @staticmethod
    def _checked(request: Callable, what: str):
        try:
            return request()
        except Refused as error:
            more = "this meter has no memory for evidence, or an older firmware"
            raise EvidenceError(f"Modbus, {what}: {error}: {more}") from error
        except LinkError as error:
            raise EvidenceError(f"Modbus, {what}: {error}") from error


@contextlib.contextmanager
def connected(link: Callable[[], ShellLink | ModbusLink]) -> Iterator[Meter]:
    """The meter at the other end of a link that is opened here."""
    try:
        opened = link()
    except LinkError as error:
        raise EvidenceError(str(error)) from error
    with opened:
        yield ShellMeter(opened) if isinstance(opened, ShellLink) else ModbusMeter(opened)
