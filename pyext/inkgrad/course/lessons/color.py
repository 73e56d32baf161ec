"""Lesson 10: color pictures, and kernels with a layer for each of their channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

import inkgrad.functional as F
from inkgrad.course.lessons.convolution import FILTERS, RGB, RGB_KERNEL

SIDE = 24  # of the landscape, in pixels
_FINE = 8  # each of its pixels is the mean of _FINE x _FINE points


@cache
def landscape() -> np.ndarray:
    """(3, SIDE, SIDE), 0 to 1: a red balloon and a white cloud in a blue sky, over green hills."""
    y, x = (np.mgrid[: SIDE * _FINE, : SIDE * _FINE] + 0.5) / (SIDE * _FINE)

    def disk(column: float, row: float, radius: float) -> np.ndarray:
        return np.hypot(x - column, y - row) < radius

    painted = np.stack([0.35 + 0.4 * y, 0.6 + 0.3 * y, 0.95 - 0.05 * y])
    balloon = disk(0.36, 0.36, 0.22)
    cloud = disk(0.74, 0.24, 0.09) | disk(0.84, 0.22, 0.11) | disk(0.92, 0.26, 0.08)
    basket = (abs(x - 0.36) < 0.05) & (abs(y - 0.68) < 0.04)
    for where, color in (
        (y > 0.86 - 0.1 * np.sin(5 * x + 0.6), (0.2, 0.6, 0.2)),
        (y > 0.95 - 0.08 * np.cos(6 * x), (0.45, 0.8, 0.25)),
        (cloud, (1.0, 1.0, 1.0)),
        (basket, (0.5, 0.3, 0.1)),
        (balloon, (0.9, 0.12, 0.1)),
        (balloon & (abs(x - 0.36) < 0.07), (1.0, 0.85, 0.1)),
    ):
        painted = np.where(where, np.array(color)[:, None, None], painted)
    return painted.reshape(3, SIDE, _FINE, SIDE, _FINE).mean(axis=(2, 4))


PICTURES: dict[str, Callable[[], np.ndarray]] = {"landscape": landscape, "raster": lambda: RGB}

KERNELS = {
    "red": np.stack([np.full((3, 3), weight) for weight in (2 / 9, -1 / 9, -1 / 9)]),
    "vertical edges": np.stack([FILTERS["vertical edges"]] * 3),
    "horizontal edges": np.stack([FILTERS["horizontal edges"]] * 3),
    "blur": np.full((3, 3, 3), 1 / 27),
    "lesson": RGB_KERNEL,
}
"""(3, 3, 3) each: a 3 x 3 layer for red, green and blue."""


def convolve_color(picture: np.ndarray, kernel: np.ndarray, bias: float) -> np.ndarray:
    """The sum over channels of (3, H, W) and (3, K, K), and the bias: (H - K + 1, W - K + 1)."""
    inputs, weights = torch.from_numpy(picture)[None], torch.from_numpy(kernel)[None]
    result: np.ndarray = F.conv2d(inputs, weights, inputs.new_tensor([bias]))[0, 0].numpy()
    return result
