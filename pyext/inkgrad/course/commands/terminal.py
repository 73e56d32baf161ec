"""Formatting for a terminal, where a Chinese character is as wide as two letters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Characters that a line may not begin with.
_CLOSING = "，。、；：！？）》”…"


def width(text: str) -> int:
    """The number of columns that the text takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def wrap(text: str, columns: int) -> str:
    """Wrap each line of the text; Chinese may break between any two characters."""
    return "\n".join(_wrap_line(line, columns) for line in text.splitlines())


def _wrap_line(line: str, columns: int) -> str:
    # Unbreakable pieces: code in backticks, a wide character, or a run of narrow ones, with closing
    # punctuation.
    wide = rf"[\u2e80-\u9fff\uff00-\uffef“《（][{_CLOSING}]*"
    narrow = rf"(?:`[^`]*`|[^\s\u2e80-\u9fff\uff00-\uffef“《（])+[{_CLOSING}]*"
    pieces = re.findall(rf"\s+|{wide}|{narrow}", line)
    lines = [""]
    for piece in pieces:
        if width(lines[-1] + piece.rstrip()) > columns and lines[-1]:
            lines.append("")
        lines[-1] += piece if lines[-1] or not piece.isspace() else ""
    return "\n".join(part.rstrip() for part in lines)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with titles; columns of numbers are right-aligned."""
    drawn = []
    for title, *cells in zip(columns, *rows, strict=True):
        wide = max(map(width, [title, *cells]))
        align_right = all(re.match(r"[-+]?[\d.]|$", cell) for cell in cells)
        drawn.append([_pad(cell, wide, align_right) for cell in (title, "-" * wide, *cells)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*drawn, strict=True))


def _pad(cell: str, wide: int, align_right: bool) -> str:
    space = " " * (wide - width(cell))
    return space + cell if align_right else cell + space
