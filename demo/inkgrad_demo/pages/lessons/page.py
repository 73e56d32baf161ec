"""The Lessons page: the ten lessons to read, to run and to play with.

Nothing of a lesson is in the page when the app loads: texts, code, playthings and results come
through server functions when a lesson is opened.
"""

from __future__ import annotations

from inkgrad.course.lessons import LESSONS
from inkgrad_demo.pages.parts import page_html, server_function
from inkgrad_demo.services.lessons import Lectures
from inkgrad_demo.texts import CATALOGUES, catalogues_of

NAME = "lessons"


def build() -> None:
    """Put the page into the tab that is open."""
    lectures = Lectures()
    questions = (lectures.lesson, lectures.results, lectures.picture, lectures.play)
    page_html(
        NAME,
        [server_function(question) for question in questions],
        # What the scripts find in `props`, beside `value`:
        catalogues=catalogues_of(f"{NAME}.page"),
        titles={
            language: [lesson.title(language) for lesson in LESSONS.values()]
            for language in CATALOGUES
        },
    )
