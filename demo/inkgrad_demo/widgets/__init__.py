"""The widget of each lesson: what there is to play with.

A lesson NAME has a folder here: ``widget.html`` is the form, ``widget.js`` mounts itself in it as
the pages do, and ``widget.py`` answers it with the lesson's own code.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from inkgrad_demo.services.request_validation import choice_error, parse
from inkgrad_demo.texts import catalogues_of

_HERE = Path(__file__).parent
_PAGE = "lessons"  # the prefix of the texts


def widget_of(lesson: str) -> dict[str, Any]:
    """Return the lesson's widget for its page: its ``name``, ``html`` and ``catalogues``."""
    return {
        "name": lesson,
        "html": (_HERE / lesson / "widget.html").read_text(encoding="utf-8"),
        "catalogues": catalogues_of(f"{_PAGE}.play", f"{_PAGE}.{lesson}", "chart", "cell"),
    }


def answer(lesson: str, about: str | None, values: dict[str, Any], results: Any) -> dict[str, Any]:
    """Return what a widget's form ``about`` answers to the values of its inputs.

    ANSWERS in the lesson's widget.py has a function for each form, the default first. It takes its
    request, a pydantic model, and the lesson's results, which are None until they are computed.
    """
    forms = import_module(f"{__name__}.{lesson}.widget").ANSWERS
    form = next(iter(forms)) if about is None else about
    if form not in forms:
        raise choice_error("about", forms, about)
    request = parse(get_type_hints(forms[form])["request"], values)
    answered: dict[str, Any] = forms[form](request, results)
    return answered
