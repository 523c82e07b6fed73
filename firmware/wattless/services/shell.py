"""The serial console for people and tools: a line is a command, its answer one line of JSON.

    diag                                {"re": "diag", "firmware": {...}, ...}
    set dip_threshold 85                {"re": "set", "error": "locked: `unlock` with the access code first"}

Every answer begins with {"re": and the command; other lines (what the meter announces) may come between. Backspace
works, Ctrl-U drops the line, `echo on` shows what is typed. Ctrl-C is not for us: it ends the program, and leaves
MicroPython's own prompt.

Heap on 32-bit ARM: the module 2.8 KB from .mpy, the object 1.1 KB with the line's buffer.
"""

import json

from micropython import const
from wattless.services import sleep_ms

LINE_BYTES = const(1024)
_CHUNK = const(64)
_IDLE_MS = const(20)
_BACKSPACES = (8, 127)
_DROP = const(21)


class CommandError(Exception):
    """A command that cannot be done; the message is its answer."""


class Shell:
    """table: of (name, words it wants, one line of help); a word more or less is an error, unless the last one wanted
    ends in "...", or stands in []. commands: object with a method _name(words) -> dict for each. refused: exceptions
    whose text is an answer."""

    def __init__(self, table, commands, refused=(CommandError,)):
        self._table = table
        self._commands = commands
        self._refused = refused
        self._line = bytearray(LINE_BYTES)
        self._used = 0
        self._echo = False

    def answer(self, text):
        """The answer to a line as a dict; None for an empty one."""
        words = text.split()
        if not words:
            return None
        name = words.pop(0)
        if name == "echo" and words in (["on"], ["off"]):
            self._echo = words == ["on"]
            return {"re": name, "echo": self._echo}
        if name == "help":
            return {"re": name, "commands": self._help()}
        wanted = None
        for row in self._table:
            if row[0] == name:
                wanted = row[1]
        if wanted is None:
            names = ", ".join([row[0] for row in self._table])
            return {"re": name[:20], "error": "no such command: want one of " + names}
        if not _fits(words, wanted.split()):
            return {"re": name, "error": "want: {} {}".format(name, wanted) if wanted else "want no words behind it"}
        try:
            found = getattr(self._commands, "_" + name)(words)
        except self._refused as error:
            return {"re": name, "error": str(error)}
        except MemoryError:
            return {"re": name, "error": "not enough memory for the answer"}
        found["re"] = name
        return found

    def _help(self):
        return ["{} {}: {}".format(*row) if row[1] else "{}: {}".format(row[0], row[2]) for row in self._table]

    def feed(self, data, n, stream):
        """Takes data[:n]; answers the lines that it completes on `stream`."""
        for i in range(n):
            byte = data[i]
            if byte in (10, 13):
                if self._echo:
                    stream.write(b"\r\n")
                self._finish(stream)
            elif byte == _DROP:
                self._used = 0
            elif byte in _BACKSPACES:
                if self._used:
                    self._used -= 1
                    if self._echo:
                        stream.write(b"\b \b")
            elif byte >= 32:
                if self._used < LINE_BYTES:
                    self._line[self._used] = byte
                self._used = min(self._used + 1, LINE_BYTES + 1)
                if self._echo:
                    stream.write(data[i : i + 1])

    def _finish(self, stream):
        used = self._used
        self._used = 0
        if used > LINE_BYTES:
            write(stream, {"re": "", "error": "a line has {} bytes at most".format(LINE_BYTES)})
            return
        try:
            text = bytes(self._line[:used]).decode()
        except UnicodeError:
            write(stream, {"re": "", "error": "that was no text"})
            return
        found = self.answer(text)
        if found is not None:
            write(stream, found)

    async def serve(self, stream, beat=None):
        """Answers what comes from `stream` (readinto, which never waits, and write), for ever. beat: called each time
        round."""
        chunk = bytearray(_CHUNK)
        while True:
            n = stream.readinto(chunk)
            if n:
                self.feed(chunk, n, stream)
            if beat:
                beat()
            await sleep_ms(0 if n == _CHUNK else _IDLE_MS)


def write(stream, line):
    """A dict as one line of JSON, "re" first, a key at a time: an answer as a whole would be too large a piece."""
    stream.write(b'{"re": ')
    stream.write(json.dumps(line.pop("re")).encode())
    for key in line:
        stream.write(b", " + json.dumps(key).encode() + b": ")
        stream.write(json.dumps(line[key]).encode())
    stream.write(b"}\n")
    if hasattr(stream, "flush"):
        stream.flush()


def _fits(words, wanted):
    if wanted and wanted[-1].endswith("..."):
        return len(words) >= len(wanted) - (1 if wanted[-1].startswith("[") else 0)
    least = len([word for word in wanted if not word.startswith("[")])
    return least <= len(words) <= len(wanted)
