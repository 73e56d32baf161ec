"""Images without a digit: every kind is drawn, and repeats with its seed."""

from __future__ import annotations

import numpy as np
import pytest

from inkgrad.course.data import glyphs
from inkgrad.course.data.datasets import Data
from inkgrad.course.data.negatives import Negatives, traced

pytest.importorskip("fontTools")  # which characters a font has

FONTS = glyphs.fonts()[:2]


def _negatives(data: Data, seed: int = 0) -> Negatives:
    digits = data.train
    held_out = [(0x370, 0x20000)]
    return Negatives(digits.inputs[:, 0].numpy(), digits.targets.numpy(), FONTS, held_out, seed)


@pytest.mark.skipif(not FONTS, reason="needs a font")
def test_held_out_characters_are_not_drawn(few_digits: Data) -> None:
    scripts = _negatives(few_digits)._scripts
    assert "LATIN" in scripts
    assert all(ord(one) < 0x370 for among in scripts.values() for _, one in among)


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
        if name == "icon":
            continue  # needs a font of icons
        images = [maker() for _ in range(3)]
        assert all(image.dtype == np.uint8 and image.max() > 100 for image in images), name


def test_a_blot_has_no_strokes_to_trace() -> None:
    assert traced(np.full((60, 60), 255, np.uint8)) is None
