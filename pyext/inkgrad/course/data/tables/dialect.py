"""The layout of a table as text: its delimiter, titles, comment lines and decimal commas."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables.numbers import MISSING, Decimal, is_number, parse
from inkgrad.course.messages import message

_DELIMITERS = (",", ";", "\t", "|", " ", "，", "；")  # " " is any number of spaces and tabs
_SAMPLE_CHARACTERS = 2**18
_SAMPLE_LINES = 200
_MAX_TITLE_LINES = 20
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w"\n])"?[ \t]*(?=\n|$)', re.IGNORECASE)
_COMMENT_LINE = re.compile(r"^[ \t]*(#.*)$", re.MULTILINE)
_SPACES = re.compile(r'("(?:[^"]|"")*")|[ \t]+')

Row = tuple[int, list[str]]
"""The number of a row's last line, from 1, and its cells."""


@dataclass(frozen=True)
class Dialect:
    """The layout of a text.

    ``start`` is the offset of the first row of values and ``lines`` the number of lines before it;
    ``titles`` has one title for each of the ``width`` columns, "" where there is none.
    ``is_spaced``: the tabs that separate the cells were any number of spaces.
    """

    delimiter: str
    start: int
    lines: int
    width: int
    titles: tuple[str, ...]
    has_header: bool
    decimal: Decimal | None
    comments: int
    is_spaced: bool


def without_comments(text: str) -> tuple[str, list[str]]:
    """Empty the lines that start with "#", outside of quotes; also return them."""
    if "#" not in text:
        return text, []
    kept, comments, end, quotes = [], [], 0, 0
    for found in _COMMENT_LINE.finditer(text):
        quotes += text.count('"', end, found.start())
        kept.append(text[end : found.start()])
        if quotes % 2:
            kept.append(found[0])
            quotes += found[0].count('"')
        else:
            comments.append(found[1])
        end = found.end()
    return "".join(kept) + text[end:], comments


def detect(
    text: str, name: str, *, header: bool | None, least_width: int = 2
) -> tuple[str, Dialect]:
    """Find the layout of ``text``; return the text without its comments and ``sep=`` line, too.

    ``header``: whether the first row has titles; None: decided here. DataError if there is no
    table, or it has fewer than ``least_width`` columns.
    """
    given = _SEPARATOR_LINE.match(text)
    if given:
        text = text[given.end() :]
    text, comments = without_comments(text)
    if given:
        text = text if text.startswith("\n") else f"\n{text}"
    sample = _sample(text)
    if not sample.strip():
        raise DataError(message("problem.no_rows", file=name))
    delimiter = given[1] if given else _delimiter(sample, name)
    is_spaced = delimiter == " "
    if is_spaced:
        delimiter = "\t"
        text, sample = _with_tabs(text), _with_tabs(sample)
    found = list(rows(sample, delimiter, name, is_sample=True))[:_SAMPLE_LINES]
    if not found:
        raise DataError(message("problem.no_rows", file=name))
    widths = Counter(len(cells) for _, cells in found)
    width = max(widths, key=lambda each: (widths[each], each))
    if width < least_width:
        where = message("problem.row", file=name, row=found[0][0])
        raise DataError(message("problem.one_column", where=where))
    text, notes = without_notes(text, delimiter, width)
    first, *others = found[title_lines(found, width) :]
    titles = [" ".join(cell.split()) for cell in first[1]]
    is_header = looks_like_titles(titles, [row[1] for row in others]) if header is None else header
    if is_header:
        titles = _fitted(titles, [row[1] for row in others])
        lines = first[0]
    else:
        comment = comments[-1] if comments and header is None else ""
        titles = _titles_in(_with_tabs(comment) if is_spaced else comment, delimiter, width)
        lines = first[0] - 1 - "".join(first[1]).count("\n")
        others = [first, *others]
    return text, Dialect(
        delimiter=delimiter,
        start=_offset(text, lines),
        lines=lines,
        width=len(titles),
        titles=tuple(titles),
        has_header=any(titles),
        decimal=None if delimiter == "," else _decimal([row[1] for row in others]),
        comments=len(comments) + notes,
        is_spaced=is_spaced,
    )


def rows(text: str, delimiter: str, name: str, *, is_sample: bool = False) -> Iterator[Row]:
    """The rows of a text that are not blank. DataError for a quote that is not closed."""
    if delimiter == " ":
        text, delimiter = _with_tabs(text), "\t"
    lines = (f"{line}\n" for line in text.removesuffix("\n").split("\n"))
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=not is_sample)
    end = 0
    try:
        for cells in reader:
            end = reader.line_num
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield end, cells
    except csv.Error as error:
        where = message("problem.row", file=name, row=end + 1)
        raise DataError(message("problem.at", where=where, error=error)) from None


def looks_like_titles(cells: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Whether the first row has the titles of the columns.

    It has if more of its cells are texts above numbers than numbers, or if its numbers are titles;
    a table of texts only has titles if none of them comes again in its column.
    """
    texts_above_numbers, numbers, comes_again = 0, 0, False
    columns = []
    for column, cell in enumerate(cells):
        below = [row[column].strip() for row in others if column < len(row)]
        below = [each for each in below if each and each not in MISSING]
        columns.append(below)
        if is_number(cell):
            numbers += 1
        elif cell and below and sum(map(is_number, below)) > len(below) / 2:
            texts_above_numbers += cell not in MISSING and not cell.lower().startswith(
                ("nan", "na")
            )
        comes_again |= bool(cell) and cell in below
    if texts_above_numbers or numbers:
        return texts_above_numbers > numbers or _has_numbers_as_titles(cells, columns)
    return not comes_again


def _has_numbers_as_titles(cells: Sequence[str], columns: Sequence[Sequence[str]]) -> bool:
    """Whether numbers in the first row, such as 0, 1, 2 or years, are titles.

    They are if the row ends with a text above numbers only; or if they have equal steps, and the
    last cell is no value of its column, which repeats a few.
    """
    last, below = cells[-1], columns[-1]
    if not below or last in MISSING or last in below:
        return False
    if not is_number(last):
        if all(map(is_number, below)):
            return True
        cells = cells[:-1]
    cells = cells[1:] if cells and not cells[0] else cells  # above the numbers of the rows
    if len(cells) < 3 or not all(re.fullmatch("[0-9]{1,6}", cell) for cell in cells):
        return False
    steps = {int(after) - int(before) for before, after in itertools.pairwise(cells)}
    return len(steps) == 1 and steps != {0} and 2 * len(set(below)) <= len(below)


def _sample(text: str) -> str:
    if len(text) <= _SAMPLE_CHARACTERS:
        return text
    end = text.rfind("\n", 0, _SAMPLE_CHARACTERS)
    return text[: end if end > 0 else text.find("\n", _SAMPLE_CHARACTERS) % (len(text) + 1)]


def _with_tabs(text: str) -> str:
    """The text with a tab for any number of spaces and tabs between cells, outside of quotes."""
    if '"' not in text:
        text = re.sub(r"^[ \t]+|[ \t]+$", "", text, flags=re.MULTILINE)
        return re.sub(r"[ \t]+", "\t", text)

    def replaced(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1]
        at_edge = found.start() == 0 or found.end() == len(text)
        at_edge = at_edge or text[found.start() - 1] == "\n" or text[found.end()] == "\n"
        return "" if at_edge else "\t"

    return _SPACES.sub(replaced, text)


def _delimiter(sample: str, name: str) -> str:
    """The delimiter that splits the rows most evenly, and into most numbers."""

    def score(delimiter: str) -> tuple[bool, float, float, int]:
        found = [cells for _, cells in rows(sample, delimiter, name, is_sample=True)][
            :_SAMPLE_LINES
        ]
        widths = Counter(map(len, found)) or Counter([0])
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        even = min(1.0, count / (0.9 * max(1, len(found))))
        cells = [cell.strip() for row in found if len(row) == width for cell in row]
        cells = [cell for cell in cells if cell and cell not in MISSING]
        numbers = sum(map(is_number, cells)) / max(1, len(cells))
        return width > 1, round(even, 1), round(numbers, 1), -_DELIMITERS.index(delimiter)

    return max(_DELIMITERS, key=score)


def title_lines(found: Sequence[Row], width: int) -> int:
    """The number of lines above the table, each with one cell: the title of a sheet."""
    count = 0
    while count < min(len(found) - 1, _MAX_TITLE_LINES):
        cells = [cell for cell in found[count][1] if cell.strip()]
        if len(cells) > 1 or width < 3:
            break
        count += 1
    return count


def without_notes(text: str, delimiter: str, width: int) -> tuple[str, int]:
    """The text without the notes below the table, and their number."""
    count = 0
    while count < _MAX_TITLE_LINES:
        rest, _, line = text.rstrip().rpartition("\n")
        if '"' in line or not rest or not is_note(line.split(delimiter), width):
            return text, count
        text = rest
        count += 1
    return text, count


def is_note(cells: Sequence[str], width: int) -> bool:
    """Whether a row at the end of a table has one cell, and a text."""
    found = [cell for cell in cells if cell.strip()]
    return width > 2 and len(found) == 1 and not is_number(found[0])


def _fitted(titles: list[str], others: Sequence[list[str]]) -> list[str]:
    """As many titles as columns: rows may end with a delimiter, or start with a name."""
    width = Counter(map(len, others or [titles])).most_common(1)[0][0]
    if len(titles) == width + 1 and not titles[-1]:
        return titles[:-1]
    if len(titles) + 1 == width:
        ends_empty = all(not row[-1].strip() for row in others if len(row) == width)
        return [*titles, ""] if ends_empty else ["", *titles]
    return titles


def _titles_in(comment: str, delimiter: str, width: int) -> list[str]:
    """The titles in a comment, as numpy.savetxt writes them; empty if there are none."""
    line = comment.lstrip("#").strip()
    titles = [
        cell.strip()
        for cell in next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    ]
    is_header = len(titles) == width and not any(map(is_number, titles))
    return titles if is_header else [""] * width


def _decimal(values: Sequence[Sequence[str]]) -> Decimal | None:
    """The decimal separator, where cells show it: "1,5" does, "1,234" does not."""
    cells = [cell for row in values for cell in row]
    with_point = any(parse(c, ".") is not None and parse(c, ",") is None for c in cells)
    with_comma = any(parse(c, ",") is not None and parse(c, ".") is None for c in cells)
    if with_comma == with_point:
        return None
    return "," if with_comma else "."


def _offset(text: str, lines: int) -> int:
    start = 0
    for _ in range(lines):
        start = text.find("\n", start) + 1
        if start == 0:
            return len(text)
    return start
