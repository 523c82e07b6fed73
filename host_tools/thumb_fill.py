"""Fills DSP instructions into the inline assembler of the firmware's *_thumb.py files, which lacks them.

    python -m host_tools.thumb_fill firmware/wattless/dsp/fft_thumb.py

rewrites the file in place: inside @micropython.asm_thumb functions, a line `smulwb(r2, r1, r3)  # x cos` becomes

    data(2, 0xfb31, 0xf203)  # smulwb(r2, r1, r3): x cos

and the words of a line that has this form already are made again from its comment. So the comment is what one reads
and edits, the file compiles everywhere (with mpy-cross or on the board), and a test holds the two together. The
instructions, with their operands: host_tools/thumb_encode.py.
"""

import ast
import re
import sys
from pathlib import Path

from host_tools.thumb_encode import EncodeError, encode, mnemonics


def fill(source: str) -> str:
    """`source` with the words of all such instructions in its asm_thumb functions. EncodeError names the line."""
    known = set(mnemonics())
    lines = source.split("\n")
    for number in sorted(_assembler_lines(source)):
        line = re.fullmatch(r"(\s*)(?:data\(2[^)]*\)\s*#\s*)?(\w+)(\(.*)", lines[number - 1])
        if not line or line[2] not in known:
            continue
        call, rest = _call(line[2] + line[3])
        rest = re.sub(r"^\s*#\s*", ": ", rest)
        try:
            words = ", ".join(f"0x{word:04x}" for word in encode(call))
        except EncodeError as error:
            raise EncodeError(f"line {number}: {error}") from None
        lines[number - 1] = f"{line[1]}data(2, {words})  # {call}{rest}"
    return "\n".join(lines)


def _assembler_lines(source: str) -> set[int]:
    """Numbers of the lines that belong to functions with the decorator asm_thumb."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and any("asm_thumb" in ast.unparse(d) for d in node.decorator_list):
            found.update(range(node.body[0].lineno, node.end_lineno + 1))
    return found


def _call(text: str) -> tuple[str, str]:
    """`text` after the parenthesis that closes its first one, cut in two."""
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth and letter == ")":
            return text[: at + 1], text[at + 1 :]
    raise EncodeError(f"{text}: a parenthesis is missing")


def main() -> None:
    if not sys.argv[1:]:
        sys.exit("usage: python -m host_tools.thumb_fill FILE_thumb.py ...")
    for name in sys.argv[1:]:
        path = Path(name)
        try:
            path.write_text(fill(path.read_text()))
        except EncodeError as error:
            sys.exit(f"{name}, {error}")


if __name__ == "__main__":
    main()
