"""Lesson 7: the network 8-6-4-1 with a chosen activation, on the lesson's or an uploaded table."""

from __future__ import annotations

import math
from functools import cache, partial
from typing import Annotated, Any

from pydantic import Field

from inkgrad.course.data.datasets import Data, DataError, diabetes, parsed_table
from inkgrad.course.data.tables import Limits
from inkgrad.course.lessons.many_features import ACTIVATIONS, baseline, is_constant, train
from inkgrad.course.messages import message_of
from inkgrad_demo.services.request_fields import Base64, OneOf, Whole
from inkgrad_demo.services.request_validation import FormRequest
from inkgrad_demo.services.training_data import shown_name
from inkgrad_demo.texts import message
from inkgrad_demo.widgets.many_features.optimizers import OPTIMIZERS
from inkgrad_demo.widgets.many_features.plane import on_plane

# Limit of an uploaded file: training on more takes too long for an interactive answer.
_MAX_BYTES = 500_000

_diabetes = cache(diabetes)


class Training(FormRequest):
    activation: Annotated[str, OneOf(ACTIVATIONS)]
    optimizer: Annotated[str, OneOf(OPTIMIZERS)]
    lr: float = Field(ge=1e-3, le=10)
    epochs: Annotated[int, Whole(1, 500)]
    file: str = Field("table", max_length=200)
    csv: Base64 | None = None


def answer(request: Training, _results: Any) -> dict[str, Any]:
    try:
        data = _diabetes() if request.csv is None else _table(request.file, request.csv)
    except DataError as error:
        return {"problem": message_of(error)}
    optimizer = partial(OPTIMIZERS[request.optimizer], lr=request.lr)
    found = train(data, request.activation, optimizer, request.epochs)
    if not all(map(math.isfinite, found.losses)):
        return {"diverged": True}
    train_majority, majority = baseline(data)
    return {
        "data": shown_name(data.name),
        "fallback_data": data.is_fallback,
        "train": len(data.train),
        "test": len(data.test),
        "features": data.train.inputs.shape[1],
        "train_majority": train_majority,
        "majority": majority,
        "constant": is_constant(found.test_answers),
        "losses": found.losses,
        "train_accuracy": found.train_accuracy,
        "test_accuracy": found.test_accuracy,
    }


def _table(name: str, content: bytes) -> Data:
    """Return the data of an uploaded file. Raises DataError if it is not a table to train on."""
    if len(content) > _MAX_BYTES:
        raise DataError(message("problem.bytes", file=name, most=_MAX_BYTES, got=len(content)))
    data = parsed_table(content, name, limits=Limits(unpacked=_MAX_BYTES))
    if data.classes > 2:
        raise DataError(message("problem.two_classes", file=name, got=data.classes))
    if len(data.test) == 0:
        raise DataError(message("problem.few_rows", file=name))
    return data


ANSWERS = {"training": answer, "plane": on_plane}
