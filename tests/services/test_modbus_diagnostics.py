"""FC08 on a serial line: counters, listen-only mode, restart of communications. V1.1b3, 6.8."""

from tests.services.specification import frame
from tests.services.test_modbus_rtu import GOOD, GOOD_REPLY, UNIT, Line

# FC08 subfunctions and data, what comes back (None: silence): a conversation on one line, V1.1b3 6.8.1
DIAGNOSTICS = (
    ("0002 0000", "08 0002 0000"),
    ("000B 0000", "08 000B 0002"),  # bus messages, this one too
    ("000E 0000", "08 000E 0003"),  # messages for this slave
    ("000C 0000", "08 000C 0000"),
    ("000A 0000", "08 000A 0000"),  # clear
    ("000B 0000", "08 000B 0001"),
    ("000B 0001", "88 03"),
    ("000D 0000", "08 000D 0001"),  # exceptions
    ("0012 0000", "08 0012 0000"),
    ("0013 0000", "88 01"),
    ("0001 0001", "88 03"),
    ("0004 0000", None),  # listen only
    ("000B 0000", None),
    ("0000 1234", None),
    ("0001 FF00", None),  # restart: in listen-only mode no answer
    ("000B 0000", "08 000B 0001"),
    ("0001 0000", "08 0001 0000"),
    ("000F 0000", "08 000F 0000"),
)


def test_diagnostics():
    line = Line()
    for request, reply in DIAGNOSTICS:
        line.send(frame(UNIT, bytes.fromhex("08" + request)))
        line.silence(10_000)
        said = line.said()
        assert said == ([] if reply is None else [frame(UNIT, bytes.fromhex(reply))]), request


def test_listening_only_nothing_is_done():
    line = Line()
    line.send(frame(UNIT, bytes.fromhex("08 0004 0000")))
    line.silence(10_000)
    line.send(GOOD)
    line.silence(10_000)
    assert line.said() == []
    line.send(frame(UNIT, bytes.fromhex("08 0001 0000")))
    line.silence(10_000)
    line.send(GOOD)
    line.silence(10_000)
    assert line.said() == [GOOD_REPLY]
