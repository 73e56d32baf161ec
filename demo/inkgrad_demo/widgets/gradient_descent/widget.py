"""Lesson 3: walks down the loss, by learning rate, batch size and start; two valleys; a saddle."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import optim

from inkgrad.course.lessons.gradient_descent import (
    loss_surface,
    noisy_line,
    roll_down,
    saddle,
    two_valleys,
    two_valleys_slope,
    walk,
)
from inkgrad_demo.services.request_validation import Asked

_FAR = 1e6  # whoever has walked that far will not come back
_EDGE = 1.25  # of the saddle that is shown
_SADDLE_STEPS = 100
_NOISE = 0.02  # the standard deviation of what is added to each slope
_OPTIMIZERS = {
    "SGD": optim.SGD,
    "Momentum": partial(optim.SGD, momentum=0.9),
    "Adam": optim.Adam,
}
_WS, _BS = np.linspace(-2, 4, 61), np.linspace(-1.5, 4, 61)


def answer(asked: Asked, _numbers: Any) -> dict[str, Any]:
    return _ANSWERS[asked.choice("about", _ANSWERS)](asked)


def _surface(_asked: Asked) -> dict[str, Any]:
    return {
        "x": [_WS[0], _WS[-1]],
        "y": [_BS[0], _BS[-1]],
        "values": loss_surface(*noisy_line(), _WS, _BS).tolist(),
    }


def _walk(asked: Asked) -> dict[str, Any]:
    x, y = noisy_line()
    batch_size = asked.whole("batch_size", 1, len(x))
    epochs = asked.whole("epochs", 1, 30)
    lr = asked.number("lr", 1e-3, 1)
    start = asked.number("w", -2, 4), asked.number("b", -2, 4)
    with np.errstate(all="ignore"):
        path = walk(x, y, batch_size, epochs=epochs, lr=lr, start=start).path
    far = np.flatnonzero(~(np.abs(path) < _FAR).all(1))
    path = path[: far[0] if far.size else None]
    losses = [loss_surface(x, y, w, b).item() for w, b in path[:, :, None]]
    return {"path": path.tolist(), "losses": losses, "diverged": bool(far.size)}


def _valleys(asked: Asked) -> dict[str, Any]:
    ws = roll_down(two_valleys_slope, asked.number("from", -2.1, 2.1))
    grid = np.linspace(-2.1, 2.1, 121)
    return {
        "curve": [[float(w), two_valleys(w)] for w in grid],
        "path": [[w, two_valleys(w)] for w in ws],
    }


def _saddle_surface(_asked: Asked) -> dict[str, Any]:
    grid = np.linspace(-_EDGE, _EDGE, 61)
    heights = saddle(grid[None, :], grid[:, None])
    edges = [-_EDGE, _EDGE]
    return {"x": edges, "y": edges, "values": (heights - heights.min()).tolist(), "even": True}


def _saddle(asked: Asked) -> dict[str, Any]:
    """The path until it leaves what is shown or the steps are used up. On the ridge it is stuck."""
    make = _OPTIMIZERS[asked.choice("optimizer", _OPTIMIZERS)]
    noise = _NOISE * asked.flag("noise")
    start = [asked.number(f"saddle_{name}", -_EDGE, _EDGE) for name in "wv"]
    place = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = make([place], lr=asked.number("saddle_lr", 1e-3, 1))
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


_ANSWERS = {
    "surface": _surface,
    "walk": _walk,
    "valleys": _valleys,
    "saddle surface": _saddle_surface,
    "saddle": _saddle,
}
