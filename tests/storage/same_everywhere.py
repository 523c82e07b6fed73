"""Run by CPython and MicroPython: a store on each kind of medium, the event log's state, what saving allocates.

Prints one JSON line; the key "heap" (MicroPython only) has bytes of heap and of garbage."""

import gc
import json
from binascii import crc32, hexlify
from math import nan

from micropython import heap_lock, heap_unlock


def used():
    gc.collect()
    return gc.mem_alloc() if hasattr(gc, "mem_alloc") else 0


heap = {}
at = used()
from wattless.storage.media import FileMedium  # noqa: E402
from wattless.storage.ram import RamMedium  # noqa: E402
from wattless.storage.store import Store  # noqa: E402

medium = RamMedium()
heap["memory of the medium"] = 32768
store = Store(medium)
heap["media, store, log: modules and objects"] = used() - at - 32768
at = used()
from wattless.storage.persistence import Persistence  # noqa: E402


class Clock:
    def __init__(self):
        self.now = 0

    def ticks_ms(self):
        return self.now

    def ticks_us(self):
        return self.now

    def diff(self, a, b):
        return a - b


class Part:
    data = bytes(688)

    def take(self):
        return self.data

    def give(self, data):
        self.data = data


clock, part = Clock(), Part()
at = used()
p = Persistence(store, clock)
p.add(1, part.take, part.give, 60)
heap["persistence with a kind"] = used() - at
at = used()
from wattless.storage import persistence, spi_memory  # noqa: E402, F401

heap["spi_memory: module"] = used() - at
from wattless.event_log import EventLog  # noqa: E402

seed = 1


def rand(n):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 8) % n


def noise(n):
    return bytes([rand(256) for _ in range(n)])


result = {}
for geometry in ((32768, 128, 0), (131072, 256, 4096), (16384, 64, 0)):
    medium = RamMedium(*geometry)
    store = Store(medium)
    store.format()
    for _ in range(60):
        kind = (1, 1, 1, 2, 3, 5)[rand(6)]
        store.save(kind, noise((0, 688, 1284, 200, 0, 40)[kind]))
    again = Store(medium)
    loaded = [crc32(again.load(kind, back) or b"") for kind in (1, 2, 3, 5) for back in (0, 1)]
    result[str(geometry)] = [crc32(medium.memory), loaded, again.health()["writes"]]

folder = FileMedium("state", size=65536)
store = Store(folder)
store.format()
for _ in range(7):
    store.save(1, noise(100))
result["files"] = [[name, hexlify(folder.read(name)).decode()] for name in folder.names()]

log = EventLog(8, time_of=lambda sample: 1_700_000_000_000 + sample)
for k in range(11):
    log.add(10 + k % 3, k % 7, 1000 * k, 0.25 * k, nan if k % 2 else 69.8, mask=k)
log.begin(1, 1, 20000, 3)
state = log.state()
result["events"] = hexlify(state).decode()
other = EventLog(8)
other.restore(state)
result["restored"] = [entry.as_dict() for entry in other.entries()]

if hasattr(gc, "mem_alloc"):
    store = Store(RamMedium())
    store.format()
    p = Persistence(store, clock)
    p.add(1, part.take, part.give, 60)
    p.poll()
    heap_lock()
    for _ in range(100):
        clock.now += 100
        p.poll()
    heap_unlock()
    part.data = noise(688)
    for what in ("first save", "save of 688 bytes"):
        clock.now += 60000
        part.data = bytes([part.data[0] ^ 1]) + part.data[1:]
        at, polls = used(), 0
        gc.disable()
        while p.poll():
            polls += 1
        heap["garbage of a " + what] = gc.mem_alloc() - at
        gc.enable()
    at = used()
    state = log.state()
    heap["garbage of event_log.state() with 8 entries"] = gc.mem_alloc() - at
    result["heap"] = heap
print(json.dumps(result))
