"""The USB serial port of an STM32 as console and shell: reads never wait, writes hardly.

The port of the REPL: what comes in is the shell's as long as main runs, except Ctrl-C, which still raises
KeyboardInterrupt. MicroPython's own write() to this port waits up to 500 ms for every byte that a host with the port
open does not fetch; `send` with timeout=0 takes what fits into the 1 KB that the driver buffers, and returns.

A host that does not fetch for 2 ms loses the rest of the line, and the lines after it until there is room again; the
line that was cut ends with a line feed. USB full speed carries about 1 KB a millisecond: a window's JSON line (20 KB)
takes 20 ms or more, so the console is off unless somebody asks for it.

Heap: 1.5 KB from .mpy. Not yet run on hardware.
"""

from micropython import const

_PATIENCE_MS = const(2)


class UsbPort:
    """vcp: pyb.USB_VCP(); clock: ticks_ms and diff.

    unheard: bytes written while no host had the port open, or that one did not fetch."""

    def __init__(self, vcp, clock):
        self._vcp = vcp
        self._clock = clock
        self._cut = False  # in the middle of a line that the host did not fetch
        self.unheard = 0

    def readinto(self, buf):
        """Bytes put into buf; 0: nothing there. Never waits."""
        if not self._vcp.any():
            return 0
        return self._vcp.recv(buf, timeout=0)

    def write(self, data):
        """Takes all of data (bytes-like) and returns its length. Waits 2 ms at most for a host that does not fetch."""
        size = len(data)
        if self._cut or not self._vcp.isconnected():
            self.unheard += size
            return size
        sent = self._vcp.send(data, timeout=0)
        if sent < size:
            self._patiently(memoryview(data)[sent:])
        return size

    def _patiently(self, rest):
        began = self._clock.ticks_ms()
        while len(rest):
            sent = self._vcp.send(rest, timeout=0)
            if sent:
                rest = rest[sent:]
                began = self._clock.ticks_ms()
            elif self._clock.diff(self._clock.ticks_ms(), began) > _PATIENCE_MS:
                self._cut = True
                self.unheard += len(rest)
                return

    def flush(self):
        """The end of a line: after one that was cut, the next one is sent if the host fetches again."""
        if self._cut and self._vcp.isconnected() and self._vcp.send(b"\n", timeout=0):
            self._cut = False
