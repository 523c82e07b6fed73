"""host_tools/live_table.py: what the terminal shows of a window, and what the picture of it contains."""

import io
import xml.etree.ElementTree as ElementTree

from rich.console import Console

from host_tools import live_table

WINDOW = {
    "window": 12, "t": 2.4, "flags": [], "f": 59.99987,
    "v_l1": 120.23456, "v_l2": 120.1, "v_l3": 119.9, "i_l1": 30.0512, "i_l2": 0.01234, "i_l3": None, "i_n": 1.2,
    "p_l1": 3594.123, "p_l2": -12.5, "p_l3": None,
    "p": 123456.7, "q1_l1": -233.2, "q1_l2": 4.5, "q1_l3": None, "q1": -4444.0,
    "pf_l1": 0.99871, "pf_l2": -0.9, "pf_l3": None, "pf": 0.88, "thd_v_l1": 2.2, "thd_i_l1": 7.777,
}  # fmt: skip


def text(values, note=""):
    console = Console(width=80, file=io.StringIO())
    console.print(live_table.table(values, "title", note))
    return console.file.getvalue()


def row(values, name):
    return next(line for line in text(values).splitlines() if line.split()[:1] == [name]).split()[1:]


def test_rows():
    assert row(WINDOW, "L1") == ["120.23", "30.051", "+3594.1", "−233.20", "0.999", "2.20", "7.78", "QIV"]
    assert row(WINDOW, "L2") == ["120.10", "0.0123", "−12.500", "+4.5000", "−0.900", "–", "–", "QII"]
    assert row(WINDOW, "L3") == ["119.90", "–", "–", "–", "–", "–", "–"]
    assert row(WINDOW, "N") == ["1.2000"]
    assert row(WINDOW, "total") == ["+123457", "−4444.0", "0.880", "QIV"]


def test_caption():
    assert "60.000 Hz   window 12   flags: none" in text(WINDOW)
    assert "flags: gap clip" in text({**WINDOW, "flags": ["gap", "clip"]})
    assert "waiting for the first window" in text({}) and "a note" in text({}, "a note")


def test_fits_80_columns():
    assert max(len(line) for line in text(WINDOW).splitlines()) <= 80
    assert "…" not in text(WINDOW)


def test_numbers():
    numbers = {0.0: "0.0000", 1e-9: "0.0000", -1e-9: "0.0000", 0.99999: "1.0000", 1e6: "1000000"}
    assert {value: live_table.number(value) for value in numbers} == numbers
    assert live_table.number(5.0, signed=True) == "+5.0000" and live_table.number(-5.0) == "−5.0000"
    assert live_table.number(None) == live_table.number(float("nan")) == live_table.fixed(float("inf"), 2) == "–"


def test_quadrants():
    signs = {(1, 1): "QI", (-1, 1): "QII", (-1, -1): "QIII", (1, -1): "QIV", (0, 0): "", (None, 1): "", (1, None): ""}
    assert {pq: live_table.quadrant(*pq) for pq in signs} == signs


def test_svg_needs_no_network(tmp_path):
    path = tmp_path / "table.svg"
    live_table.svg(WINDOW, str(path), "a site")
    assert "font-face" not in path.read_text()
    words = "".join(ElementTree.parse(path).getroot().itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert "a site" in words and "+3594.1" in words
