"""Lesson 2: move w and b by hand and watch the loss; fit polynomials until they overfit."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from inkgrad.course.lessons.linear_model import (
    forward,
    loss,
    loss_surface,
    mse,
    overfit,
    verdict,
    x_data,
    y_data,
)
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import FormRequest

_overfit = cache(overfit)
_surface = cache(loss_surface)


class Line(FormRequest):
    w: float = Field(ge=0, le=4)
    b: float = Field(ge=-2, le=2)


class Polynomial(FormRequest):
    degree: Annotated[int, Whole(0, len(_overfit().fits) - 1)]


def _line(request: Line, _results: Any) -> dict[str, Any]:
    w, b = request.w, request.b
    ws, _, _ = _surface()
    return {
        "predictions": [forward(x, w, b) for x in x_data],
        "losses": [loss(x, y, w, b) for x, y in zip(x_data, y_data, strict=True)],
        "mse": mse(w, b),
        "curve": [[float(each), mse(each, b)] for each in ws],  # over w, with this b
    }


def _loss_surface(request: FormRequest, _results: Any) -> dict[str, Any]:
    ws, bs, losses = _surface()
    row, column = np.unravel_index(losses.argmin(), losses.shape)
    return {
        "lowest": {"w": float(ws[column]), "b": float(bs[row])},
        "data": list(zip(x_data, y_data, strict=True)),
        "surface": {"x": [ws[0], ws[-1]], "y": [bs[0], bs[-1]], "values": losses.tolist()},
    }


def _polynomial(request: Polynomial, _results: Any) -> dict[str, Any]:
    found = _overfit()
    fit = found.fits[request.degree]
    xs = np.linspace(-1, 1, 201)
    return {
        "train": np.stack(found.train, 1).tolist(),
        "validation": np.stack(found.validation, 1).tolist(),
        "curve": np.stack([xs, np.polyval(fit.weights, xs)], 1).tolist(),
        "losses": [[each.degree, each.train, each.validation] for each in found.fits],
        "chosen": found.chosen.degree,
        "verdict": verdict(fit, found.chosen),
    }


ANSWERS = {"line": _line, "surface": _loss_surface, "polynomial": _polynomial}
