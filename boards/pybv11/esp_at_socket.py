"""The one TCP connection of an ESP-AT module, as a socket that never waits, and the `socket` module that makes it.

What asyncio's streams need of a socket: setblocking(False), connect (raises EINPROGRESS), read, readinto, readline and
write (None: not at the moment; b"" or 0: the peer closed; OSError: the connection is lost), close, and ioctl for poll.
Heap: 4.1 KB from .mpy, 1.3 KB for a socket. Not yet run on hardware.
"""

import io

from link_esp_at import quoted

from micropython import const

NEW = const(0)
CONNECTING = const(1)
OPEN = const(2)
CLOSING = const(3)
ENDED = const(4)  # by the peer
FAILED = const(5)

_BUFFER_BYTES = const(512)  # each way
_PACKET_BYTES = const(256)  # sent with one command

_EBUSY = const(16)
_EINPROGRESS = const(115)
_ENOTCONN = const(107)

_IOCTL_POLL = const(3)
_IOCTL_CLOSE = const(4)
_POLLIN = const(1)
_POLLOUT = const(4)
_POLLERR = const(8)
_POLLHUP = const(16)


class Sockets:
    """What `import socket` gives once the link was told to connect."""

    AF_INET = 2
    SOCK_STREAM = 1

    def __init__(self, link):
        self._link = link

    def getaddrinfo(self, host, port, af=0, kind=0, proto=0, flags=0):
        """The name as it is: the module resolves it."""
        return [(self.AF_INET, self.SOCK_STREAM, 0, "", (host, port))]

    def socket(self, af=AF_INET, kind=SOCK_STREAM, proto=0):
        """OSError(EBUSY) while the one connection is in use."""
        if self._link.socket is not None:
            raise OSError(_EBUSY)
        return EspAtSocket(self._link)


class EspAtSocket(io.IOBase):
    """state: NEW to FAILED; host, port: of the peer, as the AT command has them."""

    def __init__(self, link):
        self._link = link
        self._errno = 0
        self.state = NEW
        self.host = self.port = None

    def setblocking(self, flag):
        if flag:
            raise ValueError("a socket of the WiFi module cannot block: want setblocking(False)")

    def connect(self, address):
        """Starts to connect to (host, port) and raises OSError(EINPROGRESS); poll tells when it is done."""
        if self._link.socket is not None:
            raise OSError(_EBUSY)
        self.host = quoted(address[0])
        self.port = address[1]
        self._rx = bytearray(_BUFFER_BYTES)
        self._tx = bytearray(_BUFFER_BYTES)
        self._rx_used = self._tx_used = self._sending = 0
        self.state = CONNECTING
        self._link.socket = self
        raise OSError(_EINPROGRESS)

    def close(self):
        if self.state in (CONNECTING, OPEN):
            self.state = CLOSING  # the link closes it, and lets go of it then
        elif self.state != CLOSING:
            self.state = NEW

    # What the program wants.

    def readinto(self, buf):
        """Bytes put into buf; 0: the peer closed; None: nothing at the moment."""
        self._link.poll()
        n = min(len(buf), self._received())
        if n:
            buf[:n] = self._rx[:n]
            self._take(n)
            return n
        return self._nothing(0)

    def read(self, n):
        self._link.poll()
        n = min(n, self._received())
        return self._cut(n) if n else self._nothing(b"")

    def readline(self):
        """Up to a line feed, or what there is of a line."""
        self._link.poll()
        n = self._received()
        if not n:
            return self._nothing(b"")
        end = self._rx.find(b"\n", 0, n) + 1
        return self._cut(end or n)

    def write(self, buf):
        """Bytes taken of buf; None: none at the moment."""
        self._link.poll()
        if self.state == FAILED:
            raise OSError(self._errno)
        if self.state == CONNECTING:
            return None
        if self.state != OPEN:
            raise OSError(_ENOTCONN)
        n = min(len(buf), _BUFFER_BYTES - self._tx_used)
        if not n:
            return None if len(buf) else 0
        self._tx[self._tx_used : self._tx_used + n] = buf[:n]
        self._tx_used += n
        return n

    recv = read
    send = write

    def ioctl(self, request, flags):
        """For poll: what can be done at once."""
        if request == _IOCTL_CLOSE:
            self.close()
            return 0
        if request != _IOCTL_POLL:
            return -1
        self._link.poll()
        if self.state == FAILED:
            return flags & (_POLLIN | _POLLOUT) | _POLLERR
        ready = 0
        if self._received() or self.state not in (CONNECTING, OPEN):
            ready |= _POLLIN
        if self.state == OPEN and self._tx_used < _BUFFER_BYTES:
            ready |= _POLLOUT
        if self.state == ENDED:
            ready |= _POLLHUP | _POLLOUT
        return ready & (flags | _POLLHUP)

    def _received(self):
        return 0 if self.state in (NEW, CONNECTING) else self._rx_used

    def _nothing(self, end):
        if self.state == FAILED:
            raise OSError(self._errno)
        if self.state in (CONNECTING, OPEN):
            return None
        return end

    def _cut(self, n):
        data = bytes(memoryview(self._rx)[:n])
        self._take(n)
        return data

    def _take(self, n):
        rest = self._rx_used - n
        self._rx[:rest] = self._rx[n : self._rx_used]
        self._rx_used = rest

    # What the link tells and asks.

    def room(self):
        """Bytes that may be received now."""
        return _BUFFER_BYTES - self._rx_used

    def received(self, data):
        n = min(len(data), self.room())
        self._rx[self._rx_used : self._rx_used + n] = data[:n]
        self._rx_used += n

    def begin_packet(self):
        """Bytes that go with the next command; 0: there are none."""
        self._sending = min(self._tx_used, _PACKET_BYTES)
        return self._sending

    def packet(self):
        return memoryview(self._tx)[: self._sending]

    def sent(self):
        """The packet has left."""
        rest = self._tx_used - self._sending
        self._tx[:rest] = self._tx[self._sending : self._tx_used]
        self._tx_used = rest
        self._sending = 0

    def opened(self):
        if self.state == CONNECTING:
            self.state = OPEN

    def ended(self):
        self._let_go(ENDED)

    def failed(self, errno):
        self._errno = errno
        self._let_go(FAILED)

    def _let_go(self, state):
        if self.state in (CONNECTING, OPEN):
            self.state = state
        self._link.socket = None
