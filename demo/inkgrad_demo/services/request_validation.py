"""Checking what comes in over the network: anybody who reaches the port can send anything.

What is not as expected is a ``ValueError`` that says what was expected and what came.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Collection
from typing import Any

from inkgrad.course.messages import Message
from inkgrad_demo.texts import message


def _expected(name: str, expected: Message, value: Any) -> ValueError:
    return ValueError(message("problem.field", name=name, expected=expected, got=brief(value)))


def brief(value: Any) -> str:
    """The value, for an error message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def fields(question: Any) -> dict[str, Any]:
    """The question, which has to be an object."""
    if not isinstance(question, dict):
        raise ValueError(message("problem.no_object", got=brief(question)))
    return question


def choice(name: str, value: Any, known: Collection[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise _expected(name, message("problem.one_of", choices=", ".join(known)), value)
    return value


def number(name: str, value: Any, least: float, most: float) -> float:
    if not _is_number(value) or not least <= value <= most:
        limits = {"least": f"{least:g}", "most": f"{most:g}"}
        raise _expected(name, message("problem.number", **limits), value)
    return float(value)


def whole(name: str, value: Any, least: int, most: int) -> int:
    if not _is_number(value) or not least <= value <= most or value != int(value):
        raise _expected(name, message("problem.whole", least=least, most=most), value)
    return int(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def decode(name: str, text: Any) -> bytes:
    """The bytes of base64."""
    if not isinstance(text, str):
        raise _expected(name, message("problem.base64"), text)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(message("problem.not_base64", name=name, error=error)) from None


def file(question: Any) -> tuple[str, bytes]:
    """The file that was sent as {name, content}: its name, without folders, and its bytes."""
    asked = fields(question)
    if not isinstance(asked.get("name"), str):
        raise ValueError(message("problem.no_file"))
    last = asked["name"].replace("\\", "/").rpartition("/")[2]
    name = "".join(filter(str.isprintable, last))[:80] or "file"
    content = decode("content", asked.get("content"))
    if not content:
        raise ValueError(message("problem.empty_file", name=name))
    return name, content


class Asked:
    """The fields of a question, which has to be an object, by their names."""

    def __init__(self, question: Any) -> None:
        self._fields = fields(question)

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def number(self, name: str, least: float, most: float) -> float:
        return number(name, self._fields.get(name), least, most)

    def whole(self, name: str, least: int, most: int) -> int:
        return whole(name, self._fields.get(name), least, most)

    def numbers(self, name: str, counts: range, least: float, most: float) -> list[float]:
        """A list of as many numbers as ``counts`` allows."""
        values = self._fields.get(name)
        if not isinstance(values, list) or len(values) not in counts:
            expected = message("problem.numbers", least=counts.start, most=counts.stop - 1)
            raise _expected(name, expected, values)
        return [number(f"{name}[{i}]", value, least, most) for i, value in enumerate(values)]

    def choice(self, name: str, known: Collection[str]) -> str:
        return choice(name, self._fields.get(name), known)

    def flag(self, name: str) -> bool:
        value = self._fields.get(name)
        if not isinstance(value, bool):
            raise _expected(name, message("problem.flag"), value)
        return value

    def text(self, name: str, longest: int) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise _expected(name, message("problem.text", most=longest), value)
        return value
