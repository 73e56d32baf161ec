"""Lesson 10: the drawing through both convolutions and poolings of the network, to the answer."""

from __future__ import annotations

import base64
from functools import cache
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from inkgrad.course import weights_file
from inkgrad.course.lessons.feature_maps import feature_maps
from inkgrad.course.models import DigitCNN
from inkgrad.course.recognition.preprocess import SIDE
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad_demo.services.request_fields import square
from inkgrad_demo.services.request_validation import FormRequest


class Network(FormRequest):
    picture: Annotated[bytes, square(SIDE)]


@cache
def _network() -> DigitCNN:
    """The network of the lesson with the weights that the package has."""
    network, _ = weights_file.load(Recognizer.load("cnn").path)
    assert isinstance(network, DigitCNN)
    return network


def on_network(request: Network, _results: Any) -> dict[str, Any]:
    levels = np.frombuffer(request.picture, np.uint8).reshape(SIDE, SIDE)
    *maps, probabilities = feature_maps(_network(), torch.from_numpy(levels / np.float32(255)))
    return {"maps": [_described(each) for each in maps], "probabilities": probabilities.tolist()}


def on_weights(request: FormRequest, _results: Any) -> dict[str, Any]:
    """Return the kernels of both convolutions, and their biases."""
    layers = (_network().conv1, _network().conv2)
    return {
        "layers": [
            {"weight": _encoded(layer.weight.detach()), "bias": layer.bias.tolist()}
            for layer in layers
        ]
    }


def _described(maps: Tensor) -> dict[str, Any]:
    channels, height, width = maps.shape
    return {"channels": channels, "height": height, "width": width, "values": _encoded(maps)}


def _encoded(values: Tensor) -> str:
    """Little-endian float32 in base64."""
    return base64.b64encode(values.numpy().astype("<f4").tobytes()).decode("ascii")
