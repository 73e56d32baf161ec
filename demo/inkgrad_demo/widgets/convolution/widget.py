"""Lesson 10: a kernel slides over a drawing, both the user's own, and over a color picture."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from inkgrad.course.lessons.convolution import (
    FILTERS,
    convolve,
    max_pool,
    output_size,
)
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad_demo.services.request_fields import Whole, square
from inkgrad_demo.services.request_validation import FormRequest, check_count
from inkgrad_demo.widgets.convolution.channels import on_channels
from inkgrad_demo.widgets.convolution.network import on_network, on_weights


class Convolution(FormRequest):
    side: Annotated[int, Whole(1, 5)]
    kernel: list[Annotated[float, Field(ge=-100, le=100)]] = Field(max_length=25)
    stride: Annotated[int, Whole(1, 3)]
    padding: Annotated[int, Whole(0, 2)]
    pool: Annotated[int, Whole(1, 4)]
    picture: Annotated[bytes, square(SIDE)]

    @model_validator(mode="after")
    def _kernel_is_square(self) -> Convolution:
        check_count("kernel", self.kernel, self.side**2)
        return self


def _filters(request: FormRequest, _results: Any) -> dict[str, Any]:
    kernels = {name: kernel.ravel().tolist() for name, kernel in FILTERS.items()}
    return {"side": SIDE, "filters": kernels}


def _convolution(request: Convolution, _results: Any) -> dict[str, Any]:
    picture = np.frombuffer(request.picture, np.uint8).reshape(SIDE, SIDE) / 255
    kernel = np.array(request.kernel).reshape(request.side, request.side)
    result = convolve(picture, kernel, request.stride, request.padding)
    pooled = max_pool(result, request.pool)
    return {
        "size": output_size(SIDE, request.side, request.stride, request.padding),
        "result": result.tolist(),
        "pooled_size": len(pooled),
        "pooled": pooled.tolist(),
    }


ANSWERS = {
    "filters": _filters,
    "convolution": _convolution,
    "channels": on_channels,
    "network": on_network,
    "network weights": on_weights,
}
