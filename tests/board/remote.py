"""An interpreter in its own process that a test talks to in the same words: CPython, MicroPython, or that for ARM."""

import ast
import subprocess
import sys

from host_tools.toolchain import build_mpy, paths

LOOP = """
import sys
sys.path[:] = [{}] + sys.path
while True:
    line = sys.stdin.readline()
    if not line:
        break
    try:
        try:
            code = compile(line, "", "eval")
        except SyntaxError:
            code = compile(line, "", "exec")
        answer = repr(eval(code, globals()))
    except Exception as error:
        answer = repr((type(error).__name__, str(error)))
    sys.stdout.write(answer + "\\n")
    if hasattr(sys.stdout, "flush"):
        sys.stdout.flush()
"""
INTERPRETERS = ("cpython", "micropython", "arm")
SHIM = ("host_tools/shim",)
FOLDERS = ("boards/virtual", "firmware")


def interpreter(name):
    """The command line of an interpreter. ToolMissing, with what to do about it, where there is none."""
    return [sys.executable] if name == "cpython" else [str(paths.micropython("arm" if name == "arm" else "x64"))]


def _folders(name):
    """Where the firmware is: its source, for MicroPython what is compiled of it."""
    if name == "cpython":
        return [paths.ROOT / folder for folder in SHIM + FOLDERS]
    tree = build_mpy.build("armv7emsp" if name == "arm" else "x64")
    return [tree / "boards/virtual", tree]


class Remote:
    """An interpreter with the firmware and the virtual board on its path; names that statements define stay defined."""

    def __init__(self, name, pass_fds=()):
        folders = ", ".join(repr(str(folder)) for folder in _folders(name))
        self._process = subprocess.Popen(
            [*interpreter(name), "-c", LOOP.format(folders)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            pass_fds=pass_fds,
        )

    def __call__(self, line):
        """Value of an expression (None for a statement) as Python literal; what it raised as (name, text)."""
        self._process.stdin.write(line + "\n")
        answer = self._process.stdout.readline()
        assert answer, f"the interpreter died of {line!r}"
        return ast.literal_eval(answer.replace("bytearray(", "(").replace("nan", "None"))

    def close(self):
        self._process.stdin.close()
        self._process.wait(5)
        self._process.stdout.close()
