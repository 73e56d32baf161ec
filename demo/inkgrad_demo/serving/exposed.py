"""How the outside calls a method of a service: the JavaScript of a page, and clients of the API.

Such a method takes one argument, ``request``, a pydantic model, and returns an object for JSON. It
raises ValueError with a message for a request that it cannot serve.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import or_
from typing import Any, Literal, get_type_hints

import gradio as gr
from gradio.context import Context

from inkgrad.course.messages import Message, message_of
from inkgrad_demo.services.request_validation import Request, parse
from inkgrad_demo.serving import visitors

Answer = dict[str, Any]
Method = Callable[[Any], Answer]


def call(method: Method, request: Any) -> Answer:
    """Validate ``request`` as the model that ``method`` takes, and call it."""
    return method(parse(_model_of(method), request))


def to_page(*methods: Method) -> list[Callable[[Any], Answer]]:
    """The methods as server functions of a page, each under its own name.

    An error is the answer {"error": {language: text}}, because Gradio tells a page no more of a
    failed request than that it failed.
    """
    return [_server_function(method) for method in methods]


def to_api(method: Callable[[Any], Answer | Iterator[Answer]], name: str, **options: Any) -> None:
    """Add the endpoint /name to the app: its parameters are the fields of the method's request.

    ``options`` are those of ``gr.api``.
    """
    gr.api(_endpoint(method, name), api_name=name, **options)
    assert Context.root_block is not None
    added = list(Context.root_block.fns.values())[-1]
    for component, field in zip(added.inputs, _model_of(method).model_fields.values(), strict=True):
        # Where Gradio's documentation of the API takes a parameter's description from.
        component._api_info["additional_description"] = field.description or ""  # type: ignore[union-attr]


def _model_of(method: Callable[..., Any]) -> type[Request]:
    model: type[Request] = get_type_hints(method)["request"]
    return model


# ---------------------------------------------------------------- pages


def _server_function(method: Method) -> Callable[[Any], Answer]:
    def answer(request: Any) -> Answer:
        try:
            return _in_every_language(call(method, request))
        except (OSError, ValueError) as error:
            return _in_every_language({"error": message_of(error)})

    answer.__name__ = method.__name__  # the name that the page calls
    return answer


def _in_every_language(answer: Answer) -> Answer:
    """The answer with its messages as {language: text}; the page picks its own language."""

    def translated(value: Any) -> Any:
        if isinstance(value, list) and value and isinstance(value[0], Message):
            return [translated(each) for each in value]
        return value.texts if isinstance(value, Message) else value

    return {name: translated(value) for name, value in answer.items()}


# ---------------------------------------------------------------- the API


_REQUEST = "http_request"


@contextmanager
def _answering(request: Any) -> Iterator[None]:
    """Answer a visitor's request in this block; its errors get to the caller of the API."""
    try:
        with visitors.acting(visitors.of_request(request)):
            yield
    except (OSError, ValueError) as error:
        raise gr.Error(str(error), print_exception=False) from None


def _endpoint(method: Callable[[Any], Any], name: str) -> Callable[..., Any]:
    """A function with the fields of the request, and the HTTP request, as its parameters, as Gradio
    reads them.
    """
    model = _model_of(method)
    names = list(model.model_fields)

    def parsed(values: tuple[Any, ...]) -> Request:
        return parse(model, dict(zip(names, values, strict=True)))

    # The last of the values is the HTTP request.
    if inspect.isgeneratorfunction(method):

        def endpoint(*values: Any) -> Any:
            with _answering(values[-1]):
                answers = method(parsed(values[:-1]))
            try:
                while True:  # Gradio may call for each answer in another thread
                    with _answering(values[-1]):
                        answer = next(answers, None)
                    if answer is None:
                        return
                    yield answer
            finally:
                answers.close()

    else:

        def endpoint(*values: Any) -> Any:
            with _answering(values[-1]):
                return method(parsed(values[:-1]))

    types = _python_types(model) | {_REQUEST: gr.Request}
    parameters = [
        inspect.Parameter(
            field,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if info.is_required() else info.get_default(),
        )
        for field, info in model.model_fields.items()
    ]
    # Gradio fills it in; required parameters have to stand before others.
    request = inspect.Parameter(_REQUEST, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)
    parameters.append(request)
    endpoint.__name__ = name
    endpoint.__doc__ = _documentation(method, model)
    endpoint.__annotations__ = types
    endpoint.__signature__ = inspect.Signature(parameters, return_annotation=Answer)  # type: ignore[attr-defined]
    return endpoint


def _documentation(method: Callable[..., Any], model: type[Request]) -> str:
    """The method's docstring with the descriptions of the fields, in the form Gradio parses."""
    summary, returns, answer = (inspect.getdoc(method) or "").partition("\nReturns:")
    fields = (f"    {name}: {info.description}" for name, info in model.model_fields.items())
    return "\n".join([summary, "Args:", *fields, f"{returns}{answer}"])


def _python_types(model: type[Request]) -> dict[str, Any]:
    properties = model.model_json_schema().get("properties", {})
    return {name: _python_type(schema) for name, schema in properties.items()}


_TYPES = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}


def _python_type(schema: dict[str, Any]) -> Any:
    if "anyOf" in schema:
        return functools.reduce(or_, map(_python_type, schema["anyOf"]))
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if schema.get("type") == "array":
        return list[_python_type(schema["items"])]  # type: ignore[misc]
    return _TYPES.get(schema.get("type", ""), dict[str, Any])
