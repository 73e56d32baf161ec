"""A lesson as a Jupyter notebook: its text, formulas, program and exercises.

The format is nbformat 4.5, which is JSON. Cells have no outputs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from inkgrad.course.lessons import Lesson, glossary, programs
from inkgrad.course.lessons.exercises import EXERCISES, CodeExercise, text_key
from inkgrad.course.lessons.formulas import DERIVATIONS, LATEX
from inkgrad.course.texts import translator

_MARK = "  # <-"


def notebook(lesson: Lesson, language: str) -> str:
    """Return the lesson as the text of an ``.ipynb`` file. It runs from top to bottom."""
    cells = list(_cells(lesson, language))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    document = {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _cells(lesson: Lesson, language: str) -> Iterator[dict[str, Any]]:
    text = translator(language)
    yield _markdown(
        f"# {lesson.number}. {lesson.title(language)}",
        f"**{text('word.goal')}:** {_typeset(lesson.word('goal', language))}",
        _typeset(lesson.text(language)),
    )
    if lesson.name in DERIVATIONS:
        yield _markdown(*_derivation(lesson, language))
    for title, code in programs.cells(lesson.code(language)):
        if title:
            yield _markdown(f"### {title}")
        yield _code(code)
    see = _typeset(lesson.word("see", language))
    yield _markdown(f"**{text('word.see')}:** {see}")
    if marked := programs.changed_lines(lesson.name, fused=True):
        yield _markdown(f"## {text('word.with_ops')}", text("word.changed"))
        yield _code(_with_marks(lesson.code(language, fused=True), marked))
    yield from _exercises(lesson, language)
    yield _markdown(
        f"## {text('word.summary')}",
        _typeset(lesson.word("summary", language)),
        f"### {text('word.glossary')}",
        "\n".join(
            f"- **{term.term}** ({term.translation}): {term.meaning}"
            for term in glossary(language)
            if term.lesson == lesson.number
        ),
    )


def _derivation(lesson: Lesson, language: str) -> Iterator[str]:
    text = translator(language)
    title = _typeset(text(f"{lesson.name}.derive"))
    yield f"## {text('word.derivation', title=title)}"
    for number, latex in enumerate(DERIVATIONS[lesson.name], start=1):
        yield f"{number}. {_typeset(text(f'{lesson.name}.derive_{number}'))}"
        yield f"$${latex}$$"


def _with_marks(code: str, numbers: list[int]) -> str:
    lines = code.splitlines()
    for number in numbers:
        lines[number - 1] += _MARK
    return "\n".join(lines)


def _exercises(lesson: Lesson, language: str) -> Iterator[dict[str, Any]]:
    text = translator(language)
    yield _markdown(f"## {text('word.exercises')}")
    yield _code("from inkgrad.course.lessons.exercises import check")
    for number, exercise in enumerate(EXERCISES[lesson.number], start=1):
        question, hint, answer = (
            _typeset(text(text_key(lesson.number, exercise, part)))
            for part in ("question", "hint", "answer")
        )
        yield _markdown(
            f"### {text('word.exercise', number=number)}",
            question,
            _details(text("word.hint"), hint),
            _details(
                text("word.answer"),
                f"```python\n{exercise.worked_answer(language)}\n```\n\n{answer}",
            ),
        )
        if isinstance(exercise, CodeExercise):
            start, given = exercise.start(language), "globals()"
        else:
            start, given = "answer = ...\n", "answer"
        asked = f"check({lesson.number}, {number}, {given})"
        yield _code(f'{start}\nprint({asked}.message.texts["{language}"])')


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def _typeset(markdown: str) -> str:
    """The text with its formulas as LaTeX; code stays in backticks."""

    def formula(match: re.Match[str]) -> str:
        return f"${LATEX[match[1]]}$" if match[1] in LATEX else match[0]

    return re.sub(r"`([^`]*)`", formula, markdown)


def _markdown(*paragraphs: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": "\n\n".join(paragraphs)}


def _code(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {}, "source": source.strip("\n")}
    return {**cell, "execution_count": None, "outputs": []}
