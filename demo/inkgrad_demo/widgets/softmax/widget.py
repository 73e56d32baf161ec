"""Lesson 9: softmax and its loss by hand; the images behind the confusion matrix."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import nn

from inkgrad.course.lessons.softmax import Numbers, cross_entropy, images_in_cell, softmax
from inkgrad_demo.services.confusion_service import image_list
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import FormRequest, field_error
from inkgrad_demo.texts import message

_MAX_IMAGES = 40


class Loss(FormRequest):
    z: list[Annotated[float, Field(ge=-10, le=10)]] = Field(min_length=2, max_length=10)
    right: Annotated[int, Whole(0, 9)]

    @model_validator(mode="after")
    def _right_is_a_class(self) -> Loss:
        if self.right >= len(self.z):
            expected = message("problem.whole", least=0, most=len(self.z) - 1)
            raise field_error("right", expected, self.right)
        return self


class Cell(FormRequest):
    row: Annotated[int, Whole(0, 9)]
    column: Annotated[int, Whole(0, 9)]


def _loss(request: Loss, _results: Any) -> dict[str, Any]:
    z, right = np.array(request.z), request.right
    by_torch = nn.CrossEntropyLoss()(torch.tensor(z), torch.tensor(right))
    return {
        "powers": np.exp(z).tolist(),
        "probabilities": softmax(z).tolist(),
        "loss": cross_entropy(z, np.eye(len(z))[right]),
        "by_torch": by_torch.item(),
    }


def _confusion(request: FormRequest, results: Numbers | None) -> dict[str, Any]:
    return {"counts": _computed(results).confusion.tolist()}


def _cell(request: Cell, results: Numbers | None) -> dict[str, Any]:
    """Return the first images of a cell of the confusion matrix."""
    results = _computed(results)
    test, predicted = results.data.test, results.training.predicted
    found = images_in_cell(test.targets, predicted, request.row, request.column)
    images = test.inputs[found[:_MAX_IMAGES], 0].numpy()
    return image_list(images)


def _computed(results: Numbers | None) -> Numbers:
    if results is None:
        raise ValueError(message("problem.not_trained"))
    return results


ANSWERS = {"loss": _loss, "confusion": _confusion, "cell": _cell}
