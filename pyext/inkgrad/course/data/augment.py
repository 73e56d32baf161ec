"""Data augmentation: digits slightly rotated, slanted, stretched and moved, with another pen.

Deliberately mild: models trained with the elastic deformation that is usual for MNIST recognize pen
strokes worse, not better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, reduce
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

# Maxima of uniform distributions around 0: degrees, shear, log stretch of each axis, pixels.
_ROTATION, _SHEAR, _STRETCH, _SHIFT = 12.0, 0.2, 0.12, 2.0

# The shares of digits with a wider, a thinner and a softer pen; the others are unchanged.
_WIDER, _THINNER, _SOFTER = 0.25, 0.25, 0.1
# The most pixels that a wider pen adds on each side.
_WIDEN = 1.2
# In the order of a batch; first the digits that are wider by more than a pixel.
_FAR = _WIDER * (1 - 1 / _WIDEN)
_SHARES = (_FAR, _WIDER - _FAR, _THINNER, _SOFTER)


def augment(images: Tensor, generator: Generator) -> Tensor:
    """Augment one batch; see :class:`Augmentation`."""
    return Augmentation(images.shape, generator)(images, len(images))


class Augmentation:
    """Augments (N, 1, H, W) images, which are passed a few batches at a time.

    The images should be in random order: pens are changed for ranges of neighbors in a batch. All
    random numbers come from ``generator``, which is on the CPU: the same state gives the same
    result. They are drawn once, at the start, because ops on the few numbers of a batch take as
    long as ops on its images.
    """

    def __init__(self, shape: Sequence[int], generator: Generator) -> None:
        count, _, height, width = shape
        self._maps = _maps(count, height, width, generator)
        self._amounts = torch.rand(count, 1, 1, 1, generator=generator)
        self._roundings = torch.rand(count, generator=generator).tolist()
        self._done = 0

    def skip(self, count: int) -> None:
        """Pass over the next images."""
        self._done += count

    def __call__(self, images: Tensor, batch_size: int) -> Tensor:
        """Augment the next images: float in [0, 1], white ink on black.

        They are batches of ``batch_size``; the last may be smaller. An op on several batches that
        fit in the caches takes little longer than on one.
        """
        first, self._done = self._done, self._done + len(images)
        moved = _transformed(images, self._maps[first : self._done].to(images))
        amounts = self._amounts[first : self._done].to(images)
        whole = len(images) // batch_size * batch_size
        for part, size in ((slice(whole), batch_size), (slice(whole, None), len(images) - whole)):
            if len(moved[part]):
                batches, theirs = (each[part].unflatten(0, (-1, size)) for each in (moved, amounts))
                _change_pens(batches, theirs, self._roundings[first])
        return moved


def _maps(count: int, height: int, width: int, generator: Generator) -> Tensor:
    """Affine maps (count, 2, 3) from pixels of the result to positions in the image."""
    most = [math.radians(_ROTATION), _SHEAR, _STRETCH, _STRETCH]
    most += [_SHIFT * 2 / width, _SHIFT * 2 / height]
    amounts = torch.rand(6, count, generator=generator) * 2 - 1
    angle, shear, log_x, log_y, shift_x, shift_y = amounts * torch.tensor(most)[:, None]
    cos, sin, stretch_x, stretch_y = angle.cos(), angle.sin(), log_x.exp(), log_y.exp()
    # Rotation @ shear @ stretch, and the shift.
    x_row = [cos * stretch_x, (cos * shear - sin) * stretch_y, shift_x]
    y_row = [sin * stretch_x, (sin * shear + cos) * stretch_y, shift_y]
    return torch.stack([*x_row, *y_row], 1).view(count, 2, 3)


def _transformed(images: Tensor, maps: Tensor) -> Tensor:
    count, _, height, width = images.shape
    # One matrix product; F.affine_grid multiplies small matrices, which takes ten times as long.
    positions = maps.flatten(0, 1) @ _pixels(height, width).to(images)
    positions = positions.view(count, 2, height, width).permute(0, 2, 3, 1)
    return F.grid_sample(images, positions, align_corners=False)


@cache
def _pixels(height: int, width: int) -> Tensor:
    """x, y and 1 of every pixel's center, (3, H W); the edges of the image are at -1 and 1."""
    x, y = ((torch.arange(n) * 2 + 1) / n - 1 for n in (width, height))
    return torch.stack([x.repeat(height), y.repeat_interleave(width), torch.ones(height * width)])


def _change_pens(images: Tensor, amounts: Tensor, rounding: float) -> None:
    """Make some images of each batch wider, some thinner and some softer, in place.

    ``images``: (batches, N, 1, H, W), ``amounts``: (batches, N, 1, 1, 1).
    """
    # Rounded up or down at random, so that the average share is right even for small N.
    ends = (int(share * images.shape[1] + rounding) for share in accumulate(_SHARES))
    far, wider, thinner, softer = ends
    # The full effect; each image gets a fraction of it.
    wide = _around(images[:, :wider], torch.maximum, outside=0)
    thin = _around(images[:, wider:thinner], torch.minimum, outside=1)
    soft = _around(images[:, thinner:softer], torch.add, outside=0) / 9
    images[:, :softer].lerp_(torch.cat([wide, thin, soft], 1), amounts[:, :softer])
    wide, further = wide[:, :far], (_WIDEN - 1) * amounts[:, :far]
    images[:, :far] = torch.lerp(wide, _around(wide, torch.maximum, outside=0), further)
    # Scale the brightest pixel to 1, as preprocessing does; what has almost vanished stays dim.
    fainter = images[:, wider:softer]
    fainter /= fainter.amax((-3, -2, -1), keepdim=True).clamp(min=0.3)


def _around(images: Tensor, combine: Callable[[Tensor, Tensor], Tensor], outside: float) -> Tensor:
    """The sum, maximum or minimum of 3 x 3 pixels, along columns and then along rows, which is much
    faster than pooling. ``outside`` is the value beyond the border.
    """
    result = F.pad(images, (1, 1, 1, 1), value=outside)
    for dim in (-2, -1):
        result = reduce(combine, result.unfold(dim, 3, 1).unbind(-1))
    return result
