"""The widget of each lesson: what there is to play with.

A lesson NAME has a folder here: ``widget.html`` is the form, ``widget.js`` mounts itself in it as
the pages do, and ``widget.py`` answers it with the lesson's own code.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from inkgrad_demo.services.request_validation import Asked
from inkgrad_demo.texts import catalogues_of

_HERE = Path(__file__).parent
_PAGE = "lessons"  # the prefix of the texts


def widget_of(lesson: str) -> dict[str, Any]:
    """The lesson's widget for its page: its ``name``, ``html`` and ``catalogues``."""
    return {
        "name": lesson,
        "html": (_HERE / lesson / "widget.html").read_text(encoding="utf-8"),
        "catalogues": catalogues_of(f"{_PAGE}.play", f"{_PAGE}.{lesson}", "chart", "cell"),
    }


def answer(lesson: str, asked: Asked, numbers: Any) -> dict[str, Any]:
    """What the widget's request gets; ``numbers`` are the lesson's results, None until computed."""
    return import_module(f"{__name__}.{lesson}.widget").answer(asked, numbers)
