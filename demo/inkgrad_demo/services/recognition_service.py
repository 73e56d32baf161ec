"""Recognition of digits for the Draw page and the API. No Gradio in here."""

from __future__ import annotations

import statistics
from typing import Annotated, Any

import numpy as np
from PIL import Image
from pydantic import Field

from inkgrad.course.models import Backend
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad.course.recognition.recognizer import Explanation
from inkgrad_demo.jobs import giving_way
from inkgrad_demo.services.pictures import PICTURE, RASTER, drawing, preview, to_base64
from inkgrad_demo.services.recognizers import BACKENDS, MODEL_OR_RUN, Recognizers
from inkgrad_demo.services.request_fields import square
from inkgrad_demo.services.request_validation import Request

# Passes of each backend in a comparison; odd, so that the median is one of them.
PASSES = 9


class DrawingRequest(Request):
    """A drawing of the Draw page."""

    pixels: Annotated[bytes, RASTER]
    model: Annotated[str, MODEL_OR_RUN]
    backend: Backend


class ImageRequest(Request):
    """An image that is a network's input as it stands, such as one of MNIST."""

    picture: Annotated[bytes, square(SIDE)]
    model: Annotated[str, MODEL_OR_RUN]
    backend: Backend


class PredictRequest(Request):
    """A picture file."""

    image: Annotated[Image.Image, PICTURE] = Field(
        description="a PNG, JPEG, ... file as base64 text, or as a data URL"
    )
    model: Annotated[str, MODEL_OR_RUN] = Field(
        "strong", description="strong, cnn, softmax, or the id of a run"
    )
    backend: Backend = Field("fused", description="fused (inkgrad's kernels) or native (torch's)")


class RecognitionService:
    """Recognizes digits with the shipped models and with runs."""

    def __init__(self, recognizers: Recognizers) -> None:
        self.recognizers = recognizers

    def recognize(self, request: DrawingRequest) -> dict[str, Any]:
        """Return everything that the page shows about a drawing.

        The fields of :meth:`.Prediction.as_fields` and, as base64 of bytes, ``picture`` and
        ``saliency`` (28 x 28) and the ``maps`` of each of the ``layers`` (channels x height x
        width). For a run that was deleted only ``model`` and ``gone``.
        """
        if self.recognizers.is_gone(request.model):
            return {"model": request.model, "gone": True}
        with giving_way.first():
            recognizer = self.recognizers.get(request.model, request.backend)
            explanation = recognizer.explain(drawing(request.pixels))
            return {"model": request.model, **_explained(explanation)}

    def recognize_image(self, request: ImageRequest) -> dict[str, Any]:
        """Return the same about an image, which reaches the network unchanged."""
        if self.recognizers.is_gone(request.model):
            return {"model": request.model, "gone": True}
        levels = np.frombuffer(request.picture, np.uint8).reshape(SIDE, SIDE)
        with giving_way.first():
            recognizer = self.recognizers.get(request.model, request.backend)
            explanation = recognizer.explain(levels / np.float32(255), is_prepared=True)
            return {"model": request.model, **_explained(explanation)}

    def recognize_picture(self, request: PredictRequest) -> dict[str, Any]:
        """Return the same about a picture file, and ``preview``, a small copy of it as a data URL.

        ``aspect`` is its width divided by its height.
        """
        if self.recognizers.is_gone(request.model):
            return {"model": request.model, "gone": True}
        with giving_way.first():
            recognizer = self.recognizers.get(request.model, request.backend)
            explanation = recognizer.explain(request.image)
        shown = preview(request.image)
        return {
            "model": request.model,
            **_explained(explanation),
            "preview": shown.url,
            "aspect": shown.aspect,
        }

    def race(self, request: DrawingRequest) -> dict[str, Any]:
        """Time both backends on the same drawing and compare their results.

        The backends take turns, so that other load slows both. Returns ``passes`` (of each),
        ``seconds`` ({backend: median of its forward passes}) and ``max_difference`` (of any
        probability). For a run that was deleted only ``model`` and ``gone``.
        """
        if self.recognizers.is_gone(request.model):
            return {"model": request.model, "gone": True}
        image = drawing(request.pixels)
        recognizers = {b: self.recognizers.get(request.model, b) for b in BACKENDS}
        passes = [
            {b: each.predict(image) for b, each in recognizers.items()} for _ in range(PASSES)
        ]
        fused, native = (passes[0][backend].probabilities for backend in BACKENDS)
        return {
            "passes": PASSES,
            "seconds": {b: statistics.median(each[b].seconds for each in passes) for b in BACKENDS},
            "max_difference": float(np.abs(fused - native).max()),
        }

    def predict(self, request: PredictRequest) -> dict[str, Any]:
        """Recognize the digit or the number in a picture.

        Returns:
            kind ("digit", "number", "other": it does not look like a digit, or "nothing"), label
            (null unless it is one digit), text (such as "2026"; empty if there is no digit),
            confidence, nearest (the most likely digit, also of what does not look like one), reason
            (why there is no label), probabilities (of 0 to 9; what is missing to 1 is the
            probability that it is no digit), digits (from left to right: label, confidence,
            probabilities and box: left, top, right and bottom as fractions of the picture), model,
            backend and seconds (of the forward pass alone).
        """
        recognizer = self.recognizers.get(request.model, request.backend)
        prediction = recognizer.predict(request.image)
        return {
            **prediction.as_fields(),
            "model": request.model,
            "backend": request.backend,
        }


def _explained(explanation: Explanation) -> dict[str, Any]:
    layers = []
    for layer in explanation.feature_maps:
        channels, height, width = layer.maps.shape
        layers.append(
            {
                "name": layer.layer,
                "channels": channels,
                "height": height,
                "width": width,
                "maps": to_base64(layer.maps),
            }
        )
    return {
        **explanation.prediction.as_fields(),
        "picture": to_base64(explanation.shown),
        "saliency": to_base64(explanation.saliency),
        "layers": layers,
    }
