"""/predict over HTTP: the recognizer's own prediction, and clear errors."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

pytest.importorskip("gradio")

import httpx
from gradio_client import Client

from inkgrad.course.recognition.recognizer import Recognizer
from strokes import SEVEN, raster

PREDICT = "/gradio_api/run/predict"


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.fromarray(255 - raster(SEVEN, 200))


@pytest.fixture(scope="module")
def text(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def _check(answer: dict[str, Any], picture: Image.Image, model: str, backend: str) -> None:
    expected = Recognizer.load(model, backend).predict(picture)
    assert (answer["model"], answer["backend"]) == (model, backend)
    assert answer["label"] == expected.label == 7
    assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    assert answer["seconds"] > 0


def test_the_python_client_gets_the_prediction_of_the_recognizer(address, picture, text) -> None:
    client = Client(address, verbose=False)
    _check(client.predict(text, api_name="/predict"), picture, "strong", "fused")
    answer = client.predict(image=text, model="cnn", backend="native", api_name="/predict")
    _check(answer, picture, "cnn", "native")


def test_one_http_request_gets_the_prediction_of_the_recognizer(address, picture, text) -> None:
    response = httpx.post(f"{address}{PREDICT}", json={"data": [text, "softmax", "native"]})
    assert response.status_code == 200
    _check(response.json()["data"][0], picture, "softmax", "native")


def test_the_documented_two_step_call(address, picture, text) -> None:
    call = f"{address}/gradio_api/call/predict"
    event = httpx.post(call, json={"data": [text, "strong", "fused"]}).json()["event_id"]
    assert '"label": 7' in httpx.get(f"{call}/{event}").text


def test_a_bad_request_is_refused_with_the_reason(address, text) -> None:
    response = httpx.post(f"{address}{PREDICT}", json={"data": [text, "vgg", "fused"]})
    assert response.status_code == 500  # Gradio's, for any error
    assert response.json()["error"] == "model: expected one of strong, cnn, softmax, got 'vgg'"
