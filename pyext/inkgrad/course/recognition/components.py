"""Connected strokes of a drawing: which belong together, and which may be left out.

A drawing is split into pieces, left to right, such that a digit is one piece or a few neighbors.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from inkgrad.course.recognition.ink import Ink, box_of

_NEIGHBORS = np.ones((3, 3), bool)
_INKED = 0.3

# Components whose columns overlap by more than this share of the narrower one are one piece: the
# bar of a 5, the two strokes of a 4.
_OVERLAP = 0.45

MAX_PIECES = 12
_MAX_COMPONENTS = 120


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
        near = ndimage.binary_dilation(chosen, _NEIGHBORS, iterations=2)
        return near & (chosen | (self._labels == 0))

    def only(self, members: np.ndarray) -> Ink:
        """The ink of those components."""
        return self.ink.times(self.mask(members))

    def _pieces(self) -> list[np.ndarray]:
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

    def without_frames(self) -> Ink | None:
        """The rest without rings and boxes around it, and lines beside it.

        None if there are none, or nothing else.
        """
        kept = np.setdiff1d(np.arange(self.count), self._frames())
        return self.only(kept) if 0 < len(kept) < self.count else None

    def without_marks(self) -> Ink | None:
        """The rest without frames and small marks beside the highest component."""
        inside = np.setdiff1d(np.arange(self.count), self._frames())
        if len(inside) < 2:
            return None
        heights = self.boxes[:, 1] - self.boxes[:, 0]
        main = inside[np.argmax(heights[inside])]
        kept = [i for i in inside if i == main or not self._is_stray(i, main)]
        return self.only(np.array(kept)) if len(kept) < len(inside) else None

    def split(self) -> list[Ink]:
        """The ink in pieces, from left to right, without cutting a component."""
        return [self.only(piece) for piece in self._pieces()]

    def _frames(self) -> np.ndarray:
        if not 2 <= self.count <= _MAX_COMPONENTS:
            return np.array([], int)
        return np.flatnonzero([self._encloses(i) or self._is_line(i) for i in range(self.count)])

    def main(self) -> Ink | None:
        """The highest component and what is close to it; None if that is everything."""
        if not 1 <= self.count <= _MAX_COMPONENTS:
            return None
        members = np.arange(self.count)
        thin = np.isin(members, self._frames())
        heights = self.boxes[:, 1] - self.boxes[:, 0]
        size = np.where(thin, 0, heights)
        first = int(size.argmax())
        if size[first] == 0:
            return None
        kept, waiting = {first}, [first]
        while waiting:
            one = waiting.pop()
            for other in members:
                if other not in kept and not thin[other] and self._is_close(one, other, heights):
                    kept.add(int(other))
                    waiting.append(int(other))
        if len(kept) == self.count and _fills(self._labels > 0):
            return None
        return self.only(np.array(sorted(kept)))

    def _is_close(self, one: int, other: int, heights: np.ndarray) -> bool:
        """Whether ``other`` is near ``one``; a mark of the same height may be farther to a side."""
        top, bottom, left, right = self.boxes[one]
        above, below, before, behind = self.boxes[other]
        x_gap, y_gap = max(left - behind, before - right, 0), max(top - below, above - bottom, 0)
        beside = y_gap == 0 and heights[other] > 0.6 * heights[one]
        return bool(max(x_gap, y_gap) < (0.8 if beside else 0.3) * heights[one])

    def _encloses(self, i: int) -> bool:
        """Whether it is a thin ring or a box around something."""
        top, bottom, left, right = self.boxes[i]
        height, width = bottom - top, right - left
        tops, bottoms, lefts, rights = self.boxes.T
        margin = 0.04 * max(height, width)
        inner = (tops > top + margin) & (bottoms < bottom - margin)
        inner &= (lefts > left + margin) & (rights < right - margin)
        if not inner.any() or self.areas[i] > 0.45 * height * width:
            return False
        content = self.boxes[inner]
        tall = content[:, 1].max() - content[:, 0].min()
        return bool(tall > 0.25 * height)

    def _is_line(self, i: int) -> bool:
        """Whether it is a long line beside, above or below the others: an underline, a ruling."""
        others = np.delete(self.boxes, i, 0)
        top, bottom, left, right = self.boxes[i]
        height, width = bottom - top, right - left
        if width > 4 * height:
            span = others[:, 3].max() - others[:, 2].min()
            tall = others[:, 1].max() - others[:, 0].min()
            crosses = (others[:, 0] < top - height) & (others[:, 1] > bottom + height)
            return bool(width > 0.6 * span and tall > 0.25 * width and not crosses.any())
        if height > 6 * width:
            span = others[:, 1].max() - others[:, 0].min()
            return bool(height > 1.25 * span > 0.5 * height)
        return False

    def _is_stray(self, i: int, main: int) -> bool:
        """Whether it is a small mark beside ``main``, and not the dot of an i."""
        top, bottom, left, right = self.boxes[i]
        above, below, before, behind = self.boxes[main]
        size = max(below - above, behind - before)
        if max(bottom - top, right - left) > 0.34 * size:
            return False
        is_above_or_below = (bottom <= above or top >= below) and left < behind and right > before
        is_within = top >= above and bottom <= below and left >= before and right <= behind
        return not (is_above_or_below or is_within)


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    """The shared share of the narrower of two ranges."""
    shared = min(a[1], b[1]) - max(a[0], b[0])
    return shared / max(1, min(a[1] - a[0], b[1] - b[0]))


def is_connected(ink: Ink) -> bool:
    """Whether there is one component, and nothing faint beside it."""
    inked = ink.values > _INKED
    return _fills(inked) and bool(ndimage.label(inked, _NEIGHBORS)[1] == 1)


def _fills(inked: np.ndarray) -> bool:
    """Whether it reaches from edge to edge, or almost."""
    if not inked.any():
        return False
    top, bottom, left, right = box_of(inked)
    height, width = inked.shape
    return max(height - (bottom - top), width - (right - left)) <= max(4, 0.1 * max(inked.shape))


def cut(ink: Ink, most: int) -> list[Ink]:
    """Cut the ink between columns, at most ``most`` times, where it is lowest."""
    height, width = ink.values.shape
    inked = ink.values > _INKED
    # From the highest to the lowest ink of each column: small where two digits touch.
    columns = np.where(inked.any(0), height - inked.argmax(0) - inked[::-1].argmax(0), 0).astype(
        float
    )
    smooth = ndimage.gaussian_filter1d(columns, max(1, width / 60), mode="nearest")
    reach = max(2, round(0.2 * min(height, width)))
    lowest = smooth == ndimage.minimum_filter1d(smooth, 2 * reach + 1, mode="nearest")
    lowest &= smooth < 0.8 * smooth.max()
    inner = np.arange(width)
    lowest &= (inner > 0.15 * height) & (inner < width - 0.15 * height)
    places = np.flatnonzero(lowest)
    places = places[np.r_[True, np.diff(places) > reach]] if len(places) else places
    places = np.sort(places[np.argsort(smooth[places])[:most]])
    edges = [0, *places, width]
    parts = [ink.part(0, height, a, b) for a, b in pairwise(edges) if b > a]
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


def without_line(ink: Ink) -> Ink | None:
    """The ink without a straight line across all its width; None if there is none.

    Where other strokes cross the line they stay whole. Too little may be left to be a digit: then
    it is None, because a short bar across a stroke is a sign.
    """
    inked = ink.values > _INKED
    height, width = inked.shape
    end = max(2, round(0.06 * width))
    sides = [np.nonzero(part) for part in (inked[:, :end], inked[:, -end:])]
    if any(len(rows) == 0 for rows, _ in sides):
        return None
    thickness = max(len(rows) / end for rows, _ in sides)
    if thickness > 0.2 * height:
        return None
    start, stop = (float(rows.mean()) for rows, _ in sides)
    y = np.linspace(start, stop, width)
    rows = np.arange(height)[:, None]
    if inked[np.clip(np.rint(y).astype(int), 0, height - 1), np.arange(width)].mean() < 0.9:
        return None
    band = np.abs(rows - y) <= thickness / 2 + 1.5
    reach = ndimage.binary_dilation(band, np.ones((3, 1), bool), iterations=2)
    above, below = (inked & reach & ~band & (side < 0) for side in (rows - y, y - rows))
    sideways = np.ones((1, 5), bool)
    crossed = ndimage.binary_dilation(above.any(0)[None], sideways)
    crossed = crossed & ndimage.binary_dilation(below.any(0)[None], sideways)
    rest = inked & ~(band & ~crossed)
    rest = rest & ~_small_parts(rest)
    if not rest.any():
        return None
    top, bottom, left, right = box_of(rest)
    beyond = min(left, width - right)
    if beyond < 0.05 * width or right - left < 0.3 * (bottom - top) or bottom - top < 0.5 * height:
        return None
    return ink.times(ndimage.binary_dilation(rest) & ~(band & ~crossed))


def _small_parts(inked: np.ndarray) -> np.ndarray:
    """Where components below a twentieth of the largest are."""
    labels, count = ndimage.label(inked, _NEIGHBORS)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    areas[0] = 0
    small = areas * 20 < areas.max()
    small[0] = False
    return small[labels]
