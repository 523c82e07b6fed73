"""Runs and counts the shipped ARM machine code of the dsp kernels on this PC, deterministically.

    mpy_file   the native code of each function of a .mpy
    runtime    what of MicroPython such code calls, in Python
    memory     the arguments in the machine's memory, every byte around them out of bounds
    cortex     a Cortex-M4 (Unicorn) that calls those functions with Python's ints and buffers, and counts
    kernels    `viper` and `asm_thumb` decorators: the firmware under CPython, its kernels on that machine

`shim/` goes on the path in place of host_tools/shim: `import micropython` then finds those decorators.
"""
