"""Rows of another table, as inputs of a model that learned from one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables.columns import columns_of
from inkgrad.course.data.tables.options import Limits, TableOptions
from inkgrad.course.data.tables.schema import Schema
from inkgrad.course.data.tables.table import read_grid
from inkgrad.course.messages import message


@dataclass(frozen=True)
class Rows:
    """``inputs`` float32 (N, F) of the records without missing values, which ``rows`` names by
    their row in the file; ``labels`` int64 (N,), -1 where unknown, or None if the file has none.

    ``skipped`` records have missing values; ``unknown`` texts are no category of the training.
    """

    inputs: Tensor
    rows: list[int]
    labels: Tensor | None
    skipped: int
    unknown: int


def rows_of(schema: Schema, content: bytes, name: str, encoding: str | None = None) -> Rows:
    """Read a table with the columns that ``schema`` learned from, with or without the labels.

    DataError names what is missing or wrong.
    """
    options = TableOptions(decimal=schema.decimal, encoding=encoding)
    grid = read_grid(content, name, options, Limits(), least_width=1)
    columns, _ = columns_of(grid)
    places, label = schema.columns_in(grid)
    values = [f.values(columns[at]) for f, at in zip(schema.features, places, strict=True)]
    pairs = list(zip(schema.features, values, strict=True))
    unknown = sum(int((v == -1).sum()) for feature, v in pairs if feature.categories is not None)
    inputs = np.concatenate([feature.encoded(v) for feature, v in pairs], axis=1)
    is_empty = np.logical_and.reduce([column.is_missing for column in columns])
    kept = ~np.isnan(inputs).any(axis=1) & ~is_empty
    if not kept.any():
        raise DataError(message("problem.all_missing", file=name))
    labels = None
    if label is not None:
        codes = columns[label].codes_of(schema.classes)[kept]
        labels = torch.from_numpy(codes) if (codes >= 0).any() else None
    return Rows(
        torch.from_numpy(inputs[kept]),
        grid.rows_of(np.flatnonzero(kept)),
        labels,
        int((~kept & ~is_empty).sum()),
        unknown,
    )
