"""Images without a digit: every kind is drawn, and repeats with its seed."""

from __future__ import annotations

import numpy as np
import pytest

from inkgrad.course.data import glyphs
from inkgrad.course.data.datasets import Data
from inkgrad.course.data.negatives import Negatives, traced

FONTS = glyphs.fonts()[:2]


def _negatives(data: Data, seed: int = 0) -> Negatives:
    digits = data.train
    return Negatives(
        digits.inputs[:, 0].numpy(), digits.targets.numpy(), FONTS, list("AEFGHKMRTXWk&?"), seed
    )


@pytest.mark.skipif(not FONTS, reason="needs a font")
def test_the_same_seed_draws_the_same_images(few_digits: Data) -> None:
    first, again, other = (_negatives(few_digits, seed).make(40) for seed in (0, 0, 1))
    for one, same in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == (40, 28, 28)
    assert (first[0].max((1, 2)) == 255).all()


@pytest.mark.skipif(not FONTS, reason="needs a font")
def test_every_kind_can_be_drawn(few_digits: Data) -> None:
    negatives = _negatives(few_digits)
    for name, (_, maker) in negatives.kinds.items():
        images = [maker() for _ in range(3)]
        assert all(image.dtype == np.uint8 and image.max() > 100 for image in images), name


def test_a_blot_has_no_strokes_to_trace() -> None:
    assert traced(np.full((60, 60), 255, np.uint8)) is None
