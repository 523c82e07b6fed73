"""What viper code calls of MicroPython: the function table behind r7, its entries that kernels need, in Python.

A kernel that calls anything else stops with the name of the entry: kernels do arithmetic on integers and pointers,
and every other call would cost hundreds of instructions and perhaps an allocation.
"""

from collections.abc import Callable

# Order of the table since .mpy 6.0.
ENTRIES = """
const_none const_false const_true native_from_obj native_to_obj native_swap_globals load_name load_global
load_build_class load_attr load_method load_super_method store_name store_global store_attr obj_subscr obj_is_true
unary_op binary_op build_tuple build_list build_map build_set store_set list_append store_map make_function
call_function call_method call_method_var getiter iternext nlr_push nlr_pop native_raise import_name import_from
import_all new_slice unpack_sequence unpack_ex delete_name delete_global new_closure arg_check_num_sig
setup_code_state small_int_floor_divide small_int_modulo yield_from setjmp
""".split()
CONSTANTS = (None, False, True)  # the first three entries are objects

# Instructions that a call takes inside MicroPython. Conversions: a viper function of four typed arguments and a result
# takes 249 more than one without (measured on 1.29 in an emulated Cortex-M4), 5 of them each in the kernel itself.
COST = {"native_from_obj": 45, "native_to_obj": 45, "small_int_floor_divide": 12, "small_int_modulo": 12}

_BOOL, _INT, _UINT, _POINTER = 1, 2, 3, 4  # types of the conversions; pointers from 4 on
_HANDLES, _HANDLE_BYTES = 0xF0000000, 8  # "addresses" of objects: nothing is mapped there


class Refused(Exception):
    """A function did, or was given, what it must not. The message completes a sentence that begins with its name."""


class Objects:
    """MicroPython objects as words: small ints are 2 n + 1, anything else is a handle."""

    def __init__(self):
        self._kept = list(CONSTANTS)
        self.pin()

    def pin(self) -> None:
        """The handles given so far are good for ever: those of the runtime's and the modules' constants."""
        self._pinned = len(self._kept)

    def clear(self) -> None:
        """Forget all handles but the pinned ones: at the start of a call."""
        del self._kept[self._pinned :]

    def encode(self, value) -> int:
        if type(value) is int and -(1 << 30) <= value < 1 << 30:
            return (2 * value + 1) & 0xFFFFFFFF
        for k, kept in enumerate(self._kept):
            if kept is value:
                return _HANDLES + _HANDLE_BYTES * k
        self._kept.append(value)
        return _HANDLES + _HANDLE_BYTES * (len(self._kept) - 1)

    def decode(self, word: int):
        if word & 1:
            return signed(word) >> 1
        index, rest = divmod(word - _HANDLES, _HANDLE_BYTES)
        if rest or not 0 <= index < len(self._kept):
            raise Refused(f"passes 0x{word:08x} for an object")
        return self._kept[index]


class Runtime:
    """Answers calls through the table. address_of: the machine's address of a buffer that is an argument."""

    def __init__(self, objects: Objects, address_of: Callable[[object], int]):
        self.objects = objects
        self.address_of = address_of

    def call(self, entry: int, r0: int, r1: int, r2: int, names: list[str]) -> int:
        """The result (r0) of calling table entry `entry`. names: of the module whose code calls."""
        name = ENTRIES[entry]
        if name == "native_from_obj":
            return self.native(self.objects.decode(r0), r1)
        if name == "native_to_obj":
            return self.objects.encode(result(r0, r1))
        if name in ("small_int_floor_divide", "small_int_modulo"):
            numerator, denominator = signed(r0), signed(r1)
            if denominator == 0:
                return 0  # as MicroPython does in native code
            answer = numerator // denominator if name == "small_int_floor_divide" else numerator % denominator
            return answer & 0xFFFFFFFF
        if name == "arg_check_num_sig":
            # the number of arguments taken stands above bit 17 of the signature
            raise Refused(f"takes {r2 >> 17} arguments, {r0} given")
        what = f" for {names[r0 - 1]!r}" if name in ("load_global", "load_name") and 0 < r0 <= len(names) else ""
        raise Refused(f"calls {name}{what} (entry {entry} of the runtime's table), which the emulator has not")

    def native(self, value, kind: int) -> int:
        """An argument as viper code takes it: MicroPython's conversion to the type `kind`."""
        if kind == _BOOL:
            return int(bool(value))
        if isinstance(value, int):
            return value & 0xFFFFFFFF
        if kind >= _POINTER:
            return self.address_of(value)
        raise Refused(f"cannot convert {type(value).__name__} to int")


def result(word: int, kind: int):
    """A word of native code as Python's value, by the type `kind` of a conversion or of an asm function's result."""
    kind &= 15
    if kind == _BOOL:
        return bool(word)
    if kind == _INT:
        return signed(word)
    if kind == _UINT or kind >= _POINTER:
        return word
    raise Refused("returns an object: kernels return int, uint, bool or nothing")


def signed(word: int) -> int:
    """A 32-bit word as a signed integer."""
    return word - (1 << 32) if word & 1 << 31 else word
