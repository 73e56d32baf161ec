"""Lesson 5: the optimizers race from a start of one's own, with their steps longer or shorter."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, optim

from inkgrad.course.lessons.linear_regression import (
    RACERS,
    MakeOptimizer,
    Race,
    race,
    x_data,
    y_data,
)
from inkgrad_demo.services.request_validation import Asked

_FAR = 1e6  # whoever has raced that far will not come back
_WS, _BS = torch.linspace(-1.5, 3, 61), torch.linspace(-1.2, 5.2, 61)


def answer(asked: Asked, _numbers: Any) -> dict[str, Any]:
    return _ANSWERS[asked.choice("about", _ANSWERS)](asked)


def _surface(_asked: Asked) -> dict[str, Any]:
    errors = x_data.ravel() * _WS[None, :, None] + _BS[:, None, None] - y_data.ravel()
    return {
        "x": [_WS[0].item(), _WS[-1].item()],
        "y": [_BS[0].item(), _BS[-1].item()],
        "values": (errors**2).sum(2).tolist(),
    }


def _races(asked: Asked) -> dict[str, Any]:
    steps = asked.whole("steps", 1, 200)
    start = asked.number("w", -2, 4), asked.number("b", -2, 6)
    factor = asked.number("factor", 0.1, 10)
    found = {name: race(_scaled(make, factor), steps, start) for name, make in RACERS.items()}
    return {"racers": [{"name": name, **_in_sight(each)} for name, each in found.items()]}


def _scaled(make: MakeOptimizer, factor: float) -> MakeOptimizer:
    """The same optimizer with its learning rate multiplied."""

    def make_scaled(weights: list[Tensor]) -> optim.Optimizer:
        optimizer = make(weights)
        for group in optimizer.param_groups:
            group["lr"] *= factor
        return optimizer

    return make_scaled


def _in_sight(found: Race) -> dict[str, Any]:
    """Path and losses as far as they are finite and near."""
    path, losses = found.path.numpy(), np.array(found.losses)
    far = np.flatnonzero(~((np.abs(path) < _FAR).all(1) & np.isfinite(losses)))
    kept = far[0] if far.size else len(path)
    return {
        "path": path[:kept].tolist(),
        "losses": losses[:kept].tolist(),
        "diverged": bool(far.size),
    }


_ANSWERS = {"surface": _surface, "races": _races}
