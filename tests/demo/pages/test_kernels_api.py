"""/check and /bench over HTTP: the results of the command line, and clear errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

pytest.importorskip("gradio")

import httpx
from gradio_client import Client

USUAL = ["float32", 1, True]  # dtype, threads and quick of a benchmark


def test_the_python_client_gets_the_results_of_the_command(address) -> None:
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
    """Call it as curl does: one request starts, another waits for the result."""
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
    ("endpoint", "data", "error"),
    [
        ("check", [["matmul"], None], "ops[0]: expected one of linear_sigmoid"),
        ("bench", ["matmul", {}, *USUAL], "op: expected one of binary_cross_entropy"),
        ("bench", ["conv2d", {"batch": 4096, "height": 512}, *USUAL], "These sizes need"),
    ],
)
def test_a_bad_request_is_refused_with_the_reason(address, endpoint, data, error) -> None:
    answer = _call(address, endpoint, data)
    assert "event: error" in answer
    assert error in answer
