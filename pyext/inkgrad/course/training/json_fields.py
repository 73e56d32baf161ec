"""Reading dataclasses from JSON that may have been damaged or written by anyone.

Each field is checked against its annotation: ``int``, ``float``, ``str``, ``bool``, ``Literal``,
optional types, tuples of one type, and dataclasses. ``typing.Annotated`` with a :class:`Limit`
narrows the range of a number or the length of a text.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from typing import Annotated, Any, Literal, NamedTuple, NoReturn, Union, get_args, get_origin
from typing import get_type_hints as type_hints


class Limit(NamedTuple):
    """The smallest and the largest number, or length of a text."""

    least: float
    most: float


NUMBER = Limit(-1e300, 1e300)
COUNT = Limit(-(2**53), 2**53)  # whole numbers that JavaScript represents exactly
TEXT = Limit(0, 2000)
SHARE = Limit(0, 1)


def parse(text: str | bytes) -> Any:
    """Parse JSON without NaN and infinities. ValueError if it is not JSON."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"expected a number, got {constant}")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read(kind: Any, value: Any, name: str = "", limit: Limit | None = None) -> Any:
    """Return ``value`` as ``kind``; ``name`` is the field. ValueError if it is something else."""
    origin = get_origin(kind)
    if origin is Annotated:
        kind, limit = get_args(kind)
        return read(kind, value, name, limit)
    if origin is Literal:
        if value in get_args(kind) and isinstance(value, str):
            return value
        _fail(name, f"one of {', '.join(get_args(kind))}", value)
    if origin in (Union, types.UnionType):
        (some,) = (each for each in get_args(kind) if each is not type(None))
        return None if value is None else read(some, value, name, limit)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            _fail(name, "a list", value)
        return tuple(read(get_args(kind)[0], item, name) for item in value)
    if dataclasses.is_dataclass(kind):
        return _read_dataclass(kind, value, name)
    return _read_plain(kind, value, name, limit)


def _read_dataclass(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        _fail(name, "an object", value)
    hints = type_hints(kind, include_extras=True)
    known = {field.name: field for field in dataclasses.fields(kind)}
    unknown = value.keys() - known.keys()
    if unknown:
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))[:100]}")
    fields = {}
    for field in known.values():
        if field.name in value:
            fields[field.name] = read(hints[field.name], value[field.name], field.name)
        elif field.default is dataclasses.MISSING:
            raise ValueError(f"{field.name} is missing")
    return kind(**fields)


def _read_plain(kind: type, value: Any, name: str, limit: Limit | None) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        _fail(name, "true or false", value)
    if kind is str:
        least, most = limit or TEXT
        if not isinstance(value, str) or not least <= len(value) <= most:
            _fail(name, f"a text of at most {most} characters", value)
        try:
            value.encode()  # half of a surrogate pair cannot be sent
        except UnicodeEncodeError:
            _fail(name, "Unicode text", value)
        return value
    whole = kind is int
    least, most = limit or (COUNT if whole else NUMBER)
    is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    # Compared as it is: the conversion of a whole number of 400 digits to float fails.
    if not is_number or not least <= value <= most or not (whole or math.isfinite(value)):
        _fail(name, f"a {'whole ' * whole}number from {least:g} to {most:g}", value)
    return kind(value)


def _fail(name: str, expected: str, value: Any) -> NoReturn:
    got = repr(value)[:40] if isinstance(value, str | float | bool | None) else type(value).__name__
    raise ValueError(f"{name}: expected {expected}, got {got}")
