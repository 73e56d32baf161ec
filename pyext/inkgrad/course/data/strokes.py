"""Pen strokes, and rendering them as an image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class Strokes:
    """``points``: (n, 2) float, x and y. ``segments``: (m, 2) int, pairs of points to connect."""

    points: np.ndarray
    segments: np.ndarray

    @classmethod
    def of_lines(cls, lines: Sequence[np.ndarray]) -> Strokes:
        """The strokes of polylines, each (n, 2)."""
        segments, first = [], 0
        for line in lines:
            segments += [(i, i + 1) for i in range(first, first + len(line) - 1)]
            first += len(line)
        return cls(np.concatenate(lines), np.array(segments, int).reshape(-1, 2))


@dataclass(frozen=True)
class Pen:
    """How a digit is drawn on a square pad; lengths are fractions of the pad's side."""

    side: int  # of the pad, in pixels
    width: float  # of the pen
    height: float  # of the digit's longer side
    center: tuple[float, float]
    angle: float = 0.0  # radians
    slant: float = 0.0  # shift in x per unit of y


def draw(strokes: Strokes, pen: Pen) -> np.ndarray:
    """Render the digit: (side, side) uint8, white on black, antialiased."""
    sharp = 2  # rendered at this factor, then averaged
    points = _placed(strokes.points, pen) * (pen.side * sharp)
    radius = max(pen.width * pen.side * sharp, 1.0) / 2
    pad = Image.new("L", (pen.side * sharp, pen.side * sharp))
    canvas = ImageDraw.Draw(pad)
    for start, end in strokes.segments:
        canvas.line([*points[start], *points[end]], fill=255, width=round(2 * radius))
    for x, y in points:
        canvas.ellipse([x - radius, y - radius, x + radius, y + radius], fill=255)
    return np.asarray(pad.reduce(sharp))


def _placed(points: np.ndarray, pen: Pen) -> np.ndarray:
    """The points rotated, slanted, scaled and moved, in units of the pad's side."""
    cos, sin = math.cos(pen.angle), math.sin(pen.angle)
    rotated = (
        points @ np.array([[cos, sin], [-sin, cos]]) @ np.array([[1.0, 0.0], [pen.slant, 1.0]])
    )
    low, high = rotated.min(0), rotated.max(0)
    longer = max((high - low).max(), 1e-6)
    return (rotated - (low + high) / 2) * (pen.height / longer) + pen.center
