"""What pages are made of: the HTML beside them, their modules, and functions for these to call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import HTTPException

from inkgrad.course.messages import Message, message_of
from inkgrad_demo.i18n import i18n
from inkgrad_demo.serving import modules

_HERE = Path(__file__).parent


def page_html(page: str, server_functions: list[Callable[..., Any]], **props: Any) -> gr.HTML:
    """A page: ``page.html``, in which ``page.js`` mounts itself.

    The script gets ``props`` (see the pages' ``build`` for what is in them), whose ``value`` is the
    code of the language, and the ``server_functions``.
    """
    module = f"pages/{page}/page.js"
    return gr.HTML(
        value=i18n("app.language"),
        html_template=(_HERE / page / "page.html").read_text(encoding="utf-8"),
        head=modules.preload(module),
        js_on_load=modules.call(module, "mount", "{ element, props, server, watch }"),
        apply_default_css=False,
        server_functions=server_functions,
        **props,
    )


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
