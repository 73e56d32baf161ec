"""Lesson 3: walks down the loss, by learning rate, batch size and start; two valleys; a saddle."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import optim

from inkgrad.course.lessons.gradient_descent import (
    in_deeper_valley,
    largest_stable_rate,
    loss_surface,
    noisy_line,
    roll_down,
    saddle,
    two_valleys,
    two_valleys_slope,
    walk,
)
from inkgrad_demo.services.request_fields import OneOf, Whole
from inkgrad_demo.services.request_validation import FormRequest

_FAR = 1e6  # a path that leaves this range has diverged,
_WORSE = 2  # and so has one that ends with this many times the loss of its start
_EDGE = 1.25  # of the plot of the saddle
_SADDLE_STEPS = 100
_NOISE = 0.02  # standard deviation of the noise added to each slope
_OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD": optim.SGD,
    "Momentum": partial(optim.SGD, momentum=0.9),
    "Adam": optim.Adam,
}
_WS, _BS = np.linspace(-2, 4, 61), np.linspace(-1.5, 4, 61)
_X, _Y = noisy_line()


class Walk(FormRequest):
    batch_size: Annotated[int, Whole(1, len(_X))]
    epochs: Annotated[int, Whole(1, 30)]
    lr: float = Field(ge=1e-3, le=1)
    w: float = Field(ge=-2, le=4)
    b: float = Field(ge=-2, le=4)


class Valleys(FormRequest):
    start: float = Field(alias="from", ge=-2.1, le=2.1)


class Saddle(FormRequest):
    optimizer: Annotated[str, OneOf(_OPTIMIZERS)]
    saddle_lr: float = Field(ge=1e-3, le=1)
    saddle_w: float = Field(ge=-_EDGE, le=_EDGE)
    saddle_v: float = Field(ge=-_EDGE, le=_EDGE)
    noise: bool


def _surface(request: FormRequest, _results: Any) -> dict[str, Any]:
    return {
        "x": [_WS[0], _WS[-1]],
        "y": [_BS[0], _BS[-1]],
        "values": loss_surface(_X, _Y, _WS, _BS).tolist(),
        "examples": len(_X),
        "limit": largest_stable_rate(_X),
    }


def _walk(request: Walk, _results: Any) -> dict[str, Any]:
    batch_size, epochs, lr = request.batch_size, request.epochs, request.lr
    start = request.w, request.b
    with np.errstate(all="ignore"):
        path = walk(_X, _Y, batch_size, epochs=epochs, lr=lr, start=start).path
    far = np.flatnonzero(~(np.abs(path) < _FAR).all(1))
    path = path[: far[0] if far.size else None]
    losses = [loss_surface(_X, _Y, w, b).item() for w, b in path[:, :, None]]
    diverged = bool(far.size) or losses[-1] > _WORSE * losses[0]
    return {"path": path.tolist(), "losses": losses, "diverged": diverged}


def _valleys(request: Valleys, _results: Any) -> dict[str, Any]:
    ws = roll_down(two_valleys_slope, request.start)
    grid = np.linspace(-2.1, 2.1, 121)
    return {
        "curve": [[float(w), two_valleys(w)] for w in grid],
        "path": [[w, two_valleys(w)] for w in ws],
        "end": "global" if in_deeper_valley(ws[-1]) else "local",
    }


def _saddle_surface(request: FormRequest, _results: Any) -> dict[str, Any]:
    grid = np.linspace(-_EDGE, _EDGE, 61)
    heights = saddle(grid[None, :], grid[:, None])
    edges = [-_EDGE, _EDGE]
    return {"x": edges, "y": edges, "values": (heights - heights.min()).tolist(), "even": True}


def _saddle(request: Saddle, _results: Any) -> dict[str, Any]:
    """Descend until the path leaves the plot or the steps are used up; on the ridge it is stuck."""
    noise = _NOISE * request.noise
    start = [request.saddle_w, request.saddle_v]
    place = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = _OPTIMIZERS[request.optimizer]([place], lr=request.saddle_lr)
    generator = torch.Generator().manual_seed(0)
    path = [start]
    while len(path) <= _SADDLE_STEPS and abs(path[-1][1]) < _EDGE:
        (slope,) = torch.autograd.grad(saddle(*place), place)
        place.grad = slope + noise * torch.randn(2, generator=generator)
        optimizer.step()
        path.append(place.tolist())
    v = path[-1][1]
    end = "escaped" if abs(v) >= _EDGE else "stuck" if v == 0 else "slow"
    return {"path": path, "heights": [saddle(*each) for each in path], "end": end}


ANSWERS = {
    "surface": _surface,
    "walk": _walk,
    "valleys": _valleys,
    "saddle surface": _saddle_surface,
    "saddle": _saddle,
}
