"""Lesson 7: the network on points of a plane, with the output of each neuron as it trains."""

from __future__ import annotations

import base64
from functools import partial
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor

from inkgrad.course.data.datasets import Examples
from inkgrad.course.lessons.decision_boundary import (
    POINTS,
    REACH,
    Moment,
    points,
    train_on_points,
)
from inkgrad.course.lessons.many_features import ACTIVATIONS
from inkgrad_demo.services.request_fields import OneOf, Whole
from inkgrad_demo.services.request_validation import FormRequest
from inkgrad_demo.widgets.many_features.optimizers import OPTIMIZERS

_MOMENTS = 50
_SIDE = 37  # of the output over the plane;
_STRIDE = 2  # hidden neurons are sent with every second row and column
_MAX_NEURONS = 8

_BOUNDED = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}  # activations with a range of their own


class Plane(FormRequest):
    plane_points: Annotated[str, OneOf(POINTS)]
    plane_activation: Annotated[str, OneOf(ACTIVATIONS)]
    plane_optimizer: Annotated[str, OneOf(OPTIMIZERS)]
    plane_lr: float = Field(ge=1e-3, le=10)
    plane_pace: Annotated[int, Whole(1, 20)]  # epochs between two moments
    plane_first: Annotated[int, Whole(1, _MAX_NEURONS)]
    plane_second: Annotated[int, Whole(1, _MAX_NEURONS)]
    plane_seed: Annotated[int, Whole(0, 2**31 - 1)]


def on_plane(request: Plane, _results: Any) -> dict[str, Any]:
    """Return the points, and the network at evenly spaced moments of its training.

    Outputs of neurons are bytes in base64: 0 is the lower end of the neuron's range, 255 the upper.
    """
    data = points(request.plane_points)
    moments = train_on_points(
        data,
        request.plane_activation,
        partial(OPTIMIZERS[request.plane_optimizer], lr=request.plane_lr),
        hidden=(request.plane_first, request.plane_second),
        seed=request.plane_seed,
        moments=_MOMENTS,
        pace=request.plane_pace,
        side=_SIDE,
    )
    if not all(output.isfinite().all() for each in moments for output in each.outputs):
        return {"diverged": True}
    hidden = torch.stack([torch.cat(each.outputs[:2])[:, ::_STRIDE, ::_STRIDE] for each in moments])
    ranges = _ranges(hidden, request.plane_activation)
    low, high = ranges[:, 0, None, None], ranges[:, 1, None, None]
    levels = _levels((hidden - low) / (high - low))
    return {
        "activation": request.plane_activation,
        "reach": REACH,
        "side": _SIDE,
        "hidden_side": hidden.shape[-1],
        "ranges": ranges.tolist(),
        "train": _listed(data.train),
        "test": _listed(data.test),
        "moments": [_described(each, levels[i]) for i, each in enumerate(moments)],
    }


def _ranges(hidden: Tensor, activation: str) -> Tensor:
    """(neurons, 2): the range of each neuron's outputs; 0 is the middle of one without bounds."""
    if activation in _BOUNDED:
        return torch.tensor([_BOUNDED[activation]]).expand(hidden.shape[1], 2)
    reach = hidden.abs().amax(dim=(0, 2, 3)).clamp(min=1e-6)
    return torch.stack([-reach, reach], 1)


def _levels(shares: Tensor) -> Tensor:
    return (255 * shares).round().clamp(0, 255).to(torch.uint8)


def _listed(examples: Examples) -> list[list[float]]:
    """[x1, x2, class] of each."""
    return torch.cat([examples.inputs, examples.targets], 1).tolist()


def _described(moment: Moment, hidden: Tensor) -> dict[str, Any]:
    return {
        "epoch": moment.epoch,
        "loss": moment.loss,
        "train_accuracy": moment.train_accuracy,
        "test_accuracy": moment.test_accuracy,
        "layers": [{"W": W.tolist(), "b": b.tolist()} for W, b in moment.layers],
        "hidden": _encoded(hidden),
        "output": _encoded(_levels(moment.outputs[-1][0])),
    }


def _encoded(levels: Tensor) -> str:
    return base64.b64encode(levels.numpy().tobytes()).decode("ascii")
