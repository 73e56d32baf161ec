"""Requests from the network as pydantic models: anyone who reaches the port can send anything.

:func:`parse` turns pydantic's errors into a message of the catalogue, in every language:
"field: expected ..., got ...". The expected part comes from the JSON schema of the field.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from inkgrad.course.messages import Message, message_of
from inkgrad.course.training.run_store import is_id
from inkgrad_demo.texts import message


class Request(BaseModel):
    """Base class of all requests: no unknown fields, no type conversion, finite numbers only.

    A validator that raises a ValueError of a :class:`Message` chooses its own wording; the name of
    a field is put in front of the message of a field's validator.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


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
        raise ValueError(_translated(model, first, name)) from None


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


# ---------------------------------------------------------------- types of fields


class OneOf:
    """Annotates a ``str`` with its choices, where they are the keys of a table."""

    def __init__(self, choices: Collection[str]) -> None:
        self._choices = list(choices)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.literal_schema(self._choices)


class Checked:
    """Annotates a field with the function that checks and converts what was sent.

    The function gets any value that JSON can express and raises ValueError for a bad one.
    ``expected`` is the key of the catalogue, with its ``values``, that says what a good one is.
    """

    def __init__(self, check: Callable[[Any], Any], expected: str, **values: object) -> None:
        self._check = check
        self._expected = {"key": expected, **values}

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "expected": self._expected}


class Whole:
    """Annotates an ``int`` with its limits. 3.0 is accepted: not every JSON encoder writes 3."""

    def __init__(self, least: int, most: int) -> None:
        self._schema = core_schema.int_schema(ge=least, le=most, strict=True)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_whole, self._schema)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def decoded(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ValueError(message("problem.not_base64", error=error)) from None


def _square(value: Any, side: int) -> bytes:
    pixels = decoded(value)
    if len(pixels) != side**2:
        raise ValueError(message("problem.square", side=side, got=len(pixels)))
    return pixels


def square(side: int) -> Checked:
    """Annotates ``bytes``: the base64 text of side x side bytes, one per pixel."""
    return Checked(lambda value: _square(value, side), "problem.base64")


def _run_id(value: Any) -> str:
    if not is_id(value):
        raise ValueError
    return str(value)


Base64 = Annotated[bytes, Checked(decoded, "problem.base64")]
RunId = Annotated[str, Checked(_run_id, "problem.id")]


# ---------------------------------------------------------------- pydantic's errors as messages


def _translated(model: type[Request], error: ErrorDetails, request_name: str) -> Message:
    where, got = error["loc"], error["input"]
    if error["type"] == "extra_forbidden":
        *where, got = where
        fields = _field(model, where)["properties"]
        expected = message("problem.one_of", choices=", ".join(fields))
    else:
        raised = error.get("ctx", {}).get("error")
        problem = message_of(raised) if isinstance(raised, Exception) else ""
        if isinstance(problem, Message):
            name = _name(where)
            return message("problem.in_field", name=name, problem=problem) if name else problem
        expected = _expected(_field(model, where))
        if error["type"] == "missing":
            got = None
    name = _name(where) or request_name
    return message("problem.field", name=name, expected=expected, got=shortened(got))


def _name(where: Collection[str | int]) -> str:
    """("drawings", 0, "label") is drawings[0].label."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return "".join(parts).removeprefix(".")


def _field(model: type[Request], where: Collection[str | int]) -> dict[str, Any]:
    """The JSON schema of a field, or of the whole request."""
    whole = model.model_json_schema()

    def resolved(schema: dict[str, Any]) -> dict[str, Any]:
        if "anyOf" in schema:  # X | None
            schema = schema["anyOf"][0]
        if "$ref" in schema:
            schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        return schema

    schema = whole
    for part in where:
        schema = resolved(schema["items"] if isinstance(part, int) else schema["properties"][part])
    return schema


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
    if items.get("type") == "number":
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
