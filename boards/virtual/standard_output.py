"""Standard output as the stream of the console: bytes gathered in 4 KB, so that a line takes few system calls."""

import posix_io

_BUFFER_BYTES = 4096


class StandardOutput:
    def __init__(self, fd=1):
        self._fd = fd
        self._buffer = bytearray(_BUFFER_BYTES)
        self._used = 0

    def write(self, data):
        """Takes all of data (bytes-like). Waits for a slow reader; raises OSError when there is none any more."""
        if self._used + len(data) > _BUFFER_BYTES:
            self.flush()
        end = self._used + len(data)
        self._buffer[self._used : end] = data  # grows for data longer than the buffer
        self._used = end

    def flush(self):
        rest = memoryview(self._buffer)[: self._used]
        self._used = 0
        while len(rest):
            n = posix_io.write(self._fd, rest)
            if n >= 0:
                rest = rest[n:]
            elif n != -posix_io.EINTR:
                raise OSError(-n)
