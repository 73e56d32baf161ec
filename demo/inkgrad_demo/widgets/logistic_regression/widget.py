"""Lesson 6: train on chosen hours of study with the fused kernels; the sigmoid and its loss."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field, model_validator

import inkgrad.functional as F
from inkgrad.course.lessons.logistic_regression import bce, sigmoid, train
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import FormRequest, check_count

MAX_POINTS = 30


class Training(FormRequest):
    hours: list[Annotated[float, Field(ge=0, le=10)]] = Field(min_length=1, max_length=MAX_POINTS)
    passed: list[Annotated[float, Field(ge=0, le=1)]] = Field(min_length=1, max_length=MAX_POINTS)
    epochs: Annotated[int, Whole(1, 3000)]
    lr: float = Field(ge=1e-3, le=1)

    @model_validator(mode="after")
    def _one_result_per_student(self) -> Training:
        check_count("passed", self.passed, len(self.hours))
        return self


class Formulas(FormRequest):
    z: float = Field(ge=-10, le=10)
    y_pred: float = Field(ge=0.01, le=0.99)
    y: Annotated[int, Whole(0, 1)]


def _training(request: Training, _results: Any) -> dict[str, Any]:
    x = torch.tensor(request.hours).unsqueeze(1)
    y = torch.tensor(request.passed).round().unsqueeze(1)
    found = train(request.epochs, request.lr, x=x, y=y)
    return {
        "losses": found.losses,
        "weights": [*found.weights, (found.w, found.b)],
        "hours": found.hours[::5].tolist(),
        "probabilities": found.probabilities[::5].tolist(),
    }


def _formulas(request: Formulas, _results: Any) -> dict[str, Any]:
    y_pred, target = request.y_pred, float(request.y)
    zs = torch.linspace(-10, 10, 101)
    values = sigmoid(zs)
    by_kernel = F.binary_cross_entropy(torch.tensor([y_pred]), torch.tensor([target]))
    grid = [i / 100 for i in range(1, 100)]
    return {
        "sigmoid": torch.stack([zs, values], 1).tolist(),
        "value": sigmoid(torch.tensor(request.z)).item(),
        "bce": [[p, bce(p, target)] for p in grid],
        "loss": bce(y_pred, target),
        "by_kernel": by_kernel.item(),
    }


ANSWERS = {"training": _training, "formulas": _formulas}
