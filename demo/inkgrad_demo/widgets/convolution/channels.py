"""Lesson 10: a color picture, and the sum over its channels at every position of a kernel."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from inkgrad.course.lessons.color import KERNELS, PICTURES, convolve_color
from inkgrad_demo.services.request_fields import OneOf
from inkgrad_demo.services.request_validation import FormRequest


class Channels(FormRequest):
    rgb_picture: Annotated[str, OneOf(PICTURES)]
    rgb_kernel: Annotated[str, OneOf(KERNELS)]
    rgb_bias: float = Field(ge=-10, le=10)


def on_channels(request: Channels, _results: Any) -> dict[str, Any]:
    """Return ``picture`` (3, H, W), ``kernel`` (3, K, K) and ``result`` as nested lists."""
    picture, kernel = PICTURES[request.rgb_picture](), KERNELS[request.rgb_kernel]
    return {
        "picture": picture.tolist(),
        "kernel": kernel.tolist(),
        "bias": request.rgb_bias,
        "result": convolve_color(picture, kernel, request.rgb_bias).tolist(),
    }
