"""Types of the fields of requests, beside those of Python and pydantic."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection
from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from inkgrad.course.training.run_store import is_id
from inkgrad_demo.texts import message


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
