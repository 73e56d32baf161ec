"""The reading of a table, in words and for a preview."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inkgrad.course.data.tables.columns import Column, Role
from inkgrad.course.data.tables.grid import Grid
from inkgrad.course.data.tables.options import TableOptions
from inkgrad.course.messages import Message, joined, message

_SHOWN_ROWS = 5
_SHOWN_NAMES = 6
_SHOWN_CHARACTERS = 40
_LEFT_OUT: dict[Role, str] = {
    "index": "table.left_out_index",
    "date": "table.left_out_date",
    "text": "table.left_out_text",
    "constant": "table.left_out_constant",
    "empty": "table.left_out_empty",
    "out": "table.left_out_out",
}
_GAPS = {"drop": "table.missing_drop", "fill": "table.missing_fill"}


@dataclass(frozen=True)
class ColumnFacts:
    """A column as it was read: its role, missing values, and its first values."""

    title: str
    role: Role
    missing: int
    distinct: int | None  # of texts
    first: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """A table as it was read: ``lines`` for people, and its columns for a preview.

    ``rows`` are those of the file, ``used`` those to learn from, and ``class_counts`` these by
    their class. ``encoding`` is that of a text.
    """

    lines: tuple[Message | str, ...]
    columns: tuple[ColumnFacts, ...]
    has_header: bool
    encoding: str | None
    rows: int
    used: int
    class_counts: tuple[int, ...]


def facts_of(
    grid: Grid,
    columns: Sequence[Column],
    roles: Sequence[Role],
    label: Column,
    classes: Sequence[str],
    counts: tuple[int, ...],
    kept: np.ndarray,
    is_missing: np.ndarray,
    options: TableOptions,
) -> Facts:
    """``kept`` and ``is_missing`` say which records are used, and which have missing features."""
    is_empty = np.logical_and.reduce([column.is_missing for column in columns])
    pairs = list(zip(columns, roles, strict=True))
    shown = [
        f"{name[:_SHOWN_CHARACTERS]} ({count})" for name, count in zip(classes, counts, strict=True)
    ]
    lines = [
        message("table.read", format=grid.format, rows=grid.records, columns=len(columns)),
        message("table.label", label=_called(label), classes=_shortened(shown)),
    ]
    numbers = [_called(column) for column, role in pairs if role == "number"]
    if numbers:
        lines.append(message("table.numbers", count=len(numbers), names=_shortened(numbers)))
    categories = [
        f"{_called(column)} ({len(column.distinct)})"
        for column, role in pairs
        if role == "categories"
    ]
    if categories:
        lines.append(
            message("table.categories", count=len(categories), names=_shortened(categories))
        )
    joined = [
        _called(column)
        for column, role in pairs
        if column.joined
        and (role == "categories" or (column is label and not _is_of_numbers(column)))
    ]
    if joined:
        lines.append(message("table.joined", names=_shortened(joined)))
    for role, key in _LEFT_OUT.items():
        names = [_called(column) for column, each in pairs if each == role]
        if names:
            lines.append(message(key, names=_shortened(names)))
    unlabeled = int((label.is_missing & ~is_empty).sum())
    if unlabeled:
        lines.append(message("table.unlabeled", count=unlabeled))
    gaps = int((is_missing & ~label.is_missing).sum())
    if gaps:
        lines.append(message(_GAPS[options.missing], count=gaps))
    return Facts(
        lines=tuple(lines),
        columns=tuple(_column_facts(column, role) for column, role in pairs),
        has_header=grid.has_header,
        encoding=grid.encoding,
        rows=grid.records,
        used=int(kept.sum()),
        class_counts=counts,
    )


def _column_facts(column: Column, role: Role) -> ColumnFacts:
    first = column.grid.columns[column.index].head(_SHOWN_ROWS)
    cells = [
        "" if missing else str(cell) for cell, missing in zip(first, first.isna(), strict=True)
    ]
    return ColumnFacts(
        column.title,
        role,
        int(column.is_missing.sum()),
        len(column.texts) if column.numbers is None else None,
        tuple(cell[:_SHOWN_CHARACTERS] for cell in cells),
    )


def _is_of_numbers(column: Column) -> bool:
    return column.numbers is not None and column.faulty is None


def _called(column: Column) -> str:
    return column.title[:_SHOWN_CHARACTERS] or str(column.index + 1)


def _shortened(names: Sequence[str]) -> Message | str:
    if len(names) <= _SHOWN_NAMES:
        return ", ".join(names)
    rest = message("table.and_more", count=len(names) - _SHOWN_NAMES)
    return joined([", ".join(names[:_SHOWN_NAMES]), rest], " ")
