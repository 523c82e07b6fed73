"""Integers in, integers out: the signal processing of the meter.

Every kernel is a viper function over caller-supplied arrays: no floats, no allocation, nothing beyond 32 bits. The same
source gives the same integers on CPython, MicroPython x86-64 and 32-bit ARM (see DESIGN section 2 and tests/dsp).
"""
