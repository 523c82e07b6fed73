"""The `micropython` module for CPython on which kernels run as ARM machine code: host_tools/shim's, with decorators of
the emulator."""

import builtins

from host_tools.emulator.kernels import asm_thumb, viper  # noqa: F401
from host_tools.shim.micropython import const, heap_lock, heap_unlock, native  # noqa: F401

builtins.uint = int  # a name of viper's and asm_thumb's annotations, like those that host_tools/shim defines
