"""The catalogues: every text that the code asks for, in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import inkgrad.course
from inkgrad.course.lessons import LESSONS
from inkgrad.course.texts import CATALOGUES, preferred_language

ENGLISH = CATALOGUES["en"]


def test_the_catalogue_has_what_the_code_asks_for_and_no_more() -> None:
    folder = Path(inkgrad.course.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    prefixes = "|".join(
        ["word", "problem", "report", *(lesson.name for lesson in LESSONS.values())]
    )
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
