"""Characters that look like digits, or are digits of another script, are no negatives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inkgrad.course.data import glyphs

FONTS = glyphs.fonts()


def test_digits_and_what_looks_like_them_are_told_from_other_characters() -> None:
    assert not any(map(glyphs.is_no_digit, "0123456789OolI|٣①½² \u0301"))
    assert all(map(glyphs.is_no_digit, "AEFGHKR&?Ωعあ"))


def test_the_script_of_a_character_is_that_of_its_name() -> None:
    assert [glyphs.script(one) for one in "AzΩ"] == ["LATIN", "LATIN", "GREEK"]
    assert glyphs.script("\ue000") == ""
    assert glyphs.is_icon("\ue000")


@pytest.mark.skipif(not FONTS, reason="needs a font")
def test_the_characters_of_a_font_are_those_that_it_has() -> None:
    pytest.importorskip("fontTools")
    found = glyphs.characters(FONTS[0])
    assert "A" in found
    assert "4" not in found
    assert all(glyphs.glyph(FONTS[0], one) is not None for one in "AEH")


def test_further_folders_of_fonts_are_added(tmp_path: Path) -> None:
    (tmp_path / "mine.ttf").touch()
    (tmp_path / "LastResort.ttf").touch()
    found = glyphs.fonts([tmp_path])
    assert tmp_path / "mine.ttf" in found
    assert tmp_path / "LastResort.ttf" not in found
    assert set(FONTS) <= set(found)


@pytest.mark.skipif(not FONTS, reason="needs a font")
def test_a_glyph_is_cropped_and_a_missing_one_is_none() -> None:
    letter = next(image for font in FONTS if (image := glyphs.glyph(font, "H")) is not None)
    assert letter.dtype == np.uint8
    assert min(letter.shape) > 20
    private = [glyphs.glyph(font, "\U0010fffe") for font in FONTS[:5]]
    assert private == [None] * len(private)
