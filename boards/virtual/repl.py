"""MicroPython's prompt as boards have it, for the virtual device: the 1.25 unix port has no raw mode and no soft reset.

    micropython -m repl PAGE DISK BLOCK hard|soft|raw [-- ARGUMENT...]

Run by host_tools/board/virtual_device.py, which owns the pseudo-terminal. Boots like a board: boot.py, then main.py
(unless a soft reset came from raw mode), then the prompt; the arguments are main.py's sys.argv. Ctrl-A raw mode with
raw paste (Ctrl-E A Ctrl-A), Ctrl-B friendly mode, Ctrl-C interrupts what runs, Ctrl-D soft reset, Ctrl-E paste. The
protocol is that of MicroPython's shared/runtime/pyexec.c and docs/reference/repl.rst; the order of booting that of
ports/stm32/boardctrl.c. Not as on a board: memory is the PC's.
"""

import io
import os
import sys

import machine

import repl_rom
from repl_line import CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E, Line

BANNER = b'MicroPython v%d.%d.%d; Wattless virtual device\r\nType "help()" for more information.\r\n'
RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n"
EOT = b"\x04"
OURSELVES = "boards/virtual/repl.py"  # a board's prompt is no frame of a traceback
WINDOW = 128  # half of MICROPY_REPL_STDIN_BUFFER_MAX


class SoftReset(Exception):
    """Ctrl-D, sys.exit() or machine.soft_reset()."""


class Repl:
    def __init__(self, port, raw):
        self._port = port
        self._line = Line(port)
        self._globals = {"__name__": "__main__"}
        self._chunk = bytearray(WINDOW)
        self.raw = raw

    def boot(self):
        """boot.py and main.py. SoftReset where one of them exits."""
        names = os.listdir()
        for name in ("boot.py", "main.py"):
            if name in names and (name == "boot.py" or not self.raw):
                with open(name) as file:
                    failure = self._run(file.read(), name, "exec")
                self._report(failure)

    def serve(self):
        """The prompts, until a SoftReset."""
        while True:
            if self.raw:
                self._port.put(RAW_BANNER)
                self._serve_raw()
            else:
                self._port.put(BANNER % sys.implementation[1][:3])
                self._serve_friendly()

    def _serve_friendly(self):
        while True:
            text, code = self._line.read()
            if code == CTRL_A:
                self.raw = True
                return
            if code == CTRL_B:
                return
            if code == CTRL_D:
                raise SoftReset
            if code == CTRL_E:
                text = self._line.paste()
                if text:
                    self._report(self._run(text, "<stdin>", "exec"))
            elif code != CTRL_C and text.strip():
                self._report(self._run(text, "<stdin>", "single"))

    def _serve_raw(self):
        port = self._port
        line = bytearray()
        port.put(b">")
        while True:
            c = port.get()
            if c == CTRL_A:
                if len(line) == 2 and line[0] == CTRL_E:
                    self._paste(line[1])
                    port.put(b">")
                else:
                    port.put(RAW_BANNER + b">")
                line = bytearray()
            elif c == CTRL_B:
                port.put(b"\r\n")
                self.raw = False
                return
            elif c == CTRL_C:
                line = bytearray()
            elif c != CTRL_D:
                line.append(c)
            else:
                port.put(b"OK")
                if not line:
                    port.put(b"\r\n")
                    raise SoftReset
                self._execute(line)
                port.put(b">")
                line = bytearray()

    def _paste(self, command):
        port = self._port
        if command != 65:
            port.put(b"R\x00")
            return
        port.put(b"R\x01" + bytes([WINDOW & 255, WINDOW >> 8, 1]))
        text = bytearray()
        left = WINDOW
        view = memoryview(self._chunk)
        stop = 0
        while not stop:
            n = port.read(view[:left])
            for at in range(n):
                if view[at] in (CTRL_C, CTRL_D):
                    stop = view[at]
                    port.put_back(bytes(view[at + 1 : n]))
                    n = at
                    break
            text.extend(view[:n])
            left -= n
            if left == 0:
                port.put(b"\x01")
                left = WINDOW
        port.put(EOT)
        if stop == CTRL_C:
            port.put(EOT + b"KeyboardInterrupt: \r\n" + EOT)
        else:
            self._execute(text)

    def _execute(self, text):
        failure = self._run(text, "<stdin>", "exec")
        self._port.put(EOT)
        self._report(failure)
        self._port.put(EOT)

    def _run(self, text, name, mode):
        """Executes text; returns the exception that ended it, or None."""
        failure = None
        try:
            try:
                code = compile(str(text, "utf-8") if isinstance(text, bytearray) else text, name, mode)
                self._port.ctrl_c(repl_rom.INTERRUPT)
                exec(code, self._globals)
            except BaseException as error:
                failure = error
            self._port.ctrl_c(repl_rom.BYTE)
        except KeyboardInterrupt:  # at the very end
            self._port.ctrl_c(repl_rom.BYTE)
        return failure

    def _report(self, failure):
        if isinstance(failure, SystemExit):
            raise SoftReset
        if failure is not None:
            text = io.StringIO()
            sys.print_exception(failure, text)
            for line in text.getvalue().split("\n")[:-1]:
                if OURSELVES not in line:
                    print(line)


def main():
    page, disk, block, start = sys.argv[1:5]
    port = repl_rom.Port(page)
    repl_rom.Disk(disk, int(block)).mount()
    os.chdir("/")
    sys.argv[:] = ["main.py"] + sys.argv[6:]
    repl_rom.install(port, machine)
    repl = Repl(port, start == "raw")
    try:
        repl.boot()
        repl.serve()
    except SoftReset:
        port.put(b"MPY: sync filesystems\r\nMPY: soft reboot\r\n")
        repl_rom.exit_now(repl_rom.SOFT_RESET_RAW if repl.raw else repl_rom.SOFT_RESET)


main()
