"""boards/virtual/frame_pipe.py: whole records out of whatever pieces a pipe gives."""

import os

import pytest

RECORD = 24


def records(n, first=0):
    return b"".join((first + k).to_bytes(4, "little") + bytes(range(k % 200, k % 200 + 20)) for k in range(n))


class Pipe:
    """The reader in an interpreter, the writer here."""

    def __init__(self, remote):
        self._read_end, self._write_end = os.pipe()
        self.ask = remote((self._read_end,))
        self.ask(f"import frame_pipe; pipe = frame_pipe.FramePipe({self._read_end}); buf = bytearray(480)")

    def write(self, data):
        os.write(self._write_end, data)

    def end(self):
        """End of the source."""
        os.close(self._write_end)
        self._write_end = None

    def still_blocking(self):
        """Whether others who share the descriptor's open file would still wait for data in it."""
        return os.get_blocking(self._read_end)

    def close(self):
        for fd in filter(None, (self._read_end, self._write_end)):
            os.close(fd)

    def read(self):
        """What readinto gave: bytes, or -1."""
        n = self.ask("pipe.readinto(buf)")
        return self.ask(f"bytes(buf[:{n}])") if n >= 0 else n


@pytest.fixture
def pipe(remote):
    made = Pipe(remote)
    yield made
    made.close()


def test_pieces_and_end(pipe):
    sent = records(60)
    assert pipe.read() == b""  # nothing yet: does not wait
    pipe.write(sent[:11])
    assert pipe.read() == b"" and pipe.read() == b""  # not yet a record
    pipe.write(sent[11:24])
    assert pipe.read() == sent[:24]
    pipe.write(sent[24:77])
    assert pipe.read() == sent[24:72]
    pipe.write(sent[77:])  # more than the buffer holds
    got = b""
    while part := pipe.read():
        assert len(part) % RECORD == 0
        got += part
    assert got == sent[72:]
    pipe.end()
    assert pipe.read() == -1 and pipe.read() == -1
    assert pipe.ask("pipe.torn_bytes") == 0


def test_end_in_mid_record(pipe):
    sent = records(3)
    pipe.write(sent[:60])
    pipe.end()
    assert pipe.read() == sent[:48]
    assert pipe.read() == -1
    assert pipe.ask("pipe.torn_bytes") == 12


def test_buffer_that_is_no_multiple_of_a_record(pipe):
    sent = records(10)
    pipe.write(sent)
    pipe.ask("buf = bytearray(100)")
    got = b""
    while part := pipe.read():
        assert len(part) % RECORD == 0
        got += part
    assert got == sent
    assert pipe.ask("pipe.readinto(bytearray(23))")[0] == "ValueError"


def test_leaves_the_flags_of_standard_input_alone(pipe):
    assert pipe.read() == b"" and pipe.still_blocking()
