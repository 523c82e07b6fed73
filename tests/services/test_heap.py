"""The Modbus request path allocates nothing once it runs: under MicroPython with its heap locked."""

import json
import subprocess

SCRIPT = """
import gc, json, micropython
from wattless.points import Points
from wattless.services.modbus_pdu import ModbusPdu
from wattless.services.modbus_rtu import COUNTERS, ModbusRtu
from wattless.services.modbus_tcp import ModbusTcp

points = Points()
pdu = ModbusPdu(points, points)
rtu = ModbusRtu(pdu, 1, 19200)
tcp = ModbusTcp(pdu, 1)
FRAMES = [bytes.fromhex(text) for text in (
    "0103000000 1445C5",  # 20 registers
    "0104000A 007D 1029",  # 125 registers
    "0103000000 0045CA",  # exception 03
    "0103018F 0001B41D",  # a hole: exception 02
    "01C0 2C00",  # CRC wrong
    "0111C02C",  # exception 01
    "0006006400 2A481B",  # broadcast
)]
ADU = bytes.fromhex("0001000000060103 00000014")
replies = [0] * len(FRAMES)
now = 0


def exchange():
    global now
    for i in range(len(FRAMES)):
        rtu.framer.feed(FRAMES[i], len(FRAMES[i]), now)
        now += 10000
        n = rtu.respond(now)
        replies[i] = n
        if n:
            rtu._replies[n]
    tcp._replies[tcp.answer(ADU, 12)]


def loop(n):
    for i in range(n):
        exchange()


exchange()
gc.collect()
gc.disable()
before = gc.mem_alloc()
micropython.heap_lock()
try:
    loop(500)
    locked = True
except MemoryError:
    locked = False
micropython.heap_unlock()
allocated = gc.mem_alloc() - before
print(json.dumps({"ran": locked, "allocated": allocated, "replies": replies, "counters": list(rtu.framer.counters)}))
"""


def test_no_allocation_in_a_request(micropython, tmp_path):
    script = tmp_path / "requests.py"
    script.write_text(SCRIPT)
    got = json.loads(micropython(script, stdin=subprocess.DEVNULL).communicate(timeout=20)[0])
    assert got["ran"], "something in the request path asked for memory"
    assert got["allocated"] == 0
    assert got["replies"] == [45, 255, 5, 5, 0, 5, 0]
    runs = 501
    # bus messages, CRC errors, exceptions, for this slave, not answered, -, -, overruns
    assert got["counters"] == [6 * runs, runs, 3 * runs, 6 * runs, runs, 0, 0, 0]


def test_modbus_is_small(micropython):
    """8 KB of .mpy: the reference's answer to servers that do not fit."""
    files = (micropython.tree / "wattless/services").glob("modbus_[prt]*.mpy")
    assert sum(path.stat().st_size for path in files) <= 8192
