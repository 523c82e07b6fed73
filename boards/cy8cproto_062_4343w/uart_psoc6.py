"""An RS-485 port on a serial block of a PSoC 6 (SCB), for a transceiver that finds the direction by itself.

The port's UART.write puts into the block's FIFO (128 bytes) what fits, and returns how much that was; the rest follows
when readinto is called, which the Modbus loop does every few ms: at 115200 bit/s the FIFO lasts 11 ms. There is no pin
for the direction: UART.irq, which could drop it after the last bit, changes the port's read into one that does not tell
how much it read. UART.init keeps its first pins; a receive buffer (rxbuf) would take bytes that read does not see.

Heap: 2.3 KB from .mpy. Not yet run on hardware.
"""

from micropython import const

_REPLY_BYTES = const(256)
_LEAST_BAUD = const(1200)
_MOST_BAUD = const(230400)
_PARITIES = {"E": 0, "O": 1, "N": None}


class Rs485:
    """uart: machine.UART(); tx, rx: names of its pins. path: the port's name."""

    def __init__(self, uart, tx, rx, path="SCB2 (P9_0, P9_1)"):
        self._uart = uart
        self._pins = {"tx": tx, "rx": rx}
        self._out = bytearray(_REPLY_BYTES)
        self._left = memoryview(self._out)[:0]  # of a reply, not yet in the FIFO
        self.path = path
        self.init(19200, "E")

    def init(self, baud, parity):
        """Line settings: baud in bit/s, parity "E", "O" or "N" (then two stop bits). ValueError for others."""
        if not _LEAST_BAUD <= baud <= _MOST_BAUD:
            raise ValueError("baud %s is not legal: want %d..%d bit/s" % (baud, _LEAST_BAUD, _MOST_BAUD))
        if parity not in _PARITIES:
            raise ValueError("parity %r is not legal: want E, O or N" % (parity,))
        stop = 2 if parity == "N" else 1
        self._uart.init(baudrate=baud, bits=8, parity=_PARITIES[parity], stop=stop, **self._pins)
        self._pins = {}
        self.baud = baud
        self.parity = parity

    def readinto(self, buf):
        """Bytes put into buf; 0: nothing there. Never waits. Feeds the rest of a reply."""
        self._feed()
        n = min(self._uart.any(), len(buf))
        if not n:
            return 0
        return self._uart.readinto(memoryview(buf)[:n]) or 0

    def write(self, buf):
        """Sends buf, at most 256 bytes; returns its length. Never waits: what a reply before it left unsent is dropped.
        ValueError for more bytes."""
        n = len(buf)
        if n > _REPLY_BYTES:
            raise ValueError("%d bytes are more than a Modbus frame's %d" % (n, _REPLY_BYTES))
        self._out[:n] = buf
        self._left = memoryview(self._out)[:n]
        self._feed()
        return n

    def _feed(self):
        if len(self._left):
            sent = self._uart.write(self._left)
            if sent:
                self._left = self._left[sent:]
