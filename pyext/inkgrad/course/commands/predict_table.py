"""``inkgrad predict`` for models of tables: the class of each row of a file."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from inkgrad.course import weights_file
from inkgrad.course.data.tables import Schema
from inkgrad.course.data.tables.examples import Rows, rows_of
from inkgrad.course.models import Backend, TableModel
from inkgrad.course.texts import percent, probability_text


class TablePredictor:
    """A model of a table, with the names of its columns and classes."""

    def __init__(self, model: TableModel, schema: Schema) -> None:
        self._model = model
        self._schema = schema

    @classmethod
    def load(cls, path: str, backend: Backend) -> TablePredictor | None:
        """Load a weights file; None if it is no file, or not that of a model of tables.

        WeightsFileError if it is damaged, or does not say which columns it learned from.
        """
        if not os.path.isfile(path):
            return None
        model, metadata = weights_file.load(path, backend)
        if not isinstance(model, TableModel):
            return None
        data = metadata.get("data")
        fields = data.get("table") if isinstance(data, dict) else None
        if not isinstance(fields, dict):
            raise weights_file.WeightsFileError(
                f"{path}: does not say which columns of a table it was trained on"
            )
        return cls(model, Schema.from_json(fields))

    def print_predictions(self, file: Path, encoding: str | None, *, as_json: bool) -> None:
        """Print a line per row of the table. DataError or OSError if it cannot be read."""
        found = rows_of(self._schema, file.read_bytes(), str(file), encoding)
        probabilities = self._probabilities(found)
        labels = probabilities.argmax(1)
        classes = self._schema.classes
        predicted = zip(found.rows, labels.tolist(), probabilities.tolist(), strict=True)
        for row, label, each in predicted:
            if as_json:
                named = dict(zip(classes, each, strict=True))
                fields: dict[str, Any] = {"file": str(file), "row": row, "label": classes[label]}
                print(json.dumps(fields | {"probabilities": named}))
            else:
                print(f"{file}, row {row}: {classes[label]} ({probability_text(each[label])})")
        for line in _notes(found, labels):
            print(f"{file}: {line}", file=sys.stderr if as_json else sys.stdout)

    @torch.no_grad()
    def _probabilities(self, found: Rows) -> torch.Tensor:
        output = self._model(found.inputs)
        if len(self._schema.classes) == 2:
            return torch.cat([1 - output, output], dim=1)
        return output.softmax(1)


def _notes(found: Rows, labels: torch.Tensor) -> Iterator[str]:
    if found.skipped:
        yield f"no prediction for rows with missing values: {found.skipped}"
    if found.unknown:
        yield f"texts that are none of the categories of the training: {found.unknown}"
    if found.labels is not None:
        known = found.labels >= 0
        accuracy = (labels == found.labels)[known].double().mean().item()
        yield f"accuracy {percent(accuracy, 2)} of {int(known.sum())} labeled rows"
