"""Lesson 10: a kernel of one's own slides over a drawing of one's own."""

from __future__ import annotations

from typing import Any

import numpy as np

from inkgrad.course.lessons.convolution import (
    FILTERS,
    convolve,
    max_pool,
    output_size,
)
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad_demo.services.request_validation import Asked, decode
from inkgrad_demo.texts import message


def answer(asked: Asked, _numbers: Any) -> dict[str, Any]:
    if asked.choice("about", ("filters", "convolution")) == "filters":
        kernels = {name: kernel.ravel().tolist() for name, kernel in FILTERS.items()}
        return {"side": SIDE, "filters": kernels}
    side = asked.whole("side", 1, 5)
    kernel = np.array(asked.numbers("kernel", range(side**2, side**2 + 1), -100, 100))
    stride, padding = asked.whole("stride", 1, 3), asked.whole("padding", 0, 2)
    pool = asked.whole("pool", 1, 4)
    result = convolve(_picture(asked), kernel.reshape(side, side), stride, padding)
    pooled = max_pool(result, pool)
    return {
        "size": output_size(SIDE, side, stride, padding),
        "result": result.tolist(),
        "pooled_size": len(pooled),
        "pooled": pooled.tolist(),
    }


def _picture(asked: Asked) -> np.ndarray:
    """The drawing, from 0 (paper) to 1 (ink)."""
    raster = decode("picture", asked.text("picture", 4 * SIDE**2))
    if len(raster) != SIDE**2:
        raise ValueError(message("problem.picture", side=SIDE, got=len(raster)))
    return np.frombuffer(raster, np.uint8).reshape(SIDE, SIDE) / 255
