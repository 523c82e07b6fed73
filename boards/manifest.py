# What every board freezes: the firmware, main.py, and the board's own modules. boards/<name>/manifest.py includes it as
# include("../manifest.py", board="<name>"), after what MicroPython's port freezes.
# ruff: noqa: F821

import os

FIRMWARE = "../firmware"
GENERATED = "../build/generated"
# What only hosts and builds read, as in host_tools/toolchain/build_mpy.py.
NOT_ON_THE_METER = ("manifest.py", "points_table.py", "points_families.py", "codes.py")
LEVEL = 2  # of mpy-cross -O, as for .mpy files


def modules(base):
    """Paths below `base` of what belongs on a meter, relative to it."""
    found = []
    for folder, _, names in os.walk(base):
        for name in names:
            if name.endswith(".py") and name not in NOT_ON_THE_METER:
                found.append(os.path.relpath(os.path.join(folder, name), base))
    return sorted(found)


if not os.path.exists(GENERATED + "/wattless/points_packed.py"):
    raise OSError("build/generated/wattless/points_packed.py is missing: run `make mpy` in the Wattless repository")

for base in (FIRMWARE, GENERATED):
    package("wattless", files=modules(base + "/wattless"), base_path=base, opt=LEVEL)
module("main.py", base_path=FIRMWARE, opt=LEVEL)
for path in modules(options.board):
    module(path, base_path=options.board, opt=LEVEL)
