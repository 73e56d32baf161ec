"""The column of the labels, and its classes."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from inkgrad.course.data.errors import DataError, UndecidedError
from inkgrad.course.data.tables.columns import Column
from inkgrad.course.data.tables.grid import Grid
from inkgrad.course.messages import message

MAX_CLASSES = 100
_LIKELY_CLASSES = 20
_LABEL_TITLE = re.compile(
    r"(class[_ ]?)?label|class|target|outcome|diagnosis|species|survived|passed|y|标签|类别|结果",
    re.IGNORECASE,
)
# The one of two words that counts as 1.
_POSITIVE = {"yes", "y", "true", "t", "positive", "pos", "+", "是", "有", "ja", "oui", "si", "sí"}
_POSITIVE |= {"malignant", "m", "pass", "passed", "spam", "sick", "阳性", "真", "通过"}
_NEGATIVE = {
    "no",
    "n",
    "false",
    "f",
    "negative",
    "neg",
    "-",
    "否",
    "没有",
    "nein",
    "non",
    "healthy",
}
_NEGATIVE |= {"benign", "b", "fail", "failed", "ham", "阴性", "假", "不通过"}


def chosen(grid: Grid, columns: Sequence[Column], name: str | None) -> Column:
    """The column of the labels: the one called ``name``; or by its title, the last, the first, or
    the only one that can be. DataError if there is none.
    """
    if name is not None:
        return columns[position(grid, name, "label")]
    columns = [column for column in columns if not column.is_empty]
    if not columns:
        raise DataError(message("problem.no_rows", file=grid.name))
    titled = [column for column in columns if _LABEL_TITLE.fullmatch(column.title)]
    last = (titled or columns)[-1]
    for column in (*reversed(titled), last):
        if _is_likely(column):
            return column
    if titled and last.is_constant:
        raise _one_class(grid, last)
    likely = [column for column in columns if _is_likely(column, comes_again=True)]
    texts = [column for column in likely if column.numbers is None]
    for found in (likely[:1] if columns[0] in likely else [], texts, likely):
        if len(found) == 1:
            return found[0]
    if last.is_constant:
        raise _one_class(grid, last)
    if last.faulty is None:
        last.check()  # an infinite label says more
    called = repr(last.title) if last.title else str(last.index + 1)
    text = message("problem.no_labels", file=grid.name, column=called, count=len(last.distinct))
    counts = {len(column.distinct): column for column in columns if not column.is_constant}
    if not counts or min(counts) > MAX_CLASSES:
        raise DataError(text)
    raise UndecidedError(text, "label", str(counts[min(counts)].index + 1))


def classes_of(grid: Grid, column: Column) -> tuple[str, ...]:
    """The names of the classes in the order of their numbers. DataError for one, or too many."""
    if column.faulty is None:
        column.check()
    classes = column.distinct
    if len(classes) < 2:
        raise _one_class(grid, column)
    if len(classes) > MAX_CLASSES:
        called = repr(column.title) if column.title else str(column.index + 1)
        raise DataError(
            message(
                "problem.classes",
                file=grid.name,
                column=called,
                most=MAX_CLASSES,
                got=len(classes),
            )
        )
    if len(classes) == 2:
        first, second = (each.lower() for each in classes)
        if first in _POSITIVE - {second} and second in _NEGATIVE:
            return classes[::-1]
    return classes


def position(grid: Grid, name: str, option: str) -> int:
    """The position of the column with this title, or number from 1, or from -1 at the end.

    DataError, which names the option, if there is none, or more than one.
    """
    found = [index for index, title in enumerate(grid.titles) if title == name]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        numbers = ", ".join(str(index + 1) for index in found)
        raise DataError(
            message("problem.same_title", file=grid.name, got=repr(name), numbers=numbers)
        )
    width = len(grid.titles)
    if re.fullmatch(r"-?\d{1,6}", name, re.ASCII):
        number = int(name)
        if 1 <= number <= width or -width <= number <= -1:
            return number - 1 if number > 0 else width + number
    known = ", ".join(title for title in grid.titles if title)[:200]
    of_titles = f", {known}" if known else ""
    raise DataError(
        message(
            "problem.no_column",
            file=grid.name,
            option=option,
            got=repr(name),
            count=width,
            titles=of_titles,
        )
    )


def _is_likely(column: Column, comes_again: bool = False) -> bool:
    """Whether a column looks like labels: two values, or few that come again."""
    if column.is_constant or column.is_date:
        return False
    if column.numbers is not None and column.faulty is None:
        present = column.numbers[~column.is_missing]
        if not np.isfinite(present).all() or (present != np.floor(present)).any():
            return False
        distinct = len(np.unique(present))
    else:
        distinct = len(column.texts)
    rows = int((~column.is_missing).sum())
    few = distinct <= min(_LIKELY_CLASSES, rows // 2)
    return few or (distinct == 2 and not comes_again)


def _one_class(grid: Grid, column: Column) -> DataError:
    called = repr(column.title) if column.title else str(column.index + 1)
    value = column.distinct[0] if column.distinct else ""
    return DataError(
        message("problem.one_class", file=grid.name, column=called, got=repr(value[:60]))
    )
