"""Evidence for a reading: the raw frames of a window, what was computed from them, and a hash over both.

    tap(records, size)      copies what the frame source gives into a ring of raw records (Stream.tap)
    freeze()                the next window that lies wholly in the ring is kept; metering goes on meanwhile
    window(...)             the meter says after each window which samples it was made of
    poll()                  makes header and hash of what is kept, a slice a call
    read(at, buf)           the bytes of the evidence; release() gives the ring back

    offset      evidence
    0           b"WATTEV1\\n", then four uint32: bytes of header, registers, integers, frames
    24          header: JSON, padded with spaces to a multiple of 4
                registers of the update class "window", big-endian, as Modbus sends them (header: "registers", pairs of
                PDU address and count)
                integers that the registers were made of, int32 ("integers": words of each array of Window.results)
                frames, as they came from the front end
    end - 32    SHA-256 of everything before

Whoever has the bytes can compute the registers again (host_tools/evidence). The hash shows that nothing was lost or
changed on the way; it is no signature: who can change the file can also hash it anew, and must then find frames that
give the registers he wants. Passwords in the configuration stay out of it.

Memory: `needed(config)` bytes for the ring, 90 KB for 10/12 periods at 12.8 kS/s; 10 KB for registers and integers and
3 KB for the header while something is kept; 1.1 KB always. Instructions on 32-bit ARM: a block's `tap` 13 k, nothing
while nobody wants the ring; `window` 0.5 M when it keeps one; a `poll` 0.2 to 0.75 M: two for the header, then one for
each 4 KB of the hash. `tap` and `read` allocate nothing.
"""

import json
import struct
import sys
from binascii import hexlify
from hashlib import sha256

from micropython import const
from wattless import config as configuration
from wattless import points_viper as viper
from wattless.capture import layout
from wattless.capture.evidence_ring import BEFORE, NUMBERS, RecordRing, copy_words
from wattless.points import FIELDS, SEGMENTS

MAGIC = b"WATTEV1\n"
HEAD_BYTES = const(24)
HASH_BYTES = const(32)

IDLE, ARMED, WAITING, SEALING, READY = range(5)
STATES = ("idle", "armed", "waiting", "sealing", "ready")

_BLOCK = const(64)  # records that the stream has read and not yet taken
_SLACK_HZ = const(50)  # a 50th of a second for metering before the window is told
_SLICE = const(4096)  # bytes hashed a call
_WORDS = {0: 2, 1: 1, 2: 2, 3: 4}  # registers of a type in the packed table
_LIST = const(0x80)
_LIST_REGISTERS = const(102)
_WINDOW = const(1)  # update class
_STATUS = (("seq", 2), ("window_ms", 4), ("flags", 2))
_SECRETS = ("password", "secret", "code", "key")  # in names of settings


class EvidenceError(ValueError):
    """Cannot be done; the message says why and what is wanted."""


def needed(config):
    """Bytes of memory in which a window of these settings surely finds place."""
    cycles = {50: 10, 60: 12}[config.nominal_frequency] // (1 if config.window == "10/12" else 2)
    longest = config.adc_rate * 25 // (config.nominal_frequency * 21) + 2  # period: at 84 % of the nominal frequency
    records = BEFORE + (cycles + 1) * longest + _BLOCK + config.adc_rate // _SLACK_HZ
    return records * record_bytes(config)


def record_bytes(config):
    return layout.RECORD_WIDE if config.adc_bits == 24 else layout.RECORD


def _is_secret(name):
    for word in _SECRETS:
        if word in name:
            return True
    return False


def _runs(points):
    """The registers that a window has, from the packed table: their runs in the image (first register, count), and as
    [PDU address, count] in the same order."""
    found = [points.row(name)[1] << 8 | count for name, count in _STATUS]
    for at in range(0, len(FIELDS), 6):
        _, register, kind = struct.unpack_from("<3H", FIELDS, at)
        if kind >> 8 == _WINDOW:
            found.append(register << 8 | (_LIST_REGISTERS if kind & _LIST else _WORDS[kind & 3]))
    found.sort()
    runs, ranges = [], []
    segment = -6
    end = 0  # of the segment, in the image
    for item in found:
        register, count = item >> 8, item & 0xFF
        while register >= end:
            segment += 6
            address, size, start = struct.unpack_from("<3H", SEGMENTS, segment)
            end = start + size
        _extend(runs, register, count)
        _extend(ranges, address + register - start, count)
    return runs, ranges


def _extend(runs, first, count):
    if runs and runs[-1][0] + runs[-1][1] == first:
        runs[-1][1] += count
    else:
        runs.append([first, count])


class Evidence:
    """memory: bytearray of at least `needed(config)` bytes, EvidenceError for less. points: points.Points; window:
    dsp.window.Window.

    about: function() -> dict of what else the header shall say (kernels, firmware, hashes of modules, epoch_ms), asked
    when something is kept; calibration: function() -> the calibration.Calibration in use; None: neutral

    phase: IDLE, ARMED, WAITING, SEALING or READY; state: its name. size: bytes of the evidence, sha256: its hash, seq:
    of the window; 0, None and None until it is READY. skipped: windows since `freeze` that were not wholly in the ring.
    error: None, or why the last `freeze` came to nothing.
    """

    def __init__(self, memory, config, points, window, about=None, calibration=None):
        if len(memory) < needed(config):
            raise EvidenceError(
                "evidence: {} bytes of memory, a window of these settings needs {}".format(len(memory), needed(config))
            )
        self._ring = RecordRing(memory, record_bytes(config))
        self._config = config
        self._window = window
        self._about = about
        self._calibration = calibration
        self._runs, self._ranges = _runs(points)
        self._register_bytes = 2 * sum([count for _, count in self._ranges])
        self._always = False
        self.error = None
        self.skipped = 0
        self.release()

    state = property(lambda self: STATES[self.phase])

    # What others ask for.

    def arm(self):
        """Fills the ring from now on, always, so that `freeze` has the next window, not the one after."""
        self._always = True
        if self.phase == IDLE:
            self._start(ARMED)

    def freeze(self):
        """Keeps the next window. Without effect while one is kept already: `release` it first."""
        if self.phase in (IDLE, ARMED):
            self.skipped = 0
            self.error = None
            if self.phase == IDLE:
                self._start(WAITING)
            self.phase = WAITING

    def release(self):
        """Drops what is kept, or the wish for it."""
        self.size = self._frames = 0
        self.sha256 = self.seq = self._facts = self._text = self._hash = None
        self._pieces = ()  # [source, from, bytes] of everything but the hash
        self._start(ARMED if self._always else IDLE)

    def restart(self):
        """Forgets the records so far: what the samples behind them go through has changed."""
        if self.phase <= WAITING:
            self._start(self.phase)

    def _start(self, phase):
        self._ring.clear()
        self.phase = phase

    def status(self):
        """For people and tools: a dict."""
        found = {"state": STATES[self.phase], "skipped": self.skipped}
        if self.phase == READY:
            found["size"] = self.size
            found["sha256"] = hexlify(self.sha256).decode()
            found["seq"] = self.seq
            found["frames"] = self._frames
        if self.error:
            found["error"] = self.error
        return found

    def read(self, at, buf, offset=0, n=None):
        """Copies evidence from byte `at` on to buf[offset:]: n bytes, or what is there of them. Returns how many.

        Allocates nothing. EvidenceError when there is nothing, or for a negative place."""
        if self.phase != READY or at < 0:
            raise EvidenceError("evidence: no byte {}: {}".format(at, STATES[self.phase]))
        if n is None:
            n = len(buf) - offset
        left = n = max(0, min(n, self.size - at))
        for source, first, size in self._pieces:
            if at < size and left:
                part = min(left, size - at)
                viper.copy(source, first + at, buf, offset, part)
                offset += part
                left -= part
                at += part
            at -= size
        return n

    # What the meter does.

    def tap(self, records, size):
        """Takes `size` bytes of whole records, as the frame source gave them (memoryview on whole words)."""
        if self.phase == ARMED or self.phase == WAITING:
            self._ring.append(records, size)

    def window(self, span, points, flags, fingerprint):
        """To be called after each window that was published, before `span` (dsp.frequency.Tracker) moves on; flags: as
        published; fingerprint: function() -> CRC-32 of the window's integers. True when this window is kept."""
        if self.phase != WAITING:
            return False
        ring = span.ring
        # the frame that the next sample will come from has the number that the unpacking kernel expects
        first = (ring._state[layout.EXPECTED] - (ring.count - span.first)) & NUMBERS
        places = self._ring.around(first, first + ((span.frac + span.length) >> 16) + span.reach)
        if places is None:
            self.skipped += 1
            return False
        try:
            self._note(span, points, flags, fingerprint, first, places)
        except MemoryError:
            return self._fail()
        self.phase = SEALING
        return True

    def poll(self):
        """Does a slice of what is left to do; False when there is nothing."""
        if self.phase != SEALING:
            return False
        try:
            if self._text is None and self._hash is None:
                self._make_text()
            elif self._hash is None:
                self._seal()
            else:
                self._hash_slice()
        except MemoryError:
            return self._fail()
        if self._hash and self._piece == len(self._pieces):
            self.sha256 = self._hash.digest()
            self._pieces.append([self.sha256, 0, HASH_BYTES])
            self.size = sum([piece[2] for piece in self._pieces])
            self._hash = None
            self.phase = READY
        return self.phase == SEALING

    # What is kept of it.

    def _note(self, span, points, flags, fingerprint, number, places):
        """Copies registers and integers, and what the header will say of them."""
        results = self._window.results()
        image = memoryview(points._image)
        registers = bytearray(self._register_bytes)
        integers = bytearray(4 * sum([len(array) for array in results]))
        at = 0
        for first, count in self._runs:
            registers[at : at + 2 * count] = image[2 * first : 2 * (first + count)]
            at += 2 * count
        at = 0
        for array in results:
            copy_words(array, integers, 0, at, len(array))
            at += len(array)
        ring = self._ring
        start, self._frames = places
        part = min(self._frames, ring.capacity - start)
        size = ring.record_bytes
        self._pieces = [None, [registers, 0, len(registers)], [integers, 0, len(integers)]]
        self._pieces.append([ring.memory, start * size, part * size])
        if part < self._frames:
            self._pieces.append([ring.memory, 0, (self._frames - part) * size])
        calibration = self._calibration() if self._calibration else None
        self.seq = points.seq
        self._facts = {
            "evidence": 1,
            "seq": points.seq,
            "window_ms": points.window_ms,
            "flags": flags,
            "first": span.first,  # sample
            "frac": span.frac,
            "length": span.length,
            "synced": span.synced,
            "number": number,  # of that sample's frame
            "frames": self._frames,
            "record_bytes": size,
            "fingerprint": fingerprint(),
            "registers": self._ranges,
            "integers": [len(array) for array in results],
            "calibration": hexlify(calibration.pack()).decode() if calibration else None,
            "delays": [calibration.coarse(k) if calibration else 0 for k in range(8)],
        }

    def _make_text(self):
        """The configuration as JSON."""
        names = [row[0] for row in configuration.SETTINGS if not _is_secret(row[0])]
        self._text = json.dumps({name: getattr(self._config, name) for name in names})

    def _seal(self):
        """Makes the header."""
        facts = self._facts
        facts["floats"] = 32 if 1.0 + 1e-10 == 1.0 else 64  # bits, which the registers' last digits depend on
        implementation = sys.implementation
        facts["python"] = "{} {}.{}.{}".format(implementation.name, *implementation.version[:3])
        if self._about:
            facts["about"] = self._about()
        text = ('{"config": ' + self._text + ", " + json.dumps(facts)[1:]).encode()
        text += b" " * (-len(text) % 4)
        sizes = [len(text), self._register_bytes, 4 * sum(facts["integers"])]
        head = struct.pack("<4I", *sizes + [self._frames * self._ring.record_bytes])
        self._pieces[0] = [MAGIC + head + text, 0, HEAD_BYTES + len(text)]
        self._facts = self._text = None
        self._hash = sha256()
        self._piece = self._hashed = 0

    def _hash_slice(self):
        source, first, size = self._pieces[self._piece]
        part = min(_SLICE, size - self._hashed)
        first += self._hashed
        self._hash.update(memoryview(source)[first : first + part])
        self._hashed += part
        if self._hashed == size:
            self._piece += 1
            self._hashed = 0

    def _fail(self):
        self.release()
        self.error = "no memory for what a window leaves: free some, and try again"
        return False
