"""Reading questions: what is expected passes, anything else is told what was expected."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services.request_validation import Asked


def test_what_is_as_expected_is_given_back() -> None:
    asked = Asked({"n": 3, "x": 0.5, "xs": [1, 2.5], "name": "cnn", "on": True, "nil": None})
    assert asked.whole("n", 1, 3) == 3
    assert asked.number("x", 0, 1) == 0.5
    assert asked.numbers("xs", range(1, 3), 0, 9) == [1.0, 2.5]
    assert asked.choice("name", ("cnn", "softmax")) == "cnn"
    assert asked.text("name", 3) == "cnn"
    assert asked.flag("on") is True
    assert (asked.has("x"), asked.has("nil"), asked.has("y")) == (True, False, False)


READS: dict[str, Callable[[Asked], Any]] = {
    "number": lambda asked: asked.number("field", 0, 1),
    "whole": lambda asked: asked.whole("field", 0, 9),
    "numbers": lambda asked: asked.numbers("field", range(1, 3), 0, 1),
    "choice": lambda asked: asked.choice("field", ("a", "b")),
    "flag": lambda asked: asked.flag("field"),
    "text": lambda asked: asked.text("field", 3),
}
WRONG: dict[str, tuple[Any, ...]] = {
    "number": (None, "1", True, -0.1, 1.1, math.nan, math.inf, [0.5]),
    "whole": (None, 0.5, 10, True, 10**400, "3", math.nan),
    "numbers": (None, [], [0.1, 0.2, 0.3], [2], ["a"], 0.5, [None]),
    "choice": (None, "c", 1, ["a"], {}),
    "flag": (None, 0, 1, "true"),
    "text": (None, "abcd", 1, ["a"]),
}


@pytest.mark.parametrize("kind", READS)
def test_anything_else_is_told_what_was_expected(kind: str) -> None:
    for value in WRONG[kind]:
        with pytest.raises(ValueError, match=r"^field(\[\d\])?: expected .+, got .+"):
            READS[kind](Asked({"field": value}))


@pytest.mark.parametrize("question", [None, 1, "x", [1], []])
def test_a_question_is_an_object(question: Any) -> None:
    with pytest.raises(ValueError, match="expected an object, got"):
        Asked(question)
