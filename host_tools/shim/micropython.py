"""The `micropython` module for CPython: runs viper functions with the integers that they have on a Cortex-M4.

`viper` rewrites the function's syntax tree: `ptr8/16/32` become views of the buffer (8- and 16-bit loads unsigned,
stores truncated, as viper does), and every `+ - * <<` is checked to stay within 32 bits, every variable index to be
inside the buffer. A violation raises OverflowError or IndexError with the line. What viper would miscompile on some
release or accept only on some interpreter is refused when the function is defined: unary minus and `~`, `p[i] += v`,
literals beyond +-2**30.

Pointers may walk: `p = ptr32(int(p) + 8)`, `t = ptr16(address)`, `ptr16(p)[0]`. Buffers get addresses of their own for
it, far apart, and a pointer is a view from its place to the end of its buffer: an access behind that or in front of
the buffer raises IndexError, whichever way the pointer came there.

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


class _Memory:
    """The buffers of one call, 16 MB of addresses apart, for pointers that are made from numbers."""

    _SHIFT, _MOST = 24, 127

    def __init__(self):
        self.buffers = []

    def place(self, buffer):
        """The address of a buffer's first byte."""
        whole = memoryview(buffer).cast("B")
        views = {code: whole[: len(whole) // size * size].cast(code) for code, size in _SIZES.items()}
        self.buffers.append(views)
        if len(self.buffers) >= self._MOST:
            raise OverflowError("a viper function with so many buffers: where does that end?")
        return len(self.buffers) << self._SHIFT

    def at(self, address, code):
        """What a pointer to `address` sees: a view that begins there. Empty outside of all buffers."""
        number, offset = divmod(address, 1 << self._SHIFT)
        if not 0 < number <= len(self.buffers):
            return _NOTHING
        size = _SIZES[code]
        if offset % size:
            raise IndexError(f"pointer to {size} bytes at offset {offset}: it must be a multiple of {size}")
        return self.buffers[number - 1][code][offset // size :]


_SIZES = {"B": 1, "H": 2, "i": 4}
_NOTHING = memoryview(b"")
_RUNTIME = {"_Memory": _Memory, "_overflow": _overflow, "_outside": _outside, "_argument": _argument}
for _name, _code in _POINTERS.items():
    setattr(builtins, _name, _view(_code))  # everywhere, because annotations such as `p: ptr16` are evaluated


class _Viper(ast.NodeTransformer):
    def __init__(self, function):
        self.function = function
        self.pointers = {}  # name -> kind
        self.casts = {}  # name -> kinds other than its own that it is read or written as: ptr16(p)[0]
        self.walks = False  # whether pointers are made from numbers: then p__at is the address of p

    def refuse(self, node, what):
        name = f"{self.function.__module__}.{self.function.__name__}"
        raise SyntaxError(f"{name}, line {node.lineno} of the function: {what}")

    def visit_FunctionDef(self, node):
        node.decorator_list = []
        node.returns = None
        arguments = {a.arg: a.annotation.id for a in node.args.args if isinstance(a.annotation, ast.Name)}
        self.find_pointers(node, {name: kind for name, kind in arguments.items() if kind in _POINTERS})
        entry = ["_memory = _Memory()"] if self.walks else []
        for argument in node.args.args:
            argument.annotation = None
        for name, kind in arguments.items():
            if kind in _POINTERS:
                entry += [f"{name}__at = _memory.place({name})"] if self.walks else []
                entry += self.views(name, name)
            elif kind == "int":
                entry.append(f"{name} = _argument({name})")
        self.generic_visit(node)
        node.body = ast.parse("\n".join(entry)).body + node.body
        return node

    def find_pointers(self, function, arguments):
        self.pointers = dict(arguments)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and _called(node.value) in _POINTERS:
                name, kind = node.targets[0].id, _called(node.value)
                if self.pointers.setdefault(name, kind) != kind:
                    self.refuse(node, f"{name} is a {self.pointers[name]} already: a local of viper keeps its type")
                self.walks |= not isinstance(node.value.args[0], ast.Name)
        for node in ast.walk(function):
            if _called(node) == "int" and self.is_pointer(node.args[0]):
                self.walks = True
            if isinstance(node, ast.Subscript) and _called(node.value) in _POINTERS:
                if not self.is_pointer(node.value.args[0]):
                    self.refuse(node, f"{ast.unparse(node.value)}: only pointers are cast in an expression")
                self.casts.setdefault(node.value.args[0].id, set()).add(_called(node.value))

    def is_pointer(self, node):
        return isinstance(node, ast.Name) and node.id in self.pointers

    def views(self, name, source):
        """Statements that make `name`, and what it is cast to, of the pointer or buffer `source`."""
        kinds = {name: self.pointers[name]}
        for cast in self.casts.get(name, ()):
            kinds[f"{name}__{cast}"] = self.pointers[f"{name}__{cast}"] = cast
        if self.walks:
            return [f"{view} = _memory.at({name}__at, {_POINTERS[kind]!r})" for view, kind in kinds.items()]
        return [f"{view} = {kind}({source})" for view, kind in reversed(kinds.items())]

    def visit_Call(self, node):
        if self.walks and _called(node) == "int" and self.is_pointer(node.args[0]):
            return ast.copy_location(ast.Name(f"{node.args[0].id}__at", ast.Load()), node)
        return self.generic_visit(node)

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
        if _called(node.value) in _POINTERS:
            node.value = ast.Name(f"{node.value.args[0].id}__{_called(node.value)}", ast.Load())
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in self.pointers and CHECKED:
            if not isinstance(node.slice, ast.Constant):
                template = ast.parse("(_i if (_i := 0) >= 0 else _outside(_i))", mode="eval").body
                template.test.left.value = node.slice
                node.slice = template
        return node

    def visit_Assign(self, node):
        target = node.targets[0]
        if _called(node.value) in _POINTERS:
            return self.assign_pointer(node, target.id, node.value.args[0])
        self.generic_visit(node)
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            mask = _MASKS.get(self.pointers.get(target.value.id))
            if mask:
                node.value = ast.BinOp(node.value, ast.BitAnd(), ast.Constant(mask))
        return node

    def assign_pointer(self, node, name, source):
        """name = ptr32(source)"""
        made = []
        if self.walks:
            if self.is_pointer(source):
                source = ast.Name(f"{source.id}__at", ast.Load())
            made.append(ast.Assign([ast.Name(f"{name}__at", ast.Store())], self.visit(source)))
        made += ast.parse("\n".join(self.views(name, ast.unparse(source)))).body
        for statement in made:
            for part in ast.walk(statement):
                ast.copy_location(part, node)
        return made


def _called(node):
    """The name of the function that an expression calls with one argument, or None."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return node.func.id
    return None


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
