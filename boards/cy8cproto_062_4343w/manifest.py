# The meter frozen into Infineon's MicroPython for PSoC 6, on a base of MicroPython 1.29 or later: releases 1.26 and
# 1.27 miscompile indexed stores, all before 1.29 unary minus.
#
#   make mpy                                          (in this repository: makes points_packed.py, too)
#   cd MICROPYTHON
#   make -C mpy-cross
#   make -C ports/psoc6 BOARD=CY8CPROTO-062-4343W submodules
#   make -C ports/psoc6 BOARD=CY8CPROTO-062-4343W FROZEN_MANIFEST=WATTLESS/boards/cy8cproto_062_4343w/manifest.py
#
# MICROPYTHON: a clone of github.com/Infineon/micropython, branch ports-psoc6-main, with ModusToolbox; WATTLESS: the
# absolute path of this repository. Not yet built or run on hardware.
# The port is compiled with -msoft-float: it takes no .mpy file for armv7emsp, only up to armv7em, and its Makefile
# freezes for armv7m, which is the same code here: the firmware has floats only in bytecode.
# ruff: noqa: F821

include("$(BOARD_DIR)/manifest.py")
include("../manifest.py", board="cy8cproto_062_4343w")
