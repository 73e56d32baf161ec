"""The Draw page: a pad, and a network that reads while one draws.

The page is one gr.HTML with a canvas of its own, because drawing must feel immediate: the drawing
goes to a server function, which skips the queue, and JavaScript paints the answer. The same
prediction is on the API as ``/predict``.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

import inkgrad
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad_demo.i18n import i18n
from inkgrad_demo.pages.parts import server_function, text_of
from inkgrad_demo.services.recognition import BACKENDS, MODELS, RASTER_SIDE, Readers
from inkgrad_demo.texts import catalogues_of

NAME = "draw"

_SCRIPTS = (
    "web/words.js",
    "web/pad.js",
    "web/keyboard.js",
    "web/newest.js",
    "web/paint.js",
    "pages/draw/page.js",
)


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
        html_template=text_of("pages/draw/page.html"),
        js_on_load=text_of(*_SCRIPTS),
        apply_default_css=False,
        server_functions=[server_function(readers.read), server_function(readers.race)],
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
