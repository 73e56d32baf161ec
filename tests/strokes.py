"""Digits as pen strokes, in coordinates of the unit square, and a raster of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

Stroke = list[tuple[float, float]]

SEVEN: list[Stroke] = [[(0.25, 0.2), (0.75, 0.2), (0.42, 0.82)]]
ONE: list[Stroke] = [[(0.5, 0.15), (0.5, 0.85)]]
FOUR: list[Stroke] = [
    [(0.6, 0.15), (0.22, 0.6), (0.8, 0.6)],
    [(0.64, 0.38), (0.6, 0.88)],
]


def raster(strokes: list[Stroke], side: int, width: float = 0.07) -> np.ndarray:
    """(side, side) uint8, 0 paper and 255 ink."""
    image = Image.new("L", (side, side))
    draw = ImageDraw.Draw(image)
    radius = width * side / 2
    for stroke in strokes:
        points = [(x * side, y * side) for x, y in stroke]
        for start, end in pairwise(points):
            draw.line([start, end], fill=255, width=round(2 * radius))
        for x, y in points:
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return np.asarray(image)
