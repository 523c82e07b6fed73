# The meter frozen into a MicroPython for the pyboard: from .mpy files it fits neither into its RAM nor its internal
# flash. MicroPython 1.29 or later: releases 1.26 and 1.27 miscompile indexed stores, all before 1.29 unary minus.
#
#   make mpy                                          (in this repository: makes points_packed.py, too)
#   cd MICROPYTHON
#   make -C mpy-cross
#   make -C ports/stm32 BOARD=PYBV11 submodules
#   make -C ports/stm32 BOARD=PYBV11 FROZEN_MANIFEST=WATTLESS/boards/pybv11/manifest.py
#
# MICROPYTHON: a clone of its repository; WATTLESS: the absolute path of this one. Not yet built or run on hardware.
# ruff: noqa: F821

include("$(PORT_DIR)/boards/manifest.py")
include("../manifest.py", board="pybv11")
