"""Text for a terminal, where a Chinese character is as wide as two letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# What a line may not begin with.
_CLOSING = "，。、；：！？）》”…"


def width(text: str) -> int:
    """The columns that the text takes."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def wrap(text: str, columns: int) -> str:
    """Each line of the text in as many lines as it needs; Chinese breaks between any two signs."""
    return "\n".join(_wrap_line(line, columns) for line in text.splitlines())


def _wrap_line(line: str, columns: int) -> str:
    # Pieces that stay whole: one wide sign, or a run of narrow ones; with what closes them.
    wide = rf"[\u2e80-\u9fff\uff00-\uffef“《（][{_CLOSING}]*"
    pieces = re.findall(rf"\s+|{wide}|[^\s\u2e80-\u9fff\uff00-\uffef“《（]+[{_CLOSING}]*", line)
    lines = [""]
    for piece in pieces:
        if width(lines[-1] + piece.rstrip()) > columns and lines[-1]:
            lines.append("")
        lines[-1] += piece if lines[-1] or not piece.isspace() else ""
    return "\n".join(part.rstrip() for part in lines)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Rows under their titles; columns of numbers stand to the right."""
    drawn = []
    for title, *cells in zip(columns, *rows, strict=True):
        wide = max(map(width, [title, *cells]))
        to_the_right = all(re.match(r"[-+]?[\d.]|$", cell) for cell in cells)
        drawn.append([_pad(cell, wide, to_the_right) for cell in (title, "-" * wide, *cells)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*drawn, strict=True))


def _pad(cell: str, wide: int, to_the_right: bool) -> str:
    space = " " * (wide - width(cell))
    return space + cell if to_the_right else cell + space
