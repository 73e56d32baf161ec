"""The Lessons page: ten lessons to read and run, each with a widget.

The page loads without any lesson: text, code, widget and results come through server functions when
a lesson is opened.
"""

from __future__ import annotations

from inkgrad.course.lessons import LESSONS
from inkgrad_demo.pages.page_html import page_html
from inkgrad_demo.services.lesson_service import LessonService
from inkgrad_demo.serving.exposed import to_page
from inkgrad_demo.texts import CATALOGUES, catalogues_of

NAME = "lessons"


def build(lessons: LessonService) -> None:
    """Build the page in the open tab."""
    page_html(
        NAME,
        to_page(lessons.lesson, lessons.results, lessons.picture, lessons.play),
        # The scripts find these in `props`, beside `value`:
        catalogues=catalogues_of(f"{NAME}.page"),
        titles={
            language: [lesson.title(language) for lesson in LESSONS.values()]
            for language in CATALOGUES
        },
    )
