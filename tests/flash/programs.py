"""Small images for a virtual device, and what their program says of the files it finds."""

import json
import random

from host_tools.board import image

MACHINE = "linux ["  # as MicroPython's unix port calls itself
READY_S = 5.0

MAIN = """\
import json, os
import wattless.one, wattless.deep.two, extra
versions = [wattless.one.V, wattless.deep.two.V, extra.V, open("wattless/data.txt").read().split()[0]]
print(json.dumps({"versions": versions, "gone": "wattless/gone.py" in os.listdir("wattless") and 1}))
print('{"announce": "ready"}')
import time
while True:
    time.sleep(1)
"""


def files(version, size=400, seed=1):
    """The files of a version: all differ from those of another one, "add" and "delete" included."""
    padding = random.Random(f"{version}{seed}").randbytes(size).hex()[:size]
    found = {
        "meter_main.py": MAIN.encode(),
        "extra.py": f"V = {version!r}\n".encode(),
        "wattless/__init__.py": b"",
        "wattless/one.py": f"V = {version!r}  # {padding}\n".encode(),
        "wattless/deep/__init__.py": b"",
        "wattless/deep/two.py": f"V = {version!r}\n".encode(),
        "wattless/data.txt": f"{version} {padding}\n".encode(),
        f"wattless/of_{version}/only.py": f"V = {version!r}\n".encode(),
    }
    return found


def make(version, size=400, main=None, **changed):
    """An image; `changed`: path with __ for / and _py for .py -> content, None leaves it out."""
    found = files(version, size)
    for name, content in changed.items():
        path = name.replace("__", "/").removesuffix("_py") + ".py"
        if content is None:
            del found[path]
        else:
            found[path] = content.encode()
    return image.make("virtual", MACHINE, found, main)


def versions(output):
    """The versions that the program on the board found in its files at its last start; [] where none started."""
    lines = [line for line in bytes(output).decode(errors="replace").splitlines() if line.startswith('{"versions"')]
    return json.loads(lines[-1])["versions"] if lines else []
