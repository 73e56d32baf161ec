"""The Draw page: a pad, and a network that recognizes the digit while it is drawn.

The page is one gr.HTML with a canvas of its own: the drawing goes to a server function, which skips
Gradio's queue, and JavaScript paints the answer. The same prediction is on the API as ``/predict``.
"""

from __future__ import annotations

import inkgrad
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad_demo.pages.page_html import page_html
from inkgrad_demo.services.pictures import RASTER_SIDE
from inkgrad_demo.services.recognition_service import RecognitionService
from inkgrad_demo.services.recognizers import BACKENDS, MODELS
from inkgrad_demo.serving.exposed import to_api, to_page
from inkgrad_demo.texts import catalogues_of

NAME = "draw"


def build(recognition: RecognitionService) -> None:
    """Build the page in the open tab."""
    page_html(
        NAME,
        to_page(recognition.recognize, recognition.recognize_picture, recognition.race),
        # The scripts find these in `props`, beside `value`:
        catalogues=catalogues_of(NAME),
        models=MODELS,
        accuracies={model: recognition.recognizers.accuracy(model) for model in MODELS},
        backends=BACKENDS,
        kernels=inkgrad.build_config()["cpu_library_loaded"],
        raster_side=RASTER_SIDE,
        picture_side=SIDE,
    )
    to_api(recognition.predict, "predict", queue=False)
