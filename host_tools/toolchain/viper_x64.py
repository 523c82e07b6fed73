"""Makes viper's 32-bit loads signed on x86-64, where the emitter zero-extends them into 64-bit registers.

On the board a `ptr32` load fills the register: -1 is -1. MicroPython's x64 emitter makes 4294967295 of it, and `>>` and
comparisons go wrong. So the source that mpy-cross gets for x64 has every such load, `p[i]`, written as `((p[i] << 32)
>> 32)`. Nothing else changes, line numbers stay, and the board's build takes the source as it is (the ARM rung of the
tests runs that one). Pointers that walk, `p = ptr32(int(p) + 4)`, need nothing: their addresses fill the registers.
"""

import ast


def sign_extended(source: str) -> str:
    """`source` with the ptr32 loads of all viper functions sign-extended for 64-bit registers."""
    spans = []
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and _is_viper(function):
            spans += _loads(function)
    lines = source.split("\n")
    # innermost and last first, so that columns before stay valid; insertions at the end of a load before those at its
    # start
    edits = [(node.end_lineno, node.end_col_offset, 0, " << 32) >> 32)") for node in spans]
    edits += [(node.lineno, node.col_offset, 1, "((") for node in spans]
    for line, column, _, text in sorted(edits, key=lambda e: (e[0], e[1], -e[2]), reverse=True):
        encoded = lines[line - 1].encode()
        lines[line - 1] = (encoded[:column] + text.encode() + encoded[column:]).decode()
    return "\n".join(lines)


def _is_viper(function: ast.FunctionDef) -> bool:
    return any(ast.unparse(d) in ("micropython.viper", "viper") for d in function.decorator_list)


def _loads(function: ast.FunctionDef) -> list[ast.Subscript]:
    pointers = {a.arg for a in function.args.args if a.annotation and ast.unparse(a.annotation) == "ptr32"}
    for node in ast.walk(function):
        cast = isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if cast and ast.unparse(node.value.func) == "ptr32":
            pointers |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and (ast.unparse(node.value) in pointers or ast.unparse(node.value).startswith("ptr32("))
    ]
