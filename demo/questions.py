"""Checking what comes in over the network: anybody who reaches the port can send anything.

What is not as expected is a ``ValueError`` that says what was expected and what came.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Collection
from typing import Any


def brief(value: Any) -> str:
    """The value, for an error message."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def fields(question: Any) -> dict[str, Any]:
    """The question, which has to be an object."""
    if not isinstance(question, dict):
        raise ValueError(f"expected an object, got {brief(question)}")
    return question


def choice(name: str, value: Any, known: Collection[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, got {brief(value)}")
    return value


def number(name: str, value: Any, least: float, most: float) -> float:
    if not _is_number(value) or not least <= value <= most:
        raise ValueError(
            f"{name}: expected a number from {least:g} to {most:g}, got {brief(value)}"
        )
    return float(value)


def whole(name: str, value: Any, least: int, most: int) -> int:
    if not _is_number(value) or not least <= value <= most or value != int(value):
        expected = f"a whole number from {least} to {most}"
        raise ValueError(f"{name}: expected {expected}, got {brief(value)}")
    return int(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def decode(name: str, text: Any) -> bytes:
    """The bytes of base64."""
    if not isinstance(text, str):
        raise ValueError(f"{name}: expected base64 text, got {brief(text)}")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{name}: not base64 ({error})") from None


def file(question: Any) -> tuple[str, bytes]:
    """The file that was sent as {name, content}: its name, without folders, and its bytes."""
    asked = fields(question)
    if not isinstance(asked.get("name"), str):
        raise ValueError("expected a file: {name, content}")
    last = asked["name"].replace("\\", "/").rpartition("/")[2]
    name = "".join(filter(str.isprintable, last))[:80] or "file"
    content = decode("content", asked.get("content"))
    if not content:
        raise ValueError(f"{name}: the file is empty")
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
            expected = f"a list of {counts.start} to {counts.stop - 1} numbers"
            raise ValueError(f"{name}: expected {expected}, got {brief(values)}")
        return [number(f"{name}[{i}]", value, least, most) for i, value in enumerate(values)]

    def choice(self, name: str, known: Collection[str]) -> str:
        return choice(name, self._fields.get(name), known)

    def flag(self, name: str) -> bool:
        value = self._fields.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"{name}: expected true or false, got {brief(value)}")
        return value

    def text(self, name: str, longest: int) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str) or len(value) > longest:
            expected = f"a text of at most {longest} characters"
            raise ValueError(f"{name}: expected {expected}, got {brief(value)}")
        return value
