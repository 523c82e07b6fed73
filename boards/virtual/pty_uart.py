"""The RS-485 port of the virtual board: a pseudo-terminal that any Modbus master opens as its serial port.

Same interface as a board's UART with its direction pin. Costs one descriptor, and no heap while it runs. Not simulated:
the time that bytes take on the line, parity, collisions.
A line knows no connections, so clients come and go: while none has the port open there is nothing to read, and what is
written is lost, as on a bus that nobody listens to (the kernel would keep it for the next client, who would take it for
the answer to a request of its own). Clients must ask for no parity: a pseudo-terminal has none, and setting it fails.
"""

import posix_io


class PtyUart:
    """`path`: the port for clients. `baud`, `parity`: as configured; for the silent times of Modbus RTU, not for speed.

    `unheard`: bytes written while no client was there, or one that did not read (the kernel keeps about 20 KB for it).
    """

    def __init__(self, baud=19200, parity="E"):
        self._fd, self.path = posix_io.open_pty()
        self.unheard = 0
        self.init(baud, parity)

    def init(self, baud, parity):
        """Line settings: baud in bit/s, parity "E", "O" or "N" (then two stop bits: 11 bits a character always)."""
        self.baud = baud
        self.parity = parity

    def readinto(self, buf):
        """Bytes put into buf; 0: nothing there, or no client. Never waits. Raises OSError when the port is gone."""
        n = posix_io.read(self._fd, buf)
        if n >= 0:
            return n
        if n in (-posix_io.EAGAIN, -posix_io.EIO, -posix_io.EINTR):  # EIO: no client has the port open
            return 0
        raise OSError(-n)

    def write(self, buf):
        """Sends buf (bytes, bytearray or memoryview); returns its length, as a line takes all. Never waits."""
        heard = 0
        if not posix_io.poll(self._fd, posix_io.POLLOUT) & posix_io.POLLHUP:
            heard = max(0, posix_io.write(self._fd, buf))
        self.unheard += len(buf) - heard
        return len(buf)

    def close(self):
        posix_io.close(self._fd)
