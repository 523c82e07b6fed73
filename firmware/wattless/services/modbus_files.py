"""Read File Record (FC20, application protocol V1.1b3, 6.14): evidence over Modbus.

A file has up to 10,000 records of one register, 20,000 bytes; a request may ask for parts of several files.

    file 1      status, 24 records: version (1), state (0 idle, 1 armed, 2 waiting, 3 sealing, 4 ready), size in bytes
                (uint32), sequence number of the window (uint32), windows skipped, 0, SHA-256 (16 registers)
    file 2..    the evidence, while there is one: its byte 20000 k + 2 r is the upper one of record r of file 2 + k

Size, number and hash are 0 until the state is 4. Whoever reads asks for `freeze` first, waits for state 4, and asks for
`release` in the end (command register, services/modbus_settings.py).

121 registers a request: evidence of 10/12 periods, 100 KB, takes about 400 requests: 10 s on TCP, 70 s at 19200 bit/s.
On 32-bit ARM: heap 1.2 KB. A request allocates nothing.
"""

from array import array

from micropython import const

FUNCTION = const(0x14)  # Read File Record

STATUS_FILE = const(1)
FIRST_FILE = const(2)
FILE_RECORDS = const(10000)
STATUS_RECORDS = const(24)

_ILLEGAL_DATA_ADDRESS = const(2)
_ILLEGAL_DATA_VALUE = const(3)
_REFERENCE_TYPE = const(6)
_PART_BYTES = const(7)  # of a request: type, file, record, length
_LONGEST = const(0xF5)  # byte count of requests and of replies
_READY = const(4)


class FileRecords:
    """evidence: capture.evidence.Evidence."""

    def __init__(self, evidence):
        self._evidence = evidence
        self._parts = array("H", bytes(2 * 3 * (_LONGEST // _PART_BYTES)))  # file, record, length
        self._status = bytearray(2 * STATUS_RECORDS)

    def handle(self, request, start, length, reply, at):
        """Handler of ModbusPdu: length of the reply, or minus the exception code."""
        count = length - 2
        if count < _PART_BYTES or count > _LONGEST or count % _PART_BYTES or request[start + 1] != count:
            return -_ILLEGAL_DATA_VALUE
        error = self._take(request, start + 2, count // _PART_BYTES)
        if error:
            return -error
        reply[at] = FUNCTION
        end = at + 2
        parts = self._parts
        for part in range(0, count // _PART_BYTES * 3, 3):
            size = 2 * parts[part + 2]
            reply[end] = 1 + size
            reply[end + 1] = _REFERENCE_TYPE
            self._copy(parts[part], 2 * parts[part + 1], reply, end + 2, size)
            end += 2 + size
        reply[at + 1] = end - at - 2
        return end - at

    def _take(self, request, at, count):
        """Reads and checks the parts of a request. Exception code, or 0."""
        parts = self._parts
        size = 0
        wrong = False
        for part in range(count):
            for word in range(3):
                place = at + 1 + 2 * word
                parts[3 * part + word] = request[place] << 8 | request[place + 1]
            wrong = wrong or request[at] != _REFERENCE_TYPE
            size += 2 + 2 * parts[3 * part + 2]
            if not parts[3 * part + 2] or size > _LONGEST:
                return _ILLEGAL_DATA_VALUE
            at += _PART_BYTES
        if wrong:
            return _ILLEGAL_DATA_ADDRESS
        for part in range(0, 3 * count, 3):
            if parts[part + 1] + parts[part + 2] > self._records(parts[part]):
                return _ILLEGAL_DATA_ADDRESS
        return 0

    def _records(self, file):
        """How many a file has; 0: there is no such file."""
        if file <= STATUS_FILE:
            return STATUS_RECORDS if file else 0
        return min(FILE_RECORDS, max(0, self._evidence.size // 2 - FILE_RECORDS * (file - FIRST_FILE)))

    def _copy(self, file, first, reply, at, size):
        if file != STATUS_FILE:
            self._evidence.read(2 * FILE_RECORDS * (file - FIRST_FILE) + first, reply, at, size)
            return
        self._fill()
        for i in range(size):
            reply[at + i] = self._status[first + i]

    def _fill(self):
        evidence, status = self._evidence, self._status
        ready = evidence.phase == _READY
        status[1] = 1
        status[3] = evidence.phase
        size = evidence.size
        seq = evidence.seq if ready else 0
        for i in range(4):
            status[7 - i] = size >> 8 * i & 0xFF
            status[11 - i] = seq >> 8 * i & 0xFF
        skipped = min(evidence.skipped, 0xFFFF)
        status[12], status[13] = skipped >> 8, skipped & 0xFF
        for i in range(32):
            status[16 + i] = evidence.sha256[i] if ready else 0
