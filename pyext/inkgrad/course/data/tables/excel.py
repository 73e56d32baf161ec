"""Excel files (.xlsx), which the package openpyxl reads."""

from __future__ import annotations

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables import dialect
from inkgrad.course.data.tables.grid import Grid, check_size
from inkgrad.course.data.tables.numbers import MISSING
from inkgrad.course.data.tables.options import Limits, TableOptions
from inkgrad.course.messages import message

_MERGED = re.compile(rb'<mergeCell ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
_Row = tuple[int, list[Any]]


def read_excel(
    content: bytes, name: str, options: TableOptions, limits: Limits, least_width: int
) -> Grid:
    """Read a sheet: the values that Excel stored for formulas, and merged cells as one value each.

    DataError without openpyxl, for a damaged file, and for a sheet that is no table.
    """
    try:
        import openpyxl
    except ImportError:
        raise DataError(message("problem.no_openpyxl", file=name)) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that it does not know
            book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
            sheet, rows = _chosen_sheet(book, content, name, options, limits, least_width)
    except DataError:
        raise
    except Exception as error:  # of any kind: openpyxl raises what its parsers do
        raise DataError(message("problem.no_excel", file=name, error=error)) from None
    return _grid(rows, name, sheet, options, least_width, sheets=book.sheetnames)


def _chosen_sheet(
    book: Any, content: bytes, name: str, options: TableOptions, limits: Limits, least_width: int
) -> tuple[str, list[_Row]]:
    """The title and the rows of the chosen sheet, or of the first visible one that has a table."""
    sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
    if options.sheet is not None:
        sheets = [sheet for sheet in book.worksheets if sheet.title == options.sheet]
        if not sheets:
            known = ", ".join(book.sheetnames)
            raise DataError(
                message("problem.no_sheet", file=name, got=repr(options.sheet), known=known)
            )
    narrow: tuple[str, list[_Row]] | None = None  # a cover, or notes
    for sheet in sheets:
        if rows := list(_rows(sheet, content, name, limits)):
            if max(len(row) for _, row in rows) >= least_width:
                return sheet.title, rows
            narrow = narrow or (sheet.title, rows)
    if narrow is None:
        raise DataError(message("problem.no_rows", file=name))
    return narrow


def _rows(sheet: Any, content: bytes, name: str, limits: Limits) -> Iterator[_Row]:
    """The rows that are not empty, with their number."""
    merged = _merged(sheet, content)
    values: dict[int, Any] = {}  # of the merged cells that reach down to this row, by column
    ends: dict[int, int] = {}
    cells = 0
    sheet.reset_dimensions()  # the file may state others than it has
    for number, tuple_ in enumerate(sheet.iter_rows(values_only=True), start=1):
        row = list(tuple_)
        for column, end in merged.get(number, ()):
            if column < len(row):
                values[column], ends[column] = row[column], end
        for column in [column for column, end in ends.items() if end < number]:
            del values[column], ends[column]
        while row and (row[-1] is None or row[-1] == ""):
            row.pop()
        if any(value is not None for value in row):
            row += [None] * (max(values, default=-1) + 1 - len(row))
            for column, value in values.items():
                row[column] = value
            cells += len(row)
            check_size(name, 1, len(row), limits)
            check_size(name, cells, 1, limits)
            yield number, row


def _merged(sheet: Any, content: bytes) -> dict[int, list[tuple[int, int]]]:
    """Cells that are merged downwards: the column, from 0, and the last row, by the first row."""
    from openpyxl.utils import range_boundaries

    merged: dict[int, list[tuple[int, int]]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        xml = packed.read(sheet._worksheet_path)
    for found in _MERGED.findall(xml):
        left, top, _, bottom = range_boundaries(found.decode())
        if bottom > top:
            merged.setdefault(top, []).append((left - 1, bottom))
    return merged


def _grid(
    rows: list[_Row],
    name: str,
    sheet: str,
    options: TableOptions,
    least_width: int,
    *,
    sheets: list[str],
) -> Grid:
    name = message("problem.sheet", file=name, sheet=sheet)
    width = max(len(row) for _, row in rows)
    texts = [(number, [_text(value) for value in row]) for number, row in rows[:200]]
    skipped = dialect.title_lines(texts, width)
    if width < least_width:
        where = message("problem.row", file=name, row=rows[skipped][0])
        raise DataError(message("problem.one_column", where=where))
    rows, (_, first), *others = rows[skipped:], *texts[skipped:]
    titles = [""] * width
    is_header = options.header
    if is_header is None:
        is_header = dialect.looks_like_titles(first, [row for _, row in others])
    if is_header:
        titles = [*first, *titles[len(first) :]]
        rows = rows[1:]
    end = len(rows)
    while end > 1 and dialect.is_note([_text(value) for value in rows[end - 1][1]], width):
        end -= 1
    notes = len(rows) - end
    rows = rows[:end]
    if not rows:
        raise DataError(message("problem.no_rows", file=name))

    def locate(record: int, column: int) -> tuple[int, str]:
        number, row = rows[record]
        return number, _text(row[column]) if column < len(row) else ""

    cells = [[*row, *[None] * (width - len(row))] for _, row in rows]
    columns = [_series([row[column] for row in cells]) for column in range(width)]
    is_found = len(sheets) > 1 and options.sheet is None
    of_several = message("table.sheets", count=len(sheets)) if is_found else ""
    comments = message("table.comments", count=notes) if notes else ""
    header = message("table.header" if is_header else "table.no_header")
    return Grid(
        name,
        tuple(" ".join(title.split()) for title in titles),
        columns,
        is_header,
        options.decimal,
        message("table.excel", sheet=sheet, header=header, sheets=of_several, comments=comments),
        locate,
        lambda records: [rows[record][0] for record in records],
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _series(values: list[Any]) -> Any:
    """A column as pandas reads one: numbers, truth values, or texts."""
    import pandas as pd

    present = [value for value in values if value is not None]
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in present):
        numbers = [float("nan") if value is None else float(value) for value in values]
        return pd.Series(numbers, dtype="float64")
    texts = [_text(value).strip() for value in values]
    return pd.Series([None if t == "" or t in MISSING else t for t in texts], dtype=object)
