"""The friendly prompt of the virtual device: one statement typed, with echo, backspace and continuation lines.

No history, no completion, no cursor keys: a person at a virtual device has enough of a prompt, and tools use raw mode.
"""

CTRL_A = 1
CTRL_B = 2
CTRL_C = 3
CTRL_D = 4
CTRL_E = 5
_RETURN = 13
_ESCAPE = 27
_BACKSPACES = (8, 127)
_PROMPT = b">>> "
_MORE = b"... "
_PASTE = b"=== "

_COMPOUND = ("if", "for", "while", "def", "class", "try", "with", "async")


class Line:
    def __init__(self, port):
        self._port = port

    def read(self):
        """(text, 0) for a statement; ("", code) for Ctrl-A, B, D or E on an empty line, ("", CTRL_C) for Ctrl-C."""
        text = ""
        while True:
            line, code = self._line(_MORE if text else _PROMPT, not text)
            if code:
                return "", code
            text += line + "\n"
            if not unfinished(text):
                return text, 0

    def paste(self):
        """The text up to Ctrl-D, None after Ctrl-C."""
        put = self._port.put
        put(b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n" + _PASTE)
        text = bytearray()
        while True:
            c = self._port.get()
            if c in (CTRL_C, CTRL_D):
                put(b"\r\n")
                return None if c == CTRL_C else str(text, "utf-8")
            if c == _RETURN:
                put(b"\r\n" + _PASTE)
                c = 10
            else:
                put(bytes([c]))
            text.append(c)

    def _line(self, prompt, first):
        put = self._port.put
        put(prompt)
        line = bytearray()
        while True:
            c = self._port.get()
            if c == CTRL_C or (c in (CTRL_A, CTRL_B, CTRL_D, CTRL_E) and first and not line):
                put(b"\r\n")
                return "", c
            if c == _RETURN:
                put(b"\r\n")
                return str(line, "utf-8"), 0
            if c in _BACKSPACES:
                if line:
                    line = line[:-1]
                    put(b"\x08 \x08")
            elif c == _ESCAPE:
                self._skip_sequence()
            elif c >= 32 or c == 9:
                line.append(c)
                put(bytes([c]))

    def _skip_sequence(self):
        if self._port.get() == 91:
            while not 64 <= self._port.get() <= 126:
                pass


def unfinished(text):
    """Whether more lines belong to this statement: an open bracket or string, a backslash, a block without its end."""
    depth = 0
    quote = ""
    at = 0
    while at < len(text):
        c = text[at]
        if quote:
            if c == "\\":
                at += 1
            elif text[at : at + len(quote)] == quote:
                at += len(quote) - 1
                quote = ""
            elif c == "\n" and len(quote) == 1:
                return False  # an error that the compiler names
        elif c in "'\"":
            quote = c * 3 if text[at : at + 3] == c * 3 else c
            at += len(quote) - 1
        elif c == "#":
            while at + 1 < len(text) and text[at + 1] != "\n":
                at += 1
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        at += 1
    if len(quote) == 3 or depth > 0 or text[-2:] == "\\\n":
        return True
    words = text.replace(":", " ").split()
    block = words and (words[0] in _COMPOUND or text[0] == "@")
    return bool(block) and not text.endswith("\n\n")
