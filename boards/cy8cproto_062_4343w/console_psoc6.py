"""The serial port of the kit's debugger as console and shell: 115200 bit/s, the port of the REPL.

Reads take a byte at a time, each after a poll, since sys.stdin waits for all it is asked for. Writes wait, 87 us a
byte. Ctrl-C raises KeyboardInterrupt as at the REPL. Heap: 0.7 KB from .mpy. Not yet run on hardware.
"""

import select


class Console:
    """stdin, stdout: sys.stdin and sys.stdout."""

    def __init__(self, stdin, stdout):
        self._in = stdin.buffer
        self._out = stdout.buffer
        self._poller = select.poll()
        self._poller.register(stdin, select.POLLIN)

    def readinto(self, buf):
        """Bytes put into buf; 0: nothing there. Never waits."""
        n = 0
        view = memoryview(buf)
        while n < len(buf) and self._poller.poll(0):
            if not self._in.readinto(view[n : n + 1]):
                break
            n += 1
        return n

    def write(self, data):
        """Sends all of data (bytes-like), and returns its length. Waits until it has left."""
        self._out.write(data)
        return len(data)

    def flush(self):
        """Nothing is kept back."""
