"""Heap and garbage of the wiring diagnosis, in MicroPython for ARM. There a complex number takes 32 bytes; where floats
are single precision, as on a board, 16: a look is some 1 KB less."""

import json
import subprocess

from host_tools.toolchain.build_mpy import build
from host_tools.toolchain.paths import micropython

SCRIPT = """
import gc, json
from math import nan
from wattless.metering.wiring import wiring

class Thing:
    pass

class Log:
    def add(self, *row):
        pass

class Points:
    def put(self, name, value):
        pass

def used():
    gc.collect()
    return gc.mem_alloc()

config, quantities = Thing(), Thing()
config.nominal_voltage, config.nominal_current, config.full_scale_i = 230.0, 20.0, 100.0
config.neutral_current, config.site, config.adc_rate = "measured", "load", 12800
before = used()
from wattless.metering.diagnosis import Diagnosis
code = used() - before
made = Diagnosis(config, wiring("3p4w"), Points(), Log())
data = used() - before - code
quantities.v = [230 + 0j, -115 - 199.2j, -115 + 199.2j]
quantities.i_n = 0j
windows = []
sums = 0
for n in range(75):
    size = 5 + (n // 8) % 2
    quantities.i = [size * (0.9 - 0.4j), -size * (-0.8 - 0.6j), size * (-0.1 + 1j)]
    quantities.v[0] = complex(231 - size, 0)
    gc.collect()
    gc.disable()
    start = gc.mem_alloc()
    made.window(quantities, True, 0, 2560 * n)
    windows.append(gc.mem_alloc() - start)
    gc.enable()
print(json.dumps([code, data, windows, made.findings()]))
"""


def test_what_it_costs_on_arm(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [micropython("arm"), "-X", "heapsize=400k", "script.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "MICROPYPATH": f"{build('armv7emsp')}:.frozen"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    code, data, windows, findings = json.loads(done.stdout.replace("nan", "NaN"))
    looks = windows[14::15]
    others = [n for k, n in enumerate(windows) if k % 15 != 14]
    print(f"\nheap: code {code}, data {data} bytes; garbage: look {max(looks)}, step {max(others)}, else {min(others)}")
    assert [row[0] for row in findings] == [38]
    assert data <= 1600
    assert max(looks) <= 6000 and min(others) <= 1400 and max(others) <= 4000
