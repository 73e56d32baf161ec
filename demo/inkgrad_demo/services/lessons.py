"""What the Lessons page asks: texts, code, results and answers of playthings. No Gradio in here.

Results are computed in the background when they are first asked for, once for everybody, and kept:
a lesson gives the same numbers every time. Everything that comes in is checked, as in ``reading``.
"""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import torch
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from inkgrad.course.lessons import LESSONS, Lesson
from inkgrad.course.lessons.parts import Note, Part, Picture, Table
from inkgrad.course.messages import message_of
from inkgrad.course.texts import CATALOGUES
from inkgrad.course.training.loop import Batch
from inkgrad_demo import widgets as playthings
from inkgrad_demo.services.request_validation import Asked, choice
from inkgrad_demo.texts import message


@dataclass
class _Results:
    """One lesson's results: under way, there, or failed."""

    lesson: Lesson
    lock: threading.Lock = field(default_factory=threading.Lock)
    started: bool = False
    batch: Batch | None = None  # the latest, of a lesson that trains
    numbers: Any = None
    error: str = ""
    pictures: dict[tuple[str, str], str] = field(default_factory=dict)  # by name and language

    def start(self) -> None:
        """Compute in the background, unless that is under way or done; again where it failed."""
        with self.lock:
            if self.started and not self.error:
                return
            self.started, self.error = True, ""
        threading.Thread(target=self._compute, daemon=True).start()

    def _compute(self) -> None:
        options = {"on_batch": self._advance} if "on_batch" in self.lesson.options() else {}
        try:
            self.numbers = self.lesson.run(**options)
        except Exception as error:  # whatever it is, the page says so instead of waiting for ever
            traceback.print_exc()
            self.error = message_of(error) or type(error).__name__

    def _advance(self, batch: Batch) -> None:
        self.batch = batch

    def parts(self, language: str) -> list[Part]:
        return list(self.lesson.parts(self.numbers, language))

    def picture(self, name: str, language: str) -> str:
        """As SVG. ValueError where the lesson has no picture of that name."""
        with self.lock:
            if (name, language) not in self.pictures:
                from inkgrad.course.lessons.svg import svg

                found = {p.name: p for p in self.parts(language) if isinstance(p, Picture)}
                choice("name", name, found)
                self.pictures[name, language] = svg(found[name].draw(), language)
            return self.pictures[name, language]


class Lectures:
    """The ten lessons for the page. Thread-safe."""

    def __init__(self) -> None:
        self._results = {number: _Results(lesson) for number, lesson in LESSONS.items()}

    def lesson(self, question: Any) -> dict[str, Any]:
        """``number`` and ``language`` of the question: the lesson to read and to play with.

        The answer has ``text`` (paragraphs of Markdown), ``file`` and ``code`` (HTML, its tokens
        in classes of Pygments) and the ``plaything``: its ``html``, ``script`` and ``catalogues``.
        """
        lesson, language = _lesson_and_language(Asked(question))
        _warm_up()
        return {
            "number": lesson.number,
            "text": lesson.text(language),
            "file": f"inkgrad/course/lessons/{lesson.name}.py",
            "code": highlight(lesson.code(), PythonLexer(), HtmlFormatter(nowrap=True)),
            "plaything": playthings.files_of(lesson.name),
        }

    def results(self, question: Any) -> dict[str, Any]:
        """Start computing, or see how far that is; to be asked until ``state`` is not computing.

        ``state`` is "computing" (with ``batch``: epoch, number and count, where the lesson trains),
        "failed" (with ``error``) or "ready", with all ``parts`` in the language that was asked for.
        """
        lesson, language = _lesson_and_language(Asked(question))
        results = self._results[lesson.number]
        if results.error:
            error, results.error, results.started = results.error, "", False  # next time, again
            return {"state": "failed", "error": error}
        results.start()
        if results.numbers is None:
            batch = results.batch
            progress = batch and {
                "epoch": batch.epoch,
                "number": batch.number,
                "count": batch.count,
            }
            return {"state": "computing", "batch": progress}
        return {"state": "ready", "parts": [_described(p) for p in results.parts(language)]}

    def picture(self, question: Any) -> dict[str, Any]:
        """The picture ``name`` of lesson ``number`` with the words of ``language``, as ``svg``."""
        asked = Asked(question)
        lesson, language = _lesson_and_language(asked)
        results = self._ready(lesson.number)
        try:
            return {"svg": results.picture(asked.text("name", 60), language)}
        except ModuleNotFoundError as error:
            raise ValueError(message("problem.no_plots", error=error)) from None

    def play(self, question: Any) -> dict[str, Any]:
        """What the plaything of lesson ``number`` answers to the rest of the question."""
        asked = Asked(question)
        number = asked.whole("number", 1, len(LESSONS))
        return playthings.answer(LESSONS[number].name, asked, self._results[number].numbers)

    def _ready(self, number: int) -> _Results:
        results = self._results[number]
        if results.numbers is None:
            raise ValueError(message("problem.no_results", number=number))
        return results


@cache
def _warm_up() -> None:
    """Have torch import its compiler while one still reads; its first optimizer waits for that."""
    make_one = partial(torch.optim.SGD, [torch.zeros(1)], lr=1.0)
    threading.Thread(target=make_one, daemon=True).start()


def _lesson_and_language(asked: Asked) -> tuple[Lesson, str]:
    number = asked.whole("number", 1, len(LESSONS))
    return LESSONS[number], asked.choice("language", CATALOGUES)


def _described(part: Part) -> dict[str, Any]:
    if isinstance(part, Note):
        return {"kind": "note", "text": part.text}
    if isinstance(part, Table):
        return {
            "kind": "table",
            "caption": part.caption,
            "columns": list(part.columns),
            "rows": part.cells(),
        }
    return {"kind": "picture", "name": part.name, "caption": part.caption}
