"""Reading what the page sends: anybody who reaches the port can send anything.

Whatever is not as expected is a ``ValueError`` that names the field, what was expected and what
came.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any


class Asked:
    """The fields of a question."""

    def __init__(self, question: Any) -> None:
        if not isinstance(question, dict):
            raise ValueError(f"expected an object, got {_brief(question)}")
        self._fields = question

    def number(self, name: str, least: float, most: float) -> float:
        value = self._fields.get(name)
        if not _is_number(value) or not least <= value <= most:
            raise ValueError(f"{name}: expected {least:g} to {most:g}, got {_brief(value)}")
        return float(value)

    def whole(self, name: str, least: int, most: int) -> int:
        value = self._fields.get(name)
        if not _is_number(value) or value != int(value) or not least <= value <= most:
            expected = f"a whole number from {least} to {most}"
            raise ValueError(f"{name}: expected {expected}, got {_brief(value)}")
        return int(value)

    def numbers(self, name: str, counts: range, least: float, most: float) -> list[float]:
        """A list of as many numbers as ``counts`` allows."""
        values = self._fields.get(name)
        if not isinstance(values, list) or len(values) not in counts:
            expected = f"a list of {counts.start} to {counts.stop - 1} numbers"
            raise ValueError(f"{name}: expected {expected}, got {_brief(values)}")
        each = Asked({f"{name}[{i}]": value for i, value in enumerate(values)})
        return [each.number(f"{name}[{i}]", least, most) for i in range(len(values))]

    def choice(self, name: str, known: Collection[str]) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}, got {_brief(value)}")
        return value

    def flag(self, name: str) -> bool:
        value = self._fields.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"{name}: expected true or false, got {_brief(value)}")
        return value

    def text(self, name: str, longest: int) -> str:
        value = self._fields.get(name)
        if not isinstance(value, str) or len(value) > longest:
            expected = f"a text of at most {longest} characters"
            raise ValueError(f"{name}: expected {expected}, got {_brief(value)}")
        return value

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
