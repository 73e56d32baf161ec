"""Lesson 5: the optimizers race from a chosen start, with their learning rates scaled."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, optim

from inkgrad.course.lessons.linear_regression import (
    RACERS,
    MakeOptimizer,
    Race,
    largest_stable_rate,
    minimum,
    race,
    x_data,
    y_data,
)
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import FormRequest

_FAR = 1e6  # a path that leaves this range has diverged
_WS, _BS = torch.linspace(-1.5, 3, 61), torch.linspace(-1.2, 5.2, 61)


class Races(FormRequest):
    steps: Annotated[int, Whole(1, 200)]
    w: float = Field(ge=-2, le=4)
    b: float = Field(ge=-2, le=6)
    factor: float = Field(ge=0.1, le=10)


def _surface(request: FormRequest, _results: Any) -> dict[str, Any]:
    errors = x_data.ravel() * _WS[None, :, None] + _BS[:, None, None] - y_data.ravel()
    return {
        "x": [_WS[0].item(), _WS[-1].item()],
        "y": [_BS[0].item(), _BS[-1].item()],
        "values": (errors**2).sum(2).tolist(),
        "minimum": minimum(),
        "limit": largest_stable_rate(),
        "sgd": race(RACERS["SGD"], 1).lr,
    }


def _races(request: Races, _results: Any) -> dict[str, Any]:
    start = request.w, request.b
    races = {
        name: race(_scaled(make, request.factor), request.steps, start)
        for name, make in RACERS.items()
    }
    return {"racers": [{"name": name, **_until_diverged(each)} for name, each in races.items()]}


def _scaled(make: MakeOptimizer, factor: float) -> MakeOptimizer:
    """The same optimizer with its learning rate multiplied."""

    def make_scaled(weights: list[Tensor]) -> optim.Optimizer:
        optimizer = make(weights)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        return optimizer

    return make_scaled


def _until_diverged(found: Race) -> dict[str, Any]:
    """Return the path and the losses up to where they diverge."""
    path, losses = found.path.numpy(), np.array(found.losses)
    far = np.flatnonzero(~((np.abs(path) < _FAR).all(1) & np.isfinite(losses)))
    kept = far[0] if far.size else len(path)
    return {
        "path": path[:kept].tolist(),
        "losses": losses[:kept].tolist(),
        "diverged": bool(far.size),
        "lr": found.lr,
    }


ANSWERS = {"surface": _surface, "races": _races}
