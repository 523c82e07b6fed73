"""WiFi by a module with Espressif's ESP-AT firmware on a UART: the link, and one TCP connection as a socket.

    link.connect(settings)     joins settings.wifi_ssid with settings.wifi_password, and from then on keeps it up
    link.connected(), link.status(), link.name
    link.poll()                time for the module; connected() and every poll of the socket give it, too

connect() also puts link.sockets into sys.modules as `socket`, so that asyncio.open_connection(host, port) works as it
does elsewhere: the module resolves names, there is one connection at a time, and it never listens. With link.tls = True
the module speaks TLS itself (it verifies the server only if AT+CIPSSLCCONF was set on it).

Nothing here waits. A poll takes the bytes that are there, at most 64, and sends at most 24, since a UART write of
MicroPython on STM32 waits until the last bit has left: 2.1 ms at 115200 bit/s. Received data stay in the module until
we have room ("passive mode": ESP-AT 2.0 and later, as CIPRECVTYPE from 4.0), so that no byte is lost. SYSSTORE=0 keeps
the password out of the module's flash.

Commands and answers: ESP-AT User Guide, Wi-Fi and TCP/IP AT Commands. Heap from .mpy: 6.6 KB, 0.6 KB for
a link. Not yet run on hardware.
"""

import sys

from micropython import const

_READ_BYTES = const(64)  # taken from the UART in a poll
_WRITE_BYTES = const(24)  # given to it
_PACKET_BYTES = const(256)  # asked for, or sent, with one command
_LINE_BYTES = const(96)  # of an answer; what is longer is cut
_HEAD = const(13)  # of "+CIPRECVDATA:"
_RETRY_MS = const(5000)  # after a failure, before the module is set up anew

_ETIMEDOUT = const(110)
_ECONNREFUSED = const(111)
_ECONNRESET = const(104)

# (command, longest answer time in ms, may the answer be ERROR?)
_SETUP = (
    (b"AT", 1000, True),
    (b"ATE0", 1000, False),
    (b"AT+SYSSTORE=0", 1000, False),
    (b"AT+CWMODE=1", 3000, False),
    (b"AT+CIPCLOSE", 3000, True),
    (b"AT+CIPMUX=0", 1000, False),
    (b"AT+CIPDINFO=0", 1000, False),
    (None, 25000, False),  # joins the access point
    (b"AT+CWRECONNCFG=1,0", 1000, False),  # and does so again for ever, every second
    (b"AT+CIPSTA?", 1000, False),
)
_PASSIVE = (b"AT+CIPRECVMODE=1", b"AT+CIPRECVTYPE=1")  # until 3.x, from 4.0
CONNECTING = const(1)  # states of the socket, as in esp_at_socket.py
CLOSING = const(3)
_JOIN_ERRORS = {b"1": "timeout", b"2": "wrong password", b"3": "no such access point", b"4": "refused"}


def quoted(text):
    """A string parameter of an AT command: quoted, with `"`, `,` and `\\` escaped. ValueError for what ends a line."""
    out = bytearray(b'"')
    for c in text.encode():
        if c < 32:
            raise ValueError("%r has a control character: not legal for the WiFi module" % text)
        if c in b'",\\':
            out.append(0x5C)
        out.append(c)
    out.append(0x22)
    return bytes(out)


class EspAt:
    """open_uart: function that gives the UART (any, readinto(buf, n), write); clock: ticks_ms and diff.

    restarts: how often the module had to be set up; errors: answers that were wrong or did not come."""

    name = "esp_at"

    def __init__(self, open_uart, clock):
        self._open_uart = open_uart
        self._clock = clock
        self._uart = None
        self._ssid = self._password = None
        self.tls = False
        self.sockets = None
        self.socket = None  # the one that is in use
        self.restarts = self.errors = 0
        self.reason = "not started"  # why there is no link
        self.ip = None
        self._step = -1  # of the set-up; len(_SETUP): done; -1: waits
        self._passive = 0  # which of _PASSIVE is tried; 2: done
        self._joined = False
        self._command = None  # the one whose answer is awaited
        self._since = 0
        self._patience = 0

    def connect(self, settings):
        """Starts to join; never waits. ValueError for a name or password that cannot be sent, or none."""
        ssid = getattr(settings, "wifi_ssid", None)
        if not ssid:
            raise ValueError("wifi_ssid is not set: want the name of an access point")
        self._ssid = quoted(ssid)
        self._password = quoted(getattr(settings, "wifi_password", None) or "")
        if self._uart is None:
            self._uart = self._open_uart()
            self._line = bytearray(_LINE_BYTES)
            self._chunk = memoryview(bytearray(_READ_BYTES))
            from esp_at_socket import Sockets

            self.sockets = sys.modules["socket"] = Sockets(self)
        self._restart()

    def connected(self):
        """Has the module joined, with an address?"""
        self.poll()
        return self._passive == 2 and self._joined

    def status(self):
        state = "off" if self._uart is None else "up" if self.connected() else "joining"
        return {
            "name": self.name,
            "state": state,
            "reason": None if state == "up" else self.reason,
            "ip": self.ip,
            "restarts": self.restarts,
            "errors": self.errors,
        }

    def poll(self):
        """Reads, decides, writes. Never waits longer than it takes to send 24 bytes."""
        if self._uart is None:
            return
        self._read()
        if self._command is not None and self._age() > self._patience:
            self.errors += 1
            self._fail("no answer to " + self._command.split(b"=")[0].decode(), _ETIMEDOUT)
        if self._step < 0:
            if self._age() > self._patience:
                self._step = 0
        if self._step >= 0 and self._command is None and self._out is None:
            self._next()
        self._write()

    # What to do next.

    def _age(self):
        return self._clock.diff(self._clock.ticks_ms(), self._since)

    def _restart(self):
        """Sets the module up anew, whatever it did before."""
        self.restarts += 1
        self._step = self._used = self._raw = self._passive = 0
        self._out = None  # bytes on their way to the module
        self._at = 0  # of these, sent
        self._command = None
        self._joined = False
        self._waiting = False  # does the module hold data for us?
        self._asked = 0  # bytes of them
        self._ask_ip = False
        self._stale = False  # it may have a connection that we have given up
        self.ip = None
        self.reason = "joining"

    def _fail(self, reason, errno):
        """Something is wrong: the connection is lost, the module is set up anew, after a pause."""
        if self.socket is not None:
            self.socket.failed(errno)
        self._restart()
        self.reason = reason
        self._step = -1
        self._since = self._clock.ticks_ms()
        self._patience = _RETRY_MS

    def _next(self):
        """The next command, if there is one to send."""
        if self._step < len(_SETUP):
            command, patience, _ = _SETUP[self._step]
            if command is None:
                command = b"AT+CWJAP=" + self._ssid + b"," + self._password
            return self._send(command, patience)
        if self._passive < 2:
            return self._send(_PASSIVE[self._passive], 1000)
        if self._ask_ip:
            self._ask_ip = False
            return self._send(b"AT+CIPSTA?", 1000)
        if self._stale:
            self._stale = False
            return self._send(b"AT+CIPCLOSE", 3000)
        socket = self.socket
        if socket is None or not self._joined:
            return None
        if socket.state == CONNECTING:
            kind = b"SSL" if self.tls else b"TCP"
            return self._send(b'AT+CIPSTART="%s",%s,%d' % (kind, socket.host, socket.port), 30000)
        if socket.state == CLOSING:
            return self._send(b"AT+CIPCLOSE", 3000)
        size = min(socket.room(), _PACKET_BYTES)
        if size and self._waiting:
            self._asked = size
            return self._send(b"AT+CIPRECVDATA=%d" % size, 3000)
        size = socket.begin_packet()
        if size:
            return self._send(b"AT+CIPSEND=%d" % size, 10000)
        return None

    def _send(self, command, patience):
        self._command = command
        self._patience = patience
        self._since = self._clock.ticks_ms()
        self._out = memoryview(command + b"\r\n")
        self._at = 0

    def _write(self):
        out = self._out
        if out is None:
            return
        end = min(self._at + _WRITE_BYTES, len(out))
        self._uart.write(out[self._at : end])
        self._at = end
        if end == len(out):
            self._out = None

    # What came.

    def _read(self):
        n = min(self._uart.any(), _READ_BYTES)
        if not n:
            return
        n = self._uart.readinto(self._chunk, n) or 0
        chunk = self._chunk
        at = 0
        while at < n:
            if self._raw:  # data of the connection
                size = min(self._raw, n - at)
                if self.socket is not None:
                    self.socket.received(chunk[at : at + size])
                self._raw -= size
                at += size
                continue
            self._byte(chunk[at])
            at += 1

    def _byte(self, c):
        """A byte of an answer. A line ends with LF; two things come without: the prompt, and the head of data."""
        if c == 10:
            line = bytes(self._line[: self._used]).strip()
            self._used = 0
            if line:
                self._answer(line)
            return
        if self._used < _LINE_BYTES:
            self._line[self._used] = c
            self._used += 1
        if c == 62 and self._used == 1 and self._kind() == b"AT+CIPSEND":  # ">"
            self._used = 0
            self._out = self.socket.packet() if self.socket is not None else None
            self._at = 0
        elif c == 44 and self._used > _HEAD and self._line[:_HEAD] == b"+CIPRECVDATA:":  # ","
            self._raw = _number(self._line[_HEAD : self._used])
            self._used = 0
            self._waiting = self._raw >= self._asked  # there may be more

    def _kind(self):
        """The command whose answer is awaited, without its parameters; None: there is none."""
        return self._command.split(b"=")[0] if self._command else None

    def _answer(self, line):
        kind = self._kind()
        if line == b"OK":
            if kind != b"AT+CIPSEND":  # where SEND OK is the end
                self._done(kind)
        elif line == b"SEND OK":
            if kind == b"AT+CIPSEND":
                self._command = None
                if self.socket is not None:
                    self.socket.sent()
        elif line in (b"ERROR", b"FAIL", b"SEND FAIL"):
            self._refused(kind)
        elif line.startswith(b"+IPD,"):
            self._waiting = True
        elif line == b"CLOSED":
            if self.socket is not None and kind != b"AT+CIPSTART":  # there ERROR follows
                self.socket.ended()
        elif line == b"WIFI GOT IP":
            self._joined = self._ask_ip = True
        elif line == b"WIFI DISCONNECT":
            self._joined = False
            self.reason = "access point lost"
            self._drop(_ECONNRESET)
        elif line == b"ready":
            if self._step > 0:  # it restarted by itself
                self.errors += 1
                self._fail("the module restarted", _ECONNRESET)
        elif line.startswith(b"+CWJAP:"):
            self.reason = _JOIN_ERRORS.get(line[7:], "joining failed")
        elif line.startswith(b'+CIPSTA:ip:"'):
            self.ip = line[12:-1].decode()

    def _done(self, kind):
        """The command was answered with OK."""
        if self._command is None:
            return
        self._command = None
        if self._step < len(_SETUP):
            self._joined = self._joined or kind == b"AT+CWJAP"
            self._step += 1
        elif self._passive < 2:
            self._passive = 2
        elif kind == b"AT+CIPSTART":
            self._waiting = False
            if self.socket is not None:
                self.socket.opened()
        elif kind == b"AT+CIPCLOSE":
            self._closed()

    def _refused(self, kind):
        if self._command is None:
            return
        self._command = None
        if self._step < len(_SETUP):
            if _SETUP[self._step][2]:
                self._step += 1
            else:
                self.errors += 1
                reason = self.reason if kind == b"AT+CWJAP" else "%s was refused" % kind.decode()
                self._fail(reason, _ECONNRESET)
        elif self._passive < 2:
            self._passive += 1
            if self._passive == 2:
                self.errors += 1
                self._fail("the module has no passive receive mode: want ESP-AT 2.0 or later", _ECONNRESET)
        elif kind == b"AT+CIPCLOSE":  # nothing was open any more
            self._closed()
        elif kind == b"AT+CIPRECVDATA":
            self._waiting = False
        else:
            self._drop(_ECONNREFUSED if kind == b"AT+CIPSTART" else _ECONNRESET)

    def _closed(self):
        if self.socket is not None and self.socket.state == CLOSING:
            self.socket = None

    def _drop(self, errno):
        """The connection is lost for us; the module may not know it."""
        self._stale = True
        self._waiting = False
        if self.socket is not None:
            self.socket.failed(errno)


def _number(text):
    """The decimal digits that text starts with."""
    n = 0
    for c in text:
        if not 48 <= c <= 57:
            break
        n = 10 * n + c - 48
    return n
