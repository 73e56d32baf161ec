"""Reading a drawing: a digit, several digits side by side, or no digit.

Every way to read a drawing is scored by the same network: a digit by the probability that its ink
is a digit, a number by that of the digit which is least certain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from inkgrad.course.recognition import components
from inkgrad.course.recognition.components import MAX_PIECES, Components
from inkgrad.course.recognition.ink import Ink
from inkgrad.course.recognition.preprocess import fit

Evaluate = Callable[[np.ndarray], np.ndarray]
"""From images (n, 28, 28) to the probabilities of the digits, (n, 10). Those of an image sum to the
probability that it is a digit."""

# Lowest probability of being a digit that counts as one; drawings below the second are read in
# other ways, too.
ACCEPTED, SURE = 0.4, 0.9
# The probability of the label that other readings than that of all the ink must reach, because
# they are several chances.
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
    def label(self) -> int:
        return int(self.probabilities.argmax())

    @property
    def is_digit(self) -> float:
        return float(self.probabilities.sum())


@dataclass(frozen=True)
class Reading:
    """Parts from left to right."""

    parts: tuple[Part, ...]

    @property
    def is_digits(self) -> float:
        """The lowest probability of a part to be a digit."""
        return min(part.is_digit for part in self.parts)

    @property
    def certainty(self) -> float:
        """The lowest probability of a part's label."""
        return min(float(part.probabilities.max()) for part in self.parts)

    @property
    def accepted(self) -> bool:
        return self.is_digits >= ACCEPTED


def whole(ink: Ink, probabilities: np.ndarray, image: np.ndarray) -> Reading:
    """All the ink as one digit."""
    return Reading((Part(ink, image, probabilities),))


def is_settled(first: Reading) -> bool:
    """Whether the reading as one digit needs no comparison but with that of a line across it."""
    return first.is_digits >= SURE and components.is_connected(first.parts[0].ink)


def best(first: Reading, evaluate: Evaluate, *, is_picture: bool = False) -> Reading:
    """The best reading of some ink; ``first`` is that as one digit, which is kept if no other is
    accepted.

    In a picture there may be other things: then the highest is read, and what is close to it.
    """
    if is_settled(first):
        # A 1 with a bar is a 4 or a 7.
        struck = _struck_through(first.parts[0].ink, evaluate)
        return better(first, [one for one in struck if one.parts[0].label != 1]) or first
    strokes = Components(first.parts[0].ink)
    pieces = strokes.split()
    number = _number(pieces, evaluate)
    if number is not None and number.accepted and number.is_digits > first.is_digits:
        return number
    if is_picture and (main := strokes.main()) is not None:
        return _reading(main, evaluate)
    inside = strokes.without_frames()
    if inside is not None and _certain(other := _reading(inside, evaluate)):
        return other
    if first.is_digits >= SURE:
        return first
    others = _struck_through(strokes.ink, evaluate)
    if (main := strokes.without_marks()) is not None:
        others.append(_reading(main, evaluate))
    others = [one for one in others if one.certainty > first.certainty]
    cut = None if first.accepted else _number(_cut(pieces), evaluate)
    if cut is not None and not _is_zigzag(cut):
        others.append(cut)
    return better(first, others) or first


def among(inks: Iterable[Ink], evaluate: Evaluate) -> list[Reading]:
    """The readings of other ink that a picture may show."""
    return [_reading(ink, evaluate, is_picture=True) for ink in inks]


def better(first: Reading | None, others: list[Reading]) -> Reading | None:
    """The best of the others if it is certain; else ``first``."""
    found = max(others, key=lambda one: one.certainty, default=None)
    return found if found is not None and _certain(found) else first


def _certain(reading: Reading) -> bool:
    return reading.certainty >= _ACCEPTED_PART


def _reading(ink: Ink, evaluate: Evaluate, *, is_picture: bool = False) -> Reading:
    image = fit(ink.values)
    return best(whole(ink, evaluate(image[None])[0], image), evaluate, is_picture=is_picture)


def _struck_through(ink: Ink, evaluate: Evaluate) -> list[Reading]:
    """The readings of the ink without a line across it, if there is one."""
    parts = components.without_line(ink)
    if not parts:
        return []
    images = np.stack([fit(part.values) for part in parts])
    return [whole(*one) for one in zip(parts, evaluate(images), images, strict=True)]


def _cut(pieces: list[Ink]) -> list[Ink]:
    """The pieces, those cut that are wider than a digit is."""
    parts: list[Ink] = []
    for piece in pieces:
        height, width = piece.values.shape
        parts += components.cut(piece, most=5) if width > 0.75 * height else [piece]
    return parts


def _is_zigzag(cut: Reading) -> bool:
    """Whether more than half of the digits are 1s: an M or a wave can be cut like that, too."""
    ones = sum(part.label == 1 for part in cut.parts)
    return 2 * ones > len(cut.parts)


def _number(pieces: list[Ink], evaluate: Evaluate) -> Reading | None:
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
    divisions: list[tuple[float, list[int]]] = [(1.0, [])]
    divisions += [(0.0, []) for _ in pieces]
    for n, (a, b) in sorted(enumerate(spans), key=lambda item: item[1][1]):
        score = divisions[a][0] * float(probabilities[n].sum())
        if score > divisions[b][0]:
            divisions[b] = score, [*divisions[a][1], n]
    _, chosen = divisions[-1]
    if len(chosen) < 2:
        return None
    parts = tuple(Part(inks[n], images[n], probabilities[n]) for n in chosen)
    return Reading(parts)
