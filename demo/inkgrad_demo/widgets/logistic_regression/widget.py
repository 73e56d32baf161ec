"""Lesson 6: hours of study of one's own, learnt by the fused kernels; the sigmoid and its loss."""

from __future__ import annotations

from typing import Any

import torch

import inkgrad.functional as F
from inkgrad.course.lessons.logistic_regression import bce, sigmoid, train
from inkgrad_demo.services.request_validation import Asked

MOST_POINTS = 30


def answer(asked: Asked, _numbers: Any) -> dict[str, Any]:
    return _ANSWERS[asked.choice("about", _ANSWERS)](asked)


def _training(asked: Asked) -> dict[str, Any]:
    hours = asked.numbers("hours", range(1, MOST_POINTS + 1), 0, 10)
    passed = asked.numbers("passed", range(len(hours), len(hours) + 1), 0, 1)
    x = torch.tensor(hours).unsqueeze(1)
    y = torch.tensor(passed).round().unsqueeze(1)
    found = train(asked.whole("epochs", 1, 3000), asked.number("lr", 1e-3, 1), x=x, y=y)
    return {
        "losses": found.losses,
        "weights": [*found.weights, (found.w, found.b)],
        "hours": found.hours[::5].tolist(),
        "probabilities": found.probabilities[::5].tolist(),
    }


def _formulas(asked: Asked) -> dict[str, Any]:
    z, y_pred = asked.number("z", -10, 10), asked.number("y_pred", 0.01, 0.99)
    zs = torch.linspace(-10, 10, 101)
    values, target = sigmoid(zs), float(asked.whole("y", 0, 1))
    by_kernel = F.binary_cross_entropy(torch.tensor([y_pred]), torch.tensor([target]))
    grid = [i / 100 for i in range(1, 100)]
    return {
        "sigmoid": torch.stack([zs, values], 1).tolist(),
        "value": sigmoid(torch.tensor(z)).item(),
        "bce": [[p, bce(p, target)] for p in grid],
        "loss": bce(y_pred, target),
        "by_kernel": by_kernel.item(),
    }


_ANSWERS = {"training": _training, "formulas": _formulas}
