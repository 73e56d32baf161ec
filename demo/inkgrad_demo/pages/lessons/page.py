"""The Lessons page: the ten lessons to read, to run and to play with.

Nothing of a lesson is in the page when the app loads: texts, code, playthings and results come
through server functions when a lesson is opened.
"""

from __future__ import annotations

import gradio as gr

from inkgrad.course.lessons import LESSONS
from inkgrad_demo.i18n import i18n
from inkgrad_demo.pages.parts import server_function, text_of
from inkgrad_demo.services.lessons import Lectures
from inkgrad_demo.texts import CATALOGUES, catalogues_of

NAME = "lessons"

_SCRIPTS = ("web/words.js", "pages/lessons/parts.js", "pages/lessons/page.js")


def build() -> None:
    """Put the page into the tab that is open."""
    lectures = Lectures()
    questions = (lectures.lesson, lectures.results, lectures.picture, lectures.play)
    gr.HTML(
        value=i18n("app.language"),
        html_template=text_of("pages/lessons/page.html"),
        js_on_load=text_of(*_SCRIPTS),
        apply_default_css=False,
        server_functions=[server_function(question) for question in questions],
        # What lessons.js finds in `props`, beside `value`:
        catalogues=catalogues_of(f"{NAME}.page"),
        titles={
            language: [lesson.title(language) for lesson in LESSONS.values()]
            for language in CATALOGUES
        },
    )
