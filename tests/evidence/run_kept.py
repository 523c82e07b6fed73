"""A meter that keeps evidence, on any interpreter: under CPython by tests/evidence/kept.py, or as a script:

    run_kept FRAMES OPTIONS OUT

OPTIONS: JSON of what `run` takes. Each evidence goes to OUT and its number; what else there is to say is printed.
"""

import asyncio
import json
import sys
from binascii import crc32

from virtual_board import ByteFrames, HostClock, VirtualBoard
from wattless import config
from wattless.calibration import Calibration
from wattless.capture.evidence import READY, Evidence
from wattless.meter import Meter
from wattless.points import Points

MEMORY = 7000  # records: without real time the frames are always as far ahead as the stream's ring lets them


def calibration(delays):
    """A calibration whose channels are delayed by so many samples."""
    made = Calibration()
    for channel in range(len(delays)):
        made.phase[channel] = 256 * delays[channel]
    return made


def everything(evidence, step=1000):
    """All bytes of the evidence, read in steps."""
    data, buffer = b"", bytearray(step)
    while True:
        n = evidence.read(len(data), buffer)
        if not n:
            return data
        data += bytes(buffer[:n])


def run(frames, settings, freeze_at=2, memory=MEMORY, delays=None, armed=True, again_at=None, keep=None):
    """Measures; asks for evidence when window `freeze_at` is out (None: never), and once more at `again_at`.

    keep: function(bytes) called with each evidence. Returns the meter, its evidence and what each window was: sequence
    number, flags, fingerprint, CRC of all registers, state of the evidence."""
    loaded = config.load(settings)
    points = Points()
    meter = Meter(VirtualBoard(ByteFrames(frames), HostClock()), loaded, points)
    made = calibration(delays) if delays else None
    size = memory * meter.stream.record_bytes
    evidence = Evidence(
        bytearray(size), loaded, points, meter.window, lambda: {"kernels": meter.kernels.name}, made and (lambda: made)
    )
    if made:
        meter.stream.delay([made.coarse(channel) for channel in range(8)])
    if armed:
        evidence.arm()
    meter.stream.tap = evidence.tap
    meter.evidence = evidence
    windows = []

    def told(points):
        polls = 0
        before = evidence.phase
        while evidence.poll():
            polls += 1
        windows.append((points.seq, points.flags, meter.fingerprint(), crc32(points._image), evidence.state))
        if evidence.phase == READY and before != READY:
            keep(everything(evidence))
        if points.seq == freeze_at:
            evidence.freeze()
        if points.seq == again_at:
            evidence.release()
            evidence.freeze()

    meter.on_window.append(told)
    asyncio.run(meter.run())
    return meter, evidence, windows


def main(frames, options, out):
    kept = []

    def keep(data):
        kept.append(len(data))
        with open(out + str(len(kept)), "wb") as file:
            file.write(data)

    with open(frames, "rb") as file:
        frames = file.read()
    meter, evidence, windows = run(frames, keep=keep, **json.loads(options))
    line = {"kept": len(kept), "windows": windows, "status": evidence.status(), "lost": meter.stream.lost}
    print(json.dumps(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
