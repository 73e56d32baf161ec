"""The same digits as if written anew: a little turned, slanted, stretched, moved, with another pen.

Light on purpose: models trained with elastic deformation as strong as is usual for MNIST read pen
strokes worse, not better.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

# Uniform between minus and plus this: degrees, shear, log of the stretch along each axis, pixels.
_ROTATION, _SHEAR, _STRETCH, _SHIFT = 12.0, 0.2, 0.12, 2.0

# The shares of digits drawn with a wider, a thinner and a softer pen; the others keep theirs.
_WIDER, _THINNER, _SOFTER = 0.25, 0.25, 0.1
# By how many pixels on each side at most.
_WIDEN = 1.2


def augment(images: Tensor, generator: Generator) -> Tensor:
    """A new version of each of ``images``: (N, 1, H, W) float in [0, 1], white ink on black.

    All chance comes from ``generator``, a CPU one: the same state gives the same versions.
    """
    return _with_another_pen(_moved(images, generator), generator)


def _uniform(count: int, low: float, high: float, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator) * (high - low) + low


def _moved(images: Tensor, generator: Generator) -> Tensor:
    """Each under an affine map of its own."""
    count, _, height, width = images.shape

    def symmetric(most: float) -> Tensor:
        return _uniform(count, -most, most, generator)

    angle, shear = symmetric(math.radians(_ROTATION)), symmetric(_SHEAR)
    stretch_x, stretch_y = symmetric(_STRETCH).exp(), symmetric(_STRETCH).exp()
    shift_x, shift_y = symmetric(_SHIFT * 2 / width), symmetric(_SHIFT * 2 / height)
    cos, sin = angle.cos(), angle.sin()
    # Rotation @ shear @ stretch, and the shift: where in the image each new pixel comes from.
    x_row = torch.stack([cos * stretch_x, (cos * shear - sin) * stretch_y, shift_x], 1)
    y_row = torch.stack([sin * stretch_x, (sin * shear + cos) * stretch_y, shift_y], 1)
    maps = torch.stack([x_row, y_row], 1).to(images)
    grid = F.affine_grid(maps, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False)


def _with_another_pen(images: Tensor, generator: Generator) -> Tensor:
    """Some wider, some thinner, some softer, each by an amount of its own."""
    chosen = _uniform(len(images), 0, 1, generator).to(images.device)
    amount = _uniform(len(images), 0, 1, generator).to(images)[:, None, None, None]
    drawn = images.clone()
    first = 0.0
    for share, redraw in ((_WIDER, _wider), (_THINNER, _thinner), (_SOFTER, _softer)):
        where = ((chosen >= first) & (chosen < first + share)).nonzero()[:, 0]
        drawn[where] = redraw(images[where], amount[where])
        first += share
    return drawn


def _wider(images: Tensor, amount: Tensor) -> Tensor:
    once = F.max_pool2d(images, 3, stride=1, padding=1)
    twice = F.max_pool2d(once, 3, stride=1, padding=1)
    pixels = _WIDEN * amount
    first, second = pixels.clamp(max=1), (pixels - 1).clamp(min=0)
    return images + (once - images) * first + (twice - once) * second


def _thinner(images: Tensor, amount: Tensor) -> Tensor:
    eroded = -F.max_pool2d(-images, 3, stride=1, padding=1)
    return _as_bright(images + (eroded - images) * amount)


def _softer(images: Tensor, amount: Tensor) -> Tensor:
    blurred = F.avg_pool2d(images, 3, stride=1, padding=1)
    return _as_bright(images + (blurred - images) * amount)


def _as_bright(images: Tensor) -> Tensor:
    """The brightest pixel 1, as preparation makes it; what has all but vanished stays dim."""
    return images / images.amax((1, 2, 3), keepdim=True).clamp(min=0.3)
