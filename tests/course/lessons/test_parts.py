"""What the lessons show: every text in every language, and pictures with something in them."""

from __future__ import annotations

import inspect
import io
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inkgrad.course
from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.parts import Note, Picture, Table
from inkgrad.course.texts import CATALOGUES, preferred_language
from lesson_runs import numbers

ENGLISH = CATALOGUES["en"]


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_picture_shows_something(lesson: int) -> None:
    pytest.importorskip("matplotlib")
    from inkgrad.course.lessons.drawing import png

    parts = list(LESSONS[lesson].parts(numbers(lesson), "en"))
    pictures = [part for part in parts if isinstance(part, Picture)]
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
    for part in one.parts(numbers(lesson), language):
        text = part.text if isinstance(part, Note) else part.caption
        assert text
        assert "{" not in text
        if language != "en":
            assert not re.search("diabetes|breast cancer|scikit-learn's", text)
        if isinstance(part, Table):
            assert part.rows
            assert {len(row) for row in part.cells()} == {len(part.columns)}
            assert all(row[0] for row in part.cells())


def test_the_code_of_a_lesson_is_its_file_and_short() -> None:
    for lesson in LESSONS.values():
        code = lesson.code()
        assert code == Path(inspect.getfile(lesson.module)).read_text(encoding="utf-8")
        assert code.startswith(f'"""Lesson {lesson.number}, ')
        assert len(code.splitlines()) <= 220
        assert "matplotlib" not in code


def test_the_catalogue_has_what_the_code_asks_for_and_no_more() -> None:
    folder = Path(inkgrad.course.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    prefixes = "|".join(["word", "problem", "said", *(lesson.name for lesson in LESSONS.values())])
    asked = set(re.findall(rf'"((?:{prefixes})\.\w+)"', code))
    asked |= {f"{lesson.name}.{key}" for lesson in LESSONS.values() for key in ("title", "text")}
    assert set(ENGLISH) == asked


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_language_says_everything_with_the_same_values(language: str) -> None:
    catalogue = CATALOGUES[language]
    assert list(catalogue) == list(ENGLISH)
    for key, text in catalogue.items():
        assert text.strip(), key
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", ENGLISH[key]))


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_TW.UTF-8"}, "zh-CN"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_GB"}, "en"),
        ({"LANG": "en_US", "LC_ALL": "", "LC_MESSAGES": "zh_CN"}, "zh-CN"),
    ],
)
def test_the_language_follows_the_locale(variables: dict[str, str], language: str) -> None:
    assert preferred_language(variables) == language
