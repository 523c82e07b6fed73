"""An ESP-AT module as its user guide describes it, at the far end of a UART: what a link has to get along with.

Runs under CPython and MicroPython. Answers are those of the guide's examples (Wi-Fi and TCP/IP AT Commands, AT
Messages), with CR LF; the echo is on until ATE0. What it was told is in `commands`. Faults are set as attributes.
"""


class Modem:
    """password: of the access point "site"; peer: function(bytes) -> bytes that the far end of a connection answers.

    passive: the name of the command that sets the passive mode; chunk: bytes that any() admits at a time."""

    def __init__(self, password="secret", passive="CIPRECVMODE", chunk=1000):
        self.password = password
        self.passive = passive
        self.chunk = chunk
        self.out = bytearray()  # on its way to the board
        self.commands = []
        self.echo = True
        self.mute = False  # says nothing any more
        self.joined = False
        self.connected = False
        self.is_passive = False
        self.refuse = False  # connections
        self.refuse_data = False
        self.held = bytearray()  # received for the board
        self.told = False  # +IPD was sent, and not all read
        self.sent = bytearray()  # by the board, to the peer
        self.peer = None
        self.longest_write = 0
        self._line = bytearray()
        self._raw = 0

    # The UART that the board sees.

    def any(self):
        return min(self.chunk, len(self.out))

    def readinto(self, buf, n):
        assert n <= self.any(), "more than is there: the board's UART would wait"
        buf[:n] = self.out[:n]
        self.out = self.out[n:]
        return n

    def write(self, data):
        self.longest_write = max(self.longest_write, len(data))
        for c in bytes(data):
            self._byte(c)
        return len(data)

    # What happens out there.

    def receive(self, data):
        """The peer sends."""
        self.held.extend(data)
        self._tell()

    def hang_up(self):
        """The peer closes."""
        self.connected = False
        if not self.told:
            self.say("CLOSED")

    def lose(self):
        """The access point goes."""
        self.joined = False
        if self.connected:
            self.connected = False
            self.say("CLOSED")
        self.say("WIFI DISCONNECT")

    def find(self):
        """It is back, and the module has joined again."""
        self.joined = True
        self.say("WIFI CONNECTED")
        self.say("WIFI GOT IP")

    def restart(self):
        """Power or watchdog: everything is as after a reset."""
        self.echo = True
        self.joined = self.connected = self.is_passive = self.told = False
        self.held = bytearray()
        self.out.extend(b"\x00ets Jun  8 2016 rst:0x1\r\n\r\nready\r\n")

    def say(self, line):
        if not self.mute:
            self.out.extend(line.encode() + b"\r\n")

    def _tell(self):
        if self.held and not self.told:
            self.told = True
            self.say(f"+IPD,{len(self.held)}")

    def _byte(self, c):
        if self._raw:
            self.sent.append(c)
            self._raw -= 1
            if not self._raw:
                self.say(f"\r\nRecv {self._size} bytes")
                self.say("\r\nSEND OK")
                if self.peer:
                    self.receive(self.peer(bytes(self.sent[-self._size :])))
            return
        if self.echo and not self.mute:
            self.out.append(c)
        if c != 10:
            self._line.append(c)
            return
        line = bytes(self._line).strip().decode()
        self._line = bytearray()
        self.commands.append(line)
        self._do(line)

    def _do(self, line):
        name, _, value = line.partition("=")
        if name == "ATE0":
            self.echo = False
        elif name == "AT+CWJAP":
            return self._join(value)
        elif name == "AT+CIPSTA?":
            ip = "192.168.3.112" if self.joined else "0.0.0.0"
            self.say(f'+CIPSTA:ip:"{ip}"')
            self.say('+CIPSTA:gateway:"192.168.3.1"')
            self.say('+CIPSTA:netmask:"255.255.255.0"')
        elif name in ("AT+CIPRECVMODE", "AT+CIPRECVTYPE"):
            if name != "AT+" + self.passive:
                return self.say("ERROR")
            self.is_passive = True
        elif name == "AT+CIPSTART":
            return self._start()
        elif name == "AT+CIPSEND":
            return self._send(value)
        elif name == "AT+CIPRECVDATA":
            return self._give(int(value))
        elif name == "AT+CIPCLOSE":
            if not self.connected:
                return self.say("ERROR")
            self.connected = False
            self.held = bytearray()
            self.told = False
            self.say("CLOSED")
        elif name not in ("AT", "AT+SYSSTORE", "AT+CWMODE", "AT+CIPMUX", "AT+CIPDINFO", "AT+CWRECONNCFG"):
            return self.say("ERROR")
        self.say("\r\nOK")

    def _join(self, value):
        if value != f'"site","{self.password}"':
            self.say("WIFI DISCONNECT")
            self.say("+CWJAP:2")
            return self.say("\r\nERROR")
        self.joined = True
        for line in ("WIFI CONNECTED", "WIFI GOT IP", "\r\nOK"):
            self.say(line)

    def _start(self):
        if self.connected:
            self.say("ALREADY CONNECTED")
            return self.say("\r\nERROR")
        if self.refuse or not self.joined:
            self.say("CLOSED")
            return self.say("\r\nERROR")
        assert self.is_passive, "data would come unasked"
        self.connected = True
        self.say("CONNECT")
        self.say("\r\nOK")

    def _send(self, value):
        if not self.connected or self.refuse_data:
            self.say("link is not valid")
            return self.say("\r\nERROR")
        self._raw = self._size = int(value)
        self.say("\r\nOK\r\n")
        if not self.mute:
            self.out.append(62)

    def _give(self, size):
        if not self.held:
            return self.say("ERROR")
        data = self.held[:size]
        self.held = self.held[len(data) :]
        self.out.extend(b"+CIPRECVDATA:%d," % len(data))
        self.out.extend(data)
        self.say("\r\nOK")
        if not self.held:
            self.told = False
            if not self.connected:
                self.say("CLOSED")
