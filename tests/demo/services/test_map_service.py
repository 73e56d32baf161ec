"""A feature map of the Draw page: the model's own numbers, and the digits that excite it."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip("gradio")

from inkgrad.course.data.datasets import Data, Examples
from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.map_service import MapService
from inkgrad_demo.services.recognizers import Recognizers
from inkgrad_demo.serving.exposed import call

SEVEN = np.zeros((28, 28), np.uint8)
SEVEN[4:7, 6:20] = 255
SEVEN[7:24, 15:18] = 200
PICTURE = base64.b64encode(SEVEN.tobytes()).decode()


class _Datasets:
    """Test sets made of two pictures: a 7 and, twice, nothing."""

    loads = 0

    def load(self, name: str, report: Any) -> Data:
        assert name == "mnist"
        self.loads += 1
        inputs = torch.zeros(3, 1, 28, 28, dtype=torch.uint8)
        inputs[1, 0] = torch.from_numpy(SEVEN)
        examples = Examples(inputs, torch.tensor([3, 7, 4]))
        return Data("MNIST", examples, examples)


@pytest.fixture
def datasets() -> _Datasets:
    return _Datasets()


@pytest.fixture
def service(tmp_path: Any, datasets: Any) -> MapService:
    return MapService(Recognizers(RunStore(tmp_path)), datasets)


def _request(layer: str, channel: int, **more: Any) -> dict[str, Any]:
    return {"model": "strong", "backend": "fused", "layer": layer, "channel": channel, **more}


def _floats(maps: dict[str, Any]) -> np.ndarray:
    values = np.frombuffer(base64.b64decode(maps["values"]), "<f4")
    return values.reshape(maps["channels"], maps["height"], maps["width"])


def test_the_numbers_are_those_of_the_model(service: MapService) -> None:
    model = Recognizer.load("strong").model
    image = torch.from_numpy(SEVEN / np.float32(255))[None, None]
    _, maps = model.forward_with_maps(image)
    before = model.standardize(image)
    for layer, channel in (("conv1", 5), ("conv2", 47), ("conv3", 0), ("conv4", 95)):
        answer = call(service.open_map, _request(layer, channel, picture=PICTURE))
        np.testing.assert_array_equal(_floats(answer["map"])[0], maps[layer][0, channel])
        np.testing.assert_array_equal(_floats(answer["inputs"]), before[0])
        weight = np.frombuffer(base64.b64decode(answer["weight"]), "<f4")
        own = model.get_submodule(layer).weight[channel]
        np.testing.assert_array_equal(weight, own.flatten())
        assert answer["kernel"] == own.shape[-1]
        before = maps[layer]


def test_the_digits_that_excite_a_map_are_searched_once(
    service: MapService, datasets: _Datasets
) -> None:
    # A map that reads ink: nothing excites it on an empty picture as the digit does.
    model = Recognizer.load("strong").model
    image = torch.from_numpy(SEVEN / np.float32(255))[None, None]
    peaks = model.forward_with_maps(image)[1]["conv2"][0].amax((1, 2))
    channel = int(peaks.argmax())
    answer = call(service.exciting_images, _request("conv2", channel))
    assert answer["searched"] == 3
    assert answer["labels"][0] == 7
    assert answer["values"][0] == pytest.approx(float(peaks[channel]), rel=1e-5)
    assert base64.b64decode(answer["images"])[: 28 * 28] == SEVEN.tobytes()
    assert sum(answer["counts"]) == answer["counted"]
    assert answer["counts"][7] == 1
    call(service.exciting_images, _request("conv4", 0))
    assert datasets.loads == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"layer": "fc1"}, "layer: expected one of conv1, conv2, conv3, conv4, got 'fc1'"),
        ({"channel": 96}, "channel: expected a whole number from 0 to 95, got 96"),
        ({"channel": -1}, "channel: expected"),
        ({"picture": PICTURE[4:]}, "picture: expected 28 x 28 bytes"),
        ({"model": "softmax"}, "layer: expected one of , got 'conv4'"),
    ],
)
def test_a_bad_request_is_refused(service: MapService, changes: Any, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        call(service.open_map, _request("conv4", 0, picture=PICTURE) | changes)


def test_a_deleted_run_is_reported_as_gone(service: MapService) -> None:
    run = "20261126-040001-cnn-abc001"
    request = _request("conv1", 0) | {"model": run}
    assert call(service.exciting_images, request) == {"model": run, "gone": True}
    assert call(service.open_map, request | {"picture": PICTURE}) == {"model": run, "gone": True}
