"""What a board has below its programs, for the virtual device: a flash disk, the console's wires, reset and watchdog.

The launcher (host_tools/board/virtual_device.py) holds the other end: it reads and writes our standard input and
output, turns Ctrl-C into SIGINT while a program runs, and starts us anew when we end with one of the codes below. The
two share a page of 16 bytes:

    0       what a Ctrl-C is: BYTE at the prompts, INTERRUPT while a program runs, BINARY: a byte, and so is all that
            the program writes (elsewhere the launcher ends lines with CR LF, as boards do)
    4..7    the watchdog's timeout in ms (little-endian), 0: not started
    8..11   how often it was fed

Needs the unix port's `ffi`: this file does not run under CPython.
"""

import sys

import ffi
import vfs

import micropython
import posix_io

SOFT_RESET = 10  # exit codes
SOFT_RESET_RAW = 11  # from raw mode, which goes on behind it
HARD_RESET = 12

BYTE = 0
INTERRUPT = 1
BINARY = 2

_LOCK = 2
_UNLOCK = 8
_O_RDWR = 2
_ERASED = b"\xff"
_LOOKS = 4

_libc = ffi.open("libc.so.6")
_open = _libc.func("i", "open", "sii")
_flock = _libc.func("i", "flock", "ii")
_pwrite = _libc.func("l", "pwrite", "ipLl")
exit_now = _libc.func("v", "_exit", "i")


class Disk:
    """A file as flash memory: blocks that are erased to 0xFF and written in place. For VfsLfs2."""

    def __init__(self, path, block):
        self._file = open(path, "r+b")
        self._block = block
        self._blocks = self._file.seek(0, 2) // block

    def readblocks(self, number, buf, offset=0):
        self._file.seek(number * self._block + offset)
        self._file.readinto(buf)

    def writeblocks(self, number, buf, offset=0):
        self._file.seek(number * self._block + offset)
        self._file.write(buf)

    def ioctl(self, op, arg):
        if op == 4:
            return self._blocks
        if op == 5:
            return self._block
        if op == 6:
            self._file.seek(arg * self._block)
            self._file.write(_ERASED * self._block)
        return 0

    def mount(self):
        """The disk as "/", in place of the PC's files; formatted where it is blank."""
        try:
            volume = vfs.VfsLfs2(self)
        except OSError:
            vfs.VfsLfs2.mkfs(self)
            volume = vfs.VfsLfs2(self)
        vfs.umount("/")
        vfs.mount(volume, "/")


class Port:
    """The console's wires. put and get wait; get returns one byte as a number and ends the board with its launcher."""

    def __init__(self, page):
        self._page = _open(page, _O_RDWR, 0)
        if self._page < 0:
            raise OSError("cannot open " + page)
        self._byte = bytearray(1)
        self._back = b""
        micropython.kbd_intr(3)  # SIGINT becomes KeyboardInterrupt from here on

    def put(self, data):
        rest = memoryview(data)
        while len(rest):
            n = posix_io.write(1, rest)
            if n > 0:
                rest = rest[n:]
            elif n not in (-posix_io.EINTR, -posix_io.EAGAIN):
                exit_now(0)

    def get(self):
        self.read(self._byte)
        return self._byte[0]

    def read(self, buf):
        """Waits for bytes, at most len(buf); returns how many came."""
        if self._back:
            n = min(len(buf), len(self._back))
            buf[:n] = self._back[:n]
            self._back = self._back[n:]
            return n
        while True:
            n = posix_io.read(0, buf)
            if n > 0:
                return n
            if n != -posix_io.EINTR:
                exit_now(0)

    def put_back(self, data):
        """What was read too far comes again."""
        self._back = data + self._back

    def ctrl_c(self, meaning):
        """What Ctrl-C is from now on. One that came before it ceased to interrupt is dropped."""
        if meaning == INTERRUPT:
            _pwrite(self._page, bytes((INTERRUPT,)), 1, 0)
            return
        while True:
            try:
                while _flock(self._page, _LOCK):  # the launcher looks and sends SIGINT under the same lock
                    pass
                _pwrite(self._page, bytes((meaning,)), 1, 0)
                _flock(self._page, _UNLOCK)
                for _ in range(_LOOKS):  # MicroPython raises what is pending where a loop begins anew
                    pass
                return
            except KeyboardInterrupt:
                pass

    def watchdog(self, timeout_ms, fed):
        _pwrite(self._page, timeout_ms.to_bytes(4, "little") + fed.to_bytes(4, "little"), 8, 4)


class Machine:
    """The module `machine`, as far as a virtual device has one. The rest is the unix port's."""

    def __init__(self, port, original):
        self._original = original

        class WDT:
            """A watchdog as the STM32's: once started it can be fed, not stopped."""

            def __init__(self, id=0, timeout=5000):
                self._timeout = timeout
                self._fed = 0
                self.feed()

            def feed(self):
                self._fed = (self._fed + 1) & 0xFFFF
                port.watchdog(self._timeout, self._fed)

        self.WDT = WDT

    def __getattr__(self, name):
        return getattr(self._original, name)

    def reset(self):
        exit_now(HARD_RESET)

    def soft_reset(self):
        raise SystemExit


class MicroPython:
    """The module `micropython`, with a kbd_intr that reaches the launcher (the unix port's would let Ctrl-C end us)."""

    def __init__(self, port):
        for name in dir(micropython):
            setattr(self, name, getattr(micropython, name))
        self.kbd_intr = lambda char: port.ctrl_c(INTERRUPT if char == 3 else BINARY)


def install(port, original_machine):
    """Forgets the modules of the ROM, so that programs import from the disk, and gives them the board's modules."""
    for name in list(sys.modules):
        del sys.modules[name]
    sys.modules["machine"] = Machine(port, original_machine)
    sys.modules["micropython"] = MicroPython(port)
    sys.path[:] = ["", ".frozen", "/lib"]
