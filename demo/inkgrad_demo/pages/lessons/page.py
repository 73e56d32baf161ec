"""The Lessons page: ten lessons to read and run, each with a widget.

The page loads without any lesson: text, code, widget and results come through server functions when
a lesson is opened.
"""

from __future__ import annotations

from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.exercises import EXERCISES
from inkgrad_demo.pages.page_html import page_html
from inkgrad_demo.services.code_service import CodeService
from inkgrad_demo.services.lesson_service import LessonService
from inkgrad_demo.serving.exposed import to_page
from inkgrad_demo.texts import CATALOGUES, catalogues_of

NAME = "lessons"


def build(lessons: LessonService, code: CodeService) -> None:
    """Build the page in the open tab."""
    page_html(
        NAME,
        to_page(
            *(lessons.lesson, lessons.results, lessons.picture, lessons.play),
            *(code.run_code, code.check_answer, code.follow_code, code.stop_code, code.color_code),
        ),
        # The scripts find these in `props`, beside `value`:
        catalogues=catalogues_of(f"{NAME}.page", f"{NAME}.code"),
        titles={
            language: [lesson.title(language) for lesson in LESSONS.values()]
            for language in CATALOGUES
        },
        exercise_counts=[len(EXERCISES[number]) for number in LESSONS],
        allow_code=code.allowed,
    )
