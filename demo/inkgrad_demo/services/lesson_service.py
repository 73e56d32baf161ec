"""The lessons for the Lessons page: texts, code, results and widgets. No Gradio in here."""

from __future__ import annotations

import threading
from functools import cache, partial
from typing import Annotated, Any

import torch
from pydantic import ConfigDict, Field
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from inkgrad.course.lessons import LESSONS
from inkgrad.course.lessons.blocks import Block, Note, Table
from inkgrad.course.texts import CATALOGUES
from inkgrad_demo import widgets
from inkgrad_demo.services.lesson_results import LessonResults
from inkgrad_demo.services.request_fields import OneOf, Whole
from inkgrad_demo.services.request_validation import Request
from inkgrad_demo.texts import message


class LessonRequest(Request):
    number: Annotated[int, Whole(1, len(LESSONS))]
    language: Annotated[str, OneOf(CATALOGUES)]


class PictureRequest(LessonRequest):
    name: str = Field(max_length=60)
    narrow: bool = False  # for a phone: panels one below the other


class PlayRequest(Request):
    """The request of a lesson's widget; the other fields are the values of its inputs."""

    model_config = ConfigDict(extra="allow")

    number: Annotated[int, Whole(1, len(LESSONS))]
    about: str | None = Field(None, max_length=60)


class LessonService:
    """The ten lessons. Thread-safe."""

    def __init__(self) -> None:
        self._results = {number: LessonResults(lesson) for number, lesson in LESSONS.items()}

    def lesson(self, request: LessonRequest) -> dict[str, Any]:
        """Return the lesson's ``text``, ``file``, ``code`` and ``widget``.

        ``text`` is paragraphs of Markdown, ``code`` HTML with the classes of Pygments, and
        ``widget`` the ``name``, ``html`` and ``catalogues`` of the widget.
        """
        lesson = LESSONS[request.number]
        _warm_up()
        return {
            "number": lesson.number,
            "text": lesson.text(request.language),
            "file": f"inkgrad/course/lessons/{lesson.name}.py",
            "code": highlight(lesson.code(), PythonLexer(), HtmlFormatter(nowrap=True)),
            "widget": widgets.widget_of(lesson.name),
        }

    def results(self, request: LessonRequest) -> dict[str, Any]:
        """Start computing the results, or return them; the page polls while ``state`` is computing.

        ``state`` is "computing" (with ``batch``: epoch, number and count, if the lesson trains),
        "failed" (with ``problem``) or "ready" (with ``parts`` in the language of the request).
        """
        results = self._results[request.number]
        error = results.take_error()
        if error is not None:
            return {"state": "failed", "problem": error}
        results.start()
        if results.numbers is None:
            batch = results.batch
            progress = batch and {
                "epoch": batch.epoch,
                "number": batch.number,
                "count": batch.steps,
            }
            return {"state": "computing", "batch": progress}
        return {
            "state": "ready",
            "parts": [_described(p) for p in results.blocks(request.language)],
        }

    def picture(self, request: PictureRequest) -> dict[str, Any]:
        """Return a picture of the results as ``svg``."""
        results = self._results[request.number]
        if results.numbers is None:
            raise ValueError(message("problem.no_results", number=request.number))
        try:
            return {"svg": results.picture(request.name, request.language, request.narrow)}
        except ModuleNotFoundError as error:
            raise ValueError(message("problem.no_plots", error=error)) from None

    def play(self, request: PlayRequest) -> dict[str, Any]:
        """Return what the lesson's widget answers to the values of its form."""
        results = self._results[request.number].numbers
        values = request.model_extra or {}
        return widgets.answer(LESSONS[request.number].name, request.about, values, results)


@cache
def _warm_up() -> None:
    """Make torch import its compiler in the background: the first optimizer waits for that."""
    make_one = partial(torch.optim.SGD, [torch.zeros(1)], lr=1.0)
    threading.Thread(target=make_one, daemon=True).start()


def _described(block: Block) -> dict[str, Any]:
    if isinstance(block, Note):
        return {"kind": "note", "text": block.text, "warning": block.is_warning}
    if isinstance(block, Table):
        return {
            "kind": "table",
            "caption": block.caption,
            "columns": list(block.columns),
            "rows": block.cells(),
        }
    return {"kind": "picture", "name": block.name, "caption": block.caption}
