"""The ten lessons: one module each to read beside the course, and a view of its results.

``LESSONS[3].run()`` computes lesson 3; ``LESSONS[3].blocks(numbers, "en")`` are its notes, tables
and plots, in order. A lesson's own module (``gradient_descent.py``) contains only what the course
teaches, as functions for its results and its widget; ``views/gradient_descent.py`` shows the
results. ``programs/gradient_descent.py`` is the program that a student reads, changes and runs.

Imports ``training`` and ``data``, and is imported by ``commands``.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from inkgrad.course.lessons import programs
from inkgrad.course.lessons.blocks import Block
from inkgrad.course.texts import CATALOGUES, translator

__all__ = ["LESSONS", "Lesson", "Term", "glossary"]


class Term(NamedTuple):
    """A term of the course in a language, in the other one, and what it means."""

    lesson: int
    term: str
    translation: str
    meaning: str


def glossary(language: str) -> list[Term]:
    """The terms of the course in the order of the lessons. Languages: English and Chinese."""
    (other,) = CATALOGUES.keys() - {language}
    return [
        Term(each["lesson"], each[language], each[other], each["meaning"][language])
        for each in _glossary()
    ]


@cache
def _glossary() -> list[dict[str, Any]]:
    path = Path(__file__).with_name("glossary.json")
    return list(json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Lesson:
    """One lesson; ``name`` is the name of its module and the prefix of its text keys."""

    number: int
    name: str

    def title(self, language: str) -> str:
        return translator(language)(f"{self.name}.title")

    def text(self, language: str) -> str:
        """The text of the lesson, as paragraphs of Markdown."""
        return translator(language)(f"{self.name}.text")

    @property
    def module(self) -> ModuleType:
        """The code of the lesson."""
        return import_module(f"{__name__}.{self.name}")

    def word(self, name: str, language: str) -> str:
        """A short text of the lesson: "goal", "see" (what you should see) or "summary"."""
        return translator(language)(f"{self.name}.{name}")

    def code(self, language: str = "en", *, fused: bool = False) -> str:
        """The lesson's program in plain PyTorch, or with inkgrad's ops."""
        return programs.program(self.name, language, fused=fused)

    def options(self) -> set[str]:
        """The arguments of :meth:`run`: none for most lessons, ``epochs`` for those that train."""
        return set(inspect.signature(self.module.run).parameters)

    def run(self, **options: Any) -> Any:
        """Compute the results of the lesson's examples."""
        return self.module.run(**options)

    def blocks(self, numbers: Any, language: str) -> Iterator[Block]:
        """The notes, tables and plots that show the results of :meth:`run`."""
        view = import_module(f"{__name__}.views.{self.name}")
        yield from view.blocks(numbers, translator(language))


_NAMES = (
    "overview",
    "linear_model",
    "gradient_descent",
    "backpropagation",
    "linear_regression",
    "logistic_regression",
    "many_features",
    "data_loader",
    "softmax",
    "convolution",
)

LESSONS = {number: Lesson(number, name) for number, name in enumerate(_NAMES, start=1)}
