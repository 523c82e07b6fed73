"""The serial console, for programs: what the meter says as lines of JSON.

    {"window": 0, "t": 0.0, "flags": [], "dsp": "9e1c03f7", "f": 59.9800123, "v_l1": 120.01, ..., "vh_l1": [...], ...}
    {"interval": "3 s", "number": 1, "end_ms": 1700000000000, "flags": [], "t3s_v_l1": 230.01, ...}
    {"event": "dip", "number": 1, "channel": "l1", "t": 0.1853, "duration": 0.0401, "residual": 69.8, ...}
    {"half": 12345, "half_v_l1": 230.02, ...}

window counts from 0, t is the first sample's time in seconds from the start, dsp the fingerprint of the integers behind
the values (Meter.fingerprint); then come all points of the class in table order, and in a window's line the energies
and counters. What is not known is null. Numbers have 9 significant digits: single precision.

A window's line is 15 to 20 KB. No piece is larger than a list of 51 floats.
"""

_NUMBER = b"%.9g"
_INTERVALS = ("10 s", "3 s", "10 min", "2 h")
_EVENT_KEYS = ("event", "code", "number", "state", "channel", "channels", "t", "unix_ms", "duration")
_SOURCES = (b'"unknown"', b'"grid"', b'"site"', b'"both"')


class Console:
    """Writes what `points` has to `stream`: write(bytes), which takes all that it is given, and flush().

    fingerprint: function that gives the 32-bit fingerprint of the window, or None."""

    def __init__(self, points, stream, fingerprint):
        self._fingerprint = fingerprint
        self._write = stream.write
        self._flush = stream.flush
        self._points = points
        self._seen = dict.fromkeys(_INTERVALS, 0)

    def window(self, points):
        """One line, for the window that `points` published last, and one for each interval that ended with it. Raises
        OSError when the stream is gone."""
        write = self._write
        write(b'{"window": %d, "t": ' % (points.seq - 1))
        self._value(points.t_first)
        self._flags(points.flag_names())
        fingerprint = self._fingerprint()
        write(b', "dsp": null' if fingerprint is None else b', "dsp": "%08x"' % fingerprint)
        for update in ("window", "energy", "counters"):
            self._write_rows(update)
        self._end()
        for update in _INTERVALS:
            if self._seen[update] != points.seq_of(update):
                self._seen[update] = points.seq_of(update)
                self._interval(points, update)

    def half(self, points):
        """One line, for the half period that `points` published last."""
        self._write(b'{"half": ')
        self._value(points.get("half_sample"))
        self._write_rows("half-cycle")
        self._end()

    def _interval(self, points, update):
        name = update.replace(" ", "")
        self._write(b'{"interval": "%s", "number": %d, "end_ms": ' % (update.encode(), points.seq_of(update)))
        self._value(points.get("end_ms_" + name))
        self._flags(points.names_of(points.get("flags_" + name)))
        self._write_rows(update)
        self._end()

    def event(self, entry):
        """One line, for an entry of the event log."""
        separator = b"{"
        values = entry.as_dict()
        rest = sorted([name for name in values if name not in _EVENT_KEYS])
        for name in [name for name in _EVENT_KEYS if name in values] + rest:
            self._write(separator + b'"%s": ' % name.encode())
            self._any(values[name])
            separator = b", "
        self._end()

    def _any(self, value):
        """A value of an entry: text, list of text, number, None."""
        if isinstance(value, list):
            self._write(b"[")
            self._write(", ".join(['"%s"' % item for item in value]).encode())
            self._write(b"]")
        elif isinstance(value, str):
            self._write(b'"%s"' % value.encode())
        else:
            self._value(value)

    def _flags(self, names):
        self._write(b', "flags": [')
        self._write(", ".join(['"%s"' % name for name in names]).encode())
        self._write(b"]")

    def _write_rows(self, update):
        points, write = self._points, self._write
        first = None
        if update == "counters":
            update, first = "status", b"lost_frames"
        for id_, row in points.rows(update, first):
            write(b', "')
            write(id_)
            write(b'": ')
            value = points.value(row)
            if isinstance(value, list):
                separator = b"["
                for item in value:
                    write(separator)
                    self._value(item)
                    separator = b", "
                write(b"]")
            elif id_.startswith(b"source_h") and value in range(len(_SOURCES)):
                write(_SOURCES[value])
            else:
                self._value(value)

    def _value(self, value):
        if value is None:
            self._write(b"null")
        else:
            self._write((_NUMBER if isinstance(value, float) else b"%d") % value)

    def _end(self):
        self._write(b"}\n")
        self._flush()
