"""What a record looks like on a medium: a head of 28 bytes, the data, 0xFF up to the end of its last page.

    offset  size  what
    0       2     magic "WL"
    2       1     version of this format, 1
    3       1     kind
    4       2     length of the data, 0 to 4096
    6       2     0
    8       4     number: 1, 2, ... for every record written to this medium, copies too: the largest is the newest
    12      4     born: the number under which this content was written first: orders the records of a kind
    16      4     turn: how often the ring had gone around the medium (storage/log.py)
    20      4     CRC-32 of all that follows the head, up to the end of the last page
    24      4     CRC-32 of the 24 bytes before, started with the record's place: nowhere else is it a record

Integers have the lowest byte first. CRC-32 is that of zlib and IEEE 802.3.
"""

from binascii import crc32
from struct import pack_into, unpack_from

from micropython import const

FORMAT = const(0)  # what format() leaves: {size, page, erase size}
ENERGY = const(1)
EVENTS = const(2)
CALIBRATION = const(3)
CONFIG = const(4)
SECRETS = const(5)
KINDS = const(8)  # 1 to 7 are kinds of state
ASIDE = const(8)  # kind + ASIDE: a record of that kind which the meter refused
NAMES = ("format", "energy", "events", "calibration", "config", "secrets", "6", "7")

VERSION = const(1)
HEAD = const(28)
LARGEST = const(4096)  # bytes of data

_MAGIC = const(0x4C57)
_FORM = "<HBBHHIIIII"
_CHECKED = const(24)


class StoreError(OSError):
    """The medium cannot be used as it is. The message says why, and what can be done."""


def pages(length, page):
    """How many pages a record with so many bytes of data takes."""
    return (HEAD + length + page - 1) // page


def fill(head, at, kind, length, number, born, turn, crc):
    """Writes the head of a record whose place is `at` into head[0:28]."""
    pack_into(_FORM, head, 0, _MAGIC, VERSION, kind, length, 0, number, born, turn, crc, 0)
    pack_into("<I", head, _CHECKED, crc32(memoryview(head)[:_CHECKED], at))


def parse(head, at):
    """(kind, length, number, born, turn, crc) of a head at place `at`, None: it is none."""
    if head[0] != _MAGIC & 0xFF or head[1] != _MAGIC >> 8 or head[2] != VERSION:
        return None
    _, _, kind, length, _, number, born, turn, crc, check = unpack_from(_FORM, head, 0)
    if check != crc32(memoryview(head)[:_CHECKED], at) or length > LARGEST or kind >= KINDS + ASIDE:
        return None
    return kind, length, number, born, turn, crc


def version(head):
    """Version of the format of something that begins like a record; 0: it does not."""
    return head[2] if head[0] == _MAGIC & 0xFF and head[1] == _MAGIC >> 8 else 0


def keep(kind):
    """How many records of a kind are kept: the newest and the one before; of refused ones and FORMAT one."""
    return 2 if 0 < kind < KINDS else 1
