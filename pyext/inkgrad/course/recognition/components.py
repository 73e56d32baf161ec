"""Connected strokes of a drawing: which belong together, and which may be left out.

A drawing is split into pieces, left to right, such that a digit is one piece or a few neighbors.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from inkgrad.course.recognition.ink import Ink

_NEIGHBORS = np.ones((3, 3), bool)
_INKED = 0.3

# Components whose columns overlap by more than this share of the narrower one are one piece: the
# bar of a 5, the two strokes of a 4.
_OVERLAP = 0.45

MAX_PIECES = 12


class Components:
    """The connected components of some ink, from left to right."""

    def __init__(self, ink: Ink) -> None:
        self.ink = ink
        inked = ink.values > _INKED
        self._labels, self.count = ndimage.label(inked, _NEIGHBORS)
        slices = ndimage.find_objects(self._labels)
        # top, bottom, left, right of each; label i + 1 is row i
        self.boxes = np.array([[y.start, y.stop, x.start, x.stop] for y, x in slices])
        self.areas = np.bincount(self._labels.ravel(), minlength=self.count + 1)[1:]

    def mask(self, members: np.ndarray) -> np.ndarray:
        """Where those components are, with their soft edges."""
        lookup = np.r_[False, np.isin(np.arange(self.count), members)]
        chosen = lookup[self._labels]
        if len(members) == self.count:
            return np.ones_like(chosen)
        near = ndimage.binary_dilation(chosen, _NEIGHBORS, iterations=2)
        return near & (chosen | (self._labels == 0))

    def only(self, members: np.ndarray) -> Ink:
        """The ink of those components."""
        return self.ink.times(self.mask(members))

    def pieces(self) -> list[np.ndarray]:
        """Components that belong together, from left to right."""
        order = np.argsort(self.boxes[:, 2])
        pieces: list[list[int]] = []
        ends: list[tuple[int, int]] = []
        for member in order:
            left, right = self.boxes[member, 2:]
            while pieces and _overlap(ends[-1], (left, right)) > _OVERLAP:
                left, right = min(ends[-1][0], left), max(ends[-1][1], right)
                ends.pop()
                member = [*pieces.pop(), *np.atleast_1d(member)]
            pieces.append(list(np.atleast_1d(member)))
            ends.append((left, right))
        return [np.array(piece) for piece in pieces]

    def without_extras(self) -> Iterator[Ink]:
        """What remains without a frame, a line below or beside, or stray marks."""
        if not 2 <= self.count <= 60:
            return
        everything = np.arange(self.count)
        heights = self.boxes[:, 1] - self.boxes[:, 0]
        widths = self.boxes[:, 3] - self.boxes[:, 2]
        frames = [i for i in everything if self._encloses(i)]
        lines = [i for i in everything if self._is_line(i, heights[i], widths[i])]
        inside = np.setdiff1d(everything, [*frames, *lines])
        if len(inside) == 0:
            return
        main = inside[np.argmax(heights[inside])]
        stray = [i for i in inside if i != main and self._is_stray(i, main, heights)]
        for left_out in ([*frames, *lines], [*frames, *lines, *stray], stray):
            kept = np.setdiff1d(everything, left_out)
            if 0 < len(kept) < self.count:
                yield self.only(kept)

    def _encloses(self, i: int) -> bool:
        """Whether it is a thin ring or a box around something."""
        top, bottom, left, right = self.boxes[i]
        height, width = bottom - top, right - left
        t, b, l, r = self.boxes.T
        margin = 0.04 * max(height, width)
        inner = (t > top + margin) & (b < bottom - margin) & (l > left + margin)
        inner &= r < right - margin
        if not inner.any() or self.areas[i] > 0.45 * height * width:
            return False
        content = self.boxes[inner]
        tall = content[:, 1].max() - content[:, 0].min()
        return bool(tall > 0.25 * height)

    def _is_line(self, i: int, height: int, width: int) -> bool:
        """Whether it is a long line beside, above or below the others: an underline, a ruling."""
        others = np.delete(self.boxes, i, 0)
        top, bottom, left, right = self.boxes[i]
        if width > 4 * height:
            span = others[:, 3].max() - others[:, 2].min()
            crosses = (others[:, 0] < top - height) & (others[:, 1] > bottom + height)
            return bool(width > 0.6 * span and not crosses.any())
        if height > 6 * width:
            span = others[:, 1].max() - others[:, 0].min()
            return bool(height > 1.25 * span)
        return False

    def _is_stray(self, i: int, main: int, heights: np.ndarray) -> bool:
        """Whether it is a small mark beside ``main``, and not the dot of an i."""
        top, bottom, left, right = self.boxes[i]
        t, b, l, r = self.boxes[main]
        size = max(b - t, r - l)
        if max(bottom - top, right - left) > 0.34 * size:
            return False
        is_above_or_below = (bottom <= t or top >= b) and left < r and right > l
        is_within = top >= t and bottom <= b and left >= l and right <= r
        return not (is_above_or_below or is_within)


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    """The shared share of the narrower of two ranges."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / max(1, min(a[1] - a[0], b[1] - b[0]))


def has_gap(ink: Ink) -> bool:
    """Whether a blank column separates the ink."""
    return bool((ink.values.max(0) < 0.1).any())


def split(ink: Ink) -> list[Ink]:
    """The ink in pieces, from left to right, without cutting a component."""
    components = Components(ink)
    if components.count == 0:
        return []
    return [components.only(piece) for piece in components.pieces()]


def cut(ink: Ink, most: int) -> list[Ink]:
    """Cut the ink between columns, at most ``most`` times, where there is least of it."""
    height, width = ink.values.shape
    columns = ink.values.sum(0)
    smooth = ndimage.gaussian_filter1d(columns, max(1, width / 60), mode="nearest")
    reach = max(2, round(0.2 * min(height, width)))
    lowest = smooth == ndimage.minimum_filter1d(smooth, 2 * reach + 1, mode="nearest")
    lowest &= smooth < 0.6 * smooth.max()
    inner = np.arange(width)
    lowest &= (inner > 0.15 * height) & (inner < width - 0.15 * height)
    places = np.flatnonzero(lowest)
    places = places[np.r_[True, np.diff(places) > reach]] if len(places) else places
    places = np.sort(places[np.argsort(smooth[places])[:most]])
    edges = [0, *places, width]
    parts = [ink.part(0, height, a, b) for a, b in zip(edges, edges[1:], strict=False) if b > a]
    return [part.cropped() for part in parts if (part.values > 0.1).any()]


def joined(parts: list[Ink]) -> Ink:
    """Neighboring pieces of the same ink as one."""
    scale = parts[0].scale
    boxes = np.array([part.box for part in parts])
    (left, top), (right, bottom) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    values = np.zeros(((bottom - top) // scale, (right - left) // scale), np.float32)
    for part in parts:
        y, x = (part.top - top) // scale, (part.left - left) // scale
        height, width = part.values.shape
        place = values[y : y + height, x : x + width]
        np.maximum(place, part.values, out=place)
    return Ink(values, int(left), int(top), scale)
