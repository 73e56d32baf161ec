"""A drawing for tests: one digit on a pad of any size, with any pen."""

from __future__ import annotations

import numpy as np

from inkgrad.course.data.strokes import Pen, Strokes, draw

# A 4: nothing about it is symmetric.
FOUR = Strokes(
    np.array([(0.5, 0.0), (0.0, 0.6), (0.8, 0.6), (0.6, 0.3), (0.55, 1.0)]),
    np.array([(0, 1), (1, 2), (3, 4)]),
)


def drawing(
    side: int = 280,
    width: float = 0.06,
    height: float = 0.6,
    center: tuple[float, float] = (0.5, 0.5),
) -> np.ndarray:
    """(side, side) uint8, white on black; lengths are fractions of the side."""
    return draw(FOUR, Pen(side, width, height, center))
