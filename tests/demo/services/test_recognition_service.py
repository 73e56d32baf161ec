"""Recognition for the Draw page: the recognizer's own results, and clear errors."""

from __future__ import annotations

import base64
import shutil
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gradio")

from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad.course.training.run_store import RunStore
from inkgrad_demo.services.pictures import RASTER_SIDE
from inkgrad_demo.services.recognition_service import RecognitionService
from inkgrad_demo.services.recognizers import BACKENDS, MODELS, Recognizers
from inkgrad_demo.serving.exposed import call
from saved_runs import record
from strokes import SEVEN, raster


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> RecognitionService:
    return RecognitionService(Recognizers(RunStore(tmp_path_factory.mktemp("runs"))))


def _request(drawing: np.ndarray, model: str = "strong", backend: str = "fused") -> dict[str, Any]:
    return {"pixels": _base64(drawing.tobytes()), "model": model, "backend": backend}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str, *shape: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("model", MODELS)
def test_the_answer_is_that_of_the_recognizer(service, model: str, backend: str) -> None:
    drawing = raster(SEVEN, RASTER_SIDE)
    answer = call(service.recognize, _request(drawing, model, backend))
    expected = Recognizer.load(model, backend).explain(drawing)
    assert answer["label"] == expected.prediction.label == 7
    assert answer["probabilities"] == pytest.approx(expected.prediction.probabilities, abs=1e-6)
    picture = _bytes(answer["picture"], 28, 28) / 255
    np.testing.assert_allclose(picture, expected.prediction.image, atol=0.5 / 255 + 1e-6)
    assert [layer["name"] for layer in answer["layers"]] == [m.layer for m in expected.feature_maps]
    for layer, maps in zip(answer["layers"], expected.feature_maps, strict=True):
        sent = _bytes(layer["maps"], layer["channels"], layer["height"], layer["width"]) / 255
        np.testing.assert_allclose(sent, maps.maps, atol=0.5 / 255 + 1e-6)
    assert _bytes(answer["saliency"], 28, 28).max() == 255


def test_an_empty_pad_has_no_label(service) -> None:
    empty = np.zeros((RASTER_SIDE, RASTER_SIDE), np.uint8)
    answer = call(service.recognize, _request(empty))
    assert answer["label"] is None
    assert not any(answer["probabilities"])
    drawn = call(service.recognize, _request(raster(SEVEN, RASTER_SIDE)))
    assert len(answer["layers"]) == len(drawn["layers"])


def test_a_pad_full_of_ink_is_not_taken_for_paper(service) -> None:
    angles = np.linspace(0, 2 * np.pi, 60)
    zero = raster(
        [[(0.5 + 0.33 * np.cos(a), 0.5 + 0.33 * np.sin(a)) for a in angles]], RASTER_SIDE, 0.3
    )
    assert (zero > 0).mean() > 0.55
    picture = _bytes(call(service.recognize, _request(zero))["picture"], 28, 28)
    assert picture[14, 14] < 50  # the hole
    assert picture[14, 7] > 200  # the ink around it


def test_a_race_times_both_backends_on_the_same_drawing(service) -> None:
    result = call(service.race, _request(raster(SEVEN, RASTER_SIDE)))
    assert set(result["seconds"]) == set(BACKENDS)
    assert all(seconds > 0 for seconds in result["seconds"].values())
    assert 0 <= result["max_difference"] < 1e-4


def test_a_deleted_run_is_reported_as_gone(tmp_path) -> None:
    store = RunStore(tmp_path)
    run = record(1, "cnn")
    store.save(run)
    shutil.copy(Recognizer.load("cnn").path, store.weights(run.id))
    service = RecognitionService(Recognizers(store))
    request = _request(raster(SEVEN, RASTER_SIDE), run.id)
    assert call(service.recognize, request)["label"] == 7
    store.delete(run.id)
    for method in (service.recognize, service.race):
        assert call(method, request) == {"model": run.id, "gone": True}


PIXELS = _base64(bytes(RASTER_SIDE**2))


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (None, "expected an object"),
        ([PIXELS], "expected an object"),
        ({}, "pixels: expected base64 text, got None"),
        ({"pixels": 7}, "pixels: expected base64 text, got 7"),
        ({"pixels": "?"}, "pixels: not base64"),
        ({"pixels": "é"}, "pixels: not base64"),
        ({"pixels": PIXELS[4:]}, "pixels: expected 140 x 140 bytes, got 19597"),
        ({"pixels": PIXELS}, "model: expected one of strong, cnn, softmax, got None"),
        ({"pixels": PIXELS, "model": ["strong"]}, r"model: .* got \['strong'\]"),
        ({"pixels": PIXELS, "model": "x" * 10**6}, r"model: .* got 'x+\.\.\.$"),
        ({"pixels": PIXELS, "model": "/etc/passwd"}, "model: expected one of"),
        ({"pixels": PIXELS, "model": "cnn", "backend": "gpu"}, "backend: expected one of fused"),
    ],
)
def test_a_bad_request_is_refused(service, request_: Any, error: str) -> None:
    for method in (service.recognize, service.race):
        with pytest.raises(ValueError, match=error):
            call(method, request_)
