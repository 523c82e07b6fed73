"""A calibration record as one HTML page for print: no script, nothing from the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

STYLE = """
body { font: 10pt/1.35 sans-serif; max-width: 46em; margin: 2em auto; color: #111; }
h1 { font-size: 1.5em; } h2 { font-size: 1.1em; margin-top: 1.6em; }
table { border-collapse: collapse; width: 100%; } th, td { border-bottom: 1px solid #bbb; padding: .2em .5em; }
th { text-align: left; font-weight: 600; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
.bad { font-weight: 700; } .verdict { border: 2px solid #111; padding: .5em .8em; margin: 1em 0; }
footer { margin-top: 2em; font-size: .85em; color: #444; word-break: break-all; }
@media print { body { margin: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def page(record: Mapping, signature: str) -> str:
    """signature: what became of verifying it, in words."""
    meter, reference = record["meter"], record["reference"]
    u = reference["uncertainty"]
    facts = [
        ("Meter", _join(meter.get("board"), meter.get("serial") and f"serial {meter['serial']}", meter.get("where"))),
        ("Firmware", meter.get("firmware")),
        ("Range", _range(meter)),
        ("Time (UTC)", record["time"]),
        ("Operator", record.get("operator")),
        ("Reference", _join(reference["name"], reference.get("serial"), reference.get("how"))),
        ("Certificate", reference["certificate"]),
        (
            "Uncertainty (k = 2)",
            f"V {u['v_percent']:g} %, I {u['i_percent']:g} %, angle {u['phase_degrees']:g} degrees",
        ),
        ("Nominal", f"{record['nominal']['v']:g} V, {record['nominal']['i']:g} A, {record['nominal']['f']:g} Hz"),
        ("Class", f"{record['class']} (IEC 62053-22)"),
    ]
    parts = [
        "<!doctype html>\n<html lang=en><meta charset=utf-8>",
        f"<title>Calibration {escape(record['time'])}</title><style>{STYLE}</style>",
        "<h1>Calibration record</h1>",
        _table((), [(f"<th>{escape(name)}", f"<td>{_text(value)}") for name, value in facts]),
        f"<p class=verdict><b>{'Pass' if record['passes'] else 'Fail'}:</b> {escape(record['verdict'])}</p>",
    ]
    for name, title in (("as_found", "As found"), ("as_left", "As left")):
        parts += [f"<h2>{title}</h2>", _rows(record[name]["rows"])]
    not_applied = record.get("not_applied") or ["none"]
    parts += ["<h2>Not applied</h2>", f"<p>{escape('; '.join(not_applied))}</p>"]
    parts += ["<h2>Calibration</h2>", _calibration(record["before"], record["after"])]
    signed = record.get("signature") or {}
    parts.append(
        f"<footer>Signature: {escape(signature)}. {escape(str(signed.get('algorithm')))}, key "
        f"{escape(str(signed.get('key')))}, {escape(str(signed.get('value')))}</footer></html>\n"
    )
    return "\n".join(parts)


def _rows(rows: Iterable[Mapping]) -> str:
    lines = []
    for row in rows:
        judged = row["limit"] is not None
        mark = "" if not judged else "ok" if row["passes"] else "<span class=bad>outside</span>"
        numbers = [f"{row[name]:+.4f}" for name in ("p", "v", "i", "phi")]
        numbers.insert(1, f"{row['limit']:g}" if judged else "none")
        cells = [f"<td>{escape(row['point'])}", f"<td>L{row['phase']}", *(f"<td class=n>{n}" for n in numbers)]
        lines.append((*cells, f"<td>{mark}"))
    return _table(("point", "phase", "P %", "limit %", "V %", "I %", "phi, degrees", ""), lines)


def _calibration(before: Mapping, after: Mapping) -> str:
    lines = []
    for name, new in after.items():
        old = before.get(name)
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            cells = [f"<td class=n>{line[key]:{form}}" for key, form in _COLUMNS for line in (old, new)]
            lines.append((f"<td>{escape(name)}", *cells))
    return _table(("channel", *(f"{key}, {when}" for key, _ in _COLUMNS for when in ("before", "after"))), lines)


_COLUMNS = (("gain", ".6f"), ("offset", "d"), ("phase", "d"))


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """Cells come with their opening tag."""
    first = "".join(f"<th>{escape(name)}" for name in head)
    rows = [f"<tr>{first}"] if first else []
    return "<table>" + "\n".join([*rows, *("<tr>" + "".join(line) for line in lines)]) + "</table>"


def _range(meter: Mapping) -> str | None:
    gains = meter.get("gain_v"), meter.get("gain_i")
    scales = f"full scale {meter.get('full_scale_v'):g} V, {meter.get('full_scale_i'):g} A (peak)"
    return scales if None in gains else f"gain V {gains[0]}, I {gains[1]}; {scales}"


def _join(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part)


def _text(value: object) -> str:
    return escape(str(value)) if value else "not stated"
