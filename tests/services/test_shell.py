"""services/shell.py: lines in, one line of JSON out, whatever comes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wattless.services.shell import LINE_BYTES, CommandError, Shell


class Stream:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += bytes(data)
        return len(data)

    def answers(self):
        return [json.loads(line) for line in self.data.splitlines()]


TABLE = (("add", "A B", "adds"), ("say", "WORDS...", "says"), ("maybe", "[WORD]", "perhaps"), ("no", "", "refuses"))


class Commands:
    def _add(self, words):
        return {"sum": int(words[0]) + int(words[1])}

    def _say(self, words):
        return {"said": words}

    _maybe = _say

    def _no(self, words):
        raise CommandError("not today")


def exchange(data, chunk=64):
    shell, stream = Shell(TABLE, Commands()), Stream()
    for at in range(0, len(data), chunk):
        piece = data[at : at + chunk]
        shell.feed(piece, len(piece), stream)
    return stream


@pytest.mark.parametrize(
    "text, answer",
    [
        (b"add 1 2\n", {"re": "add", "sum": 3}),
        (b"  add   1 2 \r", {"re": "add", "sum": 3}),
        (b"addx\b 1 2\n", {"re": "add", "sum": 3}),
        (b"rubbish\x15add 1 2\n", {"re": "add", "sum": 3}),
        (b"add 1\n", {"re": "add", "error": "want: add A B"}),
        (b"add 1 2 3\n", {"re": "add", "error": "want: add A B"}),
        (b"say\n", {"re": "say", "error": "want: say WORDS..."}),
        (b"say a b c\n", {"re": "say", "said": ["a", "b", "c"]}),
        (b"maybe\n", {"re": "maybe", "said": []}),
        (b"maybe x\n", {"re": "maybe", "said": ["x"]}),
        (b"no\n", {"re": "no", "error": "not today"}),
        (b"no x\n", {"re": "no", "error": "want no words behind it"}),
        (b"what\n", {"re": "what", "error": "no such command: want one of add, say, maybe, no"}),
        (b"say \xff\n", {"re": "", "error": "that was no text"}),
    ],
)
@pytest.mark.parametrize("chunk", (1, 64))
def test_answers(text, answer, chunk):
    assert exchange(text, chunk).answers() == [answer]


def test_re_comes_first():
    assert exchange(b"add 1 2\n").data.startswith(b'{"re": "add", ')


def test_empty_lines_are_nothing():
    assert exchange(b"\r\n\r\n \n").data == b""


def test_help_names_all():
    (answer,) = exchange(b"help\n").answers()
    assert [line.split()[0].rstrip(":") for line in answer["commands"]] == [row[0] for row in TABLE]


def test_a_line_that_is_too_long():
    stream = exchange(b"say " + b"x" * LINE_BYTES + b"\nadd 1 2\n")
    assert stream.answers() == [
        {"re": "", "error": f"a line has {LINE_BYTES} bytes at most"},
        {"re": "add", "sum": 3},
    ]


def test_the_longest_line():
    word = "x" * (LINE_BYTES - 4)
    assert exchange(b"say " + word.encode() + b"\n").answers() == [{"re": "say", "said": [word]}]


def test_echo():
    data = exchange(b"echo on\nadx\bd 1 2\r").data
    assert data == b'{"re": "echo", "echo": true}\nadx\b \bd 1 2\r\n{"re": "add", "sum": 3}\n'


@given(st.binary(max_size=300), st.integers(1, 70))
def test_after_any_noise_a_command_is_answered(noise, chunk):
    stream = exchange(noise + b"\x15\nadd 2 2\n", chunk)
    assert stream.data.endswith(b'{"re": "add", "sum": 4}\n')
