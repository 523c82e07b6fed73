"""Capture and Port on whatever Python runs this, with fakes of everything below: prints a JSON line, on 32-bit ARM a
second one about the handler itself."""

import json
import sys
from array import array

import micropython
from wattless.capture import stm32f4
from wattless.capture.stm32f4_irq import BLOCK_WORDS, drdy

SLOT, TAIL, RING, END, SIZE, FULL, SEND_LEFT = 31, 32, 25, 26, 24, 43, 40


class Clock:
    now = 0

    def ticks_ms(self):
        return self.now

    def diff(self, a, b):
        return a - b


class Hardware:
    timer_hz = 84000000
    spi_hz = 10500000
    words = tuple(range(22))

    def __init__(self):
        self.free = 0x20000000
        self.started = 0

    def address_of(self, buffer):
        self.free += 0x10000
        return self.free - 0x10000

    def prepare(self):
        pass

    def count(self):
        return 0xFFFFFFF0  # as an unsigned word comes from mem32

    def start(self, handler, command):
        self.started += 1

    def stop(self):
        pass


class Adc:
    tx = bytearray(20)

    def open(self, *args):
        pass

    def sync(self):
        pass


class Settings:
    adc_rate = 12800
    adc_bits = 16
    gain_v = gain_i = 1


class Serial:
    def any(self):
        return 3

    def readinto(self, buf, n):
        return n

    def init(self, *args, **kw):
        pass


clock, hardware = Clock(), Hardware()
capture = stm32f4.Capture(hardware, Adc(), clock)
port = stm32f4.Port(capture, Serial(), None, "fake")
capture.open(Settings, None)
block, ring = capture.block, capture._ring
number = 0


def interrupt():
    """What the handler does with the ring."""
    global number
    at = block[SLOT]
    place = at - block[RING]
    for k in range(4):
        ring[place + k] = number >> 8 * k & 0xFF
    ring[place + 4] = 0x80
    number += 1
    at += block[SIZE]
    if at == block[END]:
        at = block[RING]
    if at == block[TAIL]:
        block[FULL] += 1
    else:
        block[SLOT] = at


out = bytearray(24 * 50)
found = array("i", [-1] * 400)
count = 0


def drain():
    global count
    while True:
        n = capture.readinto(out)
        if not n:
            return
        for k in range(0, n, 24):
            found[count] = out[k] | out[k + 1] << 8
            count += 1


for _ in range(10):
    interrupt()
    drain()
for _ in range(500):
    interrupt()
drain()
for _ in range(5):
    interrupt()
drain()
clock.now = 11
drain()
jumps = [found[k + 1] - found[k] for k in range(count - 1) if found[k + 1] - found[k] != 1]
print(json.dumps({"read": count, "jumps": jumps, "restarts": capture.restarts, "full": block[FULL]}))

reply = bytes(255)
n = m = k = 0
micropython.heap_lock()
for _ in range(5):
    interrupt()
n = capture.readinto(out)
m = port.readinto(out)
k = port.write(reply)
micropython.heap_unlock()
assert (n, m, k, block[SEND_LEFT]) == (120, 3, 255, 255)

if sys.implementation.name == "micropython" and sys.maxsize < 1 << 32:
    import ffi
    import uctypes

    # TIM2's page as memory: PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS
    mmap = ffi.open("libc.so.6").func("P", "mmap", "PIiiii")
    assert mmap(0x40000000, 4096, 3, 0x32, -1, 0) == 0x40000000
    tim2 = uctypes.bytearray_at(0x40000000, 4096)
    # other registers too: they do not count or move, so every frame is "done", and time comes from here
    registers = array("i", [0] * 128)
    base = uctypes.addressof(registers)
    block = array("i", bytes(4 * BLOCK_WORDS))
    address = uctypes.addressof(block)
    for k in range(4):
        tim2[0x40 + k] = address >> 8 * k & 0xFF
    ring = bytearray(24 * 8)
    # CLOCK PENDING LINE DMA RX TX CS low high RX_CR TX_CR RX_DONE clears SPI COUNT TIMER
    for k, word in enumerate((0, 4, 1, 8, 24, 64, 104, 5, 6, 0x30401, 0x20441, 1, 7, 8, 120, 160, 164)):
        block[k] = word + base if k in (0, 1, 3, 4, 5, 6, 14, 15, 16) else word
    block[21] = 100  # PATIENCE
    block[23], block[24] = 20, 24
    block[25] = block[31] = block[32] = uctypes.addressof(ring)
    block[26] = block[25] + len(ring)
    block[27], block[28], block[29], block[30] = 6562, 6478, 6646, 5000
    block[33], block[37] = 2, 4  # IDLE, SHIFT
    pin = object()
    for k in range(4):
        registers[40] = k + 1  # COUNT
        registers[41 + 13] = 6562 * (k + 1)  # CCR1
        registers[41 + 9] = 6562 * (k + 1) + 100  # CNT
        registers[2] = 1  # LISR: done
        micropython.heap_lock()
        drdy(pin)
        micropython.heap_unlock()
    numbers = [ring[k] for k in range(0, (block[31] - block[25]) + 24, 24)]
    print(json.dumps({"handler": [block[31] - block[25] - 24, numbers, block[46]]}))
