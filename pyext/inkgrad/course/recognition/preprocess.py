"""Preprocessing a drawing to the 28 x 28 pixels that the networks were trained on, as MNIST did.

MNIST's digits were cropped, scaled into 20 x 20 with their proportions kept (antialiasing makes
gray levels) and placed so that their center of mass is the center of 28 x 28 (LeCun, Bottou, Bengio
and Haffner, "Gradient-based learning applied to document recognition", 1998, section III.A).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from inkgrad.course.recognition import ink, picture

SIDE = 28  # pixels
_DIGIT = 20  # long side of the digit
# MNIST's centers of mass are here to within half a pixel: digits were moved by whole pixels.
_CENTER = 14


@dataclass(frozen=True)
class Prepared:
    """The input of a network.

    ``image``: (28, 28) float32 in [0, 1], white ink on black. ``empty``: nothing is drawn, all 0.
    """

    image: np.ndarray
    empty: bool


def prepare(image: Any) -> Prepared:
    """Preprocess ``image``.

    ``image`` is an array (or a CPU tensor) H x W, H x W x 3 (RGB) or H x W x 4 (RGBA) of uint8 (0
    to 255), bool or floats (0 to 1), or a PIL image. The image, the digit and the pen may have any
    size. Ink is white on black, or dark on a lighter page, which is detected. Transparent pixels
    are not ink. Photographs may have uneven light and noise.

    Blank images, and those with a single dot, are ``empty``.

    ValueError for another shape or dtype, no pixels, NaN, infinity or floats outside [0, 1].
    """
    found = ink.find(picture.read(image))
    if found is None:
        return Prepared(np.zeros((SIDE, SIDE), np.float32), empty=True)
    return Prepared(fit(found.values), empty=False)


def fit(strokes: np.ndarray) -> np.ndarray:
    """Scale and center cropped ink, (h, w) float, as MNIST's: (28, 28) float32 in [0, 1]."""
    return _centered(_fitted(strokes))


def _fitted(strokes: np.ndarray) -> np.ndarray:
    """Resize to a long side of 20, with full ink at 1."""
    height, width = strokes.shape
    scale = _DIGIT / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    digit = Image.fromarray(strokes.astype(np.float32, copy=False)).resize(
        size, Image.Resampling.BICUBIC
    )
    fitted = np.asarray(digit).clip(0, 1)
    return fitted / fitted.max()


def _centered(digit: np.ndarray) -> np.ndarray:
    """Place in 28 x 28 with the center of mass at the center, or as close as it fits."""
    height, width = digit.shape
    mass = digit.sum()
    center_y = float(digit.sum(1) @ np.arange(height) / mass)
    center_x = float(digit.sum(0) @ np.arange(width) / mass)
    top = min(max(round(_CENTER - center_y), 0), SIDE - height)
    left = min(max(round(_CENTER - center_x), 0), SIDE - width)
    placed = np.zeros((SIDE, SIDE), np.float32)
    placed[top : top + height, left : left + width] = digit
    return placed
