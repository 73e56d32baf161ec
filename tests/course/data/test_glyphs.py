"""Characters that look like digits, or are digits of another script, are no negatives."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from inkgrad.course.data import glyphs

FONTS = glyphs.fonts()


def test_no_digit_and_nothing_like_one_is_among_the_characters() -> None:
    characters = glyphs.characters()
    assert len(characters) > 1000
    assert not set("0123456789OolI|٣①½²") & set(characters)
    assert set("AEFGHKR&?") <= set(characters)
    assert all(unicodedata.category(one)[0] != "N" for one in characters)


def test_held_out_alphabets_are_left_out() -> None:
    greek = (0x386, 0x3F0)
    assert "Ω" in glyphs.characters()
    assert "Ω" not in glyphs.characters([greek])


@pytest.mark.skipif(not FONTS, reason="needs a font")
def test_a_glyph_is_cropped_and_a_missing_one_is_none() -> None:
    letter = next(image for font in FONTS if (image := glyphs.glyph(font, "H")) is not None)
    assert letter.dtype == np.uint8
    assert min(letter.shape) > 20
    private = [glyphs.glyph(font, "\U0010fffe") for font in FONTS[:5]]
    assert private == [None] * len(private)
