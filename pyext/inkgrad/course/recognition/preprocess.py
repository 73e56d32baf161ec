"""A drawing made into what the networks were trained on: 28 x 28, as MNIST was made.

MNIST's digits were cut out, shrunk into 20 x 20 with their proportions kept (grey levels come from
the antialiasing) and placed so that their centre of mass lies at the centre of 28 x 28 (LeCun,
Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998, section
III.A).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from inkgrad.course.recognition import ink, picture

SIDE = 28  # of the picture
_DIGIT = 20  # long side of the digit in it
# Where MNIST's centres of mass lie, to half a pixel: digits were moved by whole pixels.
_CENTRE = 14


@dataclass(frozen=True)
class Prepared:
    """What a network sees.

    ``image``: (28, 28) float32 in [0, 1], ink white on black. ``empty``: nothing is drawn, all 0.
    """

    image: np.ndarray
    empty: bool


def prepare(image: Any) -> Prepared:
    """What a network sees of ``image``.

    ``image`` is an array (or a CPU tensor) H x W, H x W x 3 (RGB) or H x W x 4 (RGBA) of uint8 (0
    to 255), bool or floats (0 to 1), or a PIL image; of any size, the digit anywhere in it, of any
    size and pen width. Ink is white on black, or dark on a lighter page: that is found out. What is
    transparent is no ink. Photographs may have uneven light and noise.

    Blank pictures, and those with one dot only, are ``empty``.

    ValueError for another shape or dtype, no pixels, NaN, infinity or floats outside [0, 1].
    """
    strokes = ink.find(picture.read(image))
    if strokes is None:
        return Prepared(np.zeros((SIDE, SIDE), np.float32), empty=True)
    return Prepared(_centred(_fitted(strokes)), empty=False)


def _fitted(strokes: np.ndarray) -> np.ndarray:
    """Resized so that the long side is 20, full ink being 1."""
    height, width = strokes.shape
    scale = _DIGIT / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    digit = Image.fromarray(strokes.astype(np.float32, copy=False)).resize(
        size, Image.Resampling.BICUBIC
    )
    fitted = np.asarray(digit).clip(0, 1)
    return fitted / fitted.max()


def _centred(digit: np.ndarray) -> np.ndarray:
    """Placed in 28 x 28 with its centre of mass at the centre, or as near to that as it fits."""
    height, width = digit.shape
    mass = digit.sum()
    centre_y = float(digit.sum(1) @ np.arange(height) / mass)
    centre_x = float(digit.sum(0) @ np.arange(width) / mass)
    top = min(max(round(_CENTRE - centre_y), 0), SIDE - height)
    left = min(max(round(_CENTRE - centre_x), 0), SIDE - width)
    placed = np.zeros((SIDE, SIDE), np.float32)
    placed[top : top + height, left : left + width] = digit
    return placed
