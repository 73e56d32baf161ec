"""Feature maps of a network one by one, for the Draw page. No Gradio in here."""

from __future__ import annotations

import base64
import threading
from typing import Annotated, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from pydantic import Field

from inkgrad.course.models import Backend
from inkgrad.course.recognition.convolutions import (
    Convolution,
    Strongest,
    convolutions,
    map_details,
    strongest,
)
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad_demo.services.pictures import floats_to_base64, maps_field
from inkgrad_demo.services.recognizers import MODEL_OR_RUN, Recognizers
from inkgrad_demo.services.request_fields import Whole, square
from inkgrad_demo.services.request_validation import Request, choice_error, field_error
from inkgrad_demo.services.training_data import Datasets, shown_name
from inkgrad_demo.texts import message

SEARCHED = 2000
"""Images of the MNIST test set that are searched for those that excite a map: the first ones."""
_MAX_COUNTED = 50  # of the strongest, whose labels are counted
_MAX_SHOWN = 10
_MAX_CHANNEL = 2**16


class MapRequest(Request):
    """One feature map of a network."""

    model: Annotated[str, MODEL_OR_RUN]
    backend: Backend
    layer: Annotated[str, Field(max_length=40)]
    channel: Annotated[int, Whole(0, _MAX_CHANNEL)]


class MapOfPictureRequest(MapRequest):
    """One feature map for a picture: the network's input, as the Draw page shows it."""

    picture: Annotated[bytes, square(SIDE)]


class MapService:
    """Shows how feature maps are computed, and what excites them. Thread-safe."""

    def __init__(self, recognizers: Recognizers, datasets: Datasets) -> None:
        self._recognizers = recognizers
        self._datasets = datasets
        self._found: WeakKeyDictionary[Recognizer, _Found] = WeakKeyDictionary()
        self._searching = threading.Lock()

    def open_map(self, request: MapOfPictureRequest) -> dict[str, Any]:
        """Return how one map of a picture is computed; the model computes with the same numbers.

        Float32 as base64: ``inputs`` and ``sums`` (maps with channels, height, width, values),
        ``weight`` (one kernel for each input), ``map`` (after pooling and ReLU). ``kernel`` and
        ``pool`` are sides, ``field`` the start, step and size of :class:`.Field`. For a run that
        was deleted only ``model`` and ``gone``.
        """
        if self._recognizers.is_gone(request.model):
            return {"model": request.model, "gone": True}
        recognizer, convolution = self._convolution(request)
        levels = np.frombuffer(request.picture, np.uint8).reshape(SIDE, SIDE)
        image = torch.from_numpy(levels / np.float32(255))
        details = map_details(recognizer.model, image, request.layer, request.channel)
        return {
            "inputs": maps_field(details.inputs),
            "weight": floats_to_base64(details.weight),
            "bias": details.bias,
            "sums": maps_field(details.sums[None]),
            "map": maps_field(details.map[None]),
            "kernel": convolution.layer.kernel_size[0],
            "padding": int(convolution.layer.padding[0]),
            "pool": convolution.pool,
            "field": convolution.field._asdict(),
        }

    def exciting_images(self, request: MapRequest) -> dict[str, Any]:
        """Return the test digits that excite one map most, the strongest first.

        ``images`` (``shown`` x 28 x 28 bytes in base64) with their ``labels``, the largest
        ``values`` of the map and their ``places`` (row, column) in it; ``counts`` of the labels of
        the ``counted`` strongest; ``data``, and how many of its images were ``searched``. Missing
        data is downloaded. For a run that was deleted only ``model`` and ``gone``.
        """
        if self._recognizers.is_gone(request.model):
            return {"model": request.model, "gone": True}
        recognizer, convolution = self._convolution(request)
        found = self._search(recognizer)
        top = found.strongest[convolution.name]
        own = Strongest(*(each[request.channel] for each in top))
        is_excited = own.values > 0
        own = Strongest(*(each[is_excited] for each in own))
        shown = Strongest(*(each[:_MAX_SHOWN] for each in own))
        images = found.images[shown.images].numpy()
        return {
            "data": shown_name(found.data),
            "searched": len(found.images),
            "shown": len(images),
            "images": base64.b64encode(images.tobytes()).decode("ascii"),
            "labels": found.labels[shown.images].tolist(),
            "values": shown.values.tolist(),
            "places": torch.stack([shown.rows, shown.columns], 1).tolist(),
            "counted": len(own.images),
            "counts": torch.bincount(found.labels[own.images], minlength=10).tolist(),
        }

    def _convolution(self, request: MapRequest) -> tuple[Recognizer, Convolution]:
        recognizer = self._recognizers.get(request.model, request.backend)
        known = {each.name: each for each in convolutions(recognizer.model)}
        if request.layer not in known:
            raise choice_error("layer", known, request.layer)
        channels = known[request.layer].layer.out_channels
        if request.channel >= channels:
            expected = message("problem.whole", least=0, most=channels - 1)
            raise field_error("channel", expected, request.channel)
        return recognizer, known[request.layer]

    def _search(self, recognizer: Recognizer) -> _Found:
        with self._searching:
            if recognizer not in self._found:
                data = self._datasets.load("mnist", lambda message: None)
                images, labels = data.test.inputs[:SEARCHED], data.test.targets[:SEARCHED]
                found = strongest(recognizer.model, images, _MAX_COUNTED)
                self._found[recognizer] = _Found(data.name, images, labels, found)
            return self._found[recognizer]


class _Found(NamedTuple):
    data: str
    images: torch.Tensor
    labels: torch.Tensor
    strongest: dict[str, Strongest]
