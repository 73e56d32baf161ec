"""docs/course-items.md: the words of each item are in the lesson, and the tests it names exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from inkgrad.course.lessons import LESSONS, Lesson
from inkgrad.course.lessons.exercises import EXERCISES
from inkgrad.course.lessons.formulas import DERIVATIONS
from inkgrad.course.texts import CATALOGUES

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "course-items.md"
PLACES = {"text", "see", "derivation", "program", "exercise", "results", "widget"}

pytestmark = pytest.mark.skipif(not DOCUMENT.exists(), reason="installed without the docs")


class Item(NamedTuple):
    lesson: int
    name: str
    place: str
    words: list[str]  # in English and in Chinese, or the same in both


def _rows() -> Iterator[tuple[str, list[str]]]:
    """The heading above each row of a table, and its cells."""
    heading = ""
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        elif line.startswith("| ") and not re.match(r"\| (item|statement|what) \|", line):
            yield heading, [cell.strip() for cell in line.strip("|").split("|")]


def _items() -> Iterator[Item]:
    for heading, cells in _rows():
        if match := re.match(r"(\d+)\. ", heading):
            name, place, words, _ = cells
            yield Item(int(match[1]), name, place, re.findall("`(.*?)`", words))


def _words_of(lesson: Lesson, place: str, language: str) -> str:
    if place == "derivation":
        return "\n".join(DERIVATIONS[lesson.name])
    if place == "program":
        return lesson.code(language) + lesson.code(language, fused=lesson.number >= 6)
    if place in ("text", "see"):
        return lesson.text(language) if place == "text" else lesson.word(place, language)
    names = {each.name for each in EXERCISES[lesson.number]}
    texts = {
        key.removeprefix(f"{lesson.name}."): text
        for key, text in CATALOGUES[language].items()
        if key.startswith(f"{lesson.name}.")
    }
    is_exercise = place == "exercise"
    found = [text for key, text in texts.items() if (key.split(".")[0] in names) == is_exercise]
    return "\n".join(found)


@cache
def _tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {
        name
        for file in files
        for name in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.M)
    }


def test_every_lesson_has_its_items() -> None:
    headings = list(dict.fromkeys(heading for heading, _ in _rows()))
    titles = [f"{number}. {lesson.title('en')}" for number, lesson in LESSONS.items()]
    assert headings == [*titles, "Statements and figures", "From the best teachers"]
    assert {item.place for item in _items()} <= PLACES


@pytest.mark.parametrize("language", CATALOGUES)
def test_the_words_of_an_item_are_in_the_lesson(language: str) -> None:
    missing = []
    for lesson, name, place, words in _items():
        phrase = words[0] if language == "en" else words[-1]
        if phrase not in _words_of(LESSONS[lesson], place, language):
            missing.append(f"{lesson}, {name}: {phrase}")
    assert missing == []


def test_the_tests_that_hold_the_items_exist() -> None:
    named = {name for _, cells in _rows() for name in re.findall(r"`(test_\w+)`", cells[-1])}
    assert len(named) > 70
    assert named - _tests() == set()
