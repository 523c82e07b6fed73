"""What the meter says now: metering fills `stage`, `publish` makes registers of it, services read the registers.

Values come in classes (points_table.UPDATES): a window, a half period, 3 s, ... Each class is published as a whole, in
one call that lets nobody in between, so a read never mixes two windows; the sequence number of the class tells whether
two reads were of the same one. A value is published once: the class's part of the stage is NaN afterwards, so what
metering does not write is not known. Lists (harmonics) wait beside the stage in the form of registers, as float32 of an
integer times a factor, without a boxed float; a list that was not written since the last publish becomes NaN with the
next.
Counters and energies are integers: `put` sets them at once.

Floats are single precision on every interpreter: what a PC prints is what a register of the board says.

The packed table takes 8 KB of heap, a Points object 11 KB: registers 7.3 KB, stage 1.3 KB. Lists wait in memory that
somebody has to spare then (wait_in), or in 5.7 KB of their own. `read` allocates nothing, publishing nothing but the
time.
"""

import struct
from array import array
from math import frexp

from micropython import const
from wattless import points_viper as viper

try:
    from wattless.points_packed import FIELDS, IDS, SEGMENTS
except ImportError:  # nothing was built: from source, under CPython
    from wattless.points_table import pack

    IDS, FIELDS, SEGMENTS = pack()

FLAGS = ("gap", "clip", "flat", "jitter", "crc", "unsync", "event", "overrun", "short", "fallback", "noload", "offset")
FLAGS += ("noise", "supply")  # bits 0, 1, ...

# update classes with a sequence number of their own: names of the rows that are set with it
_STATUS_ROWS = {
    "window": ("seq", "window_ms", "flags"),
    "half-cycle": ("seq_half", "half_sample", "flags_half"),
    "10 s": ("seq_10s", "end_ms_10s", "flags_10s"),
    "3 s": ("seq_3s", "end_ms_3s", "flags_3s"),
    "10 min": ("seq_10min", "end_ms_10min", "flags_10min"),
    "2 h": ("seq_2h", "end_ms_2h", "flags_2h"),
    "event": (),
}

_CLASSES = ("status", "window", "half-cycle", "10 s", "3 s", "10 min", "2 h", "energy", "event")
_ILLEGAL_DATA_ADDRESS = const(2)  # Modbus exception code
_SEQ_LAST = 0xFFFFFFFE  # 1 comes next: 0 says that nothing was published, all ones would say "not known"
_NAN = float("nan")

# As points_table.pack packs a row.
_ROW_BYTES = const(6)
_LIST = const(0x80)  # of the type: 51 values
_LIST_VALUES = const(51)
_NOT_STAGED = const(0xFFFF)
_FLOAT32 = const(0)
_UINT16 = const(1)
_UINT32 = const(2)
_UINT64 = const(3)
_INTEGERS = {  # how to pack it, what says "not known"
    _UINT16: (">H", 0xFFFF),
    _UINT32: (">I", 0xFFFFFFFF),
    _UINT64: (">Q", 0xFFFFFFFFFFFFFFFF),
}


class _Class:
    """The rows of an update class in the packed table, its stretch of the stage, and where its status stands."""

    def __init__(self, first, status):
        self.rows = array("i", (first, first))
        self.slots = [_NOT_STAGED, 0]
        self.status = status  # (register, type) of sequence number, time and flags
        self.seq = 0


class Points:
    """All points of the meter, by the ids of points_table.py.

    stage: array of singles, one a scalar, NaN = not known. Rows with _l1, _l2, _l3 and their total lie in adjacent
    slots, in this order; so do all rows of one family.
    """

    def __init__(self):
        self._classes = {}
        slots = lists = number = 0
        for slot, _, kind in _rows():
            name = _CLASSES[kind >> 8]
            if name not in self._classes:
                status = [(_row(id_)[1], _row(id_)[2] & 0xFF) for id_ in _STATUS_ROWS.get(name, ())]
                self._classes[name] = _Class(number, status)
            class_ = self._classes[name]
            number += 1
            class_.rows[viper.LAST] = number
            if kind & _LIST:
                lists += 1
            elif slot != _NOT_STAGED:
                class_.slots[0] = min(class_.slots[0], slot)
                slots = class_.slots[1] = slot + 1
        self._segments = array("H", SEGMENTS)
        self._image = bytearray(2 * (self._segments[-1] + self._segments[-2]))  # big-endian, as Modbus sends it
        self._fresh = bytearray(lists)
        self._lists = None
        self._params = array("i", bytes(24))
        self._places = {}  # of put: looking a name up takes up to 50 k instructions
        self.stage = array("f", [_NAN] * slots)
        self.t_first = None
        self.window_ms = None
        self.flags = None
        for class_ in self._classes.values():
            self._encode(class_)
            for place, (register, kind) in enumerate(class_.status):
                _pack_integer(self._image, register, kind, None if place else 0)
        for slot, register, kind in _rows():
            if slot == _NOT_STAGED and kind >> 8 and kind & 0xFF:
                _pack_integer(self._image, register, kind & 0xFF, None)

    # What metering does.

    def wait_in(self, memory, size):
        """Lets lists wait in `memory`, a buffer of `size` bytes, which nobody else may need between the first put_list
        and `publish`. Without this they wait in memory of their own. ValueError when it is less than waiting_bytes."""
        if size < self.waiting_bytes():
            raise ValueError(f"lists of {self.waiting_bytes()} bytes cannot wait in {size}")
        self._lists = memory

    def waiting_bytes(self):
        """What all lists take while they wait."""
        return 4 * _LIST_VALUES * len(self._fresh)

    def at(self, name):
        """The slot of the scalar `name`, for writing into `stage`."""
        slot, _, kind = _row(name)
        if slot == _NOT_STAGED or kind & _LIST:
            how = "put_list" if kind & _LIST else "put or publish"
            raise KeyError(f"{name} has no slot in the stage: {how} sets it")
        return slot

    def list(self, name):
        """The handle of the list `name`, for put_list."""
        number, _, kind = _row(name)
        if not kind & _LIST:
            raise KeyError(f"{name} is no list")
        return number

    def put_list(self, handle, first, ints, start, count, factor):
        """Values first..first + count - 1 of a list = ints[start : start + count] (array('i')) * factor.

        factor: a float > 0, or what `scale_factor` made of it (that saves the garbage)."""
        self._put_list(handle, first, ints, start, count, factor, 0)

    def put_pairs(self, handle, first, pairs, start, count, factor):
        """The same of integers in two words each, high 2**28 + low; start and count in pairs."""
        self._put_list(handle, first, pairs, start, count, factor, 1)

    @staticmethod
    def scale_factor(factor):
        """A float > 0 as (mantissa of 24 bits, exponent)."""
        mantissa, exponent = frexp(factor)
        return min(int(mantissa * 16777216 + 0.5), 16777215), exponent - 24

    def _put_list(self, handle, first, ints, start, count, factor, pairs):
        if not 0 <= first <= first + count <= _LIST_VALUES:
            raise ValueError(f"values {first}..{first + count - 1} of a list of {_LIST_VALUES}")
        if isinstance(factor, float):
            factor = self.scale_factor(factor)
        params = self._params
        params[viper.START] = start
        params[viper.COUNT] = count
        params[viper.MANTISSA], params[viper.EXPONENT] = factor
        params[viper.TO] = 4 * (_LIST_VALUES * handle + first)
        params[viper.PAIRS] = pairs
        if self._lists is None:
            self._lists = bytearray(self.waiting_bytes())
        viper.scale(ints, params, self._lists)
        self._fresh[handle] = 1

    def put(self, name, value):
        """Sets an integer that does not pass through the stage, at once; None: not known."""
        place = self._places.get(name)
        if place is None:
            slot, register, kind = _row(name)
            if slot != _NOT_STAGED:
                raise KeyError(f"{name} passes through the stage")
            place = self._places[name] = register << 2 | kind & 3
        _pack_integer(self._image, place >> 2, place & 3, value)

    def publish(self, t_first, t_ms, flags):
        """Makes the staged values of the class "window" the ones that everybody reads.

        t_first: seconds from the start to the first sample of the window. t_ms: unix time of the window's end in
        milliseconds, None when there is no clock. flags: bit mask, bits as in FLAGS.
        """
        self.t_first = t_first
        self.window_ms = t_ms
        self.flags = flags
        self.publish_interval("window", t_ms, flags)

    def publish_interval(self, update, t_ms, flags):
        """The same of another update class. t_ms: for "half-cycle" the number of a sample, modulo 2**30."""
        class_ = self._classes[update]
        self._encode(class_)
        class_.seq = class_.seq % _SEQ_LAST + 1
        status = class_.status
        if status:
            image = self._image
            _pack_integer(image, status[0][0], _UINT32, class_.seq)
            _pack_integer(image, status[1][0], status[1][1], t_ms)
            _pack_integer(image, status[2][0], _UINT32, flags)

    def invalidate(self, t_first, t_ms, flags):
        """Publishes a window of which nothing is known but `flags`: every value is NaN."""
        first, last = self._classes["window"].slots
        for slot in range(first, last):
            self.stage[slot] = _NAN
        for number in range(len(self._fresh)):
            self._fresh[number] = 0
        self.publish(t_first, t_ms, flags)

    # What services do.

    seq = property(lambda self: self._classes["window"].seq)  # 0: nothing published yet

    def seq_of(self, update):
        """Sequence number of an update class, 0: nothing published yet."""
        return self._classes[update].seq

    def flag_names(self):
        """The flags of the window as a list of names out of FLAGS."""
        return self.names_of(self.flags)

    @staticmethod
    def names_of(flags):
        """A bit mask as a list of names out of FLAGS; none for None."""
        return [name for bit, name in enumerate(FLAGS) if (flags or 0) >> bit & 1]

    def ids(self, update="window"):
        """The ids of all rows of an update class in table order."""
        number = _CLASSES.index(update)
        return [id_ for id_, row in zip(IDS.decode().split(), _rows()) if row[2] >> 8 == number]

    def get(self, name):
        """The value of the row `name`: a float, an int for integer types, a list for list rows.

        A value that is not known is None. KeyError when there is no such row.
        """
        return self.value(_row(name))

    @staticmethod
    def rows(update, first=None):
        """(id as bytes, row as `value` wants it) of an update class in table order, from the id `first` on: one after
        the other, for all of them take 20 KB."""
        number = _CLASSES.index(update)
        at = 1
        for row in _rows():
            end = IDS.find(b" ", at)
            if row[2] >> 8 == number:
                id_ = IDS[at:end]
                if first == id_:
                    first = None
                if first is None:
                    yield id_, row
            at = end + 1

    @staticmethod
    def row(name):
        """What `value` wants, for those who ask often. KeyError when there is no such row."""
        return _row(name)

    def value(self, row):
        """The value of a row, as `get`."""
        _, register, kind = row
        kind &= 0xFF
        if kind == _LIST:
            values = struct.unpack_from(">" + "f" * _LIST_VALUES, self._image, 2 * register)
            return [value if _finite(value) else None for value in values]
        if kind == _FLOAT32:
            value = struct.unpack_from(">f", self._image, 2 * register)[0]
            return value if _finite(value) else None
        layout, unknown = _INTEGERS[kind]
        value = struct.unpack_from(layout, self._image, 2 * register)[0]
        return None if value == unknown else value

    def read(self, address, count, dest, offset):
        """A Modbus bank: copies `count` registers from PDU `address` to dest[offset:], big-endian.

        Returns 0, or 2 (illegal data address) unless every one of these registers exists.
        """
        if offset < 0 or count < 0 or offset + 2 * count > len(dest):
            raise ValueError(f"{count} registers at {offset} do not fit in {len(dest)} bytes")
        segments = self._segments
        for i in range(0, len(segments), 3):
            skipped = address - segments[i]
            if 0 <= skipped and skipped + count <= segments[i + 1]:
                viper.copy(self._image, 2 * (segments[i + 2] + skipped), dest, offset, 2 * count)
                return 0
        return _ILLEGAL_DATA_ADDRESS

    def _encode(self, class_):
        lists = self._fresh if self._lists is None else self._lists  # of None, none is fresh
        viper.encode(FIELDS, self.stage, self._image, self._fresh, lists, class_.rows)


def _finite(value):
    return value - value == 0


def _pack_integer(image, register, kind, value):
    layout, unknown = _INTEGERS[kind]
    struct.pack_into(layout, image, 2 * register, unknown if value is None else value)


def _row(name):
    """(slot, first register, type + 256 * update) of the row `name`."""
    wanted = name.encode()
    number = viper.find(IDS, len(IDS), wanted, len(wanted))
    if number < 0:
        raise KeyError(f"no point {name!r}")
    return struct.unpack_from("<3H", FIELDS, _ROW_BYTES * number)


def _rows():
    for offset in range(0, len(FIELDS), _ROW_BYTES):
        yield struct.unpack_from("<3H", FIELDS, offset)
