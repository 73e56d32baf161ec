"""Turn images of digits into pen strokes by thinning them to lines one pixel wide.

The writers of MNIST's test digits are not among those of its training digits. Their digits, thinned
and redrawn with another pen, place and size, stand for what new users draw on the Draw page.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from inkgrad.course.data.strokes import Strokes

# Images are enlarged by this factor before thinning, so that the line follows the middle of the
# stroke to a quarter of a pixel.
_ENLARGE = 4


def trace(image: np.ndarray) -> Strokes:
    """Return the strokes of a digit, (h, w) float in [0, 1], white on black; in pixels."""
    height, width = image.shape
    enlarged = Image.fromarray(image.astype(np.float32)).resize(
        (width * _ENLARGE, height * _ENLARGE), Image.Resampling.BICUBIC
    )
    line = thin(np.asarray(enlarged) > 0.5)
    ys, xs = np.nonzero(line)
    if len(ys) == 0:
        raise ValueError("trace: expected an image with ink, got a blank one")
    segments = _adjacent(line)
    points = np.stack([xs, ys], 1) / _ENLARGE
    return Strokes(_smoothed(points, segments), segments)


def thin(inked: np.ndarray) -> np.ndarray:
    """Thin ``inked``, (h, w) bool, to a line one pixel wide.

    T. Y. Zhang and C. Y. Suen, "A fast parallel algorithm for thinning digital patterns", 1984.
    """
    padded = np.pad(inked, 1)
    line, width = padded.ravel().view(np.uint8), padded.shape[1]
    # The eight neighbors clockwise from the top: P2 to P9 in the paper.
    around = (-width, 1 - width, 1, width + 1, width, width - 1, -1, -width - 1)
    left, before = np.flatnonzero(line), -1
    while len(left) != before:
        before = len(left)
        for removable in _REMOVABLE:
            ring = np.zeros(len(left), np.uint8)
            for bit, offset in enumerate(around):
                ring |= line[left + offset] << bit
            removed = removable[ring]
            line[left[removed]] = 0
            left = left[~removed]
    return line.view(bool).reshape(padded.shape)[1:-1, 1:-1]


def _removable() -> np.ndarray:
    """For both steps, (2, 256): whether a pixel with these neighbors, one a bit, is removed."""
    ring = np.arange(256) >> np.arange(8)[:, None] & 1
    neighbors = ring.sum(0)
    changes = ((ring == 0) & (np.roll(ring, -1, 0) == 1)).sum(0)
    north, east, south, west = ring[::2]
    open_sides = (
        (north * east * south == 0) & (east * south * west == 0),
        (north * east * west == 0) & (north * south * west == 0),
    )
    return np.array(open_sides) & (neighbors >= 2) & (neighbors <= 6) & (changes == 1)


_REMOVABLE = _removable()


def _adjacent(line: np.ndarray) -> np.ndarray:
    """Pairs of adjacent pixels of a thin line; diagonal pairs only if no corner joins them."""
    number = np.full((line.shape[0] + 2, line.shape[1] + 2), -1)
    number[1:-1, 1:-1][line] = np.arange(line.sum())
    here = number[1:-1, 1:-1]
    right, below = number[1:-1, 2:], number[2:, 1:-1]
    below_right, below_left, left = number[2:, 2:], number[2:, :-2], number[1:-1, :-2]
    pairs = [
        (right, line & (right >= 0)),
        (below, line & (below >= 0)),
        (below_right, line & (below_right >= 0) & (right < 0) & (below < 0)),
        (below_left, line & (below_left >= 0) & (left < 0) & (below < 0)),
    ]
    return np.concatenate([np.stack([here[where], other[where]], 1) for other, where in pairs])


def _smoothed(points: np.ndarray, segments: np.ndarray, rounds: int = 6) -> np.ndarray:
    """Move each point halfway to the mean of its neighbors, a few times; ends stay."""
    count = np.bincount(segments.ravel(), minlength=len(points))
    moves = count >= 2
    points = points.copy()
    for _ in range(rounds):
        total = np.zeros_like(points)
        np.add.at(total, segments[:, 0], points[segments[:, 1]])
        np.add.at(total, segments[:, 1], points[segments[:, 0]])
        points[moves] = (points[moves] + total[moves] / count[moves, None]) / 2
    return points
