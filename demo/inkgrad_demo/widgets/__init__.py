"""What there is to play with in each lesson.

Of a lesson NAME, ``NAME.py`` answers with the lesson's own code, ``NAME.html`` is the form and
``NAME.js`` shows the answers; the other scripts here are what they share. A plaything's script runs
like that of a page, with an ``element``, ``props`` and a ``server`` of its own.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from inkgrad_demo.pages.parts import text_of
from inkgrad_demo.services.request_validation import Asked
from inkgrad_demo.texts import catalogues_of

_PAGE = "lessons"  # what the keys of the words start with
_SHARED = (
    "web/words.js",
    "web/newest.js",
    "web/pad.js",
    "web/keyboard.js",
    "web/paint.js",
    "web/confusion.js",
    "web/cells.js",
    "web/colors.js",
    "web/widget_controls.js",
    "web/plot.js",
    "web/player.js",
)


@cache
def files_of(lesson: str) -> dict[str, Any]:
    """The ``html``, ``script`` and ``catalogues`` of the lesson's plaything."""
    return {
        "html": text_of(f"widgets/{lesson}/widget.html"),
        "script": text_of(*_SHARED, f"widgets/{lesson}/widget.js"),
        "catalogues": catalogues_of(f"{_PAGE}.play", f"{_PAGE}.{lesson}", "cell"),
    }


def answer(lesson: str, asked: Asked, numbers: Any) -> dict[str, Any]:
    """What the plaything answers; ``numbers`` are the lesson's results, None until computed."""
    return import_module(f"{__name__}.{lesson}.widget").answer(asked, numbers)
