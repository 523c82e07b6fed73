"""The emulated Cortex-M4: what functions return, what is counted, what is caught."""

from array import array

import pytest
import unicorn

from host_tools.emulator import cortex
from host_tools.emulator.cortex import MachineError
from host_tools.thumb_fill import fill
from tests.emulator.compiled import Board

VIPER = """
_BIG = const(1 << 35)

@micropython.viper
def add(a: int, b: int) -> int:
    return a + b

@micropython.viper
def unsigned(a: int) -> uint:
    return uint(a)

@micropython.viper
def truth(a: int) -> bool:
    return a > 3

@micropython.viper
def nothing(flag: bool, p: ptr16):
    p[0] = int(flag)

@micropython.viper
def divide(a: int, b: int, p: ptr32):
    p[0] = a // b
    p[1] = a % b

@micropython.viper
def load8(p: ptr8, i: int) -> int:
    return p[i]

@micropython.viper
def load32(p: ptr32, i: int) -> int:
    return p[i]

@micropython.viper
def store32(p: ptr32, i: int, v: int):
    p[i] = v

@micropython.viper
def total(p: ptr32, count: int) -> int:
    s = 0
    i = 0
    while i < count:
        s += p[i]
        i += 1
    return s

@micropython.viper
def same(p: ptr32, q: ptr32) -> int:
    q[0] = 7
    return p[0]

@micropython.viper
def greedy(n: int) -> int:
    return int(len("abc"))

@micropython.viper
def large(a: int) -> uint:
    return uint(0xFFFF0001)
"""

ASM = """
@micropython.asm_thumb
def plus(r0, r1):
    add(r0, r0, r1)

@micropython.asm_thumb
def plus_unsigned(r0, r1) -> uint:
    add(r0, r0, r1)

@micropython.asm_thumb
def loop(r0):
    mov(r1, 0)
    label(AGAIN)
    add(r1, 2)
    sub(r0, 1)
    bne(AGAIN)
    mov(r0, r1)

@micropython.asm_thumb
def first(r0):
    ldr(r0, [r0, 0])

@micropython.asm_thumb
def spoils_high(r0):
    mov(r8, r0)

@micropython.asm_thumb
def spoils_float(r0):
    vmov(s17, r0)

@micropython.asm_thumb
def saves_high(r0):
    push({r8, r9})
    mov(r8, r0)
    pop({r8, r9})

@micropython.asm_thumb
def pushes_one(r0):
    push({r8})

@micropython.asm_thumb
def spoils_stack():
    pop({r1})

@micropython.asm_thumb
def endless():
    label(AGAIN)
    b(AGAIN)

@micropython.asm_thumb
def strange():
    data(2, 0xde00)

@micropython.asm_thumb
def astray(r0):
    bx(r0)

@micropython.asm_thumb
def overflows():
    label(AGAIN)
    push({r0, r1, r2, r3})
    b(AGAIN)

@micropython.asm_thumb
def pair(r0):
    ldrd(r1, r0, [r0])

@micropython.asm_thumb
def skips(r0):
    cmp(r0, 0)
    ite(eq)
    mov(r1, r0)
    mov(r2, r0)
"""


@pytest.fixture(scope="module")
def viper():
    return Board(VIPER)


@pytest.fixture(scope="module")
def asm():
    return Board(fill(ASM))


@pytest.mark.parametrize("a, b, c", [(2, 3, 5), (-5, 2, -3), ((1 << 31) - 1, 1, -(1 << 31)), (1 << 30, 0, 1 << 30)])
def test_ints_wrap_as_on_the_board(viper, asm, a, b, c):
    assert viper.add(a, b) == asm.plus(a, b) == c


def test_results_by_type(viper, asm):
    assert viper.unsigned(-1) == asm.plus_unsigned(-1, 0) == (1 << 32) - 1
    assert viper.large(1) == 0xFFFF0001  # an object, from the module's table
    assert viper.truth(4) is True and viper.truth(3) is False
    out = array("h", [5])
    assert viper.nothing(True, out) is None
    assert out[0] == 1


@pytest.mark.parametrize("a, b", [(7, 2), (-7, 2), (7, -2), (-7, -2), (6, 3)])
def test_division_rounds_down(viper, a, b):
    out = array("i", [0, 0])
    viper.divide(a, b, out)
    assert list(out) == [a // b, a % b]
    assert viper.machine.count.calls == {"native_from_obj": 3, "small_int_floor_divide": 1, "small_int_modulo": 1}


def test_buffers_of_every_kind(viper, asm):
    data = array("i", [1, -2, 3])
    assert [viper.load32(data, i) for i in range(3)] == [1, -2, 3]
    assert viper.load8(bytes([1, 255]), 1) == 255
    assert viper.load32(memoryview(data)[1:], 0) == -2
    assert asm.first(bytearray(b"\xff\xff\xff\xff")) == -1
    assert viper.total(data, 3) == 2
    assert viper.total(array("i"), 0) == 0


def test_one_buffer_twice_is_one_buffer(viper):
    data = array("i", [1])
    assert viper.same(data, data) == 7
    assert data[0] == 7
    whole = memoryview(array("i", range(4)))
    with pytest.raises(MachineError, match="same .*is given two buffers that overlap"):
        viper.same(whole[:2], whole[1:])


@pytest.mark.parametrize("size", [1, 4, 1023, 1024, 1025, 4096])
def test_the_first_element_outside_is_caught(viper, size):
    data = array("i", bytes(4 * size))
    viper.store32(data, 0, 1)
    viper.store32(data, size - 1, 1)
    with pytest.raises(MachineError, match=r"store32 .*writes 4 bytes at 0x\w+: 4 bytes before buffer 1 of the call"):
        viper.store32(data, -1, 1)
    with pytest.raises(MachineError, match=rf"load32 .*reads 4 bytes at 0x\w+: offset {4 * size} in buffer 1"):
        viper.load32(data, size)
    assert data[-1] == 1


@pytest.mark.parametrize("size", [1, 2, 3, 5, 4093])
def test_the_first_byte_outside_is_caught(viper, size):
    data = bytearray(size)
    assert viper.load8(data, size - 1) == 0
    for outside in (-1, size):
        with pytest.raises(MachineError, match="load8 .*reads 1 bytes"):
            viper.load8(data, outside)
    with pytest.raises(MachineError, match="reads 4 bytes"):
        viper.load32(data, size // 4)


def test_nothing_lies_far_away(viper):
    data = array("i", [0])
    for index in (1 << 20, -(1 << 20), 1 << 28, -(1 << 27)):
        with pytest.raises(MachineError, match="load32 .*reads 4 bytes at 0x"):
            viper.load32(data, index)
    with pytest.raises(MachineError, match="no argument is near"):
        viper.load32(0x40000000, 0)


def test_bytes_cannot_be_written(viper):
    with pytest.raises(MachineError, match="writes 4 bytes at .* is read-only"):
        viper.store32(bytes(8), 1, 5)


def test_a_call_that_fails_leaves_its_buffers_alone(viper):
    data = array("i", [5])
    with pytest.raises(MachineError, match="offset 4 in buffer 1"):
        viper.divide(7, 2, data)
    assert data[0] == 5


def test_arguments_that_do_not_fit(viper, asm):
    with pytest.raises(MachineError, match="add .*takes 2 arguments, 3 given"):
        viper.add(1, 2, 3)
    with pytest.raises(MachineError, match="plus takes 2 arguments, 1 given"):
        asm.plus(1)
    with pytest.raises(MachineError, match="add .*cannot convert array to int"):
        viper.add(1, array("i", [2]))
    with pytest.raises(MachineError, match="first is given neither int nor buffer, but float"):
        asm.first(1.5)


def test_calls_of_the_interpreter_are_refused_by_name(viper):
    with pytest.raises(MachineError, match=r"greedy \+0x\w+ calls (native_swap_globals|load_global for 'len')"):
        viper.greedy(1)


@pytest.mark.parametrize(
    "name, args, says",
    [
        ("spoils_high", (1,), "does not restore r8"),
        ("spoils_float", (1,), "does not restore d8"),
        ("strange", (), "stops the processor"),
        ("pushes_one", (1,), "stops the processor"),  # one high register alone: STMDB of one, unpredictable
        ("astray", (0x30000001,), "jumps to 0x30000000"),
        ("overflows", (), "takes more than 8192 bytes of stack"),
        ("pair", (array("i", [1, 2]), 1), "takes 1 arguments"),
    ],
)
def test_misbehaviour(asm, name, args, says):
    with pytest.raises(MachineError, match=f"^{name}.* {says}"):
        getattr(asm, name)(*args)


def test_high_registers_may_be_used_and_restored(asm):
    asm.saves_high(1)


def test_a_stack_that_is_not_put_back(asm):
    with pytest.raises(MachineError, match="spoils_stack"):
        asm.spoils_stack()


def test_an_endless_loop_ends(asm, monkeypatch):
    monkeypatch.setattr(cortex, "_PAST_SECONDS", 0.2)
    with pytest.raises(MachineError, match="endless did not return within 0.2 s"):
        asm.endless()


def test_pairs_need_aligned_addresses_as_on_the_board(asm):
    data = array("h", range(8))
    assert asm.pair(data) == 3 << 16 | 2
    with pytest.raises(MachineError, match=r"pair \+0x2 has 0x\w+ in r0 where a multiple of 4 is needed"):
        asm.pair(memoryview(data)[1:])


def test_instructions_are_counted_exactly(asm):
    """push, mov, 3 a round, mov, pop."""
    for rounds in (1, 2, 1000):
        assert asm.loop(rounds) == 2 * rounds
        assert asm.machine.count.instructions == 4 + 3 * rounds
        assert asm.machine.count.calls == {}
    assert max(times for _, _, times in asm.machine.profile()) == 999
    assert sum(length * times for _, length, times in asm.machine.profile()) == 3004


def test_a_condition_that_does_not_hold_counts(asm):
    asm.skips(0)
    assert asm.machine.count.instructions == 6


def test_counts_are_those_of_single_steps():
    """Against Unicorn's own step-by-step hook, which leaves out what a condition skips: one of two after each ITE."""
    board = Board(VIPER)
    steps = []

    def step(uc, address, size, _):
        steps.append(bytes(uc.mem_read(address, 2)))

    board.machine._uc.hook_add(unicorn.UC_HOOK_CODE, step, begin=cortex._CODE, end=cortex._CODE + 0xFFFF)
    board.total(array("i", range(100)), 100)
    choices = sum(code[1] == 0xBF and code[0] & 15 != 0 for code in steps)
    assert board.machine.count.instructions == len(steps) + choices
    assert choices == 101


def test_counts_do_not_change(viper):
    data = array("i", range(50))
    counts = set()
    for board in (viper, viper, Board(VIPER)):
        board.total(data, 50)
        counts.add((board.machine.count.instructions, board.machine.count.total))
    assert len(counts) == 1
    instructions, total = counts.pop()
    assert total == instructions + 3 * 45
