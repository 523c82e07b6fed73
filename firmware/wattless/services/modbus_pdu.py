"""The Modbus server without its transports: a request PDU in, the reply PDU out (application protocol V1.1b3).

Pure: no I/O, no clock, no state but the registers' own. RTU and TCP differ in what they wrap around a PDU; both call
`ModbusPdu.handle`. A new function code is a handler and a line in `handlers`.

Registers come from a bank, any object with

    read(address, count, dest, offset) -> 0 or an exception code

that copies `count` registers from PDU address `address` to dest[offset:], big-endian, or copies nothing at all; and,
where there are registers that can be written,

    write(address, count, source, offset) -> 0 or an exception code

that takes all of them or none.

On 32-bit ARM: .mpy 1.5 KB, heap 2.2 KB. A reading request allocates nothing.
"""

from micropython import const

READ_HOLDING_REGISTERS = const(0x03)
READ_INPUT_REGISTERS = const(0x04)
WRITE_SINGLE_REGISTER = const(0x06)
DIAGNOSTICS = const(0x08)
WRITE_MULTIPLE_REGISTERS = const(0x10)

ILLEGAL_FUNCTION = const(1)
ILLEGAL_DATA_ADDRESS = const(2)
ILLEGAL_DATA_VALUE = const(3)
GATEWAY_TARGET_FAILED = const(0x0B)

ERROR = const(0x80)  # set in the function code of an exception reply
PDU_BYTES = const(253)  # longest request and longest reply
READ_MOST = const(125)  # registers in one FC03 or FC04 request
WRITE_MOST = const(123)  # registers in one FC16 request

_READ_REQUEST_BYTES = const(5)  # function, address, quantity; function, address, value; function, subfunction, data
_WRITE_HEAD_BYTES = const(6)  # function, address, quantity, count of bytes
_ADDRESSES = const(0x10000)


class ModbusPdu:
    """Answers requests for `holding` registers (FC03) and `inputs` (FC04), two banks or one and the same.

    line: whose counters FC08 tells (modbus_rtu.RtuFramer); None: none."""

    def __init__(self, holding, inputs, line=None):
        self.holding = holding
        self.inputs = inputs
        self.line = line
        # function code: handler(request, start, length, reply, at), which returns the reply's length, or minus the
        # exception code when it has written nothing. It checks length and quantity (03) before addresses (02).
        self.handlers = {
            READ_HOLDING_REGISTERS: self._read_holding_registers,
            READ_INPUT_REGISTERS: self._read_input_registers,
            DIAGNOSTICS: self._diagnostics,
        }
        if hasattr(holding, "write"):
            self.handlers[WRITE_SINGLE_REGISTER] = self._write_single_register
            self.handlers[WRITE_MULTIPLE_REGISTERS] = self._write_multiple_registers

    def handle(self, request, start, length, reply, at):
        """Answers the PDU in request[start : start + length]; the reply goes to reply[at:], which needs 253 bytes.

        Returns the length of the reply, 2 to 253. `length` is 1 to 253. `request` and `reply` may be the same buffer:
        a request has been read when its reply is written.
        """
        function = request[start]
        handler = self.handlers.get(function)
        n = handler(request, start, length, reply, at) if handler else -ILLEGAL_FUNCTION
        return n if n > 0 else exception(function, -n, reply, at)

    def _read_holding_registers(self, request, start, length, reply, at):
        return _read(self.holding, request, start, length, reply, at)

    def _read_input_registers(self, request, start, length, reply, at):
        return _read(self.inputs, request, start, length, reply, at)

    def _write_single_register(self, request, start, length, reply, at):
        if length != _READ_REQUEST_BYTES:
            return -ILLEGAL_DATA_VALUE
        error = self.holding.write(request[start + 1] << 8 | request[start + 2], 1, request, start + 3)
        return -error if error else _echo(request, start, reply, at)

    def _write_multiple_registers(self, request, start, length, reply, at):
        if length < _WRITE_HEAD_BYTES:
            return -ILLEGAL_DATA_VALUE
        address = request[start + 1] << 8 | request[start + 2]
        count = request[start + 3] << 8 | request[start + 4]
        size = request[start + 5]
        if not 1 <= count <= WRITE_MOST or size != 2 * count or length != _WRITE_HEAD_BYTES + size:
            return -ILLEGAL_DATA_VALUE
        if address + count > _ADDRESSES:
            return -ILLEGAL_DATA_ADDRESS
        error = self.holding.write(address, count, request, start + _WRITE_HEAD_BYTES)
        return -error if error else _echo(request, start, reply, at)

    def _diagnostics(self, request, start, length, reply, at):
        """Serial line diagnostics (6.8): echo, and the counters of the line."""
        if length < _READ_REQUEST_BYTES:
            return -ILLEGAL_DATA_VALUE
        number = request[start + 1] << 8 | request[start + 2]
        if number == 0:
            for i in range(length):
                reply[at + i] = request[start + i]
            return length
        if self.line is None:
            return -ILLEGAL_FUNCTION
        if length != _READ_REQUEST_BYTES:
            return -ILLEGAL_DATA_VALUE
        data = request[start + 3] << 8 | request[start + 4]
        value = self.line.diagnose(number, data)
        if value < 0:
            return value
        _echo(request, start, reply, at)
        reply[at + 3] = value >> 8
        reply[at + 4] = value & 0xFF
        return _READ_REQUEST_BYTES


def _echo(request, start, reply, at):
    """The first five bytes of the request are the reply."""
    for i in range(_READ_REQUEST_BYTES):
        reply[at + i] = request[start + i]
    return _READ_REQUEST_BYTES


def exception(function, code, reply, at):
    """Writes the exception reply to a request with this function code, and returns its length, 2."""
    reply[at] = function | ERROR
    reply[at + 1] = code
    return 2


def _read(bank, request, start, length, reply, at):
    if length != _READ_REQUEST_BYTES:
        return -ILLEGAL_DATA_VALUE
    function = request[start]
    address = request[start + 1] << 8 | request[start + 2]
    count = request[start + 3] << 8 | request[start + 4]
    if not 1 <= count <= READ_MOST:
        return -ILLEGAL_DATA_VALUE
    if address + count > _ADDRESSES:
        return -ILLEGAL_DATA_ADDRESS
    error = bank.read(address, count, reply, at + 2)
    if error:
        return -error
    reply[at] = function
    reply[at + 1] = 2 * count
    return 2 + 2 * count
