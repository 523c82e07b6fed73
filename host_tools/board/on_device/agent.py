"""What `wattless flash` runs on the board over the raw prompt: list, hash, write. Sent with main.py's functions."""

import os
from binascii import a2b_base64, hexlify

try:
    from hashlib import sha256
except ImportError:  # the host then reads the files back
    sha256 = None

_BUFFER = bytearray(512)


def walk(folder):
    """Prints (path, bytes) of every file in a folder and below; nothing for a folder that is not there."""
    try:
        found = list(os.ilistdir(folder or "."))
    except OSError:
        return
    for entry in found:
        path = folder + "/" + entry[0] if folder else entry[0]
        if entry[1] == 0x4000:
            if folder:
                walk(path)
        else:
            print((path, os.stat(path)[6]))


def digest(path):
    total = sha256()
    view = memoryview(_BUFFER)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(_BUFFER)
            if not n:
                break
            total.update(view[:n])
    return hexlify(total.digest()).decode()


def empty(folder):
    """Removes a folder with all that is in it."""
    try:
        found = list(os.ilistdir(folder))
    except OSError:
        return
    for entry in found:
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            empty(path)
        else:
            os.remove(path)
    os.rmdir(folder)


def write(text):
    out.write(a2b_base64(text))  # noqa: F821  out: a file that the host has opened
