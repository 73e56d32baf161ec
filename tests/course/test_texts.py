"""The catalogues: every text that the code asks for, in every language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import inkgrad.course
from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.exercises import EXERCISES, text_key
from inkgrad.course.lessons.formulas import DERIVATIONS
from inkgrad.course.texts import (
    CATALOGUES,
    fill,
    percent,
    preferred_language,
    probability_text,
)
from plurals import fixed_plurals

ENGLISH = CATALOGUES["en"]


def test_the_catalogue_has_what_the_code_asks_for_and_no_more() -> None:
    folder = Path(inkgrad.course.__file__).parent
    code = "\n".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.py"))
    prefixes = "|".join(
        ["word", "problem", "report", "exercise", "table"]
        + [lesson.name for lesson in LESSONS.values()]
    )
    asked = set(re.findall(rf"""["']((?:{prefixes})\.\w+)["']""", code))
    parts = ("title", "text", "goal", "see", "summary")
    asked |= {f"{lesson.name}.{part}" for lesson in LESSONS.values() for part in parts}
    asked |= {
        text_key(lesson, exercise, part)
        for lesson, exercises in EXERCISES.items()
        for exercise in exercises
        for part in ("question", "hint", "answer")
    }
    asked |= {f"exercise.{name}" for name in re.findall(r'_wrong\(\s*"(\w+)"', code)}
    asked |= {"exercise.wrong"}  # if it is not near
    asked |= {f"word.{word}" for word in ("goal", "see", "hint", "answer")}
    for name, steps in DERIVATIONS.items():
        asked |= {f"{name}.derive", *(f"{name}.derive_{n + 1}" for n in range(len(steps)))}
    assert set(ENGLISH) == asked - {"table.csv"}  # a file name


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


def test_nouns_follow_their_number() -> None:
    text = "{n} {n:epoch|epochs}, {left} {left:run is|runs are} left"
    assert fill(text, {"n": 1, "left": 2}) == "1 epoch, 2 runs are left"
    assert fill(text, {"n": "1,000", "left": "1"}) == "1,000 epochs, 1 run is left"
    assert fill("{n} 轮", {"n": 1}) == "1 轮"


def test_every_plural_follows_its_number() -> None:
    assert fixed_plurals(ENGLISH) == []
    assert fixed_plurals({"a": "{n} epochs", "b": "{n} training examples"}) == [
        *("a: epochs", "b: examples"),
    ]


def test_percentages_have_one_format() -> None:
    assert [percent(share) for share in (0, 0.65, 0.9995, 0.99951)] == [
        *("0.0 %", "65.0 %", "> 99.9 %", "> 99.9 %"),
    ]
    assert percent(1.0) == "100 %"  # all of them
    assert (percent(0.9995, 2), percent(0.99999, 2)) == ("99.95 %", "> 99.99 %")
    assert (probability_text(1.0), probability_text(0.5)) == ("> 99.9 %", "50.0 %")
