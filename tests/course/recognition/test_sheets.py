"""Sheets and canvases are found, with their place, and nothing is found on a plain picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from drawings import drawing
from inkgrad.course.recognition import sheets
from inkgrad.course.recognition.picture import Picture


@pytest.mark.parametrize(("table", "paper", "pen"), [(70, 230, 40), (240, 30, 250)])
def test_the_ink_on_a_sheet_is_found_in_its_place(table: int, paper: int, pen: int) -> None:
    image = Image.new("L", (600, 400), table)
    image.paste(paper, (150, 60, 500, 380))
    image.paste(pen, (200, 80), Image.fromarray(drawing(280)))
    found = [ink for ink in sheets.inks(Picture.of(image)) if max(ink.values.shape) > 40]
    ys, xs = np.nonzero(drawing(280) > 128)
    expected = 200 + xs.min(), 80 + ys.min(), 200 + xs.max(), 80 + ys.max()
    assert any(ink.box == pytest.approx(expected, abs=6) for ink in found)


def test_a_plain_drawing_has_no_sheet() -> None:
    assert list(sheets.inks(Picture.of(Image.fromarray(255 - drawing(280))))) == []
