"""Requests from the network as pydantic models: anyone who reaches the port can send anything.

:func:`parse` turns pydantic's errors into a message of the catalogue, in every language:
"field: expected ..., got ...". The expected part comes from the JSON schema of the field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from inkgrad.course.messages import Message, message_of
from inkgrad_demo.texts import message


class Request(BaseModel):
    """Base class of all requests: no unknown fields, no type conversion.

    A validator that raises a ValueError of a :class:`Message` chooses its own wording; the name of
    a field is put in front of the message of a field's validator.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EmptyRequest(Request):
    """The request of a method that needs no input."""


class FormRequest(Request):
    """The request of a widget's form: a widget sends all its inputs, also those of other forms."""

    model_config = ConfigDict(extra="ignore")


AnyRequest = TypeVar("AnyRequest", bound=Request)


def parse(model: type[AnyRequest], request: Any, name: str = "request") -> AnyRequest:
    """Validate a request. Raises ValueError with a Message that names the first bad field.

    ``name`` is that of the request as a whole.
    """
    try:
        return model.model_validate(request)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(_message(model, first, name)) from None


def field_error(name: str, expected: Message, got: Any) -> ValueError:
    """The error for a value that only the state of the server can rule out."""
    return ValueError(message("problem.field", name=name, expected=expected, got=shortened(got)))


def choice_error(name: str, choices: Collection[str], got: Any) -> ValueError:
    return field_error(name, message("problem.one_of", choices=", ".join(choices)), got)


def check_count(name: str, values: Collection[float], count: int) -> None:
    """Check the length of a list of numbers that depends on another field."""
    if len(values) != count:
        raise field_error(name, message("problem.numbers", least=count, most=count), values)


def shortened(value: Any) -> str:
    """The value for an error message, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# ---------------------------------------------------------------- pydantic's errors as messages


def _message(model: type[Request], error: ErrorDetails, request_name: str) -> Message:
    where, got = list(error["loc"]), error["input"]
    raised = error.get("ctx", {}).get("error")
    problem = message_of(raised) if isinstance(raised, Exception) else None
    if isinstance(problem, Message):
        return message("problem.in_field", name=_name(where), problem=problem) if where else problem
    if where[-1:] == ["[key]"]:  # of a dict: a key that is no text
        where = where[:-2]
    if error["type"] == "extra_forbidden":
        got = where.pop()
        fields = _field(model, where)["properties"]
        expected = message("problem.one_of", choices=", ".join(fields))
    else:
        got = None if error["type"] == "missing" else got
        expected = _expected(_field(model, where))
    name = _name(where) or request_name
    return message("problem.field", name=name, expected=expected, got=shortened(got))


def _name(where: Collection[str | int]) -> str:
    """("drawings", 0, "label") is drawings[0].label."""
    parts = (
        f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{part!r}]"
        for part in where
    )
    return "".join(parts).removeprefix(".")


def _field(model: type[Request], where: Collection[str | int]) -> dict[str, Any]:
    """The JSON schema of a field, or of the whole request."""
    whole = _schema(model)

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        if "anyOf" in schema:  # X | None
            schema = schema["anyOf"][0]
        if "$ref" in schema:
            schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        return schema

    schema = whole
    for part in where:
        if isinstance(part, int):
            schema = resolved(schema["items"])
        elif "properties" in schema:
            schema = resolved(schema["properties"][part])
        else:
            schema = resolved(schema["additionalProperties"])
    return schema


@cache
def _schema(model: type[Request]) -> dict[str, Any]:
    return model.model_json_schema()


def _expected(schema: dict[str, Any]) -> Message:
    if "expected" in schema:
        return message(**schema["expected"])
    if "enum" in schema:
        return message("problem.one_of", choices=", ".join(schema["enum"]))
    return _EXPECTED[schema["type"]](schema)


def _expected_number(schema: dict[str, Any]) -> Message:
    limits = {"least": f"{schema['minimum']:g}", "most": f"{schema['maximum']:g}"}
    return message("problem.number", **limits)


def _expected_whole(schema: dict[str, Any]) -> Message:
    return message("problem.whole", least=schema["minimum"], most=schema["maximum"])


def _expected_list(schema: dict[str, Any]) -> Message:
    items, most = schema["items"], schema["maxItems"]
    if "enum" in items:
        return message("problem.some_of", choices=", ".join(items["enum"]))
    if "expected" in items:
        return message("problem.ids", most=most)
    if items.get("type") in ("number", "integer"):
        return message("problem.numbers", least=schema.get("minItems", 0), most=most)
    return message("problem.objects", most=most)


_EXPECTED: dict[str, Callable[[dict[str, Any]], Message]] = {
    "object": lambda schema: message("problem.object"),
    "boolean": lambda schema: message("problem.flag"),
    "string": lambda schema: message("problem.text", most=schema["maxLength"]),
    "number": _expected_number,
    "integer": _expected_whole,
    "array": _expected_list,
}
