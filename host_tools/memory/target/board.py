"""The board that the memory of the meter is measured on: frames from standard input, time that runs with the samples, a
Modbus master that asks every second, somebody who types `diag` every 10 s, a memory chip, and an end for all that is
said. The samples' ring lies outside of the heap, as in a board's fast memory; what the board's capture keeps for DMA
lies in it.
"""

import gc
import sys
from array import array

import micropython

RATE = 12800
_MASTER_MS = 1000
_TYPIST_MS = 10000
_REQUEST = b"\x01\x03\x00\x00\x00\x7d\x85\xeb"  # 125 registers from PDU address 0 of unit 1
_SEQ = 3 + 40  # where the answer has registers 40021 and 40022
_TICKS = 0x3FFFFFFF
_DAY = 1700006400000  # unix ms, a 10-minute tick (and a 2-hour one: UTC midnight)

NAME = "memory"
realtime = True
epoch_ms = None
thumb = False
evidence_ram = 0
host = None
link = None
store = None
shell = None
watchdog = tamper = seal = None
config_path = None
rooms = ()
serve_json = False
serve_half_cycle = False
serve_modbus = True
_dma = None
_code = 0


def begin(options, tell, used):
    """options: dict: config, thumb, rooms, front_end_bytes, every_s (0: never), store (path of its content, or None),
    shell, json, realtime, before_tick_s. tell(what, values...): says something. used(): heap in use when collected."""
    global config_path, epoch_ms, host, realtime, rooms, serve_json, shell, store, thumb, _dma
    config_path = options["config"]
    epoch_ms = clock.start = _DAY - 1000 * options["before_tick_s"]
    thumb = options["thumb"]
    realtime = options["realtime"]
    serve_json = options["json"]
    rooms = tuple(options["rooms"])
    if "tcp" in rooms:
        host = "127.0.0.1"
    if options["store"]:
        import chip

        store = chip.Chip(options["store"])
    if options["shell"]:
        shell = Asking(b"diag\r", _TYPIST_MS)
    _dma = bytearray(options["front_end_bytes"])
    frames.start(options["every_s"], tell, used)


def leave(code):
    """The program has come to its end, with this exit code."""
    global _code
    _code = code


def finish(code):
    console.flush()
    line = uarts[0]
    frames.tell("end", frames.records, line.asked, line.answered, line.windows)
    frames.tell("typed", shell.asked if shell else 0, shell.answered if shell else 0)
    frames.tell("fingerprint", console.fingerprint[0], console.fingerprint[1])
    if code or _code:
        frames.tell("exit", code or _code)


def fast_ram(n):
    """n zero bytes outside of the heap."""
    import uctypes

    try:
        import fast_memory

        address = fast_memory.address()
    except ImportError:
        import ffi

        address = ffi.open(None).func("p", "calloc", "II")(1, n)
    return uctypes.bytearray_at(address, n)


class Frames:
    """Records from standard input. Every so often it tells how the heap is, before and after a collection."""

    record_bytes = 24

    def __init__(self):
        self._stream = sys.stdin.buffer
        self.records = 0
        self._every = 0
        self._next = 0

    def start(self, every_s, tell, used):
        self._every = self._next = int(every_s * RATE)
        self._used = used
        self.tell = tell

    def open(self, settings, calibration):
        pass

    def calibrate(self, calibration):
        pass

    def counters(self):
        return {}

    def readinto(self, buf):
        if not self.records:
            self.tell("ready", self._used())
        n = self._stream.readinto(buf)
        n -= n % self.record_bytes
        if not n:
            return -1
        count = n // self.record_bytes
        self.records += count
        clock.advance(count)
        if self._every and self.records >= self._next:
            self._next += self._every
            self._look()
        return n

    def _look(self):
        before = gc.mem_alloc()
        gc.collect()
        self.tell("heap", self.records, before, gc.mem_alloc(), gc.mem_free())
        micropython.mem_info()


class Clock:
    """Time as the samples tell it. Ticks wrap, as they do on a board."""

    start = 0

    def __init__(self):
        self._us = 0
        self._eighths = 0  # of a microsecond: a sample takes 625

    def advance(self, samples):
        eighths = samples * 625 + self._eighths
        self._eighths = eighths & 7
        self._us = self._us + (eighths >> 3) & _TICKS

    def ticks_us(self):
        return self._us

    def ticks_ms(self):
        return frames.records * 10 // (RATE // 100) & _TICKS

    def diff(self, later, earlier):
        return (later - earlier + 0x20000000 & _TICKS) - 0x20000000

    def unix_ms(self):
        return self.start + frames.records * 10 // (RATE // 100)


class Asking:
    """A stream on which somebody says the same again and again, and the answers are counted."""

    path = "line"
    baud = 19200
    parity = "E"

    def __init__(self, text, every_ms):
        self.asked = 0
        self.answered = 0
        self._text = text
        self._every_ms = every_ms
        self._next = every_ms

    def init(self, baud, parity):
        self.baud, self.parity = baud, parity

    def readinto(self, buf):
        now = clock.ticks_ms()
        if clock.diff(now, self._next) < 0:
            return 0
        self._next = now + self._every_ms & _TICKS
        self.asked += 1
        buf[: len(self._text)] = self._text
        return len(self._text)

    def write(self, data):
        self.answered += 1
        return len(data)

    def flush(self):
        pass


class Master(Asking):
    """A Modbus master. windows: the sequence number that the last answer had."""

    windows = 0

    def write(self, data):
        if len(data) == 255 and data[1] == 3:
            self.windows = data[_SEQ] << 24 | data[_SEQ + 1] << 16 | data[_SEQ + 2] << 8 | data[_SEQ + 3]
            self.answered += 1
        return len(data)


class Nowhere:
    """Takes all that is written; makes one number of the windows' fingerprints."""

    def __init__(self):
        self.fingerprint = array("I", (0, 0))  # over all, how many

    def write(self, data):
        at = data.find(b', "dsp": "') if isinstance(data, bytes) else -1
        if at >= 0:
            self.fingerprint[0] = (self.fingerprint[0] * 31 + int(data[at + 10 : at + 18], 16)) & 0xFFFFFFFF
            self.fingerprint[1] += 1
        return len(data)

    def flush(self):
        pass


frames = Frames()
clock = Clock()
console = Nowhere()
uarts = [Master(_REQUEST, _MASTER_MS)]


def start_watchdog(timeout_ms):
    """There is none."""


def evidence_buffer():
    return bytearray(evidence_ram)


def announce(what, details):
    pass


def complain(text):
    print("@complain", text)


def reset():
    pass
