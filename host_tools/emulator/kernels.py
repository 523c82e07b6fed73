"""Kernels of the firmware under CPython, run by the emulated Cortex-M4: the decorators `viper` and `asm_thumb`.

A decorated function becomes a Kernel, which finds its machine code by module and name in build/mpy/armv7emsp (brought
up to date first). Everything else of the firmware is plain Python: so a whole meter runs on the shipped machine code.
"""

import inspect
from collections.abc import Callable
from functools import cache

from host_tools.emulator import mpy_file
from host_tools.emulator.cortex import Cortex, Count, Function
from host_tools.toolchain import build_mpy

ARCHITECTURE = "armv7emsp"

machine = Cortex()
observers: list[Callable[["Kernel", tuple, Count], None]] = []  # called after every call of a kernel


class Kernel:
    """A native function of the firmware. parameters: their names."""

    def __init__(self, function: Callable):
        functions = _functions(function.__module__)
        if function.__qualname__ not in functions:
            raise mpy_file.MpyError(f"{function.__module__}.mpy has no native code of {function.__qualname__}")
        self.native: Function = functions[function.__qualname__]
        self.parameters = list(inspect.signature(function).parameters)
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__

    def __call__(self, *args):
        result = machine.call(self.native, *args)
        for observe in observers:
            observe(self, args, machine.count)
        return result


viper = asm_thumb = Kernel


@cache
def _functions(module: str) -> dict[str, Function]:
    path = _tree() / (module.replace(".", "/") + ".mpy")
    return machine.load(mpy_file.read(path), f"{module}.")


@cache
def _tree():
    return build_mpy.build(ARCHITECTURE)
