"""Thumb-2 and DSP instructions that MicroPython's inline assembler lacks, as the halfwords of its `data()`.

    encode("smulwb(r2, r1, r3)")  ->  [0xfb31, 0xf203]

Operands: registers r0-r12, lr (sp as a base); integers; asr(1) and its like after the last register; addresses
[rn], [rn, 8], [rn, rm], [rn, rm, lsl(2)], then 8 for "add 8 afterwards", wb for "and keep the address"; {r4, r5}.
The suffix _w tells a form with any register, shift or large offset from the assembler's own: add_w(r8, r9, r1, asr(1)).
host_tools/thumb_fill.py brings them into a source. What they do: ARMv7-M Architecture Reference Manual, A7.7.
"""

import ast
import inspect

SHIFTS = {"lsl": 0, "lsr": 1, "asr": 2, "ror": 3}
_REGISTERS = {f"r{n}": n for n in range(13)} | {"sp": 13, "lr": 14}
_HALVES = {"bb": 0x00, "bt": 0x10, "tb": 0x20, "tt": 0x30}

# rd, rn, rm: first | rn, second | rd << 8 | rm
THREE = {
    "smulwb": (0xFB30, 0xF000), "smulwt": (0xFB30, 0xF010), "smuad": (0xFB20, 0xF000), "smuadx": (0xFB20, 0xF010),
    "smusd": (0xFB40, 0xF000), "smusdx": (0xFB40, 0xF010), "smmul": (0xFB50, 0xF000), "smmulr": (0xFB50, 0xF010),
    "mul_w": (0xFB00, 0xF000), "sel": (0xFAA0, 0xF080),
} | {f"smul{half}": (0xFB10, 0xF000 | bits) for half, bits in _HALVES.items()} | {
    prefix + name: (first, 0xF000 | bits)
    for prefix, bits in (("s", 0x00), ("q", 0x10), ("sh", 0x20), ("u", 0x40))
    for name, first in (("add16", 0xFA90), ("sub16", 0xFAD0), ("asx", 0xFAA0), ("sax", 0xFAE0))
}  # fmt: skip
# rd, rm, rn: the saturating ones take the second operand first
SWAPPED = {"qadd": (0xFA80, 0xF080), "qdadd": (0xFA80, 0xF090), "qsub": (0xFA80, 0xF0A0), "qdsub": (0xFA80, 0xF0B0)}
# rd, rn, rm, ra: first | rn, second | ra << 12 | rd << 8 | rm
FOUR = {
    "mla": (0xFB00, 0x00), "mls": (0xFB00, 0x10), "smlad": (0xFB20, 0x00), "smladx": (0xFB20, 0x10),
    "smlawb": (0xFB30, 0x00), "smlawt": (0xFB30, 0x10), "smlsd": (0xFB40, 0x00), "smlsdx": (0xFB40, 0x10),
    "smmla": (0xFB50, 0x00), "smmlar": (0xFB50, 0x10), "smmls": (0xFB60, 0x00), "smmlsr": (0xFB60, 0x10),
} | {f"smla{half}": (0xFB10, bits) for half, bits in _HALVES.items()}  # fmt: skip
# rdlo, rdhi, rn, rm: first | rn, second | rdlo << 12 | rdhi << 8 | rm
LONG = {
    "smull": (0xFB80, 0x00), "umull": (0xFBA0, 0x00), "smlal": (0xFBC0, 0x00), "umlal": (0xFBE0, 0x00),
    "umaal": (0xFBE0, 0x60), "smlald": (0xFBC0, 0xC0), "smlaldx": (0xFBC0, 0xD0), "smlsld": (0xFBD0, 0xC0),
    "smlsldx": (0xFBD0, 0xD0),
} | {f"smlal{half}": (0xFBC0, 0x80 | bits) for half, bits in _HALVES.items()}  # fmt: skip
# rd, rn, rm and a shift; with an `s` before _w the flags are set (first | 0x10)
SHIFTED = {
    "add_w": 0xEB00, "adc_w": 0xEB40, "sbc_w": 0xEB60, "sub_w": 0xEBA0, "rsb_w": 0xEBC0, "and_w": 0xEA00,
    "bic_w": 0xEA20, "orr_w": 0xEA40, "orn_w": 0xEA60, "eor_w": 0xEA80,
}  # fmt: skip
# rd, rn, 0..4095, or with flags 0..255
IMMEDIATE = {"add_w": 0xF200, "sub_w": 0xF2A0}
IMMEDIATE_FLAGS = {"adds_w": 0xF110, "subs_w": 0xF1B0, "rsbs_w": 0xF1D0}
# rd, rm, ror(8, 16, 24) or nothing: (short form, long form)
EXTEND = {"sxth": (0xB200, 0xFA0F), "uxth": (0xB280, 0xFA1F), "sxtb": (0xB240, 0xFA4F), "uxtb": (0xB2C0, 0xFA5F)}
EXTEND_ADD = {"sxtah": 0xFA00, "uxtah": 0xFA10, "sxtab": 0xFA40, "uxtab": 0xFA50}  # rd, rn, rm, ror(..) or nothing
REVERSE = {"rev": 0x80, "rev16": 0x90, "rbit": 0xA0, "revsh": 0xB0}  # rd, rm
FIELD = {"sbfx": 0xF340, "ubfx": 0xF3C0}  # rd, rn, lowest bit, width
# rt, address: (with offset up to 4095, other forms, short form [rn, rm])
TRANSFER = {
    "ldr_w": (0xF8D0, 0xF850, 0x5800), "ldrh_w": (0xF8B0, 0xF830, 0x5A00), "ldrsh": (0xF9B0, 0xF930, 0x5E00),
    "ldrb_w": (0xF890, 0xF810, 0x5C00), "ldrsb": (0xF990, 0xF910, 0x5600), "str_w": (0xF8C0, 0xF840, 0x5000),
    "strh_w": (0xF8A0, 0xF820, 0x5200), "strb_w": (0xF880, 0xF800, 0x5400),
}  # fmt: skip
PAIR = {"ldrd": 0xE850, "strd": 0xE840}  # rt, rt2, address with a multiple of 4 up to 1020
MULTIPLE = {"ldmia": 0xE890, "ldmdb": 0xE910, "stmia": 0xE880, "stmdb": 0xE900}  # rn, {..}, wb or nothing


class EncodeError(ValueError):
    """Not an instruction that can be encoded. The message quotes it and says what is wrong."""


class _Register(int):
    pass


class _Shift(tuple):
    pass


class _Address(tuple):
    pass


class _Registers(frozenset):
    pass


_WB = object()
_UNSHIFTED, _UNROTATED = _Shift((SHIFTS["lsl"], 0)), _Shift((SHIFTS["ror"], 0))


def encode(instruction: str) -> list[int]:
    """The halfwords of an instruction such as "smlawt(r3, r1, r9, r3)". EncodeError if there is none."""
    try:
        call = ast.parse(instruction.strip(), mode="eval").body
    except SyntaxError as error:
        raise EncodeError(f"{instruction}: {error.msg}") from None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
        raise EncodeError(f"{instruction}: an instruction is written name(operand, ...)")
    encoder = _ENCODERS.get(call.func.id)
    if encoder is None:
        raise EncodeError(f"{instruction}: unknown instruction")
    try:
        return list(encoder(call.func.id, *(_operand(node) for node in call.args)))
    except TypeError:
        wanted = ", ".join(list(inspect.signature(encoder).parameters)[1:])
        raise EncodeError(f"{instruction}: the operands are {wanted}") from None
    except EncodeError as error:
        raise EncodeError(f"{instruction}: {error}") from None


def mnemonics() -> list[str]:
    """Every instruction that `encode` knows."""
    return sorted(_ENCODERS)


def _operand(node):
    if isinstance(node, ast.Name):
        if node.id == "wb":
            return _WB
        if node.id in _REGISTERS:
            return _Register(_REGISTERS[node.id])
        raise EncodeError(f"{node.id} is no register")
    if isinstance(node, ast.List):
        return _Address(_operand(element) for element in node.elts)
    if isinstance(node, ast.Set):
        return _Registers(_any(_operand(element)) for element in node.elts)
    if isinstance(node, ast.Call) and ast.unparse(node.func) in SHIFTS and len(node.args) == 1:
        return _Shift((SHIFTS[ast.unparse(node.func)], _within(_operand(node.args[0]), 0, 31)))
    try:
        value = ast.literal_eval(node)
    except ValueError:
        value = None
    if type(value) is not int:
        raise EncodeError(f"{ast.unparse(node)} is no operand")
    return value


def _r(operand) -> int:
    """A register that is not the stack pointer."""
    if not isinstance(operand, _Register) or operand == 13:
        raise EncodeError("needs a register, r0-r12 or lr, in place of another operand")
    return int(operand)


def _any(operand) -> int:
    if not isinstance(operand, _Register):
        raise EncodeError("needs a register in place of another operand")
    return int(operand)


def _within(value, low: int, high: int, step: int = 1) -> int:
    if type(value) is not int or not low <= value <= high or value % step:
        what = f"an integer from {low} to {high}" + (f", a multiple of {step}" if step > 1 else "")
        raise EncodeError(f"needs {what}, not {value}")
    return value


def _shift(operand) -> int:
    """The bits of a shifted operand: imm3 << 12 | imm2 << 6 | kind << 4."""
    if not isinstance(operand, _Shift):
        raise EncodeError("needs a shift such as asr(1) last")
    kind, amount = operand
    if kind and not amount:
        raise EncodeError("shifts by 1 to 31")
    return _split(amount) | kind << 4


def _split(value: int) -> int:
    return value >> 2 << 12 | (value & 3) << 6


def _three(name, rd, rn, rm):
    first, second = THREE[name]
    return first | _r(rn), second | _r(rd) << 8 | _r(rm)


def _swapped(name, rd, rm, rn):
    first, second = SWAPPED[name]
    return first | _r(rn), second | _r(rd) << 8 | _r(rm)


def _four(name, rd, rn, rm, ra):
    first, second = FOUR[name]
    return first | _r(rn), second | _r(ra) << 12 | _r(rd) << 8 | _r(rm)


def _long(name, low, high, rn, rm):
    first, second = LONG[name]
    if _r(low) == _r(high):
        raise EncodeError("needs two different registers for the result")
    return first | _r(rn), second | _r(low) << 12 | _r(high) << 8 | _r(rm)


def _processing(name, rd, rn, rm, shift=_UNSHIFTED):
    flags = name.endswith("s_w")
    if not isinstance(rm, _Register):
        if name in IMMEDIATE:
            value = _within(rm, 0, 4095)
            return IMMEDIATE[name] | value >> 11 << 10 | _r(rn), (value >> 8 & 7) << 12 | _r(rd) << 8 | value & 255
        if name in IMMEDIATE_FLAGS:
            return IMMEDIATE_FLAGS[name] | _r(rn), _r(rd) << 8 | _within(rm, 0, 255)
    first = SHIFTED[name.replace("s_w", "_w") if flags else name] | 0x10 * flags
    return first | _r(rn), _shift(shift) | _r(rd) << 8 | _r(rm)


def _compare(name, rn, rm, shift=_UNSHIFTED):
    if isinstance(rm, _Register):
        return 0xEBB0 | _r(rn), _shift(shift) | 0x0F00 | _r(rm)
    return 0xF1B0 | _r(rn), 0x0F00 | _within(rm, 0, 255)


def _move_shifted(name, rd, rm, amount):
    return 0xEA4F, _shift(_Shift((SHIFTS[name[:3]], _within(amount, 1, 31)))) | _r(rd) << 8 | _r(rm)


def _pack(name, rd, rn, rm, shift=None):
    kind, amount = shift if isinstance(shift, _Shift) else (0 if name == "pkhbt" else 2, 0)
    if kind != (0 if name == "pkhbt" else 2):
        raise EncodeError("shifts by lsl (pkhbt) or asr (pkhtb)")
    return 0xEAC0 | _r(rn), _split(amount) | (name == "pkhtb") << 5 | _r(rd) << 8 | _r(rm)


def _rotation(shift) -> int:
    if not (isinstance(shift, _Shift) and shift[0] == SHIFTS["ror"] and shift[1] % 8 == 0):
        raise EncodeError("rotates by ror(8), ror(16) or ror(24)")
    return shift[1] // 8 << 4


def _extend(name, rd, rm, rotation=None):
    short, long = EXTEND[name]
    if rotation is None and max(_r(rd), _r(rm)) < 8:
        return (short | _r(rm) << 3 | _r(rd),)
    return long, 0xF080 | (0 if rotation is None else _rotation(rotation)) | _r(rd) << 8 | _r(rm)


def _extend_add(name, rd, rn, rm, rotation=_UNROTATED):
    return EXTEND_ADD[name] | _r(rn), 0xF080 | _rotation(rotation) | _r(rd) << 8 | _r(rm)


def _reverse(name, rd, rm):
    return 0xFA90 | _r(rm), 0xF000 | REVERSE[name] | _r(rd) << 8 | _r(rm)


def _saturate(name, rd, bits, rn, shift=_UNSHIFTED):
    kind, amount = shift if isinstance(shift, _Shift) else (1, 0)
    if kind not in (0, 2) or (kind == 2 and not amount):
        raise EncodeError("shifts by lsl(0..31) or asr(1..31)")
    first, bits = (0xF300, _within(bits, 1, 32) - 1) if name == "ssat" else (0xF380, _within(bits, 0, 31))
    return first | (kind == 2) << 5 | _r(rn), _split(amount) | _r(rd) << 8 | bits


def _field(name, rd, rn, lowest, width):
    width = _within(width, 1, 32 - _within(lowest, 0, 31))
    return FIELD[name] | _r(rn), _split(lowest) | _r(rd) << 8 | width - 1


def _insert(name, rd, rn, lowest, width):
    width = _within(width, 1, 32 - _within(lowest, 0, 31))
    return 0xF360 | _r(rn), _split(lowest) | _r(rd) << 8 | lowest + width - 1


def _clear(name, rd, lowest, width):
    return 0xF36F, _insert(name, rd, _Register(0), lowest, width)[1]


def _transfer(name, rt, address, after=None):
    if not isinstance(address, _Address) or not address:
        raise EncodeError("needs an address such as [r1, 4]")
    by_offset, other, short = TRANSFER[name]
    rt, rn, *rest = _r(rt), _any(address[0]), *address[1:]
    if rest and isinstance(rest[0], _Register):
        shift = rest[1] if len(rest) > 1 else _UNSHIFTED
        if after is not None or not isinstance(shift, _Shift) or shift[0] or shift[1] > 3:
            raise EncodeError("a register offset is [rn, rm] or [rn, rm, lsl(0..3)], nothing after it")
        rm = _r(rest[0])
        if not shift[1] and max(rt, rn, rm) < 8:
            return (short | rm << 6 | rn << 3 | rt,)
        return other | rn, rt << 12 | shift[1] << 4 | rm
    offset = rest[0] if rest else 0
    if after is None and (type(offset) is not int or offset >= 0):
        return by_offset | rn, rt << 12 | _within(offset, 0, 4095)
    mode = 0x900 if after is not None and after is not _WB else 0xD00 if after is _WB else 0xC00
    if mode == 0x900:
        offset = after if not offset else "both before and after"
    offset = _within(offset, -255, 255)
    return other | rn, rt << 12 | mode | (offset >= 0) << 9 | abs(offset)


def _pair(name, rt, rt2, address, after=None):
    if not isinstance(address, _Address) or not address:
        raise EncodeError("needs an address such as [r1, 8]")
    rn, offset = _any(address[0]), address[1] if len(address) > 1 else 0
    if name == "ldrd" and _r(rt) == _r(rt2):
        raise EncodeError("needs two different registers")
    mode = 0x0100 if after is None else 0x0120 if after is _WB else 0x0020
    if mode == 0x0020:
        offset = after if not offset else "both before and after"
    offset = _within(offset, -1020, 1020, 4)
    return PAIR[name] | mode | (offset >= 0) << 7 | rn, _r(rt) << 12 | _r(rt2) << 8 | abs(offset) // 4


def _multiple(name, rn, registers, writeback=None):
    if not isinstance(registers, _Registers) or 13 in registers or len(registers) < 2:
        raise EncodeError("needs two registers or more, such as {r4, r5}")
    if writeback not in (None, _WB) or (writeback is _WB and _any(rn) in registers):
        raise EncodeError("may have wb last, and then not its base among the registers")
    return MULTIPLE[name] | (writeback is _WB) << 5 | _any(rn), sum(1 << register for register in registers)


_ENCODERS = (
    dict.fromkeys(THREE, _three)
    | dict.fromkeys(SWAPPED, _swapped)
    | dict.fromkeys(FOUR, _four)
    | dict.fromkeys(LONG, _long)
    | dict.fromkeys(SHIFTED, _processing)
    | {name.replace("_w", "s_w"): _processing for name in SHIFTED}
    | {"cmp_w": _compare, "pkhbt": _pack, "pkhtb": _pack, "ssat": _saturate, "usat": _saturate}
    | {"bfi": _insert, "bfc": _clear}
    | {f"{name}_w": _move_shifted for name in SHIFTS}
    | dict.fromkeys(EXTEND, _extend)
    | dict.fromkeys(EXTEND_ADD, _extend_add)
    | dict.fromkeys(REVERSE, _reverse)
    | dict.fromkeys(FIELD, _field)
    | dict.fromkeys(TRANSFER, _transfer)
    | dict.fromkeys(PAIR, _pair)
    | dict.fromkeys(MULTIPLE, _multiple)
)
