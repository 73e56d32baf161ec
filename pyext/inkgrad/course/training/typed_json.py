"""Dataclasses from JSON that may be damaged or forged: every field has the type it says."""

from __future__ import annotations

import math
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

MAX_WHOLE = 2**63 - 1
"""The largest whole number that every JSON writer takes, and the largest seed."""
MAX_TEXT = 2**21

Made = TypeVar("Made")


class BadField(ValueError):
    """A field is missing or has another type; the message names it."""


def from_json(cls: type[Made], value: Any) -> Made:
    """Make a dataclass of a JSON object. Unknown fields are left out: a newer version has more.

    The types of its fields are int, float, str, bool, None, Literal, tuple[X, ...], dataclasses and
    unions of them.

    Raises:
        BadField: a field is missing, has another type or is too large or not finite.
        ValueError: as the class does.
    """
    if not isinstance(value, dict):
        raise BadField(f"expected an object, got {_short(value)}")
    hints, required = _fields(cls)  # type: ignore[arg-type]
    for name in required:
        if name not in value:
            raise BadField(f"{name}: missing")
    given = {name: _value(hint, value[name], name) for name, hint in hints.items() if name in value}
    return cls(**given)


@cache
def _fields(cls: Any) -> tuple[dict[str, Any], list[str]]:
    hints = get_type_hints(cls)
    required = [
        each.name
        for each in fields(cls)
        if each.default is MISSING and each.default_factory is MISSING
    ]
    return {each.name: hints[each.name] for each in fields(cls)}, required


def _value(hint: Any, value: Any, name: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        (hint,) = (each for each in arguments if each is not NoneType)
        return _value(hint, value, name)
    if origin is Literal:
        if not isinstance(value, str) or value not in arguments:
            raise BadField(f"{name}: expected one of {', '.join(arguments)}, got {_short(value)}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise BadField(f"{name}: expected a list, got {_short(value)}")
        return tuple(_value(arguments[0], each, name) for each in value)
    if is_dataclass(hint):
        try:
            return from_json(hint, value)  # type: ignore[arg-type]
        except BadField as error:
            raise BadField(f"{name}.{error}") from None
    return _plain(hint, value, name)


def _plain(hint: Any, value: Any, name: str) -> Any:
    if hint is float and type(value) is int and abs(value) <= MAX_WHOLE:
        value = float(value)
    if type(value) is not hint:  # a bool is no int
        raise BadField(f"{name}: expected {hint.__name__}, got {_short(value)}")
    if hint is int and abs(value) > MAX_WHOLE:
        raise BadField(f"{name}: {_short(value)} is too large")
    if hint is float and not math.isfinite(value):
        raise BadField(f"{name}: {value} is not finite")
    if hint is str and len(value) > MAX_TEXT:
        raise BadField(f"{name}: a text of {len(value)} characters")
    if hint is str and not is_unicode(value):
        raise BadField(f"{name}: half a surrogate pair")
    return value


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8; JSON can spell texts that cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value: Any) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of many digits"  # Python does not print it
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
