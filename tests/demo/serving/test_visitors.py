"""Visitors are told apart by login, browser and address, not by what they claim."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("gradio")

import gradio as gr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from inkgrad_demo.serving import visitors
from inkgrad_demo.serving.visitors import COOKIE, Visitor, Visitors


def answer(request: Request) -> JSONResponse:  # in a thread, as server functions are
    gradio_request = gr.Request(request)
    assert visitors.of_request(gradio_request) == visitors.current()
    return JSONResponse(visitors.current()._asdict())


def page(_: Request) -> HTMLResponse:
    return HTMLResponse("page")


def client(sharing: str) -> TestClient:
    app = Starlette(
        routes=[Route("/", page), Route("/who", answer)],
        middleware=[Middleware(Visitors, sharing=sharing)],
    )
    app.tokens = {"secret": "ada"}  # type: ignore[attr-defined]  # as Gradio's
    return TestClient(app, client=("192.0.2.1", 5000))


def who(client: TestClient, **cookies: str) -> dict[str, Any]:
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return client.get("/who", headers={"cookie": header} if header else {}).json()


@pytest.mark.parametrize(
    ("sharing", "owner", "person"), [("users", "ada", "ada"), ("browsers", "", "ada@192.0.2.1")]
)
def test_a_login_is_that_of_a_token(sharing: str, owner: str, person: str) -> None:
    ada = who(client(sharing), token="secret")
    assert (ada["owner"], ada["person"]) == (owner, person)
    assert (ada["source"], ada["address"]) == ("ada@192.0.2.1", "192.0.2.1")
    other = who(client(sharing), token="claimed")
    assert (other["owner"], other["source"]) == ("", "@192.0.2.1")
    assert visitors.current() == Visitor()


def test_browsers_are_told_apart_by_a_cookie() -> None:
    first, second = client("browsers"), client("browsers")
    assert "httponly" in first.get("/").headers["set-cookie"].lower()
    second.get("/")
    person = who(first)["person"]
    assert person not in ("", who(second)["person"])
    assert "set-cookie" not in first.get("/").headers  # it is known
    assert who(first)["person"] == person
    assert who(client("browsers"), **{COOKIE: "forged"})["person"] == "@192.0.2.1"


@pytest.mark.parametrize("sharing", ["one", "users"])
def test_no_cookie_where_browsers_do_not_matter(sharing: str) -> None:
    assert "set-cookie" not in client(sharing).get("/").headers


def test_one_person_has_all_of_a_server() -> None:
    one = who(client("one"), token="secret")
    assert (one["owner"], one["person"]) == ("", "")


def test_a_request_is_answered_for_its_visitor_alone() -> None:
    with visitors.acting(Visitor("ada")):
        assert visitors.current().owner == "ada"
        with pytest.raises(KeyError), visitors.acting(Visitor("bo")):
            raise KeyError
        assert visitors.current().owner == "ada"
    assert visitors.of_request(None) == Visitor()
