"""`wattless explain CODE`: what a code means, by name or number, in whatever case."""

from __future__ import annotations

from difflib import get_close_matches

from host_tools.firmware_path import codes


def find(word: str):
    """The codes.Code of a name or number. KeyError with near names for what is none."""
    wanted = word.strip().upper().replace(" ", "_")
    if wanted.isdigit() and int(wanted) in codes.BY_NUMBER:
        return codes.BY_NUMBER[int(wanted)]
    by_name = {plain(name): row for name, row in codes.BY_NAME.items()}
    by_event = {row.event.upper(): row for row in codes.CODES if row.event and row.event != "wiring"}
    row = by_name.get(plain(wanted)) or by_event.get(wanted)
    if row is None:
        near = get_close_matches(plain(wanted), by_name, n=3, cutoff=0.5)
        names = ", ".join(by_name[name].name for name in near) or ", ".join(sorted(codes.BY_NAME))
        raise KeyError(f"no code {word}: do you mean {names}?" if near else f"no code {word}: there are {names}")
    return row


def plain(name: str) -> str:
    return name.replace("-", "_")


def text(row) -> str:
    """The explanation in a few lines."""
    lines = [row.name if row.number is None else f"{row.name} (code {row.number})"]
    if row.sentence and "{" not in row.sentence:
        lines.append(f"  {row.sentence}")
    for title, words in (("cause", row.cause), ("check", row.check), ("fix", row.fix)):
        if words.startswith("as ") and words[3:] in codes.BY_NAME:
            words = getattr(codes.BY_NAME[words[3:]], title)
        lines.append(f"  {title + ':':7}{words}")
    return "\n".join(lines)
