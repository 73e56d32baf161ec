"""The same digits as if written anew: a little turned, slanted, stretched, moved, with another pen.

Light on purpose: models trained with elastic deformation as strong as is usual for MNIST read pen
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

# Uniform between minus and plus this: degrees, shear, log of the stretch along each axis, pixels.
_ROTATION, _SHEAR, _STRETCH, _SHIFT = 12.0, 0.2, 0.12, 2.0

# The shares of digits drawn with a wider, a thinner and a softer pen; the others keep theirs.
_WIDER, _THINNER, _SOFTER = 0.25, 0.25, 0.1
# By how many pixels on each side at most.
_WIDEN = 1.2
# In their order in a batch: first those that are wider by more than a pixel.
_FAR = _WIDER * (1 - 1 / _WIDEN)
_SHARES = (_FAR, _WIDER - _FAR, _THINNER, _SOFTER)


def augment(images: Tensor, generator: Generator) -> Tensor:
    """A new version of each of ``images``: as :class:`Augmentation` of one batch."""
    return Augmentation(images.shape, generator)(images, len(images))


class Augmentation:
    """New versions of images, (N, 1, H, W) in all, which come some batches at a time.

    Their order should be of no meaning: other pens are given to runs of neighbours, at places of a
    batch that depend on its size and chance. All chance comes from ``generator``, a CPU one: the
    same state gives the same versions. It is drawn at once, in the beginning, for ops on a batch's
    few numbers take as long as those on its images.
    """

    def __init__(self, shape: Sequence[int], generator: Generator) -> None:
        count, _, height, width = shape
        self._maps = _maps(count, height, width, generator)
        self._amounts = torch.rand(count, 1, 1, 1, generator=generator)
        self._roundings = torch.rand(count, generator=generator).tolist()
        self._done = 0

    def __call__(self, images: Tensor, batch_size: int) -> Tensor:
        """A new version of each of the next images: float in [0, 1], white ink on black.

        They make up batches of ``batch_size``, of which the last may be smaller. An op on several
        batches takes little longer than on one, where they stay in the caches.
        """
        first, self._done = self._done, self._done + len(images)
        moved = _moved(images, self._maps[first : self._done].to(images))
        amounts = self._amounts[first : self._done].to(images)
        whole = len(images) // batch_size * batch_size
        for part, size in ((slice(whole), batch_size), (slice(whole, None), len(images) - whole)):
            if len(moved[part]):
                batches, theirs = (each[part].unflatten(0, (-1, size)) for each in (moved, amounts))
                _give_other_pens(batches, theirs, self._roundings[first])
        return moved


def _maps(count: int, height: int, width: int, generator: Generator) -> Tensor:
    """Affine maps, (count, 2, 3): where in the image each pixel of a new version comes from."""
    most = [math.radians(_ROTATION), _SHEAR, _STRETCH, _STRETCH]
    most += [_SHIFT * 2 / width, _SHIFT * 2 / height]
    amounts = torch.rand(6, count, generator=generator) * 2 - 1
    angle, shear, log_x, log_y, shift_x, shift_y = amounts * torch.tensor(most)[:, None]
    cos, sin, stretch_x, stretch_y = angle.cos(), angle.sin(), log_x.exp(), log_y.exp()
    # Rotation @ shear @ stretch, and the shift.
    x_row = [cos * stretch_x, (cos * shear - sin) * stretch_y, shift_x]
    y_row = [sin * stretch_x, (sin * shear + cos) * stretch_y, shift_y]
    return torch.stack([*x_row, *y_row], 1).view(count, 2, 3)


def _moved(images: Tensor, maps: Tensor) -> Tensor:
    count, _, height, width = images.shape
    # One product of matrices; F.affine_grid's batch of small ones takes ten times as long.
    places = maps.flatten(0, 1) @ _pixels(height, width).to(images)
    places = places.view(count, 2, height, width).permute(0, 2, 3, 1)
    return F.grid_sample(images, places, align_corners=False)


@cache
def _pixels(height: int, width: int) -> Tensor:
    """x, y and 1 of every pixel's centre, (3, H W); the edges of the image lie at -1 and 1."""
    x, y = ((torch.arange(n) * 2 + 1) / n - 1 for n in (width, height))
    return torch.stack([x.repeat(height), y.repeat_interleave(width), torch.ones(height * width)])


def _give_other_pens(images: Tensor, amounts: Tensor, rounding: float) -> None:
    """Some of each batch wider, some thinner, some softer, each by an amount of its own; in place.

    ``images``: (batches, N, 1, H, W), ``amounts``: (batches, N, 1, 1, 1).
    """
    # Rounded up or down by chance, so that a share is kept on the average, however small N is.
    ends = (int(share * images.shape[1] + rounding) for share in accumulate(_SHARES))
    far, wider, thinner, softer = ends
    # Each to the full, of which the amount is a part.
    wide = _around(images[:, :wider], torch.maximum, outside=0)
    thin = _around(images[:, wider:thinner], torch.minimum, outside=1)
    soft = _around(images[:, thinner:softer], torch.add, outside=0) / 9
    images[:, :softer].lerp_(torch.cat([wide, thin, soft], 1), amounts[:, :softer])
    wide, further = wide[:, :far], (_WIDEN - 1) * amounts[:, :far]
    images[:, :far] = torch.lerp(wide, _around(wide, torch.maximum, outside=0), further)
    # The brightest pixel 1, as preparation makes it; what has all but vanished stays dim.
    paler = images[:, wider:softer]
    paler /= paler.amax((-3, -2, -1), keepdim=True).clamp(min=0.3)


def _around(images: Tensor, combine: Callable[[Tensor, Tensor], Tensor], outside: float) -> Tensor:
    """The sum, maximum or minimum of 3 x 3 pixels: along columns, then along rows, which takes far
    less time than a pooling. ``outside``: what lies beyond the border.
    """
    result = F.pad(images, (1, 1, 1, 1), value=outside)
    for dim in (-2, -1):
        result = reduce(combine, result.unfold(dim, 3, 1).unbind(-1))
    return result
