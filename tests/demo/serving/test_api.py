"""The app over HTTP: the same prediction as in Python, clear errors, limits, and the login."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
import torch
from PIL import Image

from strokes import SEVEN, raster

pytest.importorskip("gradio")

import httpx
from gradio_client import Client

from inkgrad.course.recognition.recognizer import Recognizer
from inkgrad_demo.serving.limits import MAX_BODY

PREDICT = "/gradio_api/run/predict"
USUAL = ["float32", 1, True]  # dtype, threads and quick of a benchmark
SERVER_FUNCTION = "/gradio_api/component_server"


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


def test_the_python_client_gets_the_recognizers_prediction(address, picture, text) -> None:
    client = Client(address, verbose=False)
    _check(client.predict(text, api_name="/predict"), picture, "strong", "fused")
    answer = client.predict(image=text, model="cnn", backend="native", api_name="/predict")
    _check(answer, picture, "cnn", "native")


def test_one_http_request_gets_the_recognizers_prediction(address, picture, text) -> None:
    response = httpx.post(f"{address}{PREDICT}", json={"data": [text, "softmax", "native"]})
    assert response.status_code == 200
    _check(response.json()["data"][0], picture, "softmax", "native")


def test_the_documented_two_step_call_works_too(address, picture, text) -> None:
    call = f"{address}/gradio_api/call/predict"
    event = httpx.post(call, json={"data": [text, "strong", "fused"]}).json()["event_id"]
    assert '"label": 7' in httpx.get(f"{call}/{event}").text


def test_callers_are_told_what_was_wrong(address, text) -> None:
    response = httpx.post(f"{address}{PREDICT}", json={"data": [text, "vgg", "fused"]})
    assert response.status_code == 500  # Gradio's, for any error
    assert response.json()["error"] == "model: expected one of strong, cnn, softmax, got 'vgg'"


def test_the_python_client_checks_as_the_command_does(address) -> None:
    from inkgrad.check import DTYPES, OPS, output, run_check

    client = Client(address, verbose=False)
    document = client.predict(["linear_relu"], ["float32"], api_name="/check")
    assert document["device"] == "cpu"
    expected = [
        run_check(OPS["linear_relu"], DTYPES["float32"], torch.device("cpu"), check)
        for check in ("gradcheck", "gradgradcheck", "opcheck", "parity")
    ]
    assert document["results"] == [output.json_fields(result) for result in expected]


def _call(address: str, endpoint: str, data: list[Any]) -> str:
    """As curl does it: one request starts, another waits for the result."""
    call = f"{address}/gradio_api/call/{endpoint}"
    event = httpx.post(call, json={"data": data}).json()["event_id"]
    return httpx.get(f"{call}/{event}", timeout=240).text


def test_two_http_requests_get_a_benchmark(address) -> None:
    answer = _call(
        address, "bench", ["linear_relu", {"rows": 32, "inputs": 8, "outputs": 6}, *USUAL]
    )
    event, data = answer.strip().splitlines()[-2:]
    assert event == "event: complete"
    (document,) = json.loads(data.removeprefix("data: "))
    assert document["complete"]
    assert [row["direction"] for row in document["results"]] == ["forward", "forward+backward"]
    for row in document["results"]:
        assert (row["op"], row["case"], row["threads"]) == ("linear_relu", "32x8->6", 1)
        assert row["accurate"]
        assert row["ratio"]["native"]["median"] > 0


@pytest.mark.parametrize(
    ("endpoint", "data", "complaint"),
    [
        ("check", [["matmul"], None], "ops: expected some of linear_sigmoid"),
        ("bench", ["matmul", {}, *USUAL], "op: expected one of binary_cross_entropy"),
        ("bench", ["conv2d", {"batch": 4096, "height": 512}, *USUAL], "These sizes need"),
    ],
)
def test_a_check_or_benchmark_that_cannot_be_is_named(address, endpoint, data, complaint) -> None:
    answer = _call(address, endpoint, data)
    assert "event: error" in answer
    assert complaint in answer


def test_mcp_clients_have_the_same_tools(free_port) -> None:
    pytest.importorskip("mcp")
    from inkgrad_demo import app

    blocks = app.build()
    served = app.serve(blocks, "127.0.0.1", free_port(), mcp=True).rstrip("/")
    try:

        def ask(method: str, **parameters: Any) -> Any:
            response = httpx.post(
                f"{served}/gradio_api/mcp/",
                json={"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters},
                headers={"Accept": "application/json, text/event-stream"},
                timeout=60,
            )
            lines = response.text.splitlines()
            data = next(line for line in lines if line.startswith("data: "))
            return json.loads(data.removeprefix("data: "))["result"]

        tools = {tool["name"] for tool in ask("tools/list")["tools"]}
        assert tools >= {"predict", "train", "check", "bench"}
        wrong = ask("tools/call", name="bench", arguments={"op": "matmul"})
        assert "op: expected one of" in wrong["content"][0]["text"]
    finally:
        blocks.close(verbose=False)


def _page_id(address: str) -> int:
    components = httpx.get(f"{address}/config").json()["components"]
    return next(c["id"] for c in components if "draw-pad" in str(c["props"].get("html_template")))


@pytest.mark.parametrize("function", ["read", "race"])
def test_a_bad_question_to_the_page_gets_status_400(address, function: str) -> None:
    body = {"component_id": _page_id(address), "fn_name": function, "session_hash": "s"}
    response = httpx.post(f"{address}{SERVER_FUNCTION}", json={**body, "data": {"pixels": 3}})
    assert response.status_code == 400
    assert response.json()["detail"] == "pixels: expected base64 text, got 3"


def test_too_large_a_request_is_refused(address) -> None:
    body = {"data": ["A" * MAX_BODY, "strong", "fused"]}
    response = httpx.post(f"{address}{PREDICT}", json=body)
    assert response.status_code == 413
    assert "too large" in response.json()["detail"]


def test_the_app_is_sent_compressed(address) -> None:
    response = httpx.get(address)
    assert response.headers["content-encoding"] == "gzip"
    assert response.num_bytes_downloaded < 150_000 < len(response.content)


def test_a_login_guards_page_and_api(free_port) -> None:
    import gradio as gr

    from inkgrad_demo import app

    with gr.Blocks() as blocks:
        gr.api(lambda: 1, api_name="one")
    guarded = app.serve(blocks, "127.0.0.1", free_port(), auth=("ada", "lovelace")).rstrip("/")
    try:
        for path in (PREDICT, SERVER_FUNCTION):
            assert httpx.post(f"{guarded}{path}", json={"data": []}).status_code == 401
        login = {"username": "ada", "password": "lovelace"}
        assert httpx.post(f"{guarded}/login", data=login).status_code == 200
        wrong = {"username": "ada", "password": "babbage"}
        assert httpx.post(f"{guarded}/login", data=wrong).status_code == 400
    finally:
        blocks.close(verbose=False)
