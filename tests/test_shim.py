"""The CPython shim of viper: it raises where the board would go wrong, and refuses what releases miscompile."""

from array import array

import pytest

import micropython
from host_tools.toolchain.viper_x64 import sign_extended

I16 = array("h", [-5, 7])
I32 = array("i", [-5, 7])


@micropython.viper
def add(a: int, b: int) -> int:
    return a + b


@micropython.viper
def shift(a: int, b: int) -> int:
    return a << b


@micropython.viper
def load(p: ptr16, i: int) -> int:  # noqa: F821
    return p[i]


@micropython.viper
def store(p: ptr16, q: ptr32, value: int):  # noqa: F821
    p[0] = value
    q[0] = value


def test_short_loads_are_unsigned():
    assert load(I16, 0) == 65531


def test_stores_truncate_to_16_bits():
    p, q = array("h", [0]), array("i", [0])
    store(p, q, 0x12345678)
    assert (p[0], q[0]) == (0x5678, 0x12345678)


@pytest.mark.parametrize("function, a, b", [(add, 2**31 - 1, 1), (add, -(2**31), -1), (shift, 1, 31), (add, 2**31, 0)])
def test_what_leaves_32_bits_raises(function, a, b):
    with pytest.raises(OverflowError):
        function(a, b)


@pytest.mark.parametrize("index", [-1, 2])
def test_indices_outside_the_buffer_raise(index):
    with pytest.raises(IndexError):
        load(I16, index)


def test_the_edges_pass():
    assert add(2**31 - 2, 1) == 2**31 - 1
    assert shift(-1, 31) == -(2**31)


@micropython.viper
def walk(p: ptr32, out: ptr32, count: int):  # noqa: F821
    """Every second word of p from its end, negated; then the halves of the first word."""
    first = int(p)
    p = ptr32(first + (count << 2))  # noqa: F821
    while count:
        p = ptr32(int(p) - 8)  # noqa: F821
        out[0] = 0 - p[0]
        out = ptr32(4 + int(out))  # noqa: F821
        count -= 2
    half = ptr16(first + 2)  # noqa: F821
    out[0] = half[0]
    out[1] = ptr16(p)[0]  # noqa: F821
    ptr16(out)[4] = 70000  # noqa: F821


@micropython.viper
def read_at(p: ptr32, q: ptr32, offset: int, out: ptr32):  # noqa: F821
    p = ptr32(int(p) + offset)  # noqa: F821
    out[0] = p[0]


@micropython.viper
def aliases(p: ptr32, i: int) -> int:  # noqa: F821
    q = ptr16(p)  # noqa: F821
    return q[i] + ptr8(p)[i]  # noqa: F821


def test_pointers_walk():
    words, out = array("i", [1, -2, 3, 0x70000005]), array("i", [0] * 5)
    walk(words, out, 4)
    assert list(out) == [-3, -1, 0, 1, 70000 - 65536]


def test_a_pointer_may_start_in_the_middle():
    out = array("i", [0])
    read_at(memoryview(array("i", [1, 2, 3]))[1:], I32, 4, out)
    assert out[0] == 3


@pytest.mark.parametrize("offset", [8, -4, 1 << 24, -(1 << 26), 2])
def test_a_pointer_that_left_its_buffer_raises(offset):
    """Behind, in front, where other buffers could be, nowhere, between two words."""
    with pytest.raises(IndexError):
        read_at(array("i", [1, 2]), array("i", [1, 2])[:0], offset, array("i", [0]))


def test_casts_see_the_same_memory():
    assert aliases(array("i", [0x01020304]), 1) == 0x0102 + 0x03


def unary_minus(x: int) -> int:
    return -x


def invert(x: int) -> int:
    return ~x


def compound_store(p: ptr32):  # noqa: F821
    p[0] += 1


def big_literal(x: int) -> int:
    return x & 0x7FFFFFFF


def two_types(p: ptr32):  # noqa: F821
    q = ptr16(p)  # noqa: F821
    q = ptr32(p)  # noqa: F821, F841


def cast_of_a_number(x: int) -> int:
    return ptr16(x)[0]  # noqa: F821


REFUSED = [unary_minus, invert, compound_store, big_literal, two_types, cast_of_a_number]


@pytest.mark.parametrize("function", REFUSED)
def test_miscompiled_constructs_are_refused(function):
    with pytest.raises(SyntaxError, match=function.__name__):
        micropython.viper(function)


def test_x64_build_signs_its_loads_and_nothing_else():
    source = (
        "@micropython.viper\n"
        "def f(p: ptr32, q: ptr16, i: int):\n"
        "    r = ptr32(q)\n"
        "    r = ptr32(i + int(r))\n"
        "    p[i] = p[p[i] + 1] + q[i] + r[0]\n"
        "    ptr32(q)[0] = ptr32(q)[1] + ptr16(p)[2]\n"
        "def g(p):\n"
        "    return p[0]\n"
    )
    expected = source.replace(
        "p[p[i] + 1] + q[i] + r[0]", "((p[((p[i] << 32) >> 32) + 1] << 32) >> 32) + q[i] + ((r[0] << 32) >> 32)"
    ).replace("ptr32(q)[1]", "((ptr32(q)[1] << 32) >> 32)")
    assert sign_extended(source) == expected
