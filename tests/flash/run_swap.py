"""Runs under MicroPython: an update with a cut after every single write and erase of the flash, on littlefs in RAM.

    run_swap MAIN.py confirm|undo

MAIN.py is host_tools/board/on_device/main.py, whose functions are what is tested. Prints a JSON line per cut: what the
files were after the next start, after the one after it, and after another update; "cut": how many writes went before.
"""

import json
import os
import sys

import vfs

BLOCK = 512
BLOCKS = 128
OLD = {"a": "1", "b": "1" * 700, "p/c": "1", "p/only1": "1", "keep.json": "mine"}
NEW = {"a": "2", "b": "2" * 900, "p/c": "2", "q/r/only2": "2", "keep.json": "mine"}
JOURNAL = "0 change a\n1 change b\n2 change p/c\n3 add q/r/only2\n4 delete p/only1\n"
STAGED = ("a", "b", "p/c", "q/r/only2")


class Cut(Exception):
    pass


class Ram:
    """Flash in RAM, whose power goes in the middle of the operation number `left`."""

    def __init__(self, data):
        self.data = data
        self.left = None
        self.done = 0

    def readblocks(self, number, buf, offset=0):
        at = number * BLOCK + offset
        buf[:] = self.data[at : at + len(buf)]

    def writeblocks(self, number, buf, offset=0):
        at = number * BLOCK + offset
        n = self._allowed(len(buf))
        self.data[at : at + n] = buf[:n]
        self._check()

    def ioctl(self, op, arg):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            n = self._allowed(BLOCK)
            self.data[arg * BLOCK : arg * BLOCK + n] = b"\xff" * n
            self._check()
        return 0

    def _allowed(self, size):
        self.done += 1
        return size if self.left is None or self.done < self.left else size // 2

    def _check(self):
        if self.left is not None and self.done >= self.left:
            raise Cut


def mount(ram):
    vfs.mount(vfs.VfsLfs2(ram), "/")
    os.chdir("/")


def unmount():
    vfs.umount("/")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def read_all(folder=""):
    found = {}
    for entry in os.ilistdir(folder or "/"):
        path = folder + "/" + entry[0] if folder else entry[0]
        if entry[1] == 0x4000:
            found.update(read_all(path))
        else:
            with open(path) as file:
                found[path] = file.read()
    return found


def stage_and_commit():
    for folder in ("update", "update/new", "update/old"):
        os.mkdir(folder)
    for path in STAGED:
        write("update/new/" + str(STAGED.index(path)), NEW[path])
    write("update/journal", JOURNAL)
    os.rename("update/journal", "update/swap")


def confirm(board):
    assert board["settle"]() == "trial"
    os.rename("update/trial", "update/clean")
    board["clean"]()


def give_up(board):
    assert board["settle"]() == "trial"
    os.rename("update/trial", "update/undo")
    assert board["settle"]() == "undone"


def remove_all(folder):
    for entry in os.ilistdir(folder):
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            remove_all(path)
        else:
            os.remove(path)
    os.rmdir(folder)


def name(files):
    """old, new, or what is there otherwise."""
    here = {path: text for path, text in files.items() if not path.startswith("update")}
    return "old" if here == OLD else "new" if here == NEW else sorted(here)


def main(source, last):
    with open(source) as file:
        board = {"__name__": "board"}
        exec(file.read().split("# --- start")[0], board)
    step = {"confirm": confirm, "undo": give_up}[last]
    vfs.umount("/")
    blank = Ram(bytearray(b"\xff" * BLOCK * BLOCKS))
    vfs.VfsLfs2.mkfs(blank)
    mount(blank)
    os.mkdir("p")
    for path, text in OLD.items():
        write(path, text)
    unmount()
    cut = 0
    while True:
        cut += 1
        ram = Ram(bytearray(blank.data))
        ram.left = cut
        finished = False
        try:
            mount(ram)
            stage_and_commit()
            step(board)
            finished = True
        except (Cut, OSError):
            pass
        unmount()
        found = {"cut": cut, "finished": finished}
        ram = Ram(ram.data)
        for start in ("first", "second"):
            mount(ram)
            found[start + "_state"] = board["settle"]()
            found[start] = name(read_all())
            unmount()
        mount(ram)
        if "update" in os.listdir():
            found["left"] = sorted(read_all("update"))
            remove_all("update")
        if found["second"] == "old":
            stage_and_commit()
            confirm(board)
        found["next"] = name(read_all())
        found["folders"] = sorted(entry[0] for entry in os.ilistdir("/") if entry[1] == 0x4000)
        unmount()
        print(json.dumps(found))
        if finished:
            return


main(sys.argv[1], sys.argv[2])
