"""The Draw page: a pad, and a network that reads while one draws.

The page is one gr.HTML with a canvas of its own, because drawing must feel immediate: the drawing
goes to a server function, which skips the queue, and JavaScript paints the answer. The same
prediction is on the API as ``/predict``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import HTTPException

import inkgrad
from inkgrad.course.preprocess import SIDE
from inkgrad_demo.i18n import catalogues_of, i18n
from inkgrad_demo.reading import BACKENDS, MODELS, RASTER_SIDE, Readers

NAME = "draw"

_HERE = Path(__file__).parent
# One function's body together; draw.js, which uses the others, comes last.
_SCRIPTS = ("pad.js", "keyboard.js", "newest.js", "paint.js", "draw.js")


def build(readers: Readers) -> None:
    """Put the page into the tab that is open."""

    def predict(image: str, model: str = "strong", backend: str = "fused") -> dict[str, Any]:
        """Read the digit in a picture.

        Args:
            image: a PNG, JPEG, ... file as base64 text, or as a data URL.
            model: strong, cnn or softmax.
            backend: fused or native.

        Returns:
            label (null where nothing is drawn), probabilities (of 0 to 9), model, backend and
            seconds (of the network alone).
        """
        try:
            return readers.predict(image, model, backend)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from None

    gr.HTML(
        value=i18n("app.language"),
        html_template=_text("draw.html"),
        js_on_load="\n".join(map(_text, _SCRIPTS)),
        apply_default_css=False,
        server_functions=[_server_function(readers.read), _server_function(readers.race)],
        # What draw.js finds in `props`, beside `value`:
        catalogues=catalogues_of(NAME),
        models=MODELS,
        accuracies={model: readers.accuracy(model) for model in MODELS},
        backends=BACKENDS,
        kernels=inkgrad.build_config()["cpu_library_loaded"],
        raster_side=RASTER_SIDE,
        picture_side=SIDE,
    )
    gr.api(predict, api_name="predict", queue=False)


def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _server_function(ask: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """``ask`` for the page: a bad question is answered with status 400 and says why."""

    def answer(question: Any) -> dict[str, Any]:
        try:
            return ask(question)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None

    answer.__name__ = ask.__name__  # by which the page calls it
    return answer
