"""Pen strokes, and drawing them on a pad: what a digit is before it is an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class Strokes:
    """``points``: (n, 2) float, x and y. ``segments``: (m, 2) int, which points are joined."""

    points: np.ndarray
    segments: np.ndarray


@dataclass(frozen=True)
class Pen:
    """How a digit is put on a square pad: all lengths are fractions of the pad's side."""

    side: int  # of the pad, in pixels
    width: float  # of the pen
    height: float  # of the digit's longer side
    centre: tuple[float, float]
    angle: float = 0.0  # radians
    slant: float = 0.0  # x moved by this for each unit of y


def draw(strokes: Strokes, pen: Pen) -> np.ndarray:
    """The pad with the digit drawn on it: (side, side) uint8, white on black, antialiased."""
    sharp = 2  # the pad is drawn this much larger, then averaged
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
    """Turned, slanted, scaled and moved, in units of the pad's side."""
    cos, sin = math.cos(pen.angle), math.sin(pen.angle)
    turned = points @ np.array([[cos, sin], [-sin, cos]]) @ np.array([[1.0, 0.0], [pen.slant, 1.0]])
    low, high = turned.min(0), turned.max(0)
    longer = max((high - low).max(), 1e-6)
    return (turned - (low + high) / 2) * (pen.height / longer) + pen.centre
