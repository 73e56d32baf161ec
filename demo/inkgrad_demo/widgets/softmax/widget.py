"""Lesson 9: softmax and its loss by hand; the images behind the confusion matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from inkgrad.course.lessons.softmax import Numbers, cross_entropy, images_in_cell, softmax
from inkgrad_demo.services.confusion_images import shown
from inkgrad_demo.services.request_validation import Asked
from inkgrad_demo.texts import message

_MOST_IMAGES = 40


def answer(asked: Asked, numbers: Numbers | None) -> dict[str, Any]:
    about = asked.choice("about", ("loss", "confusion", "cell"))
    if about == "loss":
        return _loss(asked)
    if numbers is None:
        raise ValueError(message("problem.not_trained"))
    return {"counts": numbers.confusion.tolist()} if about == "confusion" else _cell(asked, numbers)


def _loss(asked: Asked) -> dict[str, Any]:
    z = np.array(asked.numbers("z", range(2, 11), -10, 10))
    right = asked.whole("right", 0, len(z) - 1)
    by_torch = nn.CrossEntropyLoss()(torch.tensor(z), torch.tensor(right))
    return {
        "powers": np.exp(z).tolist(),
        "probabilities": softmax(z).tolist(),
        "loss": cross_entropy(z, np.eye(len(z))[right]),
        "by_torch": by_torch.item(),
    }


def _cell(asked: Asked, numbers: Numbers) -> dict[str, Any]:
    """The first images of a cell."""
    row, column = asked.whole("row", 0, 9), asked.whole("column", 0, 9)
    test = numbers.data.test
    found = images_in_cell(test.targets, numbers.training.predicted, row, column)
    images = test.inputs[found[:_MOST_IMAGES], 0].numpy()
    return shown(images)
