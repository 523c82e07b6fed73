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


def unary_minus(x: int) -> int:
    return -x


def invert(x: int) -> int:
    return ~x


def compound_store(p: ptr32):  # noqa: F821
    p[0] += 1


def big_literal(x: int) -> int:
    return x & 0x7FFFFFFF


@pytest.mark.parametrize("function", [unary_minus, invert, compound_store, big_literal])
def test_miscompiled_constructs_are_refused(function):
    with pytest.raises(SyntaxError, match=function.__name__):
        micropython.viper(function)


def test_x64_build_signs_its_loads_and_nothing_else():
    source = (
        "@micropython.viper\n"
        "def f(p: ptr32, q: ptr16, i: int):\n"
        "    r = ptr32(q)\n"
        "    p[i] = p[p[i] + 1] + q[i] + r[0]\n"
        "def g(p):\n"
        "    return p[0]\n"
    )
    expected = source.replace(
        "p[p[i] + 1] + q[i] + r[0]", "((p[((p[i] << 32) >> 32) + 1] << 32) >> 32) + q[i] + ((r[0] << 32) >> 32)"
    )
    assert sign_extended(source) == expected
