"""The best of several ways to read some ink, by the probabilities of a network."""

from __future__ import annotations

import numpy as np
import pytest

from inkgrad.course.recognition import components, reading
from inkgrad.course.recognition.components import Components
from inkgrad.course.recognition.ink import Ink
from inkgrad.course.recognition.preprocess import fit
from strokes import raster


def _bars(*columns: int) -> Ink:
    values = np.zeros((60, 120), np.float32)
    for column in columns:
        values[5:55, column : column + 6] = 1
    return Ink(values).cropped()


def _as_one(images: np.ndarray) -> np.ndarray:
    """A network that takes narrow ink for a 1, and all other for nothing."""
    widths = np.array([np.ptp(np.flatnonzero(one.any(0))) + 1 for one in images])
    probabilities = np.zeros((len(images), 10))
    probabilities[:, 1] = np.where(widths < 6, 0.99, 0.01)
    return probabilities


def _first(ink: Ink, evaluate: reading.Evaluate = _as_one) -> reading.Reading:
    image = fit(ink.values)
    return reading.whole(ink, evaluate(image[None])[0], image)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_several_digits_are_a_number_from_left_to_right(count: int) -> None:
    best = reading.best(_first(_bars(*range(5, 5 + 25 * count, 25))), _as_one)
    assert best.accepted
    assert [int(part.probabilities.argmax()) for part in best.parts] == [1] * count
    lefts = [part.ink.left for part in best.parts]
    assert lefts == sorted(lefts)


def test_what_is_a_digit_as_a_whole_is_not_taken_apart() -> None:
    def sure(images: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(10)[4] * 0.99, (len(images), 1))

    first = _first(_bars(10, 20), sure)
    assert reading.best(first, sure) is first


def test_a_number_with_something_else_in_it_is_none() -> None:
    values = np.zeros((60, 120), np.float32)
    values[5:55, 10:16] = 1
    values[5:55, 40:90] = 1  # no bar
    first = _first(Ink(values).cropped())
    assert reading.best(first, _as_one) is first
    assert not first.accepted


def test_connected_ink_of_a_sure_digit_is_settled() -> None:
    assert reading.is_settled(_first(_bars(10)))
    assert not reading.is_settled(_first(_bars(10, 40)))


def test_an_m_is_not_cut_into_ones() -> None:
    lines = [[(0.1, 0.9), (0.2, 0.1), (0.5, 0.7), (0.8, 0.1), (0.9, 0.9)]]
    letter = Ink(raster(lines, 280, 0.05) / np.float32(255)).cropped()

    def ones(images: np.ndarray) -> np.ndarray:
        """A network that takes all but the whole for a 1."""
        wide = np.array([np.ptp(np.flatnonzero(one.any(0))) > 16 for one in images])
        return np.eye(10)[[1] * len(images)] * np.where(wide, 0.01, 0.99)[:, None]

    first = _first(letter, ones)
    assert len(components.cut(letter, most=5)) > 2
    assert reading.best(first, ones) is first


def test_other_ink_counts_only_if_it_is_certain() -> None:
    first = _first(_bars(10, 40))
    (bar,) = Components(_bars(10)).split()
    assert reading.better(first, reading.among([bar], _as_one)) is not first
    block = Ink(np.ones((50, 40), np.float32))
    assert reading.better(first, reading.among([block], _as_one)) is first
    assert reading.better(None, []) is None


def test_a_line_across_a_sure_digit_is_taken_away() -> None:
    strokes = [[(0.3, 0.55), (0.3, 0.2), (0.7, 0.2), (0.7, 0.9)], [(0.1, 0.55), (0.9, 0.55)]]
    ink = Ink(raster(strokes, 280, 0.04) / np.float32(255)).cropped()

    def by_width(images: np.ndarray) -> np.ndarray:
        """A network that takes wide ink for a 4, and the rest for a 9."""
        wide = [np.ptp(np.flatnonzero(one.any(0))) > 16 for one in images]
        return np.eye(10)[np.where(wide, 4, 9)] * 0.99

    first = _first(ink, by_width)
    assert reading.is_settled(first)
    assert first.parts[0].label == 4
    assert reading.best(first, by_width).parts[0].label == 9

    def by_width_a_one(images: np.ndarray) -> np.ndarray:
        return by_width(images)[:, [0, 9, 2, 3, 4, 5, 6, 7, 8, 1]]

    first = _first(ink, by_width_a_one)
    assert reading.best(first, by_width_a_one) is first  # a 1 with a bar is a 4
