"""What the lessons show: every text in every language, and pictures with something in them."""

from __future__ import annotations

import io
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.blocks import Note, Plot, Table
from inkgrad.course.texts import CATALOGUES
from lesson_runs import numbers


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_plot_shows_something(lesson: int) -> None:
    pytest.importorskip("matplotlib")
    from inkgrad.course.lessons.plotting import png

    parts = list(LESSONS[lesson].blocks(numbers(lesson), "en"))
    pictures = [part for part in parts if isinstance(part, Plot)]
    assert pictures
    assert len({picture.name for picture in pictures}) == len(pictures)
    for picture in pictures:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a sign that the font lacks, a layout that does not fit
            figure = picture.draw()
            image = Image.open(io.BytesIO(png(figure))).convert("RGB")
        shown = [axes for axes in figure.axes if axes.axison or axes.texts or axes.has_data()]
        assert all(axes.texts or axes.has_data() for axes in shown), picture.name
        assert len(image.getcolors(image.width * image.height)) > 20, picture.name
        margin = np.concatenate([np.asarray(image)[edge] for edge in (0, -1)])
        assert (margin == 255).all(), f"{picture.name}: something is cut off"
        assert max(image.size) <= 1500, picture.name


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_has_its_words(lesson: int, language: str) -> None:
    one = LESSONS[lesson]
    assert one.title(language).strip()
    assert len(one.text(language)) > 100
    for part in one.blocks(numbers(lesson), language):
        text = part.text if isinstance(part, Note) else part.caption
        assert text
        assert "{" not in text
        if language != "en":
            assert not re.search("diabetes|breast cancer|scikit-learn's", text)
        if isinstance(part, Table):
            assert part.rows
            assert {len(row) for row in part.cells()} == {len(part.columns)}
            assert all(row[0] for row in part.cells())
