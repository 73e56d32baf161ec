"""What the pages are made of: files beside them, and functions that their JavaScript calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import HTTPException

from inkgrad.course.messages import Message, message_of

_ROOT = Path(__file__).parents[1]


def text_of(*names: str) -> str:
    """The text of the package's files of these names, one after the other.

    Of a page's scripts Gradio makes the body of one function: what uses the others comes last.
    """
    return "\n".join((_ROOT / name).read_text(encoding="utf-8") for name in names)


def server_function(ask: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """``ask`` for the page: a bad question is answered with status 400 and says why."""

    def answer(question: Any) -> dict[str, Any]:
        try:
            return _in_every_language(ask(question))
        except ValueError as error:
            raise HTTPException(400, str(error)) from None

    answer.__name__ = ask.__name__  # by which the page calls it
    return answer


def telling_function(ask: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """``ask`` for the page: what was wrong with a question comes as the answer, {error: why}.

    Gradio gives a page no more of a failed request than that it failed.
    """

    def answer(question: Any) -> dict[str, Any]:
        try:
            return _in_every_language(ask(question))
        except ValueError as error:
            return _in_every_language({"error": message_of(error)})

    answer.__name__ = ask.__name__
    return answer


def _in_every_language(answer: dict[str, Any]) -> dict[str, Any]:
    """With its messages as {language: text}, of which the page shows the one in its own."""
    return {
        name: value.texts if isinstance(value, Message) else value for name, value in answer.items()
    }
