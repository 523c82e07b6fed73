"""Standard input and output as the meter's serial console, for the virtual device, where they are a pseudo-terminal."""

import posix_io


class ConsolePort:
    def readinto(self, buf):
        """Bytes put into buf; 0: nothing there. Never waits."""
        if not posix_io.poll(0, posix_io.POLLIN):
            return 0
        return max(0, posix_io.read(0, buf))

    def write(self, data):
        """Takes all of data. Waits for a slow reader; raises OSError when there is none any more."""
        rest = memoryview(data)
        while len(rest):
            n = posix_io.write(1, rest)
            if n >= 0:
                rest = rest[n:]
            elif n not in (-posix_io.EINTR, -posix_io.EAGAIN):
                raise OSError(-n)
        return len(data)
