"""Connected strokes of a drawing: which belong together, and which may be left out.

A drawing is split into pieces, left to right, such that a digit is one piece or a few neighbors.
"""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
from scipy import ndimage

from inkgrad.course.recognition.ink import CUT_OUT, Ink, box_of

_NEIGHBORS = np.ones((3, 3), bool)
_INKED = 0.3

# Components whose columns overlap by more than this share of the narrower one are one piece: the
# bar of a 5, the two strokes of a 4.
_OVERLAP = 0.45

# A line strikes ink through if it is longer by this share of its width on both sides.
_BEYOND = 0.08

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


def without_line(ink: Ink) -> list[Ink]:
    """The ink without a straight line across all its width; empty if there is none.

    Strokes go on where they cross the line. Where ends of strokes meet the line from the same side
    it may also have been drawn over a stroke between them: then there are two ways. Too little may
    be left to be a digit: then there is none, because a short bar across a stroke is a sign.
    """
    inked = ink.values > _INKED
    height, width = inked.shape
    line = _line_across(inked) if height > CUT_OUT else None  # else it is a few pixels high
    if line is None:
        return []
    # In these rows the line is level.
    middle, thickness, tilt = line
    rows = np.arange(height)[:, None] + np.rint(tilt * (np.arange(width) - width // 2)).astype(int)
    inside = (rows >= 0) & (rows < height)
    columns = np.arange(width)[None].repeat(height, 0)
    level = inked[rows.clip(0, height - 1), columns] & inside
    top = max(0, round(middle - thickness / 2 - 1.5))
    bottom = min(height, round(middle + thickness / 2 + 2.5))
    rest = level.copy()
    rest[top:bottom] = False
    rest &= ~_small_parts(rest)
    above, below = _runs(rest[max(0, top - 2) : top]), _runs(rest[bottom : bottom + 2])
    crossing = [pair for pair in product(above, below) if _gap(*pair) <= thickness]
    filled = np.zeros_like(rest)
    for (a, b), (c, d) in crossing:
        for row, left, right in zip(
            range(top, bottom),
            np.linspace(a, c, bottom - top).round().astype(int),
            np.linspace(b, d, bottom - top).round().astype(int),
            strict=True,
        ):
            filled[row, left:right] = True
    rest |= filled
    if not _is_struck_through(rest, round(middle)):
        return []
    ways = [rest]
    hidden = [
        (one[0], other[1])
        for number, side in enumerate((above, below))
        for one, other in pairwise(side)
        if not {one, other} <= {pair[number] for pair in crossing}
    ]
    if hidden:
        ways.insert(0, rest.copy())
        for left, right in hidden:
            ways[0][top:bottom, left:right] = True
    masks = []
    for way in ways:
        near = ndimage.binary_dilation(way)
        near[top:bottom] = way[top:bottom]
        mask = np.zeros_like(inked)
        mask[rows[inside], columns[inside]] = near[inside]
        masks.append(mask)
    return [ink.times(mask) for mask in masks]


def _line_across(inked: np.ndarray) -> tuple[float, float, float] | None:
    """A line from edge to edge: the row of its middle, its thickness, and rows per column."""
    height, width = inked.shape
    end = max(2, round(0.06 * width))
    sides = [np.nonzero(part) for part in (inked[:, :end], inked[:, -end:])]
    if any(len(rows) == 0 for rows, _ in sides):
        return None
    thickness = max(len(rows) / end for rows, _ in sides)
    if thickness > 0.2 * height:
        return None
    start, stop = (float(rows.mean()) for rows, _ in sides)
    y = np.linspace(start, stop, width).round().astype(int)
    if inked[y, np.arange(width)].mean() < 0.9:
        return None
    return (start + stop) / 2, thickness, (stop - start) / width


def _is_struck_through(rest: np.ndarray, middle: int) -> bool:
    """Whether what is left is high, on both sides of the line, which was longer than it."""
    if not rest.any():
        return False
    height, width = rest.shape
    top, bottom, left, right = box_of(rest)
    beyond = min(left, width - right)
    is_wide = right - left >= 0.3 * (bottom - top)
    reach = min(middle - top, bottom - middle)
    is_across = reach >= 0.2 * (bottom - top) and bottom - top >= 0.5 * height
    return beyond >= _BEYOND * width and is_wide and is_across


def _runs(rows: np.ndarray) -> list[tuple[int, int]]:
    """The ranges of columns with ink in any of some rows."""
    steps = np.diff(rows.any(0), prepend=False, append=False)
    return [(int(a), int(b)) for a, b in np.flatnonzero(steps).reshape(-1, 2)]


def _gap(one: tuple[int, int], other: tuple[int, int]) -> int:
    """The columns between two ranges; negative if they overlap."""
    return max(one[0], other[0]) - min(one[1], other[1])


def _small_parts(inked: np.ndarray) -> np.ndarray:
    """Where components below a twentieth of the largest are."""
    labels, count = ndimage.label(inked, _NEIGHBORS)
    areas = np.bincount(labels.ravel(), minlength=count + 1)
    areas[0] = 0
    small = areas * 20 < areas.max()
    small[0] = False
    return small[labels]
