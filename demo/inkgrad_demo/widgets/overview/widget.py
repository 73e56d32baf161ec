"""Lesson 1: a graph that grows as the code runs, slopes by the chain rule, the mean of dice."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field

from inkgrad.course.lessons.overview import (
    chain,
    growth,
    means_of_dice,
    slope_by_autograd,
    slope_by_difference,
)
from inkgrad_demo.services.request_fields import Whole
from inkgrad_demo.services.request_validation import FormRequest


class Values(FormRequest):
    at: float = Field(ge=0, le=2)
    x: float = Field(ge=1.5, le=4.9)
    limit: float = Field(ge=5, le=1000)
    rolls: Annotated[int, Whole(1, 100_000)]
    seed: Annotated[int, Whole(0, 2**31)]


def answer(request: Values, _results: Any) -> dict[str, Any]:
    at, rolls = request.at, request.rolls
    y, slope = chain(at)
    found = growth(request.x, request.limit)
    means = means_of_dice(rolls, request.seed)
    shown = np.unique(np.geomspace(1, rolls, 300).astype(int))  # even on a logarithmic axis
    return {
        "nodes": [node._asdict() for node in found.nodes],
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


ANSWERS = {"values": answer}
