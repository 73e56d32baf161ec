"""The ten lessons: one module each to read beside the course, and a view of its results.

``LESSONS[3].run()`` computes lesson 3; ``LESSONS[3].blocks(numbers, "en")`` are its notes, tables
and plots, in order. A lesson's own module (``gradient_descent.py``) contains only what the course
teaches; ``views/gradient_descent.py`` shows its results.

Imports ``training`` and ``data``, and is imported by ``commands``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from inkgrad.course.lessons.blocks import Block
from inkgrad.course.texts import translator

__all__ = ["LESSONS", "Lesson"]


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

    def code(self) -> str:
        """The source of the lesson's module."""
        return inspect.getsource(self.module)

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
