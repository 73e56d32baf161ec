"""Lesson 3: walks down the loss, by learning rate, batch size and start; and two valleys."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkgrad.course.lessons.gradient_descent import (
    loss_surface,
    noisy_line,
    roll_down,
    two_valleys,
    two_valleys_slope,
    walk,
)
from inkgrad_demo.questions import Asked

_FAR = 1e6  # whoever has walked that far will not come back
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


_ANSWERS = {"surface": _surface, "walk": _walk, "valleys": _valleys}
