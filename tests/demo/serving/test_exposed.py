"""How the outside calls a method: answers, errors, and the signature of an endpoint."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

pytest.importorskip("gradio")

import gradio as gr

from inkgrad.course.messages import Message
from inkgrad_demo.services.request_fields import Base64, OneOf, Whole
from inkgrad_demo.services.request_validation import Request
from inkgrad_demo.serving.exposed import _endpoint, call, to_api, to_page
from inkgrad_demo.texts import message


class Item(Request):
    label: Annotated[int, Whole(0, 9)]


class Example(Request):
    name: Annotated[str, OneOf(("a", "b"))] = Field(description="a name")
    content: Base64 | None = Field(None, description="bytes")
    count: Annotated[int, Whole(1, 5)] = Field(1, description="a number")
    items: list[Item] = Field([], max_length=3, description="some items")
    kinds: list[Literal["x", "y"]] | None = Field(None, max_length=2, description="some kinds")


class Service:
    def method(self, request: Example) -> dict[str, Any]:
        """Do something
        with it.

        Returns:
            the result.
        """
        if request.count == 5:
            raise ValueError(message("problem.stopped"))
        return {"name": request.name, "note": message("problem.object"), "count": request.count}

    def generator(self, request: Example) -> Iterator[dict[str, Any]]:
        """Count."""
        for count in range(request.count):
            yield {"count": count}
        if request.count == 5:
            raise ValueError(message("problem.stopped"))


def test_a_call_validates_and_answers() -> None:
    assert call(Service().method, {"name": "a"}) == {"name": "a", "note": "an object", "count": 1}
    with pytest.raises(ValueError, match="name: expected one of a, b, got 'c'"):
        call(Service().method, {"name": "c"})


def test_a_page_gets_messages_and_errors_in_every_language() -> None:
    (answer,) = to_page(Service().method)
    assert answer.__name__ == "method"
    assert answer({"name": "a"})["note"] == {"en": "an object", "zh-CN": "对象"}
    assert answer({"name": "a", "count": 5}) == {"error": message("problem.stopped").texts}
    assert answer(3)["error"]["en"] == "request: expected an object, got 3"
    assert isinstance(Service().method(Example(name="a"))["note"], Message)


def test_an_unexpected_error_is_not_hidden() -> None:
    class Broken:
        def method(self, request: Example) -> dict[str, Any]:
            raise KeyError("name")

    (answer,) = to_page(Broken().method)
    with pytest.raises(KeyError):
        answer({"name": "a"})


def test_the_parameters_of_an_endpoint_are_the_fields_of_the_request() -> None:
    endpoint = _endpoint(Service().method, "do_it")
    assert endpoint.__name__ == "do_it"
    assert endpoint.__annotations__ == {
        "name": Literal["a", "b"],
        "content": str | None,
        "count": int,
        "items": list[dict[str, Any]],
        "kinds": list[Literal["x", "y"]] | None,
        "http_request": gr.Request,
    }
    parameters = inspect.signature(endpoint).parameters
    defaults = [parameter.default for parameter in parameters.values()]
    assert defaults == [inspect.Parameter.empty, None, 1, [], None, None]


def test_gradio_reads_the_documentation_of_an_endpoint() -> None:
    from gradio.utils import get_function_description

    description, parameters, returns = get_function_description(_endpoint(Service().method, "x"))
    assert description == "Do something with it."
    assert parameters == {
        "name": "a name",
        "content": "bytes",
        "count": "a number",
        "items": "some items",
        "kinds": "some kinds",
        "http_request": "",
    }
    assert returns == ["the result."]


def test_an_endpoint_answers_and_fails_in_english() -> None:
    endpoint = _endpoint(Service().method, "x")
    assert endpoint("a", "YQ==", 2, [{"label": 3}], ["x"], None)["count"] == 2
    with pytest.raises(gr.Error, match="stopped"):
        endpoint("a", None, 5, [], None, None)
    with pytest.raises(gr.Error, match=r"items\[0\].label: expected a whole number"):
        endpoint("a", None, 1, [{"label": 30}], None, None)


def test_a_generator_yields_and_fails_in_english() -> None:
    endpoint = _endpoint(Service().generator, "x")
    assert inspect.isgeneratorfunction(endpoint)
    assert list(endpoint("a", None, 2, [], None, None)) == [{"count": 0}, {"count": 1}]
    updates = endpoint("a", None, 5, [], None, None)
    with pytest.raises(gr.Error, match="stopped"):
        list(updates)


def test_an_endpoint_is_named_for_the_api() -> None:
    with gr.Blocks() as blocks:
        to_api(Service().method, "do_it", queue=False)
    endpoint = blocks.get_api_info()["named_endpoints"]["/do_it"]
    names = [parameter["parameter_name"] for parameter in endpoint["parameters"]]
    assert names == list(Example.model_fields)
