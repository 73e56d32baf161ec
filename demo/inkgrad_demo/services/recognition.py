"""What the app asks the recognizers, and how pictures reach it. No Gradio in here.

Everything that comes in is checked, since anybody who reaches the port can send it: a bad request
is a ``ValueError`` that says what was expected and what came.
"""

from __future__ import annotations

import base64
import io
import statistics
import threading
from typing import Any, get_args

import numpy as np
from PIL import Image, UnidentifiedImageError

from inkgrad.course.models import Backend
from inkgrad.course.recognition.recognizer import SHIPPED, Recognizer
from inkgrad.course.training.run_store import RunStore, is_id
from inkgrad_demo.services.request_validation import choice, decode, fields
from inkgrad_demo.texts import message

MODELS: tuple[str, ...] = SHIPPED
BACKENDS: tuple[Backend, ...] = get_args(Backend)

# Rows and columns of the page's raster: five of its pixels for each of the network's 28, so that a
# digit drawn small has as many pixels as it is scaled to.
RASTER_SIDE = 140
# Of a picture file: any phone's photograph, and in memory less than 100 MB.
MAX_PIXELS = 24_000_000
# Passes of each backend in a race; odd, so that the median is one of them.
PASSES = 9


class Readers:
    """A recognizer for each model and backend, loaded when first asked for. Thread-safe.

    A model is one of MODELS, or a run of ``store`` by its id.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._recognizers: dict[tuple[str, str], Recognizer] = {}
        self._loading = threading.Lock()

    def get(self, model: Any, backend: Any) -> Recognizer:
        """The recognizer of that name; ValueError where there is none."""
        if not is_id(model):
            choice("model", model, MODELS)
        choice("backend", backend, BACKENDS)
        if self._is_gone(model):
            raise ValueError(message("problem.no_weights", run=model))
        if (model, backend) not in self._recognizers:
            with self._loading:
                if (model, backend) not in self._recognizers:  # nobody was faster
                    weights = self._store.weights(model) if is_id(model) else model
                    recognizer = Recognizer.load(weights, backend)
                    recognizer.warm_up()
                    self._recognizers[model, backend] = recognizer
        return self._recognizers[model, backend]

    def _is_gone(self, model: Any) -> bool:
        """Whether that is a run that was deleted, or has no weights; it is forgotten here, too."""
        if not is_id(model) or self._store.weights(model).exists():
            return False
        for backend in BACKENDS:
            self._recognizers.pop((model, backend), None)
        return True

    def load_all(self) -> None:
        """Load every recognizer."""
        for model in MODELS:
            for backend in BACKENDS:
                self.get(model, backend)

    def accuracy(self, model: str) -> float | None:
        """The share of MNIST's test images that the network reads right, if its checkpoint says."""
        metadata = self.get(model, BACKENDS[0]).metadata
        test = metadata.get("results", {}).get("test")
        return test["accuracy"] if test and metadata["data"]["name"] == "MNIST" else None

    def read(self, question: Any) -> dict[str, Any]:
        """All that the page shows of a drawing.

        ``question`` is a dict of ``pixels``, base64 of RASTER_SIDE x RASTER_SIDE bytes from 0
        (paper) to 255 (ink); ``model``; ``backend``.

        The answer has ``label`` (None: nothing is drawn), ``probabilities`` (10) and, as base64 of
        bytes, ``picture`` and ``saliency`` (28 x 28) and the ``maps`` of each of the ``layers``
        (channels x height x width). Of a run that was deleted it has ``model`` and ``gone`` alone.
        """
        drawing, model, backend = _checked(question)
        if self._is_gone(model):
            return {"model": model, "gone": True}
        explanation = self.get(model, backend).explain(drawing)
        prediction = explanation.prediction
        layers = []
        for layer in explanation.feature_maps:
            channels, height, width = layer.maps.shape
            layers.append(
                {
                    "name": layer.layer,
                    "channels": channels,
                    "height": height,
                    "width": width,
                    "maps": as_bytes(layer.maps),
                }
            )
        return {
            "model": model,
            "label": prediction.label,
            "probabilities": prediction.probabilities.tolist(),
            "picture": as_bytes(prediction.image),
            "saliency": as_bytes(explanation.saliency),
            "layers": layers,
        }

    def race(self, question: Any) -> dict[str, Any]:
        """Both backends on the same drawing: how long they take and how far their results differ.

        ``question`` as in :meth:`read`; its ``backend`` does not matter. The backends take turns,
        so that whatever else the machine does slows both. The answer has ``passes`` (of each),
        ``seconds`` ({backend: median of its forward passes}) and ``max_difference`` (of any
        probability).
        """
        drawing, model, _ = _checked(question)
        if self._is_gone(model):
            return {"model": model, "gone": True}
        racers = {backend: self.get(model, backend) for backend in BACKENDS}
        runs = [{b: racer.predict(drawing) for b, racer in racers.items()} for _ in range(PASSES)]
        fused, native = (runs[0][backend].probabilities for backend in BACKENDS)
        return {
            "passes": PASSES,
            "seconds": {b: statistics.median(run[b].seconds for run in runs) for b in BACKENDS},
            "max_difference": float(np.abs(fused - native).max()),
        }

    def predict(self, image: str, model: str, backend: str) -> dict[str, Any]:
        """The prediction for a picture file in base64 or as a data URL: what the API answers."""
        prediction = self.get(model, backend).predict(_decode_picture(image))
        return {
            "label": prediction.label,
            "probabilities": prediction.probabilities.tolist(),
            "model": model,
            "backend": backend,
            "seconds": prediction.seconds,
        }


def _checked(question: Any) -> tuple[np.ndarray, Any, Any]:
    """Drawing, model and backend of the page's question."""
    asked = fields(question)
    return drawing_of(asked), asked.get("model"), asked.get("backend")


def drawing_of(question: dict[str, Any]) -> np.ndarray:
    """The drawing in ``pixels`` of the page's question: RASTER_SIDE x RASTER_SIDE x 4, uint8."""
    raster = decode("pixels", question.get("pixels"))
    if len(raster) != RASTER_SIDE**2:
        raise ValueError(message("problem.pixels", side=RASTER_SIDE, got=len(raster)))
    # As the opacity of a transparent picture: then even a pad full of ink is not taken for paper.
    drawing = np.zeros((RASTER_SIDE, RASTER_SIDE, 4), np.uint8)
    drawing[:, :, 3] = np.frombuffer(raster, np.uint8).reshape(RASTER_SIDE, RASTER_SIDE)
    return drawing


def _decode_picture(text: Any) -> Image.Image:
    if isinstance(text, str):
        if text.startswith("data:"):
            text = text.partition(",")[2]
        text = "".join(text.split())  # the base64 command breaks lines
    data = io.BytesIO(decode("image", text))
    try:
        image = Image.open(data)  # reads the header alone
        if image.width * image.height > MAX_PIXELS:
            size = f"{image.width} x {image.height}"
            raise ValueError(message("problem.image_size", most=MAX_PIXELS, got=size))
        image.load()
    except UnidentifiedImageError:
        raise ValueError(message("problem.no_image")) from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(message("problem.damaged_image", error=error)) from None
    return image


def as_bytes(values: np.ndarray) -> str:
    """Values from 0 to 1 as bytes from 0 to 255, in base64."""
    return base64.b64encode((255 * values + 0.5).astype(np.uint8).tobytes()).decode("ascii")
