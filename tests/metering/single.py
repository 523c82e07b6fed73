"""Metering as a board computes it, in single precision, under CPython: `load` compiles the firmware's modules anew,
every float constant, operation and call rounded to the nearest float32.

The rounding of a double result is that of the operation in singles for + - * / and sqrt (53 bits are more than twice 24
and two); of atan2 and the like it is good to a unit in the last place. Integers become singles where they meet a float,
as MicroPython converts them, and parts of complex numbers are rounded like reals.
"""

import ast
import builtins
import operator
import types
from pathlib import Path

import numpy as np

from host_tools.toolchain.paths import ROOT

OPERATORS = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv", ast.Mod: "mod",
    ast.Pow: "pow", ast.LShift: "lshift", ast.RShift: "rshift", ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor",
}  # fmt: skip


def rounded(x):
    """x, or the nearest single."""
    if type(x) is float:
        with np.errstate(over="ignore"):
            return float(np.float32(x))
    if type(x) is complex:
        return complex(rounded(x.real), rounded(x.imag))
    if type(x) is tuple:
        return tuple(map(rounded, x))
    return x


def binary(name, a, b):
    """a op b, rounded."""
    op = getattr(operator, name)
    if isinstance(a, float | complex) or isinstance(b, float | complex):
        a, b = (rounded(float(x)) if type(x) is int else x for x in (a, b))
        if isinstance(a, complex) and isinstance(b, complex) and name == "mul":
            products = [rounded(x) for x in (a.real * b.real, a.imag * b.imag, a.real * b.imag, a.imag * b.real)]
            return complex(rounded(products[0] - products[1]), rounded(products[2] + products[3]))
    return rounded(op(a, b))


def total(values, start=0):
    for value in values:
        start = binary("add", start, value)
    return start


class _Single(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.Constant(rounded(node.value)) if isinstance(node.value, float) else node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        name = ast.Constant(OPERATORS[type(node.op)])
        return ast.Call(ast.Name("__binary__", ast.Load()), [name, node.left, node.right], [])

    def visit_AugAssign(self, node):
        target = ast.parse(ast.unparse(node.target), mode="eval").body
        value = self.visit(ast.BinOp(target, node.op, node.value))
        return ast.Assign([self.visit(node.target)], value)

    def visit_Call(self, node):
        self.generic_visit(node)
        return ast.Call(ast.Name("__rounded__", ast.Load()), [node], [])

    def visit_FunctionDef(self, node):
        if node.decorator_list and "viper" in ast.unparse(node.decorator_list[0]):
            return node  # integers
        self.generic_visit(node)
        return node


def load(*names):
    """The modules wattless.metering.<names>, in this order, with each other instead of the originals."""
    done = {}
    for name in names:
        full = f"wattless.metering.{name}"
        path = Path(ROOT, "firmware", *full.split(".")).with_suffix(".py")
        tree = ast.fix_missing_locations(_Single().visit(ast.parse(path.read_text())))
        module = types.ModuleType(full)
        module.__dict__.update(__binary__=binary, __rounded__=rounded, sum=total)

        def importing(wanted, globals_=None, locals_=None, fromlist=(), level=0):
            found = builtins.__import__(wanted, globals_, locals_, fromlist, level)
            if wanted == "wattless.metering":
                return types.SimpleNamespace(**{n: done.get(n) or getattr(found, n) for n in fromlist})
            short = wanted.removeprefix("wattless.metering.")
            return done[short] if wanted != short and short in done else found

        module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
        exec(compile(tree, str(path), "exec"), module.__dict__)
        for key, value in vars(module).items():
            if type(value) is float:
                setattr(module, key, rounded(value))
        done[name] = module
    return done
