"""From the columns of a table to the inputs of a model, in training and in prediction alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables.columns import Column
from inkgrad.course.data.tables.grid import Grid
from inkgrad.course.data.tables.numbers import Decimal
from inkgrad.course.messages import message

_DECIMALS: tuple[Decimal, ...] = (".", ",")


@dataclass(frozen=True)
class Feature:
    """A column to learn from: a number, or one of ``categories``.

    Two categories are one input, 0 or 1; more are one input each. ``fill`` replaces missing values:
    a number, or the number of a category; None if rows with missing values are dropped.
    """

    index: int
    title: str
    categories: tuple[str, ...] | None = None
    fill: float | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the model's inputs that the column becomes."""
        called = self.title or str(self.index + 1)
        if self.categories is None:
            return (called,)
        shown = self.categories[1:] if len(self.categories) == 2 else self.categories
        return tuple(f"{called} = {category}" for category in shown)

    def values(self, column: Column) -> np.ndarray:
        """Numbers, or the numbers of categories: float64 (N,), NaN where missing."""
        if self.categories is None:
            if column.numbers is None:
                column.faulty = int(np.argmax(~column.is_missing))
            column.check()
            assert column.numbers is not None
            return column.numbers
        codes = column.codes_of(self.categories).astype(np.float64)
        codes[column.is_missing] = np.nan  # a category that training did not have stays -1
        return codes

    def encoded(self, values: np.ndarray) -> np.ndarray:
        """The model's inputs for ``values``: float32 (N, inputs)."""
        if self.fill is not None:
            values = np.where(np.isnan(values), self.fill, values)
        if self.categories is None:
            return values.astype(np.float32)[:, None]
        missing = np.isnan(values)[:, None]
        numbers = range(1, 2) if len(self.categories) == 2 else range(len(self.categories))
        hot = values[:, None] == np.array(numbers)
        return np.where(missing, np.nan, hot).astype(np.float32)

    def fill_from(self, values: np.ndarray) -> float:
        """The median of numbers, or the most frequent category."""
        present = values[~np.isnan(values)]
        if len(present) == 0:
            return 0.0
        if self.categories is None:
            return float(np.median(present))
        return float(np.bincount(present.astype(np.int64), minlength=1).argmax())


@dataclass(frozen=True)
class Schema:
    """The way from a table of ``width`` columns to a model's inputs and classes.

    Kept with the weights. ``label`` is the position of the labels, and ``classes`` their names.
    ``decimal`` is the decimal separator of the table, where it is known.
    """

    features: tuple[Feature, ...]
    label: int
    label_title: str
    classes: tuple[str, ...]
    width: int
    decimal: Decimal | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(name for feature in self.features for name in feature.inputs)

    def with_fills(self, fills: Sequence[float]) -> Schema:
        pairs = zip(self.features, fills, strict=True)
        return replace(self, features=tuple(replace(f, fill=fill) for f, fill in pairs))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Schema:
        """The schema that :meth:`to_json` gave. DataError for anything else."""
        try:
            features = tuple(
                Feature(
                    int(each["index"]),
                    str(each["title"]),
                    each["categories"] and tuple(map(str, each["categories"])),
                    None if each["fill"] is None else float(each["fill"]),
                )
                for each in fields["features"]
            )
            return cls(
                features,
                int(fields["label"]),
                str(fields["label_title"]),
                tuple(map(str, fields["classes"])),
                int(fields["width"]),
                next((each for each in _DECIMALS if each == fields.get("decimal")), None),
            )
        except (KeyError, TypeError) as error:
            raise DataError(message("problem.no_schema", error=repr(error))) from None

    def columns_in(self, grid: Grid) -> tuple[list[int], int | None]:
        """The positions of the features, and of the labels or None, in another table.

        Columns are found by their titles where both tables have them; else by their order, with or
        without the labels. DataError if a column is missing.
        """
        width = len(grid.titles)
        if any(grid.titles) and any(feature.title for feature in self.features):
            titled = {title: i for i, title in enumerate(grid.titles) if title}
            unique = {title for title in titled if grid.titles.count(title) == 1}

            def place(title: str, index: int) -> int | None:
                return titled[title] if title in unique else index if width == self.width else None

            places = [place(feature.title, feature.index) for feature in self.features]
            found = [each for each in places if each is not None]
            if len(found) < len(places):
                pairs = zip(self.features, places, strict=True)
                names = [f.title or str(f.index + 1) for f, each in pairs if each is None]
                missing = ", ".join(names[:10])
                raise DataError(message("problem.missing_columns", file=grid.name, names=missing))
            return found, place(self.label_title, self.label)
        if width == self.width:
            return [feature.index for feature in self.features], self.label
        if width == self.width - 1:
            return [f.index - (f.index > self.label) for f in self.features], None
        if width == len(self.features):
            return list(range(width)), None
        where = message("problem.row", file=grid.name, row=1)
        raise DataError(message("problem.columns", where=where, columns=width, expected=self.width))
