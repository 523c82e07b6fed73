"""Wattless on the PC: the command `wattless`, CPython shims for the firmware, the toolchain. CPython >= 3.11."""
