"""The serial console, for programs: every window as one line of JSON.

    {"window": 0, "t": 0.0, "flags": [], "dsp": "9e1c03f7", "f": 59.9800123, "v_l1": 120.01, ..., "vh_l1": [...], ...}

window counts from 0, t is the first sample's time in seconds from the start, dsp the fingerprint of the integers behind
the values (Meter.fingerprint); then come all points in table order. What is not known is null. 12 significant digits
where floats are doubles, 9 on a board of single precision.

A line is 8 to 10 KB. Heap: the list of ids (3 KB). Garbage of a window: 52 KB where words have 32 bits, two thirds of
it made by Points.get; no piece is larger than a list of 51 floats.
"""

_DOUBLES = float("1.00000000001") != 1.0
_NUMBER = b"%.12g" if _DOUBLES else b"%.9g"


class Console:
    """Writes the windows of `points` to `stream`: write(bytes), which takes all that it is given, and flush().

    fingerprint: function that gives the 32-bit fingerprint of the window, or None."""

    def __init__(self, points, stream, fingerprint):
        self._fingerprint = fingerprint
        self._write = stream.write
        self._flush = stream.flush
        self._ids = points.ids()

    def window(self, points):
        """One line, for the window that `points` published last. Raises OSError when the stream is gone."""
        write = self._write
        write(b'{"window": %d, "t": ' % (points.seq - 1))
        self._value(points.t_first)
        write(b', "flags": [')
        write(", ".join(['"%s"' % name for name in points.flag_names()]).encode())
        fingerprint = self._fingerprint()
        write(b'], "dsp": null' if fingerprint is None else b'], "dsp": "%08x"' % fingerprint)
        for name in self._ids:
            write(b', "')
            write(name.encode())
            write(b'": ')
            value = points.get(name)
            if isinstance(value, list):
                separator = b"["
                for item in value:
                    write(separator)
                    self._value(item)
                    separator = b", "
                write(b"]")
            else:
                self._value(value)
        write(b"}\n")
        self._flush()

    def _value(self, value):
        if value is None:
            self._write(b"null")
        else:
            self._write((_NUMBER if isinstance(value, float) else b"%d") % value)
