"""A lesson: its texts, its terms, and one short module of functions."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from inkgrad.course.lessons import LESSONS, glossary, programs
from inkgrad.course.texts import CATALOGUES


def test_the_code_of_a_lesson_is_its_program() -> None:
    for lesson in LESSONS.values():
        for fused in (False, True):
            code = lesson.code("zh-CN", fused=fused)
            assert code == programs.program(lesson.name, "zh-CN", fused=fused)
        assert lesson.code().startswith(f'"""Lesson {lesson.number}, ')
        assert len(lesson.code().splitlines()) <= 80


def test_the_module_of_a_lesson_is_short_and_draws_nothing() -> None:
    for lesson in LESSONS.values():
        module = Path(inspect.getfile(lesson.module)).read_text(encoding="utf-8")
        assert len(module.splitlines()) <= 260
        assert "matplotlib" not in module


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_lesson_has_terms_with_their_translation(language: str) -> None:
    terms = glossary(language)
    assert {term.lesson for term in terms} == LESSONS.keys()
    assert [term.lesson for term in terms] == sorted(term.lesson for term in terms)
    assert all(term.term and term.translation and term.meaning for term in terms)
    assert len({term.term for term in terms}) == len(terms)


def test_the_glossary_is_one_list() -> None:
    english, chinese = glossary("en"), glossary("zh-CN")
    assert [(term.term, term.translation) for term in english] == [
        (term.translation, term.term) for term in chinese
    ]
