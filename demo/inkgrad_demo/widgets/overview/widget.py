"""Lesson 1: a graph that grows as the code runs, slopes by the chain rule, the mean of dice."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkgrad.course.lessons.overview import (
    chain,
    growth,
    means_of_dice,
    slope_by_autograd,
    slope_by_difference,
)
from inkgrad_demo.services.request_validation import Asked


def answer(asked: Asked, _numbers: Any) -> dict[str, Any]:
    at = asked.number("at", 0, 2)
    y, slope = chain(at)
    found = growth(asked.number("x", 1.5, 4.9), asked.number("limit", 5, 1000))
    rolls = asked.whole("rolls", 1, 100_000)
    means = means_of_dice(rolls, asked.whole("seed", 0, 2**31))
    shown = np.unique(np.geomspace(1, rolls, 300).astype(int))  # even on a logarithmic axis
    return {
        "operations": found.operations,
        "y": found.y,
        "grad": found.grad,
        "chain": {
            "curve": [[x, chain(x)[0]] for x in np.linspace(0, 2, 81).tolist()],
            "y": y,
            "by_rule": slope,
            "by_difference": slope_by_difference(at),
            "by_autograd": slope_by_autograd(at),
        },
        "rolls": shown.tolist(),
        "means": means.numpy()[shown - 1].tolist(),
    }
