"""Reading a table: features, labels, and what was understood of the file."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inkgrad.course.data.errors import DataError
from inkgrad.course.data.tables import labels
from inkgrad.course.data.tables.columns import MAX_CATEGORIES, Column, Role, columns_of
from inkgrad.course.data.tables.decoding import decode
from inkgrad.course.data.tables.excel import read_excel
from inkgrad.course.data.tables.facts import Facts, facts_of
from inkgrad.course.data.tables.grid import Grid, check_cells, read_text
from inkgrad.course.data.tables.options import Limits, TableOptions
from inkgrad.course.data.tables.schema import Feature, Schema
from inkgrad.course.data.tables.unpacking import unpack
from inkgrad.course.messages import message

# Categories of a column that was chosen; each is an input of the model.
_MOST_CATEGORIES = 1000


@dataclass(frozen=True)
class Table:
    """A table to learn from.

    ``inputs`` float32 (N, F); ``targets`` float32 (N, 1), 0 or 1, for two classes, int64 (N,) for
    more. With ``fill``, missing inputs are NaN until :meth:`filled`.
    """

    name: str
    inputs: Tensor
    targets: Tensor
    schema: Schema
    facts: Facts

    def filled(self, rows: Tensor) -> Table:
        """The table with missing values replaced by those that are typical of ``rows``."""
        if not self.inputs.isnan().any():
            return self
        fills, parts, start = [], [], 0
        for feature in self.schema.features:
            end = start + len(feature.inputs)
            values = _decoded(feature, self.inputs[:, start:end].double().numpy())
            start = end
            fills.append(feature.fill_from(values[rows.numpy()]))
            parts.append(replace(feature, fill=fills[-1]).encoded(values))
        inputs = torch.from_numpy(np.concatenate(parts, axis=1))
        return replace(self, inputs=inputs, schema=self.schema.with_fills(fills))


def read(
    path: str | os.PathLike[str], options: TableOptions | None = None, limits: Limits | None = None
) -> Table:
    """Read a table from a file. DataError as in :func:`parse`; OSError if it cannot be read."""
    return parse(Path(path).read_bytes(), os.fspath(path), options, limits)


def parse(
    content: bytes,
    name: str,
    options: TableOptions | None = None,
    limits: Limits | None = None,
) -> Table:
    """Read a table from the bytes of a file: delimited text or Excel, packed by gzip or zip or not.

    DataError calls the file ``name``, and the row and column, counted from 1 as in an editor.
    """
    options = options or TableOptions()
    grid = read_grid(content, name, options, limits or Limits())
    columns, decimal = columns_of(grid)
    label = labels.chosen(grid, columns, options.label)
    classes = labels.classes_of(grid, label)
    roles = _roles(grid, columns, label, options)
    used = [c for c, role in zip(columns, roles, strict=True) if role in ("number", "categories")]
    if not used:
        raise DataError(message("problem.no_features", file=name))
    features = tuple(
        Feature(c.index, c.title, c.distinct if roles[c.index] == "categories" else None)
        for c in used
    )
    inputs = np.concatenate(
        [f.encoded(f.values(c)) for f, c in zip(features, used, strict=True)], axis=1
    )
    codes = label.codes_of(classes)
    is_missing = np.isnan(inputs).any(axis=1)
    kept = codes >= 0
    if options.missing == "drop":
        kept &= ~is_missing
    if not kept.any():
        raise DataError(message("problem.all_missing", file=name))
    targets = torch.from_numpy(codes[kept])
    counts = tuple(np.bincount(codes[kept], minlength=len(classes)).tolist())
    if sum(count > 0 for count in counts) < 2:
        raise DataError(message("problem.one_class_left", file=name))
    facts = facts_of(grid, columns, roles, label, classes, counts, kept, is_missing, options)
    return Table(
        name,
        torch.from_numpy(inputs[kept]),
        targets.float().unsqueeze(1) if len(classes) == 2 else targets.long(),
        Schema(features, label.index, label.title, classes, len(columns), decimal),
        facts,
    )


def read_grid(
    content: bytes, name: str, options: TableOptions, limits: Limits, least_width: int = 2
) -> Grid:
    """Read the columns of a file. DataError as in :func:`parse`."""
    unpacked = unpack(content, name, limits.unpacked)
    if unpacked.is_excel:
        grid = read_excel(content, name, options, limits, least_width)
    else:
        text, encoding = decode(unpacked.content, unpacked.name, options.encoding)
        grid = read_text(text, unpacked.name, encoding, options, limits, least_width)
    check_cells(grid, limits)
    return grid


def _decoded(feature: Feature, inputs: np.ndarray) -> np.ndarray:
    """The values of which ``inputs`` are the encoding; NaN where missing."""
    if feature.categories is None or len(feature.categories) == 2:
        return inputs[:, 0]
    return np.where(np.isnan(inputs[:, 0]), np.nan, inputs.argmax(axis=1))


def _roles(grid: Grid, columns: list[Column], label: Column, options: TableOptions) -> list[Role]:
    if options.columns is not None:
        chosen = {labels.position(grid, name, "columns") for name in options.columns}
        if label.index in chosen:
            chosen.remove(label.index)
    roles: list[Role] = []
    for column in columns:
        if column is label:
            roles.append("label")
        elif options.columns is not None:
            kind: Role = "number" if column.numbers is not None else "categories"
            roles.append(kind if column.index in chosen else "out")
            if roles[-1] == "categories" and len(column.texts) > _MOST_CATEGORIES:
                raise DataError(
                    message(
                        "problem.categories",
                        file=grid.name,
                        column=repr(column.title) if column.title else str(column.index + 1),
                        most=_MOST_CATEGORIES,
                        got=len(column.texts),
                    )
                )
        else:
            roles.append(_role(column, options))
    others = [role for role in roles if role in ("number", "categories")]
    if not others:  # better the number of the row than nothing
        return [
            "number" if role == "index" and columns[i].numbers is not None else role
            for i, role in enumerate(roles)
        ]
    return roles


def _role(column: Column, options: TableOptions) -> Role:
    tests: tuple[tuple[Role, Callable[[], bool]], ...] = (
        ("empty", lambda: column.is_empty),
        ("constant", lambda: column.is_constant),
        ("date", lambda: column.is_date),
        ("index", lambda: column.is_index),
    )
    for role, holds in tests:
        if holds():
            return role
    if column.numbers is not None:
        return "number"
    few = len(column.texts) <= MAX_CATEGORIES and 2 * len(column.texts) <= len(column.is_missing)
    return "categories" if few and options.text == "categories" else "text"
