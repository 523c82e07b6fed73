"""The `micropython` module for CPython: runs viper functions with the integers that they have on a Cortex-M4.

`viper` rewrites the function's syntax tree: `ptr8/16/32` become views of the buffer (8- and 16-bit loads unsigned,
stores truncated, as viper does), and every `+ - * <<` is checked to stay within 32 bits, every variable index to be
inside the buffer. A violation raises OverflowError or IndexError with the line. What viper would miscompile on some
release or accept only on some interpreter is refused when the function is defined: unary minus and `~`, `p[i] += v`,
literals beyond +-2**30.

WATTLESS_CHECKED=0 in the environment leaves the arithmetic checks out (about twice as fast, same results).
"""

import ast
import builtins
import inspect
import os
import textwrap

CHECKED = os.environ.get("WATTLESS_CHECKED", "1") != "0"
_POINTERS = {"ptr8": "B", "ptr16": "H", "ptr32": "i"}
_MASKS = {"ptr8": 0xFF, "ptr16": 0xFFFF}
_LOW, _HIGH = -(1 << 31), (1 << 31) - 1
_LITERAL_LIMIT = 1 << 30
_CHECKED_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.LShift)


def const(value):
    return value


def native(function):
    return function


def heap_lock():
    """CPython has no lock on its heap: nothing to do."""


def heap_unlock():
    pass


def _overflow(value):
    raise OverflowError(f"{value} leaves 32 bits ({_LOW} to {_HIGH}): on the board it would wrap")


def _outside(index):
    raise IndexError(f"index {index} is negative: viper would read in front of the buffer")


def _view(code):
    return lambda buffer: memoryview(buffer).cast("B").cast(code)


def _argument(value):
    value = int(value)
    return value if _LOW <= value <= _HIGH else _overflow(value)


_RUNTIME = {"_overflow": _overflow, "_outside": _outside, "_argument": _argument}
for _name, _code in _POINTERS.items():
    setattr(builtins, _name, _view(_code))  # everywhere, because annotations such as `p: ptr16` are evaluated


class _Viper(ast.NodeTransformer):
    def __init__(self, function):
        self.function = function
        self.pointers = {}

    def refuse(self, node, what):
        name = f"{self.function.__module__}.{self.function.__name__}"
        raise SyntaxError(f"{name}, line {node.lineno} of the function: {what}")

    def visit_FunctionDef(self, node):
        node.decorator_list = []
        node.returns = None
        entry = []
        for argument in node.args.args:
            kind = argument.annotation.id if isinstance(argument.annotation, ast.Name) else None
            argument.annotation = None
            if kind in _POINTERS:
                self.pointers[argument.arg] = kind
                entry.append(f"{argument.arg} = {kind}({argument.arg})")
            elif kind == "int":
                entry.append(f"{argument.arg} = _argument({argument.arg})")
        for statement in ast.walk(node):
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                called = statement.value.func
                if isinstance(called, ast.Name) and called.id in _POINTERS:
                    self.pointers[statement.targets[0].id] = called.id
        self.generic_visit(node)
        node.body = ast.parse("\n".join(entry)).body + node.body
        return node

    def visit_UnaryOp(self, node):
        minus = isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant)
        if minus or isinstance(node.op, ast.Invert):
            self.refuse(node, "unary minus and ~ are miscompiled by releases before 1.29: write 0 - x, x ^ -1")
        return self.generic_visit(node)

    def visit_Constant(self, node):
        if isinstance(node.value, int) and abs(node.value) > _LITERAL_LIMIT:
            self.refuse(node, f"literal {node.value} is beyond +-2**30, an object in viper")
        return node

    def visit_AugAssign(self, node):
        if not isinstance(node.target, ast.Name):
            self.refuse(node, "write p[i] = p[i] + v: compound stores are slow and fragile in viper")
        load = ast.copy_location(ast.Name(node.target.id, ast.Load()), node)
        value = ast.copy_location(ast.BinOp(load, node.op, node.value), node)
        return ast.copy_location(ast.Assign([node.target], self.visit(value)), node)

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not (CHECKED and isinstance(node.op, _CHECKED_OPERATORS)):
            return node
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return node
        template = ast.parse(f"(_t if {_LOW} <= (_t := 0) <= {_HIGH} else _overflow(_t))", mode="eval").body
        template.test.comparators[0].value = node
        return ast.copy_location(template, node)

    def visit_Subscript(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self.pointers and CHECKED:
            if not isinstance(node.slice, ast.Constant):
                template = ast.parse("(_i if (_i := 0) >= 0 else _outside(_i))", mode="eval").body
                template.test.left.value = node.slice
                node.slice = template
        return node

    def visit_Assign(self, node):
        self.generic_visit(node)
        target = node.targets[0]
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            mask = _MASKS.get(self.pointers.get(target.value.id))
            if mask:
                node.value = ast.BinOp(node.value, ast.BitAnd(), ast.Constant(mask))
        return node


def viper(function):
    """Decorator: the function as viper would run it, on checked 32-bit integers."""
    lines, first = inspect.getsourcelines(function)
    tree = ast.parse(textwrap.dedent("".join(lines)))
    tree = ast.fix_missing_locations(_Viper(function).visit(tree))
    ast.increment_lineno(tree, first - 1)
    scope = dict(_RUNTIME)
    names = function.__globals__
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    scope.update({name: names[name] for name in used if name in names})
    exec(compile(tree, function.__code__.co_filename, "exec"), scope)
    result = scope[function.__name__]
    result.__doc__ = function.__doc__
    result.__module__ = function.__module__
    return result
