"""posix_io for CPython: see there."""

import os
import select
import tty

close = os.close


def read(fd, buf):
    try:
        return os.readv(fd, (buf,))
    except OSError as error:
        return -error.errno


def write(fd, buf):
    try:
        return os.write(fd, buf)
    except OSError as error:
        return -error.errno


def poll(fd, events):
    poller = select.poll()
    poller.register(fd, events)
    ready = poller.poll(0)
    return ready[0][1] if ready else 0


def open_pty():
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    os.close(slave)
    os.set_blocking(master, False)
    return master, path
