"""The driver of the ADS131M08 as the board gets it: the same bytes on MicroPython, on this PC and for ARM, and no
allocation where frames are read."""

import json
import subprocess

import pytest

from host_tools.ads131m08_model import tone
from host_tools.toolchain import build_mpy, paths
from tests.capture.ads131m08_bench import Bench, Stuck, calibration
from wattless.capture.ads131m08 import AdcError

SCRIPT = """
import gc, json, micropython, sys
from wattless.calibration import from_dict
from wattless.capture.ads131m08 import AdcError, Ads131m08

with open(sys.argv[1]) as file:
    job = json.load(file)
sent = [bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2)) for text in job["sent"]]
got = [bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2)) for text in job["got"]]
at = 0
wrong = []


def transfer(tx, rx):
    global at
    if tx != sent[at]:
        wrong.append(at)
    answer = got[at]
    for k in range(len(rx)):
        rx[k] = answer[k]
    at += 1


pulses = []
driver = Ads131m08(
    transfer, lambda: pulses.append("reset"), lambda: pulses.append("sync"), lambda us: None, crc_in=True
)
said = None
try:
    driver.open(job["rate"], job["bits"], 1, 4, from_dict(job["calibration"]))
except OSError as error:
    said = isinstance(error, AdcError), str(error)
seen = []
codes = [0] * 8
crcs = allocated = 0
locked = None
if not said:
    driver.sync()
    first = at
    while at < len(sent):  # once, so that all is there that stays
        seen.append([driver.frame()] + [driver.code(k) for k in range(8)])
    seen.append(driver.silent(1, 0))


def read_all():
    global at
    for n in range(20):
        at = first
        while at < last:
            status = driver.frame()
            for k in range(8):
                codes[k] = driver.code(k)
            driver.silent(at, n)
            driver.silent(at, 500000000)
    return status


if not said:
    last = len(sent)
    read_all()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    micropython.heap_lock()
    try:
        read_all()
        locked = True
    except MemoryError:
        locked = False
    micropython.heap_unlock()
    allocated = gc.mem_alloc() - before
result = {"wrong": wrong, "frames": at, "pulses": pulses, "said": said, "seen": seen, "locked": locked}
result.update(allocated=allocated, codes=codes, errors=driver.crc_errors)
print(json.dumps(result))
"""


def run(machine, job, folder):
    """What SCRIPT says to the job on a MicroPython."""
    (folder / "job").write_text(json.dumps(job))
    (folder / "script.py").write_text(SCRIPT)
    tree = build_mpy.build("x64" if machine == "x64" else "armv7emsp")
    done = subprocess.run(
        [paths.micropython(machine), "-X", "heapsize=2m", folder / "script.py", folder / "job"],
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{tree}:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads(done.stdout)


def dialogue(bench, rate, bits, given):
    return {
        "rate": rate,
        "bits": bits,
        "calibration": given.as_dict(),
        "sent": [frame.hex() for frame in bench.sent],
        "got": [frame.hex() for frame in bench.got],
    }


@pytest.mark.parametrize("machine", ["x64", "arm"])
@pytest.mark.parametrize("bits", [16, 24])
def test_the_same_bytes_and_no_allocation(machine, bits, tmp_path):
    given = calibration(ch0=(0x900000, -5, 1), ch3=(0x7DA91E, 70000, 728), ch7=(0x6F0000, -800000, -127))
    bench = Bench(crc_in=True).open(bits=bits, gain_i=4, calibration=given)
    for k in range(8):
        bench.chip.sources[k] = tone(0.3 + 0.1 * k, 50.0, 40.0 * k)
    seen = [[int.from_bytes(bench.got[-1][:2], "big")] + [bench.driver.code(k) for k in range(8)]]
    for n in range(30):
        bench.chip.corrupt = n == 7
        seen.append(bench.frames(1) + [bench.driver.code(k) for k in range(8)])
    got = run(machine, dialogue(bench, 12800, bits, given), tmp_path)
    assert got["wrong"] == [] and got["said"] is None and got["frames"] == len(bench.sent)
    assert got["pulses"] == ["reset", "sync", "sync", "sync", "sync"]
    assert got["seen"] == [*seen, 0] and got["errors"] == 1 + 2 * 20
    assert got["codes"] == seen[-1][1:]
    assert got["locked"], "reading a frame asked for memory"
    assert got["allocated"] == 0


@pytest.mark.parametrize("machine", ["x64", "arm"])
def test_errors_say_the_same(machine, tmp_path):
    given = calibration()
    bench = Bench(Stuck(0x1D, 0x0200), crc_in=True)
    with pytest.raises(AdcError) as error:
        bench.open(gain_i=4, calibration=given)
    assert str(error.value) == "CH4_CFG: read 0x0204, wanted 0x0004"
    got = run(machine, dialogue(bench, 12800, 16, given), tmp_path)
    assert got["said"] == [True, str(error.value)] and got["wrong"] == []
