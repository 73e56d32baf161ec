"""The lessons for the Lessons page: texts, code, results and widgets. No Gradio in here."""

from __future__ import annotations

import threading
from functools import cache, partial
from typing import Annotated, Any

import torch
from latex2mathml.converter import convert
from pydantic import ConfigDict, Field

from inkgrad.course.lessons import LESSONS, Lesson, glossary, programs
from inkgrad.course.lessons.blocks import Block, Note, Table
from inkgrad.course.lessons.exercises import EXERCISES, CodeExercise, text_key
from inkgrad.course.lessons.formulas import DERIVATIONS, LATEX
from inkgrad.course.texts import CATALOGUES, translator
from inkgrad_demo import widgets
from inkgrad_demo.services.code_service import colored
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
        """Return all of the lesson but its results.

        Texts are paragraphs of Markdown, in which code stands in backticks; ``formulas`` has MathML
        for those that are formulas. ``programs`` are the plain one and, if it differs, the one with
        our ops. ``widget`` has the ``name``, ``html`` and ``catalogues`` of the widget.
        """
        lesson, language = LESSONS[request.number], request.language
        _warm_up()
        return {
            "number": lesson.number,
            "text": lesson.text(language),
            **{word: lesson.word(word, language) for word in ("goal", "see", "summary")},
            "formulas": _formulas(lesson, language),
            "derivation": _derivation(lesson, language),
            "programs": _programs(lesson, language),
            "exercises": _exercises(lesson, language),
            "terms": [
                {"term": term.term, "translation": term.translation, "meaning": term.meaning}
                for term in glossary(language)
                if term.lesson == lesson.number
            ],
            "train": TRAIN_SETTINGS.get(lesson.number),
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


_Settings = dict[str, str | int | float]
_PLAIN_SGD: _Settings = {"optimizer": "sgd", "momentum": 0, "one_cycle": 0}
_TABLE: _Settings = {**_PLAIN_SGD, "standardize": 0, "reduction": "mean", "batch_size": 0}
_MNIST: _Settings = {**_PLAIN_SGD, "momentum": 0.5, "augment": 0, "epochs": 2, "batch_size": 64}
_ADAM: _Settings = {"optimizer": "adam", "lr": 0.01, "batch_size": 32}
TRAIN_SETTINGS: dict[int, _Settings] = {
    6: {**_TABLE, "model": "logistic", "epochs": 1000, "lr": 0.01, "reduction": "sum"},
    7: {**_TABLE, "model": "diabetes", "epochs": 100, "lr": 0.1},
    8: {**_TABLE, "model": "diabetes", "epochs": 20, **_ADAM},
    9: {**_MNIST, "model": "softmax", "lr": 0.01},
    10: {**_MNIST, "model": "cnn", "lr": 0.01},
}
"""The settings of the Train page that are those of a lesson's program."""


def _formulas(lesson: Lesson, language: str) -> dict[str, str]:
    """MathML for the formulas in the lesson's texts: {formula as text: MathML}."""
    prefix = f"{lesson.name}."
    texts = "\n".join(text for key, text in CATALOGUES[language].items() if key.startswith(prefix))
    return {text: _math(latex) for text, latex in LATEX.items() if f"`{text}`" in texts}


@cache
def _math(latex: str, display: str = "inline") -> str:
    # The page draws the parentheses of matrices: without a font for formulas, they do not stretch.
    return convert(latex.replace("pmatrix", "matrix"), display=display)


def _derivation(lesson: Lesson, language: str) -> dict[str, Any] | None:
    if lesson.name not in DERIVATIONS:
        return None
    text = translator(language)
    return {
        "title": text(f"{lesson.name}.derive"),
        "steps": [
            {
                "note": text(f"{lesson.name}.derive_{number}"),
                "math": [_math(part, "block") for part in latex.split(r"\quad")],
            }
            for number, latex in enumerate(DERIVATIONS[lesson.name], start=1)
        ],
    }


def _programs(lesson: Lesson, language: str) -> dict[str, dict[str, str]]:
    found = {}
    for name, fused in (("native", False), ("fused", True)):
        code = lesson.code(language, fused=fused)
        changed = programs.changed_lines(lesson.name, fused=fused)
        if changed or not fused:
            found[name] = {"code": code, "html": colored(code, changed)}
    return found


def _exercises(lesson: Lesson, language: str) -> list[dict[str, Any]]:
    text = translator(language)
    described = []
    for exercise in EXERCISES[lesson.number]:
        is_code = isinstance(exercise, CodeExercise)
        start = exercise.start(language) if isinstance(exercise, CodeExercise) else ""
        described.append(
            {
                "name": exercise.name,
                "is_code": is_code,
                "start": start,
                "html": colored(start),
                "worked": exercise.worked_answer(language),
                **{
                    part: text(text_key(lesson.number, exercise, part))
                    for part in ("question", "hint", "answer")
                },
            }
        )
    return described


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
