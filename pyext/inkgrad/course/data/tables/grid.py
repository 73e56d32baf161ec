"""A table as columns of numbers and texts, with the way back to the rows of its file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables import dialect
from inkgrad.course.data.tables.numbers import MISSING, Decimal
from inkgrad.course.data.tables.options import Limits, TableOptions
from inkgrad.course.messages import Message, message

_DELIMITER_KEYS = {
    ",": "table.comma",
    ";": "table.semicolon",
    "\t": "table.tab",
    "|": "table.bar",
    " ": "table.space",
}

# The parsers of pandas, by whether the delimiter is ASCII, which the faster one requires. It would
# guess the type of a column anew for each part of a long file if it were to save memory.
_PARSERS: dict[bool, dict[str, Any]] = {
    True: {"engine": "c", "low_memory": False},
    False: {"engine": "python"},
}


@dataclass(frozen=True)
class Grid:
    """The columns of a table, as pandas read them: numbers, truth values, or texts; NaN is missing.

    ``locate(record, column)``, both from 0, gives the row in the file, from 1, and the cell's text;
    ``rows_of(records)`` the rows of increasing records. ``encoding`` is that of a text.
    """

    name: str
    titles: tuple[str, ...]
    columns: list[Any]  # pandas.Series
    has_header: bool
    decimal: Decimal | None
    format: Message
    locate: Callable[[int, int], tuple[int, str]]
    rows_of: Callable[[np.ndarray], list[int]]
    encoding: str | None = None

    @property
    def records(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    def where(self, column: int, record: int) -> Message:
        """The place of a cell in messages."""
        row, _ = self.locate(record, column)
        return place(self.name, row, column, self.titles[column])


def place(name: str, row: int, column: int, title: str) -> Message:
    where = message("problem.row", file=name, row=row)
    of_title = f" ({title})" if title else ""
    return message("problem.column", where=where, column=column + 1, of_title=of_title)


def read_text(
    text: str, name: str, encoding: str, options: TableOptions, limits: Limits, least_width: int
) -> Grid:
    """Read delimited text. DataError names the row of what is wrong."""
    import pandas as pd

    text, found = dialect.detect(text, name, header=options.header, least_width=least_width)
    check_size(name, 0, found.width, limits)
    body, width = text[found.start :], found.width

    def locate(record: int, column: int) -> tuple[int, str]:
        for number, (row, cells) in enumerate(dialect.rows(body, found.delimiter, name)):
            if number == record:
                return row + found.lines, cells[column] if column < len(cells) else ""
        return found.lines, ""  # cannot happen: pandas and csv skip the same rows

    def rows_of(records: np.ndarray) -> list[int]:
        rows = [row + found.lines for row, _ in dialect.rows(body, found.delimiter, name)]
        return [rows[record] for record in records]

    if _is_wide(body, found, name):
        _check_widths(body, found, name)  # of the first row, pandas cuts off what is too much
    decimal = options.decimal or found.decimal
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of cells that it ignores
            frame = pd.read_csv(
                io.StringIO(body),
                sep=found.delimiter,
                header=None,
                names=range(width),
                index_col=False,
                decimal=decimal or ".",
                skipinitialspace=True,
                na_values=list(MISSING),
                **_PARSERS[found.delimiter.isascii()],
            )
    except pd.errors.EmptyDataError:
        raise DataError(message("problem.no_rows", file=name)) from None
    except (pd.errors.ParserWarning, ValueError, OverflowError) as error:
        if "out of memory" in str(error):
            raise MemoryError from None
        _check_widths(body, found, name)
        where = message("problem.at", where=name, error=error)
        raise DataError(where) from None
    if frame.empty:
        raise DataError(message("problem.no_rows", file=name))
    check_size(name, len(frame), width, limits)
    if frame[width - 1].isna().any():
        _check_widths(body, found, name)  # of short rows, pandas fills the end
    return Grid(
        name,
        found.titles,
        [frame[column] for column in range(width)],
        found.has_header,
        decimal,
        _format(found, encoding, decimal),
        locate,
        rows_of,
        encoding,
    )


def check_size(name: str, rows: int, columns: int, limits: Limits) -> None:
    """Raise DataError for a table beyond ``limits``."""
    if columns > limits.columns:
        raise DataError(
            message("problem.most_columns", file=name, most=limits.columns, got=columns)
        )
    if rows * columns > limits.cells:
        raise DataError(
            message("problem.most_cells", file=name, most=limits.cells, got=rows * columns)
        )


def check_cells(grid: Grid, limits: Limits) -> None:
    """Raise DataError for a text that is too long to be a cell: a quote may not be closed."""
    for column, values in enumerate(grid.columns):
        if values.dtype.kind in "biuf":
            continue
        lengths = values.astype("str").str.len().to_numpy()
        if (longest := int(np.argmax(lengths))) is not None and lengths[longest] > limits.cell:
            where = grid.where(column, longest)
            raise DataError(
                message("problem.long_cell", where=where, most=limits.cell, got=lengths[longest])
            )


def _is_wide(body: str, found: dialect.Dialect, name: str) -> bool:
    """Whether the first row has more cells than expected."""
    first = next(dialect.rows(body[: 2**18], found.delimiter, name, is_sample=True), None)
    return first is not None and len(first[1]) > found.width


def _check_widths(body: str, found: dialect.Dialect, name: str) -> None:
    for row, cells in dialect.rows(body, found.delimiter, name):
        if len(cells) != found.width:
            where = message("problem.row", file=name, row=row + found.lines)
            raise DataError(
                message("problem.columns", where=where, columns=len(cells), expected=found.width)
            )


def _format(found: dialect.Dialect, encoding: str, decimal: Decimal | None) -> Message:
    shown = " " if found.is_spaced else found.delimiter
    key = _DELIMITER_KEYS.get(shown)
    delimiter = message(key) if key else repr(shown)
    header = message("table.header" if found.has_header else "table.no_header")
    comma = message("table.decimal_comma") if decimal == "," else ""
    comments = message("table.comments", count=found.comments) if found.comments else ""
    return message(
        "table.format",
        encoding=encoding.upper(),
        delimiter=delimiter,
        header=header,
        decimal=comma,
        comments=comments,
    )
