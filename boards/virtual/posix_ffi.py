"""posix_io for MicroPython's unix port on Linux: see there. Needs the port's `ffi` and glibc, x86-64 or 32-bit ARM."""

import os

import ffi

_O_RDWR = 2
_O_NOCTTY = 0o400
_O_NONBLOCK = 0o4000
_F_GETFL = 3
_F_SETFL = 4
_PATH_BYTES = 64
_TERMIOS_BYTES = 128  # at least sizeof(struct termios), 60

_libc = ffi.open("libc.so.6")
_read = _libc.func("l", "read", "ipL")
_write = _libc.func("l", "write", "iPL")
_poll = _libc.func("i", "poll", "pLi")
_fcntl = _libc.func("i", "fcntl", "iii")
_open = _libc.func("i", "open", "sii")
close = _libc.func("i", "close", "i")
_posix_openpt = _libc.func("i", "posix_openpt", "i")
_grantpt = _libc.func("i", "grantpt", "i")
_unlockpt = _libc.func("i", "unlockpt", "i")
_ptsname_r = _libc.func("i", "ptsname_r", "ipL")
_tcgetattr = _libc.func("i", "tcgetattr", "ip")
_tcsetattr = _libc.func("i", "tcsetattr", "iip")
_cfmakeraw = _libc.func("v", "cfmakeraw", "p")

_pollfd = bytearray(8)  # int fd, short events, short revents


def read(fd, buf):
    n = _read(fd, buf, len(buf))
    return n if n >= 0 else -os.errno()


def write(fd, buf):
    n = _write(fd, buf, len(buf))
    return n if n >= 0 else -os.errno()


def poll(fd, events):
    for i in range(4):
        _pollfd[i] = (fd >> (8 * i)) & 0xFF
    _pollfd[4] = events
    _pollfd[6] = 0
    return _pollfd[6] if _poll(_pollfd, 1, 0) > 0 else 0


def open_pty():
    master = _checked(_posix_openpt(_O_RDWR | _O_NOCTTY))
    _checked(_grantpt(master))
    _checked(_unlockpt(master))
    mode = bytearray(_TERMIOS_BYTES)
    _checked(_tcgetattr(master, mode))  # on the master these calls reach the slave's line discipline
    _cfmakeraw(mode)
    _checked(_tcsetattr(master, 0, mode))
    _checked(_fcntl(master, _F_SETFL, _fcntl(master, _F_GETFL, 0) | _O_NONBLOCK))
    path = bytearray(_PATH_BYTES)
    _checked(_ptsname_r(master, path, _PATH_BYTES))
    slave = bytes(path).split(b"\0")[0].decode()
    # Only after somebody had the slave open does the kernel say that nobody has (POLLHUP).
    close(_checked(_open(slave, _O_RDWR | _O_NOCTTY, 0)))
    return master, slave


def _checked(result):
    if result < 0:
        raise OSError(os.errno())
    return result
