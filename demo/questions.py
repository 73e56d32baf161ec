"""Checking what comes in over the network: anybody who reaches the port can send anything.

What is not as expected is a ``ValueError`` that says what was expected and what came.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Sequence
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


def choice(name: str, value: Any, known: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}: expected one of {', '.join(known)}, got {brief(value)}")
    return value


def number(name: str, value: Any, least: float, most: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not least <= value <= most:
        raise ValueError(f"{name}: expected a number from {least} to {most}, got {brief(value)}")
    return float(value)


def whole(name: str, value: Any, least: int, most: int) -> int:
    if number(name, value, least, most) != int(value):
        raise ValueError(f"{name}: expected a whole number, got {brief(value)}")
    return int(value)


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
