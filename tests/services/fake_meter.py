"""A Modbus server with known registers, for clients that others wrote. Runs under CPython and MicroPython.

    fake_meter.py TCP_PORT CLIENTS IDLE_S

Serves TCP and a pseudo-terminal as unit 17, says "ready PATH" and ends with its standard input.
"""

import asyncio
import struct
import sys

from pty_uart import PtyUart
from virtual_board import HostClock
from wattless.services.modbus_pdu import ModbusPdu
from wattless.services.modbus_rtu import ModbusRtu
from wattless.services.modbus_tcp import ModbusTcp

UNIT = 17
HOLES = (50, 51)
LAST = 2047


def register(address):
    """What the register at a PDU address holds."""
    return (address * 40503 + 257) & 0xFFFF


class FakeBank:
    """Registers 0..2047 without 50 and 51; 0 and 1 are the float32 -1234.5 (C4 9A 50 00)."""

    def __init__(self):
        self.reads = 0

    def read(self, address, count, dest, offset):
        self.reads += 1
        for i in range(address, address + count):
            if i in HOLES or i > LAST:
                return 2
        for i in range(count):
            struct.pack_into(">H", dest, offset + 2 * i, register(address + i))
        if address == 0 and count > 1:
            dest[offset : offset + 4] = b"\xc4\x9a\x50\x00"
        return 0


async def serve(port, clients, idle_s, ready, ended):
    """Serves until the coroutine `ended` is through. Calls ready(path of the pseudo-terminal)."""
    bank = FakeBank()
    pdu = ModbusPdu(bank, bank)
    tcp = ModbusTcp(pdu, UNIT, clients, idle_s)
    await tcp.start("127.0.0.1", port)
    uart = PtyUart()
    rtu = asyncio.create_task(ModbusRtu(pdu, UNIT, uart.baud).serve(uart, HostClock()))
    ready(uart.path)
    await ended
    rtu.cancel()
    await tcp.close()
    uart.close()


async def end_of_input():
    reader = asyncio.StreamReader(sys.stdin)
    while await reader.read(64):
        pass


if __name__ == "__main__":
    tcp_port, clients, idle_s = [int(word) for word in sys.argv[1:]]
    asyncio.run(serve(tcp_port, clients, idle_s, lambda path: print("ready", path), end_of_input()))
