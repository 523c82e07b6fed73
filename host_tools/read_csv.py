"""CSV recordings: a header of channel names (and t, seconds), then a row of numbers per sample.

Comma, semicolon or tab between them, a decimal point inside; blank lines are passed over.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from host_tools.recording import InputError, Segment, check_finite, check_rate, choose_columns, decode
from host_tools.time_base import rate_of


def read(path: Path, fs: float | None, mapping: Mapping[str, str]) -> tuple[list[Segment], list[str]]:
    text = _text(path)
    header = next(iter(text.splitlines()), "")
    if not header.strip():
        raise InputError("the file is empty: expected a header of column names and a row of numbers per sample")
    delimiter = max(",;\t", key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    if all(_is_number(name) for name in names):
        raise InputError("line 1 has numbers: the first line must name the columns (t, v1, i1, ...)")
    chosen = choose_columns(names, mapping)
    if fs is None and "t" not in chosen:
        raise InputError("no time: the file has no column t, so give the sampling rate with --fs HZ")
    if fs is not None:
        chosen.pop("t", None)

    rows = _numbers(text, delimiter, len(names), [names.index(source) for source in chosen.values()])
    data = dict(zip(chosen, rows, strict=True))

    def line(row: int) -> str:
        return f"line {next(number for n, (number, _) in enumerate(_rows(text, delimiter)) if n == row)}"

    check_finite(data, line)
    if "t" in data:
        fs = check_rate(rate_of(data.pop("t"), line), "column t:")
    return [Segment(0.0, fs, data)], []


def _text(path: Path) -> str:
    raw = path.read_bytes()
    if b"\0" in raw[:4096]:
        raise InputError("is not text: a CSV file is expected under this name")
    return decode(raw)


def _numbers(text: str, delimiter: str, width: int, columns: list[int]) -> np.ndarray:
    """The columns as arrays (columns, samples): numpy's reader for speed; if it objects, row by row to say where."""
    body = text.split("\n", 1)
    if len(body) < 2 or not body[1].strip():
        raise InputError("no samples: there is a header and nothing below it")
    try:
        rows = _whole_rows(body[1], delimiter, width)
        return np.loadtxt(rows, delimiter=delimiter, usecols=columns, comments=None, quotechar='"', ndmin=2).T
    except ValueError:
        _explain(text, delimiter, width, columns)
        raise


def _whole_rows(body: str, delimiter: str, width: int) -> Iterator[str]:
    for row in body.splitlines():
        if row.strip():
            if row.count(delimiter) != width - 1:
                raise ValueError(f"not {width} values")
            yield row


def _explain(text: str, delimiter: str, width: int, columns: list[int]) -> None:
    """InputError for the first row that cannot be read."""
    for number, row in _rows(text, delimiter):
        if len(row) != width:
            raise InputError(
                f"line {number} has {len(row)} values: expected are {width}, one for each column of the header"
            )
        for column in columns:
            if not _is_number(row[column]):
                raise InputError(
                    f"line {number}: {row[column].strip()!r} is not a number (decimal point, no unit, no empty cell)"
                )


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header with their line numbers in the file, empty lines left out."""
    for number, line in enumerate(text.splitlines()[1:], start=2):
        if line.strip():
            yield number, next(csv.reader([line], delimiter=delimiter))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
