"""Training over HTTP: the runs of the Train page, with the same results, and clear errors."""

from __future__ import annotations

import base64
import json

import pytest

pytest.importorskip("gradio")

import httpx
from gradio_client import Client

from inkgrad.course.data.datasets import digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training.trainer import Trainer

# On as many threads as the app: the same machine gives the same numbers.
SETTINGS = {"model": "cnn", "data": "digits", "epochs": 2, "augment": False, "seed": 3}


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, verbose=False)


def test_a_run_over_the_api_is_that_of_the_course(client: Client) -> None:
    job = client.submit(**SETTINGS, api_name="/train")
    result = job.result(timeout=60)
    assert result["state"] == "finished"
    assert (result["done"], result["data"]) == (42, "scikit-learn's digits")
    run = Trainer(course_settings("cnn", epochs=2, augment=False, seed=3), digits())
    losses = [epoch.loss for epoch in run.epochs()]
    assert [epoch[0] for epoch in result["epochs"]] == pytest.approx(losses, rel=1e-4)
    assert result["test"]["accuracy"] == pytest.approx(run.test().accuracy, abs=0.01)
    assert sum(map(sum, result["confusion"])) == 359


def test_a_run_is_started_watched_steered_and_exported(client: Client) -> None:
    started = client.predict(**{**SETTINGS, "epochs": 2000}, api_name="/train_start")
    (run,) = started["runs"]
    assert client.predict(run, api_name="/train_status")["id"] == run
    client.predict(run, "lr", 0.01, api_name="/train_steer")
    assert client.predict(run, api_name="/train_status")["lr"] == 0.01
    assert client.predict(run, "stop", api_name="/train_steer")["state"] == "stopped"
    while not (status := client.predict(run, api_name="/train_status"))["complete"]:
        pass
    assert status["state"] == "stopped"
    record = client.predict(run, "record", api_name="/train_export")
    assert run.encode() in base64.b64decode(record["content"])


def test_http_requests_name_their_parameters(address: str) -> None:
    def answer(endpoint: str, **parameters: object) -> str:
        call = f"{address}/gradio_api/call/v2/{endpoint}"
        event = httpx.post(call, json=parameters).json()["event_id"]
        return httpx.get(f"{call}/{event}", timeout=60).text

    started = answer("train_start", **SETTINGS)
    (run,) = json.loads(started.partition("data: ")[2])[0]["runs"]
    assert f'"id": "{run}"' in answer("train_status", run=run)
    assert "action: expected one of pause" in answer("train_steer", run=run, action="jump")


def test_an_uploaded_table_is_learned(client: Client) -> None:
    table = base64.b64encode(b"1,2,0\n3,4,1\n" * 20).decode()
    sent = client.predict("mine.csv", table, api_name="/train_upload")
    job = client.submit("diabetes", "table", 2, upload=sent["upload"], api_name="/train")
    assert job.result(timeout=60)["data"] == "mine.csv"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"model": "vgg"}, "model: expected one of logistic"),
        ({"epochs": 0}, "epochs: expected a whole number from 1 to 2000, got 0"),
        ({"backend": "both"}, "backend: expected one of fused, native, got 'both'"),
    ],
)
def test_a_bad_request_is_refused_with_the_reason(
    client: Client, changes: dict, error: str
) -> None:
    with pytest.raises(Exception, match=error):
        client.submit(**{**SETTINGS, **changes}, api_name="/train").result(timeout=60)


def test_a_run_ends_when_its_caller_leaves(client: Client) -> None:
    job = client.submit(**{**SETTINGS, "epochs": 2000}, api_name="/train")
    run = next(iter(job))["id"]
    job.cancel()
    while not client.predict(run, api_name="/train_status")["complete"]:
        pass
    assert client.predict(run, api_name="/train_status")["state"] == "stopped"
