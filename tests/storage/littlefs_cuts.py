"""Run by MicroPython: FileMedium on a real littlefs whose block device loses its supply at every program and erase.

Arguments: seed, rounds. Prints one JSON line: {"cuts", "saves", "found": {"last", "before"}, "erases", "saved"}.
"""

import json
import sys

import vfs

from wattless.storage.media import FileMedium
from wattless.storage.store import Store

BLOCK, BLOCKS, PROGRAM = 4096, 32, 256
KINDS = {1: 688, 2: 1284, 4: 4096}
seed, rounds = int(sys.argv[1]), int(sys.argv[2])


def rand(n):
    """Numbers below n that are the same everywhere."""
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 8) % n


def noise(n):
    return bytes([rand(256) for _ in range(n)])


class Flash:
    """4 KB blocks. `fuse`: so many operations more are done; the next is cut off in the middle, and then nothing works.
    Flash rules: what is programmed was erased before."""

    def __init__(self):
        self.memory = bytearray(b"\xff" * (BLOCK * BLOCKS))
        self.fuse = -1
        self.mode = 0
        self.erases = 0
        self.dead = False

    def readblocks(self, block, buf, offset=0):
        if self.dead:
            return -5
        at = BLOCK * block + offset
        buf[:] = self.memory[at : at + len(buf)]

    def writeblocks(self, block, buf, offset=0):
        if self.dead:
            return -5
        at, data = BLOCK * block + offset, bytes(buf)
        for byte in self.memory[at : at + len(data)]:
            if byte != 255:
                raise AssertionError("programmed twice without an erase")
        if self.fuse == 0:
            n = (0, len(data) - 1, rand(len(data)), 0)[self.mode]
            data = data[:n] if self.mode < 3 else noise(len(data))
            self.dead = True
        self.fuse -= 1
        self.memory[at : at + len(data)] = data
        return -5 if self.dead else None

    def ioctl(self, op, arg):
        if op == 4:
            return BLOCKS
        if op == 5:
            return BLOCK
        if op == 6:
            if self.dead:
                return -5
            at, n = BLOCK * arg, BLOCK
            if self.fuse == 0:
                self.dead = True
                n = (0, BLOCK // 2, rand(BLOCK), 0)[self.mode]
            self.fuse -= 1
            self.erases += 1
            self.memory[at : at + n] = b"\xff" * n
            if self.dead:
                if self.mode == 3:
                    self.memory[at : at + BLOCK] = noise(256) * (BLOCK // 256)
                return -5
        return 0


def mount(flash):
    flash.dead, flash.fuse = False, -1
    vfs.mount(vfs.VfsLfs2(flash, readsize=PROGRAM, progsize=PROGRAM), "/store")
    return Store(FileMedium("/store/state", size=BLOCK * BLOCKS))


def check(store, kept, kind, data):
    """The kinds hold what they held; `kind`: that, or `data`. Returns whether it is `data`."""
    new = False
    assert store.problem is None, store.problem
    for k in KINDS:
        found = [store.load(k, 0), store.load(k, 1)]
        want = (kept.get(k, []) + [None, None])[:2]
        if k == kind and found != want:
            want = [data, want[0]]
            new = True
        assert found == want, (k, found, want)
    return new


flash = Flash()
vfs.VfsLfs2.mkfs(flash, readsize=PROGRAM, progsize=PROGRAM)
store = mount(flash)
assert store.blank
store.format()
vfs.umount("/store")
kept, result = {}, {"cuts": 0, "saves": 0, "last": 0, "before": 0, "erases": 0, "saved": 0}
for turn in range(rounds):
    kind = (1, 1, 2, 4)[rand(4)]
    data = noise(KINDS[kind])
    image = bytes(flash.memory)
    fuse = 0
    while True:  # the same save, cut off at its first operation, at its second one, ... until it needs no more
        flash.memory[:] = image
        store = mount(flash)
        flash.fuse, flash.mode = fuse, (turn + fuse) % 4
        try:
            store.save(kind, data)
            done = not flash.dead
        except OSError:
            done = False
        left = flash.fuse
        vfs.umount("/store")
        if done:
            break
        result["cuts"] += 1
        store = mount(flash)
        new = check(store, kept, kind, data)
        result["last" if new else "before"] += 1
        store.save(1, b"next")
        assert Store(store.medium).load(1) == b"next"
        vfs.umount("/store")
        fuse += 1
    store = mount(flash)
    assert check(store, kept, kind, data)
    vfs.umount("/store")
    kept[kind] = [data] + kept.get(kind, [])[:1]
    result["saves"] += 1

store = mount(flash)  # wear: energy, as the meter saves it
before = flash.erases
for _ in range(200):
    store.save(1, noise(688))
result["erases"], result["saved"] = flash.erases - before, 200
print(json.dumps(result))
