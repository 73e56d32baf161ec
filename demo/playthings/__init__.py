"""What there is to play with in each lesson.

Of a lesson NAME, ``NAME.py`` answers with the lesson's own code, ``NAME.html`` is the form and
``NAME.js`` shows the answers; the other scripts here are what they share. A plaything's script runs
like that of a page, with an ``element``, ``props`` and a ``server`` of its own.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from inkgrad_demo.pages.parts import text_of
from inkgrad_demo.questions import Asked
from inkgrad_demo.texts import catalogues_of

_PAGE = "lessons"  # what the keys of the words start with
_HERE = Path(__file__).parent
_PAGES_SCRIPTS = (
    "words.js",
    "newest.js",
    "pad.js",
    "keyboard.js",
    "paint.js",
    "confusion.js",
    "cells.js",
)
_SHARED = ("colours.js", "controls.js", "plot.js", "player.js")


@cache
def files_of(lesson: str) -> dict[str, Any]:
    """The ``html``, ``script`` and ``catalogues`` of the lesson's plaything."""
    scripts = [text_of(*_PAGES_SCRIPTS), *map(_text, (*_SHARED, f"{lesson}.js"))]
    return {
        "html": _text(f"{lesson}.html"),
        "script": "\n".join(scripts),
        "catalogues": catalogues_of(f"{_PAGE}.play", f"{_PAGE}.{lesson}", "cell"),
    }


def answer(lesson: str, asked: Asked, numbers: Any) -> dict[str, Any]:
    """What the plaything answers; ``numbers`` are the lesson's results, None until computed."""
    return import_module(f"{__name__}.{lesson}").answer(asked, numbers)


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
