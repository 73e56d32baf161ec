"""The program of each lesson: plain PyTorch, as the course writes it, and the same with our ops.

One file holds both. A line that differs ends in ``# inkgrad:`` and the line that replaces it, or
``-`` where the line is left out; a comment of its own is a line that only the second program has.
``# %%`` begins a cell, which editors run on its own, and which is a cell of the lesson's notebook.
Comments are translated by ``LANGUAGE.json``: {English comment: comment}.
"""

from __future__ import annotations

import io
import json
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent
_MARK = re.compile(r"(?P<native>.*?)(?:^|  |(?<= ))# inkgrad: (?P<fused>.*)")
_CELL = "# %% "


class Cell(NamedTuple):
    title: str
    code: str


def program(name: str, language: str = "en", *, fused: bool = False) -> str:
    """Return the program of the lesson called ``name``, with its comments in ``language``.

    ``fused``: with inkgrad's ops where they differ from torch's.
    """
    lines = (_line(line, fused) for line in _source(name).splitlines())
    code = "\n".join(line for line in lines if line is not None) + "\n"
    return in_language(code, language)


def changed_lines(name: str, *, fused: bool = False) -> list[int]:
    """Return the numbers, from 1, of the program's lines that the other program does not have."""
    numbers, number = [], 0
    for line in _source(name).splitlines():
        if _line(line, fused) is not None:
            number += 1
            if _MARK.fullmatch(line):
                numbers.append(number)
    return numbers


def cells(code: str) -> list[Cell]:
    """Split a program; what is before the first title is a cell without one."""
    first, *others = re.split(rf"^{_CELL}", code, flags=re.MULTILINE)
    parts = [("", first), *(other.partition("\n")[::2] for other in others)]
    return [Cell(title, code.strip("\n")) for title, code in parts]


def comments_of(code: str) -> list[str]:
    """The comments of a program, titles of cells included, and the first line of its docstring."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    found = [token.string for token in tokens if token.type == tokenize.COMMENT]
    docstring = re.findall(r'\A"""(.*)"""', code)
    return docstring + [text.removeprefix(_CELL).lstrip("# ") for text in found]


def in_language(code: str, language: str) -> str:
    """The code with its comments translated; those without a translation stay."""
    comments = _comments(language)
    for text in comments_of(code):
        if text in comments:
            place = rf'(^"""|# %% |# ){re.escape(text)}(?="""$|$)'
            code = re.sub(place, rf"\g<1>{comments[text]}", code, flags=re.MULTILINE)
    return code


@cache
def _source(name: str) -> str:
    return (_HERE / f"{name}.py").read_text(encoding="utf-8")


@cache
def _comments(language: str) -> dict[str, str]:
    path = _HERE / f"{language}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _line(line: str, fused: bool) -> str | None:
    """The line as it stands in one of the two programs; None if it is not there."""
    marked = _MARK.fullmatch(line)
    if marked is None:
        return line
    native, ours = marked["native"].rstrip(), marked["fused"]
    if not fused:
        return native or None
    return None if ours == "-" else native[: len(native) - len(native.lstrip())] + ours
