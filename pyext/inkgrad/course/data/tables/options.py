"""Choices for reading a table, and limits on its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TableOptions:
    """Choices that the content of a table does not decide. Columns are called by their title, or by
    their number from 1, from -1 at the end.

    Args:
        label: the column of the labels; None: found by its title, or the last, or the first.
        columns: the columns to learn from; None: all that are numbers or categories.
        missing: rows with missing values are dropped, or numbers are filled with the median of the
            column and categories with its most frequent one.
        text: text columns with few values are categories, or left out.
        header: whether the first row has the titles; None: decided by what it looks like.
        decimal: the decimal separator, "." or ","; None: found.
        encoding: of a text without a byte order mark, one of :data:`.decoding.ENCODINGS`; None:
            found.
        sheet: of an Excel file; None: the first one that has data.
    """

    label: str | None = None
    columns: tuple[str, ...] | None = None
    missing: Literal["drop", "fill"] = "drop"
    text: Literal["categories", "drop"] = "categories"
    header: bool | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class Limits:
    """The largest table that is read: bytes when unpacked, columns, cells, characters of a cell."""

    unpacked: int = 2**31
    columns: int = 10_000
    cells: int = 500_000_000
    cell: int = 32_767  # as in Excel
