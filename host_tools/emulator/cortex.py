"""A Cortex-M4 for single functions out of .mpy files: arguments in, result out, every instruction counted.

    machine = Cortex()
    dot = machine.load(mpy_file.read(path))["dot"]
    machine.call(dot, a, 0, b, 0, 2048, out, 0)
    machine.count            # Count(instructions=227 680, calls={"native_from_obj": 7})

What it finds that a board would not say: an access outside the given buffers, to the byte; a function that returns
with another stack pointer, r4-r11 or s16-s31 than it came with; a call into MicroPython that costs too much. And what a
board would answer with a fault: LDRD, LDM and their like at addresses that are no multiple of four.

An instruction whose condition does not hold counts like any other; instructions are not cycles (host_tools/bench.py
says how they relate). Emulated: 50 to 100 million instructions a second.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field

import unicorn
from unicorn import arm_const as arm

from host_tools.emulator import mpy_file
from host_tools.emulator.memory import Arguments
from host_tools.emulator.runtime import CONSTANTS, COST, ENTRIES, Objects, Refused, Runtime, result

_CODE, _CODE_BYTES = 0x08000000, 1 << 20
_RUNTIME, _RUNTIME_BYTES = 0x0C000000, 1 << 18
_STACK, _STACK_BYTES = 0x10000000, 8192
_STUBS = _RUNTIME + 4 * len(ENTRIES)  # four bytes of code an entry: where its calls are caught
_STOP = _STUBS + 4 * len(ENTRIES)
_MODULES = _STOP + 16
_PAST_SECONDS = 60
_THUMB = 1 << 24
_BX_LR_NOP = b"\x70\x47\x00\xbf"
_KEPT_NAMES = [f"r{n}" for n in range(4, 12)] + [f"d{n}" for n in range(8, 16)]
_KEPT = [getattr(arm, f"UC_ARM_REG_{name.upper()}") for name in _KEPT_NAMES]
_CORE = [getattr(arm, f"UC_ARM_REG_R{n}") for n in range(16)]
_MARKS = [0x5A5A0000 + n for n in range(len(_KEPT))]
_WRITES = (unicorn.UC_MEM_WRITE, unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT)
_FETCHES = (unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT)


class MachineError(Exception):
    """A function did what it must not, or what cannot be emulated. The message names the function and the place."""


@dataclass(frozen=True)
class Function:
    """Native code in the machine's memory."""

    name: str
    kind: str  # "viper" or "asm"
    address: int
    size: int
    names: list[str]  # of its module: what its calls by name mean
    itself: int = 0  # viper: address of its function object
    arguments: int = 0  # asm
    types: int = 0  # asm


@dataclass
class Count:
    """What one call took: instructions of the kernel itself, and calls of MicroPython by entry."""

    instructions: int = 0
    calls: Counter = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Instructions with those inside MicroPython, at a constant each (runtime.COST)."""
        return self.instructions + sum(COST[name] * n for name, n in self.calls.items())


class Cortex:
    """The machine. count: of the last call, which `profile` takes apart."""

    def __init__(self):
        self.count = Count()
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self._arguments = Arguments(self._uc, self._refuse)
        self._objects = Objects()
        self._runtime = Runtime(self._objects, self._arguments.address_of)
        self._free_code, self._free_module = _CODE, _MODULES
        self._function = None
        self._fault = self._where = ""
        self._blocks: Counter[tuple[int, int]] = Counter()
        self._lengths: dict[tuple[int, int], int] = {}
        self._map()

    def _map(self) -> None:
        uc = self._uc
        code = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
        uc.mem_map(_CODE, _CODE_BYTES, code)
        uc.mem_map(_RUNTIME, _RUNTIME_BYTES, code)
        uc.mem_map(_STACK, _STACK_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        uc.mem_write(_STUBS, _BX_LR_NOP * (len(ENTRIES) + 1))
        table = [self._objects.encode(value) for value in CONSTANTS]
        uc.mem_write(_RUNTIME, _words(table + [_STUBS + 4 * n | 1 for n in range(len(CONSTANTS), len(ENTRIES))]))
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block, begin=_CODE, end=_CODE + _CODE_BYTES - 1)
        uc.hook_add(unicorn.UC_HOOK_CODE, self._on_runtime, begin=_STUBS, end=_STOP - 1)
        uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_fault)

    def load(self, module: mpy_file.Module, prefix: str = "") -> dict[str, Function]:
        """The viper and asm functions of a module, by name. `prefix` goes before the names in messages."""
        obj_table, qstr_table = self._free_module, self._free_module + 4 * len(module.objects)
        context = (qstr_table + 2 * len(module.names) + 3) & ~3
        itself = context + 16
        self._take("module", _RUNTIME, _RUNTIME_BYTES, itself + 16)
        self._free_module = itself + 16
        objects = [_RUNTIME if o is mpy_file.FUN_TABLE else self._objects.encode(o) for o in module.objects]
        self._objects.pin()
        self._uc.mem_write(obj_table, _words(objects))
        self._uc.mem_write(qstr_table, struct.pack(f"<{len(module.names)}H", *range(1, len(module.names) + 1)))
        self._uc.mem_write(context, _words((0, 0, qstr_table, obj_table)))
        self._uc.mem_write(itself, _words((0, context, 0, 0)))
        return {
            name: self._load(prefix + name, unit, module.names, itself)
            for name, unit in module.functions().items()
            if unit.kind in (mpy_file.VIPER, mpy_file.ASM)
        }

    def _load(self, name: str, unit: mpy_file.Unit, names: list[str], itself: int) -> Function:
        address = self._free_code
        self._take("code", _CODE, _CODE_BYTES, address + len(unit.code))
        self._free_code = (address + len(unit.code) + 15) & ~15
        self._uc.mem_write(address, unit.code)
        for offset in _aligned_accesses(unit.code):
            self._uc.hook_add(unicorn.UC_HOOK_CODE, self._on_aligned, begin=address + offset, end=address + offset)
        return Function(name, unit.kind, address, len(unit.code), names, itself, unit.arguments, unit.types)

    @staticmethod
    def _take(what: str, start: int, size: int, end: int) -> None:
        if end > start + size:
            raise MachineError(f"the machine has {size} bytes for {what}s: make a new one")

    def call(self, function: Function, *args):
        """Run a function on ints and buffers; buffers are changed as it changes them. Its result as Python's value.

        MachineError names function and place when it accesses what it was not given, spoils registers, calls a part of
        MicroPython that is not here, or does not come back; the buffers then stay as they were."""
        self._function = function
        self._fault = self._where = ""
        self._blocks = Counter()
        self.count = Count()
        self._objects.clear()
        done = False
        try:
            self._enter(function, args)
            self._run(function)
            done = True
        except Refused as error:
            raise MachineError(f"{function.name}{self._where} {error}") from None
        finally:
            self.count.instructions = sum(n * self._length(block) for block, n in self._blocks.items())
            self._arguments.release(copy_back=done)
        return self._result(function)

    def _enter(self, function: Function, args) -> None:
        uc = self._uc
        stack = _STACK + _STACK_BYTES
        if function.kind == mpy_file.VIPER:
            stack -= 4 * len(args) + 7 & ~7
            uc.mem_write(stack, _words(self._objects.encode(value) for value in args))
            registers = (function.itself, len(args), 0, stack)
        else:
            if len(args) != function.arguments:
                raise Refused(f"takes {function.arguments} arguments, {len(args)} given")
            registers = [0 if value is None else self._runtime.native(value, 4) for value in args]
        for register, value in zip(_CORE, registers, strict=False):
            uc.reg_write(register, value)
        for register, mark in zip(_KEPT, _MARKS, strict=True):
            uc.reg_write(register, mark)
        uc.reg_write(arm.UC_ARM_REG_XPSR, _THUMB)  # flags clear, in no IT block
        uc.reg_write(arm.UC_ARM_REG_SP, stack)
        uc.reg_write(arm.UC_ARM_REG_LR, _STOP | 1)
        self._stack = stack

    def _run(self, function: Function) -> None:
        try:
            self._uc.emu_start(function.address | 1, _STOP, timeout=int(_PAST_SECONDS * 1e6))
        except unicorn.UcError as error:
            if not self._fault:
                self._where = self._place()
            raise Refused(self._fault or f"stops the processor: {error}") from None
        uc = self._uc
        if uc.reg_read(arm.UC_ARM_REG_PC) != _STOP:
            raise Refused(f"did not return within {_PAST_SECONDS} s")
        spoilt = [
            name
            for name, register, mark in zip(_KEPT_NAMES, _KEPT, _MARKS, strict=True)
            if uc.reg_read(register) != mark
        ]
        if spoilt or uc.reg_read(arm.UC_ARM_REG_SP) != self._stack:
            raise Refused(f"does not restore {', '.join(spoilt) or 'the stack pointer'}")

    def _result(self, function: Function):
        word = self._uc.reg_read(arm.UC_ARM_REG_R0)
        return self._objects.decode(word) if function.kind == mpy_file.VIPER else result(word, function.types)

    def profile(self) -> list[tuple[int, int, int]]:
        """Where the last call's instructions went: (offset in its code, instructions there, times through), most first.

        A line is one run of instructions without a branch."""
        start = self._function.address if self._function else 0
        runs = [(block[0] - start, self._length(block), n) for block, n in self._blocks.items()]
        return sorted(runs, key=lambda run: -run[1] * run[2])

    def _length(self, block: tuple[int, int]) -> int:
        """Number of instructions in `size` bytes of code."""
        if block not in self._lengths:
            code = self._uc.mem_read(*block)
            self._lengths[block] = sum(1 for _ in _halfwords(code))
        return self._lengths[block]

    def _on_block(self, uc, address, size, _) -> None:
        self._blocks[address, size] += 1

    def _on_runtime(self, uc, address, size, _) -> None:
        if (address - _STUBS) % 4:
            return
        entry = (address - _STUBS) // 4
        r0, r1, r2 = (uc.reg_read(register) for register in _CORE[:3])
        self._where = self._place()
        uc.reg_write(arm.UC_ARM_REG_R0, self._runtime.call(entry, r0, r1, r2, self._function.names))
        self._where = ""
        self.count.calls[ENTRIES[entry]] += 1

    def _on_aligned(self, uc, address, size, _) -> None:
        code = self._uc.mem_read(address, 4)
        base = code[0] & 15 if size == 4 else code[1] & 7
        value = uc.reg_read(_CORE[base])
        if value & 3 and base != 15:
            self._refuse(f"has 0x{value:08x} in r{base} where a multiple of 4 is needed (the board would fault)")

    def _refuse(self, what: str) -> None:
        self._where = self._place()
        raise Refused(what)

    def _on_fault(self, uc, access, address, size, value, _) -> bool:
        self._where = self._place()
        if access in _FETCHES:
            self._fault = f"jumps to 0x{address:08x}, where there is no code"
        elif _STACK - _STACK_BYTES <= address < _STACK:
            self._fault = f"takes more than {_STACK_BYTES} bytes of stack"
        else:
            self._fault = self._arguments.describe(access in _WRITES, address, size)
        return False

    def _place(self) -> str:
        """Where in its code the running function is (or called from), for messages: " +0x12"."""
        at = self._uc.reg_read(arm.UC_ARM_REG_PC)
        if not 0 <= at - self._function.address < self._function.size:
            at = (self._uc.reg_read(arm.UC_ARM_REG_LR) & ~1) - 2
        return f" +0x{at - self._function.address:x}"


def _words(values) -> bytes:
    return b"".join(struct.pack("<I", value) for value in values)


def _halfwords(code: bytes):
    """(offset, first halfword, whether it is a 32-bit instruction) of every instruction."""
    at = 0
    while at + 1 < len(code):
        first = code[at] | code[at + 1] << 8
        wide = first >> 11 in (0b11101, 0b11110, 0b11111)
        yield at, first, wide
        at += 4 if wide else 2


def _aligned_accesses(code: bytes) -> list[int]:
    """Offsets of the instructions that fault at addresses that are no multiple of four: LDM, STM, LDRD, STRD, VLDR,
    VSTR, VLDM, VSTM."""
    found = []
    for at, first, wide in _halfwords(code):
        several = not wide and first >> 12 == 0xC
        pair = wide and first & 0xFE40 == 0xE840 and first & 0x0120
        many = wide and first & 0xFE40 == 0xE800 and first & 0x0180 in (0x080, 0x100)
        floating = wide and first & 0xFE00 == 0xEC00 and at + 3 < len(code) and code[at + 3] & 0xE == 0xA
        if several or pair or many or (floating and first & 0xFFE0 != 0xEC40):
            found.append(at)
    return found
