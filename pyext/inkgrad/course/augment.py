"""The same digits as if written anew: a little turned, slanted, stretched, moved, with another pen.

Light on purpose: models trained with elastic deformation as strong as is usual for MNIST read pen
strokes worse, not better.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

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

    Their order should be of no meaning: other pens are given to runs of neighbours, at places that
    depend on N and chance. All chance comes from ``generator``, a CPU one: the same state gives the
    same versions.
    """
    return _with_other_pens(_moved(images, generator), generator)


def _moved(images: Tensor, generator: Generator) -> Tensor:
    """Each under an affine map of its own."""
    count, _, height, width = images.shape
    most = [math.radians(_ROTATION), _SHEAR, _STRETCH, _STRETCH]
    most += [_SHIFT * 2 / width, _SHIFT * 2 / height]
    amounts = torch.rand(6, count, generator=generator) * 2 - 1
    angle, shear, log_x, log_y, shift_x, shift_y = amounts * torch.tensor(most)[:, None]
    cos, sin, stretch_x, stretch_y = angle.cos(), angle.sin(), log_x.exp(), log_y.exp()
    # Rotation @ shear @ stretch, and the shift: where in the image each new pixel comes from.
    x_row = [cos * stretch_x, (cos * shear - sin) * stretch_y, shift_x]
    y_row = [sin * stretch_x, (sin * shear + cos) * stretch_y, shift_y]
    maps = torch.stack([*x_row, *y_row], 1).to(images).view(2 * count, 3)
    # One product of matrices; F.affine_grid's batch of small ones takes ten times as long.
    places = (maps @ _pixels(height, width).to(images)).view(count, 2, height, width)
    return F.grid_sample(images, places.permute(0, 2, 3, 1), align_corners=False)


@cache
def _pixels(height: int, width: int) -> Tensor:
    """x, y and 1 of every pixel's centre, (3, H W); the edges of the image lie at -1 and 1."""
    x, y = ((torch.arange(n) * 2 + 1) / n - 1 for n in (width, height))
    return torch.stack([x.repeat(height), y.repeat_interleave(width), torch.ones(height * width)])


def _with_other_pens(images: Tensor, generator: Generator) -> Tensor:
    """Some wider, some thinner, some softer, each by an amount of its own; in place."""
    count = len(images)
    chance = torch.rand(count + 1, generator=generator)
    amounts, rounding = chance[:count].to(images).view(-1, 1, 1, 1), chance[count].item()
    share = 0.0
    first = 0
    for part, redraw in ((_WIDER, _wider), (_THINNER, _thinner), (_SOFTER, _softer)):
        share += part
        # Rounded up or down by chance, so that a share is kept on the average, however small N is.
        last = int(share * count + rounding)
        if last > first:
            images[first:last] = redraw(images[first:last], amounts[first:last])
        first = last
    return images


def _wider(images: Tensor, amount: Tensor) -> Tensor:
    once = _around(images, torch.maximum)
    pixels = _WIDEN * amount
    wider = torch.lerp(images, once, pixels.clamp(max=1))
    return wider + (_around(once, torch.maximum) - once) * (pixels - 1).clamp(min=0)


def _thinner(images: Tensor, amount: Tensor) -> Tensor:
    return _as_bright(torch.lerp(images, _around(images, torch.minimum), amount))


def _softer(images: Tensor, amount: Tensor) -> Tensor:
    return _as_bright(torch.lerp(images, _around(images, torch.add) / 9, amount))


def _around(images: Tensor, combine: Callable[..., Tensor]) -> Tensor:
    """The sum, maximum or minimum of 3 x 3 pixels: along rows, then along columns, which takes far
    less time than a pooling.
    """
    for dim in (-1, -2):
        n = images.shape[dim] - 1
        result = images.clone()
        for to, other in ((0, 1), (1, 0)):
            side = result.narrow(dim, to, n)
            combine(side, images.narrow(dim, other, n), out=side)
        images = result
    return images


def _as_bright(images: Tensor) -> Tensor:
    """The brightest pixel 1, as preparation makes it; what has all but vanished stays dim."""
    return images / images.flatten(1).amax(1).clamp(min=0.3).view(-1, 1, 1, 1)
