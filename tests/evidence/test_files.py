"""FC20, Read File Record: application protocol V1.1b3, 6.14."""

import json
import subprocess

import pytest

from host_tools.toolchain import paths
from host_tools.toolchain.build_mpy import build
from wattless.services.modbus_files import FUNCTION, FileRecords
from wattless.services.modbus_pdu import ModbusPdu


class Kept:
    """What FileRecords asks for, with bytes that tell where they are: word k is k, modulo 65521."""

    def __init__(self, words, phase=4):
        self.data = b"".join((k % 65521).to_bytes(2, "big") for k in range(words))
        self.size = 2 * words if phase == 4 else 0
        self.phase = phase
        self.sha256 = bytes(range(32)) if phase == 4 else None
        self.seq = 0x01020304 if phase == 4 else None
        self.skipped = 7

    def read(self, at, buf, offset=0, n=None):
        assert 0 <= at and at + n <= self.size
        buf[offset : offset + n] = self.data[at : at + n]
        return n


def ask(request, kept=None, same=False):
    """The reply PDU; same: request and reply share a buffer."""
    pdu = ModbusPdu(None, None)
    pdu.handlers[FUNCTION] = FileRecords(kept or Kept(45000)).handle
    request = bytes.fromhex(request) if isinstance(request, str) else request
    frame = bytearray(3) + request + bytes(300)
    reply = frame if same else bytearray(300)
    at = 3 if same else 1
    n = pdu.handle(frame, 3, len(request), reply, at)
    return bytes(reply[at : at + n])


def part(file, record, length, kind=6):
    return bytes([kind]) + b"".join(x.to_bytes(2, "big") for x in (file, record, length))


def request(*parts):
    body = b"".join(parts)
    return bytes([0x14, len(body)]) + body


def test_the_example_of_the_protocol_document():
    """6.14: two registers of file 4 from record 1 on, two of file 3 from record 9 on; only the data are ours."""
    told = ask("14 0E 06 0004 0001 0002 06 0003 0009 0002")
    file4, file3 = 20001, 10009  # word of the evidence: 10,000 a file, the first in file 2
    data = [(word + k).to_bytes(2, "big").hex() for word in (file4, file3) for k in range(2)]
    assert told.hex() == "140c" + "0506" + data[0] + data[1] + "0506" + data[2] + data[3]


@pytest.mark.parametrize("same", [False, True])
def test_several_parts(same):
    """Four files in one request, also where the reply overwrites it."""
    told = ask(request(part(2, 0, 1), part(6, 4999, 1), part(3, 9999, 1), part(2, 1234, 20)), same=same)
    words = [[0], [44999], [19999], list(range(1234, 1254))]
    data = b"".join(
        bytes([1 + 2 * len(group), 6]) + b"".join((w % 65521).to_bytes(2, "big") for w in group) for group in words
    )
    assert told == bytes([0x14, len(data)]) + data


def test_the_status_file():
    ready = "0001 0004 00015F90 01020304 0007 0000" + bytes(range(32)).hex()
    assert ask(request(part(1, 0, 24)))[4:] == bytes.fromhex(ready)
    assert ask(request(part(1, 2, 2)))[4:] == bytes.fromhex("00015F90")
    assert ask(request(part(1, 0, 24)), Kept(10, phase=2))[4:] == bytes.fromhex(
        "0001 0002" + "00" * 8 + "0007"
    ) + bytes(34)


def test_the_longest():
    """Replies: 0xF5 bytes behind the byte count at most, 121 registers; requests: 35 parts."""
    told = ask(request(part(2, 100, 121)))
    assert len(told) == 246 <= 253 and told[:4] == bytes([0x14, 244, 243, 6]) and told[-2:] == (220).to_bytes(2, "big")
    assert ask(request(part(2, 100, 122))) == b"\x94\x03"
    assert ask(request(part(2, 0, 60), part(2, 0, 60)))[1] == 244
    assert ask(request(part(2, 0, 60), part(2, 0, 61))) == b"\x94\x03"
    assert ask(request(*[part(2, k, 2) for k in range(35)]))[1] == 210
    assert ask(request(*[part(2, k, 3) for k in range(35)])) == b"\x94\x03"
    assert ask(request(*[part(2, k, 1) for k in range(36)])) == b"\x94\x03"  # 252 bytes


@pytest.mark.parametrize(
    "text, code",
    [
        ("14", 3),
        ("14 00", 3),
        ("14 06 06 0002 0000 00", 3),  # shorter than a part
        ("14 07 06 0002 0000", 3),  # cut short
        ("14 07 06 0002 0000 0001 00", 3),  # a byte too many
        ("14 08 06 0002 0000 0001 00", 3),  # no whole number of parts
        ("14 07 06 0002 0000 0000", 3),  # nothing asked for
        ("14 07 05 0002 0000 0001", 2),  # reference type
        ("14 0E 06 0002 0000 0001 07 0002 0000 0001", 2),
        ("14 07 06 0000 0000 0001", 2),  # file 0
        ("14 07 06 0007 0000 0001", 2),  # behind the last one
        ("14 07 06 FFFF 0000 0001", 2),
        ("14 07 06 0002 2710 0001", 2),  # record 10000
        ("14 07 06 0002 270F 0002", 2),  # over the end of the file
        ("14 07 06 0006 1387 0002", 2),  # over the end of the evidence, 45,000 words
        ("14 07 06 0006 1388 0001", 2),
        ("14 07 06 0001 0018 0001", 2),  # behind the status
        ("14 0E 06 0002 0000 0001 06 0007 0000 0001", 2),  # one good, one bad
    ],
)
def test_what_is_refused(text, code):
    assert ask(text) == bytes([0x94, code])


def test_nothing_kept():
    assert ask(request(part(2, 0, 1)), Kept(45000, phase=3)) == b"\x94\x02"


def test_an_odd_reader_never_leaves_the_evidence():
    """Whatever is asked for: an exception, or data that lie where they should."""
    kept = Kept(10500)
    for file, record, length in [(f, r, n) for f in (2, 3) for r in (0, 379, 499, 9990, 9999) for n in (1, 9, 121)]:
        told = ask(request(part(file, record, length)), kept)
        first = 10000 * (file - 2) + record
        if record + length > 10000 or first + length > 10500:
            assert told == b"\x94\x02"
        else:
            assert told[4:] == kept.data[2 * first : 2 * (first + length)]


SCRIPT = """
import gc, micropython, sys
from run_kept import run
from wattless.services.modbus_files import FUNCTION, FileRecords
from wattless.services.modbus_pdu import ModbusPdu
import json
frames = open("frames", "rb").read()
kept = []
meter, evidence, windows = run(frames, json.loads(sys.argv[1]), freeze_at=1, keep=kept.append)
pdu = ModbusPdu(None, None)
pdu.handlers[FUNCTION] = FileRecords(evidence).handle
REQUESTS = [bytes.fromhex(x) for x in ("1407 06 0001 0000 0018", "1407 06 0003 0010 0079", "1407 06 0009 0010 0079",
            "140E 06 0002 0000 0010 06 0003 0100 0020", "1407 06 0002 0380 0079")]
reply = bytearray(253)
block = memoryview(bytearray(64 * 24))


def asked():
    for request in REQUESTS:
        pdu.handle(request, 0, len(request), reply, 0)


def tapped():
    for k in range(150):
        evidence.tap(block, 1536)


def locked(function):
    gc.collect()
    micropython.heap_lock()
    try:
        function()
        return 1
    except MemoryError:
        return 0
    finally:
        micropython.heap_unlock()


asked()
ran = locked(asked)
evidence.release()
tapped()
taps = locked(tapped) and len(evidence._ring)
print(ran, taps, len(kept), evidence.state)
"""


def test_no_allocation(tmp_path):
    """Neither a request nor the tap takes memory: on MicroPython with its heap locked."""
    from tests.evidence import kept

    settings = {"window": "5/6"}
    (tmp_path / "frames").write_bytes(kept.records(settings, seconds=0.4))
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "run_kept.py").write_text(kept.SCRIPT.read_text())
    tree = build("x64")
    done = subprocess.run(
        [paths.micropython("x64"), "-X", "heapsize=4m", "script.py", json.dumps({**kept.BASE, **settings})],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{tree}:{tree / 'boards/virtual'}:.frozen"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "7000", "1", "armed"], done.stdout + done.stderr
