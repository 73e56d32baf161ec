"""The results of one lesson: computed in the background on first use, then kept.

A lesson gives the same numbers every time, so one computation serves everyone.
"""

from __future__ import annotations

import threading
import traceback
from contextlib import nullcontext
from typing import Any

from inkgrad.course.lessons import Lesson
from inkgrad.course.lessons.blocks import Block, Plot
from inkgrad.course.lessons.softmax import Progress
from inkgrad.course.messages import message_of
from inkgrad_demo.services.request_validation import choice_error


class LessonResults:
    """``numbers`` are None until computed; ``batch`` is the latest, if the lesson trains."""

    def __init__(self, lesson: Lesson) -> None:
        self.batch: Progress | None = None
        self.numbers: Any = None
        self._lesson = lesson
        self._lock = threading.Lock()
        self._started = False
        self._error: str | None = None
        self._pictures: dict[tuple[str, str, bool], str] = {}

    def start(self) -> None:
        """Compute in the background, unless that was started."""
        with self._lock:
            if self._started:
                return
            self._started = True
        threading.Thread(target=self._compute, daemon=True).start()

    def take_error(self) -> str | None:
        """Return why the computation failed, once; :meth:`start` then tries again."""
        with self._lock:
            error, self._error = self._error, None
            if error is not None:
                self._started = False
            return error

    def blocks(self, language: str) -> list[Block]:
        return list(self._lesson.blocks(self.numbers, language))

    def picture(self, name: str, language: str, narrow: bool) -> str:
        """Return the picture as SVG, ``narrow`` for a phone. ValueError for an unknown name."""
        key = name, language, narrow
        with self._lock:
            if key not in self._pictures:
                from inkgrad.course.lessons import plotting
                from inkgrad.course.lessons.svg import svg

                pictures = {p.name: p for p in self.blocks(language) if isinstance(p, Plot)}
                if name not in pictures:
                    raise choice_error("name", pictures, name)
                with plotting.narrow() if narrow else nullcontext():
                    self._pictures[key] = svg(pictures[name].draw(), language)
            return self._pictures[key]

    def _compute(self) -> None:
        options = {"on_batch": self._on_batch} if "on_batch" in self._lesson.options() else {}
        try:
            self.numbers = self._lesson.run(**options)
        except Exception as error:  # of any kind: the page shows it instead of waiting forever
            traceback.print_exc()
            self._error = message_of(error) or type(error).__name__

    def _on_batch(self, batch: Progress) -> None:
        self.batch = batch
