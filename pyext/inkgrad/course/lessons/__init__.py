"""The ten lessons: each a module to read beside the course, and a view of what it computes.

``LESSONS[3].run()`` computes lesson 3, ``LESSONS[3].parts(numbers, "en")`` are its tables and
pictures in the order in which they are shown. A lesson's own module (``gradient_descent.py``) is
what the course taught and nothing else; how its numbers are shown stands in
``views/gradient_descent.py``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from inkgrad.course.lessons.parts import Part
from inkgrad.course.texts import speaker

__all__ = ["LESSONS", "Lesson"]


@dataclass(frozen=True)
class Lesson:
    """One lesson; ``name`` is that of its module, and what the keys of its texts start with."""

    number: int
    name: str

    def title(self, language: str) -> str:
        return speaker(language)(f"{self.name}.title")

    def text(self, language: str) -> str:
        """What the lesson is about: paragraphs of Markdown."""
        return speaker(language)(f"{self.name}.text")

    @property
    def module(self) -> ModuleType:
        """The code of the lesson."""
        return import_module(f"{__name__}.{self.name}")

    def code(self) -> str:
        """The code of the lesson as it stands in its file."""
        return inspect.getsource(self.module)

    def options(self) -> set[str]:
        """What :meth:`run` takes: of most lessons nothing, of those that train ``epochs``, ..."""
        return set(inspect.signature(self.module.run).parameters)

    def run(self, **options: Any) -> Any:
        """Compute the lesson's examples: the numbers that it is about."""
        return self.module.run(**options)

    def parts(self, numbers: Any, language: str) -> Iterator[Part]:
        """What there is to show of the numbers of :meth:`run`."""
        view = import_module(f"{__name__}.views.{self.name}")
        yield from view.parts(numbers, speaker(language))


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
