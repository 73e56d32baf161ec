"""Visitors are told apart by user and address, not by what they claim."""

from __future__ import annotations

import pytest

pytest.importorskip("gradio")

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from inkgrad_demo.serving import visitors


def answer(_: Request) -> PlainTextResponse:  # in a thread, as server functions are
    return PlainTextResponse(f"{visitors.current()} {visitors.address()}")


def test_a_visitor_is_a_user_at_an_address() -> None:
    app = Starlette(routes=[Route("/", answer)], middleware=[Middleware(visitors.Visitors)])
    app.tokens = {"secret": "ada"}  # type: ignore[attr-defined]  # as Gradio's
    client = TestClient(app, client=("192.0.2.1", 5000))
    assert client.get("/").text == "@192.0.2.1 192.0.2.1"
    for token, user in (("secret", "ada"), ("claimed", "")):
        response = client.get("/", headers={"cookie": f"access-token-x={token}"})
        assert response.text == f"{user}@192.0.2.1 192.0.2.1"
    assert visitors.current() == ""
