"""File descriptors that do not wait: libc by `ffi` (posix_ffi.py) under MicroPython, `os` (posix_os.py) under CPython.

    read(fd, buf)       bytes read into buf, at most its length; 0 at the end of the file; or the negative errno
    write(fd, buf)      bytes taken from buf, fewer than its length where a non-blocking descriptor is full; or -errno
    poll(fd, events)    what can be done at once: POLLIN and POLLOUT as asked for, POLLHUP always
    close(fd)
    open_pty()          (master, slave's path) of a new pseudo-terminal in raw mode, the master non-blocking; OSError

read, write and poll do not raise: -EAGAIN says "nothing at the moment". Under MicroPython they do not allocate either,
and take 0.8 us on a PC. The `read(n)` of MicroPython's own file objects is no substitute: it waits for all n bytes.
The numbers are Linux's on x86-64 and on 32-bit ARM alike.
"""

EINTR = 4
EIO = 5
EAGAIN = 11

POLLIN = 1
POLLOUT = 4
POLLHUP = 16

try:
    from posix_ffi import close, open_pty, poll, read, write  # noqa: F401
except ImportError:
    from posix_os import close, open_pty, poll, read, write  # noqa: F401
