"""Modbus RTU slave: frames out of silences, CRC and address (serial line guide V1.02), and the loop that serves a UART.

RtuFramer and ModbusRtu.respond are pure: time comes in as an argument, in microseconds of any origin that do not wrap,
or wrap at 2**30 as `ticks_us` does. What is damaged, too long or meant for another slave ends in silence and a counter,
and the next frame is read as if nothing had been.

Limit of `serve`: it asks the UART for bytes now and then, so it sees the pause between two frames only when it looks
while that lasts. Where other work takes longer than the pause, the two melt into one frame and are lost, a CRC error:
it can happen to a request that follows another slave's reply at once, not to one that follows our own.

On 32-bit ARM: .mpy 2.1 KB, heap 3.2 KB with the CRC table, 0.8 KB a line. A request allocates nothing: 500 rounds of
good and bad ones under `micropython.heap_lock()` in tests/services/test_heap.py.
"""

from array import array

import micropython
from micropython import const
from wattless.services import Prefixes, sleep_ms
from wattless.services.modbus_pdu import DIAGNOSTICS

# Indices in RtuFramer.counters: FC08 (diagnostics) sub-functions 11 to 18 in this order, 16 bits each, wrapping.
BUS_MESSAGE = const(0)  # frames on the bus with a right CRC, for whatever slave
BUS_COMM_ERROR = const(1)  # CRC wrong, frame cut short, gap inside a frame, byte during our own reply
EXCEPTION = const(2)  # exception replies sent
SLAVE_MESSAGE = const(3)  # frames for this slave or for all
NO_RESPONSE = const(4)  # of these, not answered: broadcasts
NAK = const(5)  # never: nothing here is refused with a NAK
BUSY = const(6)  # never: a request is answered before the next one is looked at
OVERRUN = const(7)  # frames longer than 256 bytes
COUNTERS = ("bus_message", "bus_comm_error", "exception", "slave_message", "no_response", "nak", "busy", "overrun")

ADU_BYTES = const(256)
_RESTART = const(1)  # subfunctions of FC08 (V1.1b3, 6.8.1)
_REGISTER = const(2)
_LISTEN_ONLY = const(4)
_CLEAR = const(10)
_FIRST_COUNTER = const(11)
_KEEP_LOG = const(0)  # data of _RESTART: of the communication event log, which there is none of
_CLEAR_LOG = const(0xFF00)

_SHORTEST = const(4)  # address, function, CRC
_BROADCAST = const(0)
_ERROR = const(0x80)
_TICKS = const(0x3FFFFFFF)

_BITS = const(11)  # a character on the line: start, 8 data, parity or a second stop bit, stop
_FIXED_ABOVE_BAUD = const(19200)  # guide, 2.5.1.1: fixed silences above this rate
_T15_FIXED_US = const(750)
_T35_FIXED_US = const(1750)

_IDLE_MS = const(5)  # between looks at a silent line: what a request may wait for the first one
_CHUNK_BYTES = const(128)  # 11 ms of line at 115200 bit/s; the rest waits in the UART's buffer


def _crc_table():
    table = array("H", [0] * 256)
    for i in range(256):
        crc = i
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table[i] = crc
    return table


_CRC = _crc_table()


@micropython.native
def crc16(data, n):
    """CRC-16/MODBUS of data[:n]: polynomial 0xA001 reflected, start 0xFFFF. Low byte first; 0 over data and CRC."""
    crc = 0xFFFF
    table = _CRC
    for i in range(n):
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xFF]
    return crc


def t15_us(baud):
    """Longest silence inside a frame, 1.5 characters, in microseconds."""
    return 3 * _BITS * 500000 // baud if baud <= _FIXED_ABOVE_BAUD else _T15_FIXED_US


def t35_us(baud):
    """Shortest silence between frames, 3.5 characters, in microseconds, rounded up."""
    return (7 * _BITS * 500000 + baud - 1) // baud if baud <= _FIXED_ABOVE_BAUD else _T35_FIXED_US


class RtuFramer:
    """Collects bytes into frames for the slave `unit`.

    check_gaps: hold every byte against the clock: a frame with a gap beyond t1.5, or with a byte from the time of our
    own reply, is dropped. For a source that stamps each byte as it arrives; where bytes come in bursts, as from a
    pseudo-terminal or a buffer that is polled, only the silence at the end of a frame can be seen.
    """

    def __init__(self, unit, baud, check_gaps=False):
        self.unit = unit
        self.counters = array("H", [0] * len(COUNTERS))
        self.listening = False  # listen-only mode: nothing is done or answered but a restart of communications
        self.frame = bytearray(ADU_BYTES)
        self.t35_us = t35_us(baud)
        self._t15_us = t15_us(baud)
        self._character_us = _BITS * 1000000 // baud
        self._check_gaps = check_gaps
        self._n = 0  # bytes since the last silence; 257: more than fit
        self._broken = False
        self._last = 0  # when the last of them ended
        self._reply_start = 0
        self._reply_us = 0

    def collecting(self):
        """Is a frame on its way in?"""
        return self._n > 0

    def feed(self, data, n, now):
        """Takes data[:n], received without a pause, the last byte of them at `now`.

        Ask `frame_length` first: what came before a silence is another frame.
        """
        if self._check_gaps:
            line_us = n * self._character_us
            if self._n and ((now - self._last) & _TICKS) - line_us > self._t15_us:
                self._broken = True
            if self._reply_us and ((now - self._reply_start) & _TICKS) - line_us < self._reply_us:
                self._broken = True
        frame = self.frame
        at = self._n
        for i in range(n):
            if at < ADU_BYTES:
                frame[at] = data[i]
            if at <= ADU_BYTES:
                at += 1
        self._n = at
        self._last = now

    def frame_length(self, now):
        """Length of the frame for us that now lies in `frame`, address to CRC (4 to 256); 0: none, or not yet.

        A frame is complete when the line was silent for t3.5. It is reported once, and stays until the next `feed`.
        """
        n = self._n
        if (now - self._reply_start) & _TICKS > self._reply_us:
            self._reply_us = 0
        if not n or (now - self._last) & _TICKS < self.t35_us:
            return 0
        broken = self._broken
        self._n = 0
        self._broken = False
        if n > ADU_BYTES:
            return self.count(OVERRUN)
        if broken or n < _SHORTEST or crc16(self.frame, n):
            return self.count(BUS_COMM_ERROR)
        self.count(BUS_MESSAGE)
        address = self.frame[0]
        if address != self.unit and address != _BROADCAST:
            return 0
        self.count(SLAVE_MESSAGE)
        return n

    def replying(self, n, now):
        """A reply of n bytes starts at `now`: until it has left, nobody else may talk."""
        self._reply_start = now
        self._reply_us = n * self._character_us

    def is_restart(self, n):
        """Whether `frame`, n bytes, asks to restart communications: what ends the listen-only mode."""
        frame = self.frame
        return n == 8 and frame[1] == DIAGNOSTICS and not frame[2] and frame[3] == _RESTART

    def diagnose(self, number, data):
        """The subfunction `number` of FC08 with `data`. Returns the data of the reply, or minus an exception code:
        1 for a subfunction that is not here, 3 for data that is not legal."""
        if number == _RESTART:
            if data not in (_KEEP_LOG, _CLEAR_LOG):
                return -3
            self._clear()
            self.listening = False
            return data
        if data:
            return -3
        if number == _REGISTER:
            return 0
        if number == _LISTEN_ONLY:
            self.listening = True
        elif number == _CLEAR:
            self._clear()
        elif _FIRST_COUNTER <= number < _FIRST_COUNTER + len(COUNTERS):
            return self.counters[number - _FIRST_COUNTER]
        else:
            return -1
        return 0

    def _clear(self):
        for i in range(len(COUNTERS)):
            self.counters[i] = 0

    def count(self, counter):
        """One more in counters[counter]. Returns 0."""
        self.counters[counter] = (self.counters[counter] + 1) & 0xFFFF
        return 0


class ModbusRtu:
    """Serves `pdu`, a ModbusPdu, as the slave `unit` (1 to 247) on a line of `baud` bit/s."""

    def __init__(self, pdu, unit, baud, check_gaps=False):
        self.pdu = pdu
        self.framer = RtuFramer(unit, baud, check_gaps)
        if pdu.line is None:
            pdu.line = self.framer
        self.reply = bytearray(ADU_BYTES)
        self._replies = Prefixes(self.reply)

    def respond(self, now):
        """Length of the reply in `reply` that is due now, t3.5 after the request; 0: there is nothing to say."""
        framer = self.framer
        n = framer.frame_length(now)
        if not n:
            return 0
        reply = self.reply
        silent = framer.listening
        if silent and not framer.is_restart(n):
            return framer.count(NO_RESPONSE)
        n = 1 + self.pdu.handle(framer.frame, 1, n - 3, reply, 1)
        if silent or framer.listening or framer.frame[0] == _BROADCAST:
            return framer.count(NO_RESPONSE)
        if reply[1] & _ERROR:
            framer.count(EXCEPTION)
        reply[0] = framer.unit
        crc = crc16(reply, n)
        reply[n] = crc & 0xFF
        reply[n + 1] = crc >> 8
        n += 2
        framer.replying(n, now)
        return n

    async def serve(self, uart, clock, beat=None):
        """Answers what comes from `uart`, for ever. uart: readinto, write; clock: ticks_us, as board.py offers them.
        beat: called each time round."""
        framer = self.framer
        chunk = bytearray(_CHUNK_BYTES)
        frame_ms = framer.t35_us // 1000 + 1
        while True:
            n = uart.readinto(chunk)
            now = clock.ticks_us()
            if n:
                framer.feed(chunk, n, now)
            else:
                n = self.respond(now)
                if n:
                    uart.write(self._replies[n])
            if beat:
                beat()
            await sleep_ms(frame_ms if framer.collecting() else _IDLE_MS)
