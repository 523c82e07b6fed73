"""What the meter says now: metering fills `stage`, `publish` makes a snapshot of it, services read the snapshot.

There are two register images. `publish` fills the one that nobody reads, and one assignment puts it in front: a read
gives registers of one window only, and the sequence number among them tells whether two reads were of the same one.
A value is published once: the stage is all NaN after `publish`, so what metering does not write is not known.

Measured on 32-bit ARM from .mpy, single precision: the packed table takes 2.1 KB of heap, this module 4.5 KB, a Points
object 5.7 KB (stage 1.7 KB, images 3.5 KB). `read` allocates nothing, `publish` 64 bytes.
"""

import struct
from array import array

import micropython
from micropython import const

try:
    from wattless.points_packed import FIELDS, IDS, SEGMENTS
except ImportError:  # nothing was built: from source, under CPython
    from wattless.points_table import pack

    IDS, FIELDS, SEGMENTS = pack()

FLAGS = ("gap", "clip", "flat", "jitter", "crc", "unsync", "event", "overrun", "short", "fallback")  # bits 0, 1, ...

_ILLEGAL_DATA_ADDRESS = const(2)  # Modbus exception code
_SEQ_LAST = 0xFFFFFFFE  # 1 comes next: 0 says that nothing was published, all ones would say "not known"
_NAN = float("nan")
_DOUBLES = float("1.00000000001") != 1.0  # has this interpreter double precision?

# As points_table.pack packs a row.
_ROW_BYTES = const(8)
_NOT_STAGED = const(0xFFFF)
_STATUS = const(7)
_FLOAT32 = const(0)
_UINT16 = const(1)
_UINT32 = const(2)
_UINT64 = const(3)
_INTEGERS = {  # how to pack it, what says "not known"
    _UINT16: (">H", 0xFFFF),
    _UINT32: (">I", 0xFFFFFFFF),
    _UINT64: (">Q", 0xFFFFFFFFFFFFFFFF),
}


@micropython.viper
def _encode_floats(fields: ptr16, rows: int, singles: ptr32, image: ptr8):
    """The float rows of the packed table, from native singles to registers. What is not finite becomes 0x7FC00000.

    It leaves the singles NaN: on the board they are the stage. In viper because every float in Python is an allocation.
    """
    nan = 0x7FC0
    nan = nan << 16
    for row in range(rows):
        slot = fields[4 * row]
        if slot != _NOT_STAGED and fields[4 * row + 3] & 0xFF == _FLOAT32:
            end = slot + fields[4 * row + 1]
            to = 2 * fields[4 * row + 2]
            while slot < end:
                bits = singles[slot]
                singles[slot] = nan
                if (bits >> 23) & 0xFF == 0xFF:
                    bits = nan
                image[to] = bits >> 24
                image[to + 1] = bits >> 16
                image[to + 2] = bits >> 8
                image[to + 3] = bits
                slot += 1
                to += 4


@micropython.viper
def _copy(source: ptr8, at: int, dest: ptr8, to: int, n: int):
    """dest[to : to + n] = source[at : at + n], without the slices that this would allocate."""
    for i in range(n):
        dest[to + i] = source[at + i]


class Snapshot:
    """The values of one window: its registers, and what `get` reads beside them."""

    def __init__(self, registers, values):
        self.image = bytearray(2 * registers)  # big-endian, as Modbus sends it
        self.values = values  # doubles by slot, None where single precision is all there is (the image has it)
        self.seq = 0
        self.t_first = None
        self.window_ms = None
        self.flags = None


class Points:
    """All points of the meter, by the ids of points_table.py.

    stage: array of floats, one a slot, NaN = not known ('d', on interpreters of single precision 'f'). Rows with _l1,
    _l2, _l3 and their total lie in adjacent slots, in this order; so do the orders 0..50 of a list.
    """

    def __init__(self, doubles=_DOUBLES):
        """doubles=False: as on a board that has single precision only."""
        slots = 0
        self._integers = []  # (slot, first register, type) of the rows in the stage that are not floats
        for slot, count, register, kind in _rows():
            if slot != _NOT_STAGED:
                slots = max(slots, slot + count)
                if kind & 0xFF != _FLOAT32:
                    self._integers.append((slot, register, kind & 0xFF))
        self._status_at = [_row(name)[2] for name in ("seq", "window_ms", "flags")]
        self._segments = array("H", SEGMENTS)
        registers = self._segments[-1] + self._segments[-2]

        self.stage = _unknown("d" if doubles else "f", slots)
        self._singles = _unknown("f", slots) if doubles else self.stage
        self._front = Snapshot(registers, _unknown("d", slots) if doubles else None)
        self._back = Snapshot(registers, _unknown("d", slots) if doubles else None)
        self._encode(self._front)

    # What metering does.

    def at(self, name):
        """The slot of the first value of the row `name`, for writing into `stage`."""
        slot = _row(name)[0]
        if slot == _NOT_STAGED:
            raise KeyError(f"{name} has no slot in the stage: publish sets it")
        return slot

    def publish(self, t_first, t_ms, flags):
        """Makes the stage the snapshot that everybody reads, and fills the stage with NaN.

        t_first: seconds from the start to the first sample of the window. t_ms: unix time of the window's end in
        milliseconds, None when there is no clock. flags: bit mask, bits as in FLAGS.
        """
        back = self._back
        back.seq = self._front.seq % _SEQ_LAST + 1
        back.t_first = t_first
        back.window_ms = t_ms
        back.flags = flags
        self._encode(back)
        self._back = self._front
        self._front = back

    def invalidate(self, t_first, t_ms, flags):
        """Publishes a window of which nothing is known but `flags`: every value is NaN."""
        for i in range(len(self.stage)):
            self.stage[i] = _NAN
        self.publish(t_first, t_ms, flags)

    # What services do.

    seq = property(lambda self: self._front.seq)  # 0: nothing published yet
    t_first = property(lambda self: self._front.t_first)
    window_ms = property(lambda self: self._front.window_ms)  # None: no clock
    flags = property(lambda self: self._front.flags)  # None: nothing published yet

    def flag_names(self):
        """The flags of the snapshot as a list of names out of FLAGS."""
        flags = self._front.flags or 0
        return [name for bit, name in enumerate(FLAGS) if flags >> bit & 1]

    def ids(self):
        """The ids of all measured values in table order (without seq, window_ms and flags)."""
        return [id_ for id_, row in zip(IDS.split(), _rows()) if row[3] >> 8 != _STATUS]

    def get(self, name):
        """The value of the row `name` in the snapshot: a float, an int for integer types, a list for list rows.

        A value that is not known is None. KeyError when there is no such row.
        """
        slot, count, register, kind = _row(name)
        front = self._front
        if kind & 0xFF != _FLOAT32:
            layout, unknown = _INTEGERS[kind & 0xFF]
            value = struct.unpack_from(layout, front.image, 2 * register)[0]
            return None if value == unknown else value
        if front.values is None:
            values = struct.unpack_from(">" + "f" * count, front.image, 2 * register)
        else:
            values = front.values[slot : slot + count]
        values = [value if _finite(value) else None for value in values]
        return values if count > 1 else values[0]

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
                _copy(self._front.image, 2 * (segments[i + 2] + skipped), dest, offset, 2 * count)
                return 0
        return _ILLEGAL_DATA_ADDRESS

    def _encode(self, snapshot):
        """The stage, and the status in `snapshot`, to the registers of `snapshot`. The stage is NaN afterwards."""
        stage = self.stage
        image = snapshot.image
        for slot, register, kind in self._integers:
            value = stage[slot]
            _pack_integer(image, register, kind, int(value) if _finite(value) else None)
            stage[slot] = _NAN
        if snapshot.values is not None:
            values = snapshot.values
            singles = self._singles
            for slot in range(len(stage)):
                singles[slot] = values[slot] = stage[slot]
                stage[slot] = _NAN
        _encode_floats(FIELDS, len(FIELDS) // _ROW_BYTES, self._singles, image)
        seq, window_ms, flags = self._status_at
        _pack_integer(image, seq, _UINT32, snapshot.seq)
        _pack_integer(image, window_ms, _UINT64, snapshot.window_ms)
        _pack_integer(image, flags, _UINT32, snapshot.flags)


def _unknown(typecode, n):
    return array(typecode, [_NAN] * n)


def _finite(value):
    return value - value == 0


def _pack_integer(image, register, kind, value):
    layout, unknown = _INTEGERS[kind]
    struct.pack_into(layout, image, 2 * register, unknown if value is None else value)


def _row(name):
    """(slot, count, first register, type + 256 * update) of the row `name`."""
    place = IDS.find(" " + name + " ")
    if place < 0:
        raise KeyError(f"no point {name!r}")
    return struct.unpack_from("<4H", FIELDS, _ROW_BYTES * IDS.count(" ", 0, place))


def _rows():
    for offset in range(0, len(FIELDS), _ROW_BYTES):
        yield struct.unpack_from("<4H", FIELDS, offset)
