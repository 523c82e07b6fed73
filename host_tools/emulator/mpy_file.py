"""Reads the .mpy files of MicroPython (version 6, here with ARMv7E-M code): the machine code of every native function.

The file (all numbers big-endian in 7-bit groups, the last one without the top bit):

    'M', version 6, architecture << 2 | sub-version, bits of a small int; number of names, number of objects
    names    length << 1, text, 0; or number << 1 | 1 of a name that every MicroPython knows
    objects  a type byte and what it needs
    code     of the module, each unit followed by the units of the functions inside it:
             length << 3 | has children << 2 | kind, bytes, then by kind
               bytecode  nothing
               native    where its prelude stands
               viper     flags of the scope
               asm       flags of the scope, number of arguments, types: four bits each, the result's lowest
             and, if it has children, their number and they

Viper and asm code carries no name: it is the one that the enclosing bytecode stores the new function under.
"""

from dataclasses import dataclass, field
from pathlib import Path

VERSION = 6
ARCHITECTURES = {
    0: "any",  # bytecode alone
    3: "armv6",
    4: "armv6m",
    5: "armv7m",
    6: "armv7em",
    7: "armv7emsp",
    8: "armv7emdp",
}
BYTECODE, NATIVE, VIPER, ASM = KINDS = ("bytecode", "native", "viper", "asm")
FUN_TABLE = "the runtime's function table"  # the object by which native code finds it

_STORE_NAME, _MAKE_CLOSURE, _MAKE_CLOSURE_DEFARGS, _MAKE_FUNCTION, _MAKE_FUNCTION_DEFARGS = 0x16, 0x20, 0x21, 0x32, 0x33
_MAKERS = (_MAKE_CLOSURE, _MAKE_CLOSURE_DEFARGS, _MAKE_FUNCTION, _MAKE_FUNCTION_DEFARGS)
_RELOCATED = 0x70  # scope flags of code with sections of its own (C modules)

# The names that version 6 numbers from 1 on; the first, third and fourth are empty, a line feed and a space.
_STATIC = ["", "__dir__", "\n", " "] + """
* / <module> _ __call__ __class__ __delitem__ __enter__ __exit__ __getattr__ __getitem__ __hash__ __init__ __int__
__iter__ __len__ __main__ __module__ __name__ __new__ __next__ __qualname__ __repr__ __setitem__ __str__
ArithmeticError AssertionError AttributeError BaseException EOFError Ellipsis Exception GeneratorExit ImportError
IndentationError IndexError KeyError KeyboardInterrupt LookupError MemoryError NameError NoneType NotImplementedError
OSError OverflowError RuntimeError StopIteration SyntaxError SystemExit TypeError ValueError ZeroDivisionError
abs all any append args bool builtins bytearray bytecode bytes callable chr classmethod clear close const copy count
dict dir divmod end endswith eval exec extend find format from_bytes get getattr globals hasattr hash id index insert
int isalpha isdigit isinstance islower isspace issubclass isupper items iter join key keys len list little locals lower
lstrip main map micropython next object open ord pop popitem pow print range read readinto readline remove replace repr
reverse rfind rindex round rsplit rstrip self send sep set setattr setdefault sort sorted split start startswith
staticmethod step stop str strip sum super throw to_bytes tuple type update upper utf-8 value values write zip
""".split()


class MpyError(Exception):
    """Not a .mpy file that can be read here. The message says which one and why."""


@dataclass
class Unit:
    """One function (or the module itself): its code and the functions defined in it."""

    kind: str  # one of KINDS
    code: bytes
    arguments: int = 0  # number of an asm function's arguments
    types: int = 0  # of an asm function: its result's type in the lowest four bits
    name: str = ""  # "" for a function that its enclosing code keeps under no name
    children: list["Unit"] = field(default_factory=list)


@dataclass
class Module:
    """A .mpy file. objects: FUN_TABLE, None, bool, Ellipsis, str, bytes, int, float, complex, tuple."""

    source: str
    architecture: str
    names: list[str]
    objects: list
    code: Unit

    def functions(self) -> dict[str, Unit]:
        """The native functions at module and class level by name ("dot", "Class.method")."""
        found = {}
        _collect(self.code, "", found)
        return found


def read(path: Path) -> Module:
    """The module in a file. MpyError if it is not one."""
    return parse(path.read_bytes(), str(path))


def parse(data: bytes, called: str = "this file") -> Module:
    """The module in the bytes of a .mpy file. MpyError (in which it is `called` so) if it is none for ARM."""
    try:
        return _module(_Reader(data), called)
    except IndexError:
        raise MpyError(f"{called} ends in the middle") from None


class _Reader:
    def __init__(self, data: bytes):
        self.data = data
        self.at = 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise IndexError
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        value = 0
        while True:
            byte = self.byte()
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value


def _module(r: _Reader, called: str) -> Module:
    header = r.bytes(4)
    if header[:2] != bytes((ord("M"), VERSION)):
        raise MpyError(f"{called} is no .mpy of version {VERSION}: it begins with {header[:2].hex(' ')}")
    architecture = ARCHITECTURES.get(header[2] >> 2)
    if architecture is None:
        raise MpyError(f"{called} is not for ARM: architecture {header[2] >> 2}, allowed {list(ARCHITECTURES)}")
    names, objects = r.number(), r.number()
    names = [_name(r) for _ in range(names)]
    objects = [_object(r, called) for _ in range(objects)]
    code = _unit(r, called)
    if r.at != len(r.data):
        raise MpyError(f"{called} has {len(r.data) - r.at} bytes behind its code")
    module = Module(names[0], architecture, names, objects, code)
    _give_names(code, names)
    return module


def _name(r: _Reader) -> str:
    length = r.number()
    if length & 1:
        return _STATIC[(length >> 1) - 1]
    text = r.bytes(length >> 1).decode()
    r.byte()
    return text


def _object(r: _Reader, called: str):
    kind = r.byte()
    if kind < 5:
        return (FUN_TABLE, None, False, True, ...)[kind]
    if kind == 10:
        return tuple(_object(r, called) for _ in range(r.number()))
    if kind > 10:
        raise MpyError(f"{called} has an object of the unknown type {kind}")
    content = r.bytes(r.number())
    if kind < 7:
        r.byte()
    return (bytes.decode, bytes, int, float, lambda text: complex(text.decode()))[kind - 5](content)


def _unit(r: _Reader, called: str) -> Unit:
    head = r.number()
    unit = Unit(KINDS[head & 3], r.bytes(head >> 3))
    if unit.kind == NATIVE:
        r.number()
    elif unit.kind != BYTECODE:
        if r.number() & _RELOCATED:
            raise MpyError(f"{called} has code that must be relocated: compile Python with mpy-cross")
        if unit.kind == ASM:
            unit.arguments, unit.types = r.number(), r.number()
    if head & 4:
        unit.children = [_unit(r, called) for _ in range(r.number())]
    return unit


def _give_names(unit: Unit, names: list[str]) -> None:
    """A child is named by the first STORE_NAME after the instruction that makes it (decorators come in between)."""
    if unit.kind != BYTECODE:
        return
    made = None
    for opcode, operand in _instructions(unit.code):
        if opcode in _MAKERS:
            made = operand
        elif opcode == _STORE_NAME and made is not None:
            unit.children[made].name = names[operand]
            made = None
    for child in unit.children:
        _give_names(child, names)


def _instructions(code: bytes):
    """(opcode, operand or None) of a bytecode function, prelude skipped."""
    r = _Reader(code)
    while r.byte() & 0x80:  # sizes of the state, numbers of arguments
        pass
    skip = shift = 0
    while True:  # sizes of what stands before the instructions: six bits of the one, one of the other
        byte = r.byte()
        skip += ((byte >> 1 & 0x3F) << 6 * shift) + ((byte & 1) << shift)
        shift += 1
        if byte < 0x80:
            break
    r.bytes(skip)
    while r.at < len(code):
        opcode = r.byte()
        form = 0x3A4 >> 2 * (opcode >> 4) & 3
        operand = None
        if form in (1, 2):
            operand = r.number()
        elif form == 3 and r.byte() & 0x80:
            r.byte()
        if not opcode & 0x9E:
            r.byte()
        yield opcode, operand


def _collect(unit: Unit, prefix: str, found: dict[str, Unit]) -> None:
    for child in unit.children:
        if not child.name:
            continue
        if child.kind == BYTECODE:
            _collect(child, f"{prefix}{child.name}.", found)
        else:
            found[prefix + child.name] = child
