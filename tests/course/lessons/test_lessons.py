"""A lesson is one short module, which can be read on its own."""

from __future__ import annotations

import inspect
from pathlib import Path

from inkgrad.course.lessons import LESSONS


def test_the_code_of_a_lesson_is_its_file_and_short() -> None:
    for lesson in LESSONS.values():
        code = lesson.code()
        assert code == Path(inspect.getfile(lesson.module)).read_text(encoding="utf-8")
        assert code.startswith(f'"""Lesson {lesson.number}, ')
        assert len(code.splitlines()) <= 260
        assert "matplotlib" not in code
