"""Reading a drawing: a digit, several digits side by side, or no digit.

Every way to read a drawing is scored by the same network: a digit by the probability that its ink
is a digit, a number by that of the digit which is least certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from inkgrad.course.recognition import components
from inkgrad.course.recognition.components import MAX_PIECES, Components
from inkgrad.course.recognition.ink import Ink
from inkgrad.course.recognition.preprocess import fit

Evaluate = Callable[[np.ndarray], np.ndarray]
"""From images (n, 28, 28) to the probabilities of the digits, (n, 10). Those of an image sum to the
probability that it is a digit."""

# Lowest probability of being a digit that counts as one: half a percent of digits have less than
# the second, and those are looked at in other ways, too.
ACCEPTED, SURE = 0.5, 0.9
# What other readings than that of all the ink must reach: they are several chances.
_ACCEPTED_PART = 0.8

# A digit of a number has at least this share of the height of the highest one.
_HEIGHT = 0.4
# Neighboring pieces that may be one digit.
_MAX_JOINED = 3


@dataclass(frozen=True)
class Part:
    """Ink that is read as one digit, its image (28, 28), and its probabilities (10,)."""

    ink: Ink
    image: np.ndarray
    probabilities: np.ndarray

    @property
    def is_digit(self) -> float:
        return float(self.probabilities.sum())


@dataclass(frozen=True)
class Reading:
    """Parts from left to right, and the lowest probability of one of them to be a digit."""

    parts: tuple[Part, ...]
    score: float

    @property
    def accepted(self) -> bool:
        return self.score >= ACCEPTED


def whole(ink: Ink, probabilities: np.ndarray, image: np.ndarray) -> Reading:
    """All the ink as one digit."""
    part = Part(ink, image, probabilities)
    return Reading((part,), part.is_digit)


def is_settled(first: Reading) -> bool:
    """Whether the reading as one digit needs no comparison with others."""
    return first.score >= SURE and not components.has_gap(first.parts[0].ink)


def best(first: Reading, evaluate: Evaluate, others: Iterable[Ink] = ()) -> Reading:
    """The best reading; ``first`` is that as one digit, which is kept if none is accepted.

    ``others`` is other ink that the picture may show, found in other ways.
    """
    ink = first.parts[0].ink
    pieces = components.split(ink)
    number = _number(pieces, evaluate)
    if number is not None and number.score > first.score and number.accepted:
        return number
    if first.accepted:
        return first
    for inks in _other_ways(ink, pieces, others):
        readings = [one for each in inks if (one := _reading(each, evaluate)) is not None]
        accepted = [one for one in readings if one.score >= _ACCEPTED_PART]
        if accepted:
            return max(accepted, key=lambda one: one.score)
    cut = _number(_cut(pieces), evaluate, certain=True)
    return cut if cut is not None and cut.score >= _ACCEPTED_PART else first


def _other_ways(ink: Ink, pieces: list[Ink], others: Iterable[Ink]) -> Iterator[list[Ink]]:
    yield list(Components(ink).without_extras())
    yield list(others)


def _reading(ink: Ink, evaluate: Evaluate) -> Reading | None:
    image = fit(ink.values)
    one = whole(ink, evaluate(image[None])[0], image)
    if is_settled(one):
        return one
    number = _number(components.split(ink), evaluate)
    return number if number is not None and number.score > one.score else one


def _cut(pieces: list[Ink]) -> list[Ink]:
    """The pieces, those cut that are wider than a digit is."""
    parts: list[Ink] = []
    for piece in pieces:
        height, width = piece.values.shape
        parts += components.cut(piece, most=5) if width > 0.75 * height else [piece]
    return parts


def _number(pieces: list[Ink], evaluate: Evaluate, certain: bool = False) -> Reading | None:
    """The best division of the pieces into at least two digits."""
    if not 2 <= len(pieces) <= MAX_PIECES:
        return None
    spans = [
        (a, b)
        for a in range(len(pieces))
        for b in range(a + 1, min(a + _MAX_JOINED, len(pieces)) + 1)
    ]
    inks = [components.joined(pieces[a:b]) for a, b in spans]
    heights = [one.values.shape[0] for one in inks]
    images = np.stack([fit(one.values) for one in inks])
    tall = np.array(heights) >= _HEIGHT * max(heights)
    probabilities = evaluate(images) * tall[:, None]
    # The best division of the first n pieces: its score and its spans.
    divisions: list[tuple[float, list[int]]] = [(1.0, [])] + [(0.0, [])] * len(pieces)
    for n, (a, b) in sorted(enumerate(spans), key=lambda item: item[1][1]):
        score = divisions[a][0] * float(probabilities[n].sum())
        if score > divisions[b][0]:
            divisions[b] = score, [*divisions[a][1], n]
    _, chosen = divisions[-1]
    if len(chosen) < 2:
        return None
    parts = tuple(Part(inks[n], images[n], probabilities[n]) for n in chosen)
    shares = [float(part.probabilities.max()) if certain else part.is_digit for part in parts]
    return Reading(parts, min(shares))
