"""The types of fields: good values are converted, anything else is refused."""

from __future__ import annotations

import math
from typing import Annotated, Any

import pytest

pytest.importorskip("gradio")

from inkgrad_demo.services.request_fields import Base64, Checked, OneOf, RunId, Whole, square
from inkgrad_demo.services.request_validation import Request, parse


class Choice(Request):
    field: Annotated[str, OneOf({"a": 1, "b": 2})]


class Count(Request):
    field: Annotated[int, Whole(0, 9)]


class Bytes(Request):
    field: Base64


class Image(Request):
    field: Annotated[bytes, square(2)]


class Run(Request):
    field: RunId


class Even(Request):
    @staticmethod
    def check(value: Any) -> int:
        if value not in (0, 2):
            raise ValueError
        return int(value)

    field: Annotated[int, Checked(check.__func__, "problem.number", least=0, most=2)]


ID = "20261126-041530-cnn-9f3a01"


@pytest.mark.parametrize(
    ("model", "value", "expected"),
    [
        (Choice, "b", "b"),
        (Count, 9, 9),
        (Count, 3.0, 3),
        (Bytes, "", b""),
        (Bytes, "YQ==", b"a"),
        (Image, "AAECAw==", b"\0\1\2\3"),
        (Run, ID, ID),
        (Even, 2, 2),
    ],
)
def test_a_good_value(model: type[Request], value: Any, expected: Any) -> None:
    parsed = parse(model, {"field": value})
    assert parsed.field == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("model", "expected", "values"),
    [
        (Choice, "one of a, b", (None, "c", "A", "", 1, True, ["a"], {"a": 1}, "\ud800")),
        (Count, "a whole number from 0 to 9", (None, 0.5, 10, -1, True, 10**400, 1e308, "3")),
        (Count, "a whole number from 0 to 9", (math.nan, math.inf, -math.inf, [1], {})),
        (Bytes, "base64 text", (None, 1, True, ["YQ=="], {}, b"YQ==")),
        (Image, "base64 text", (None, 1, ["AAECAw=="])),
        (Run, "the id of a run", (None, 1, "", "../x", ID + "/..", ID + "\n", [ID], "\ud800")),
        (Even, "a number from 0 to 2", (None, 1, "2", [2])),
    ],
)
def test_a_bad_value(model: type[Request], expected: str, values: tuple[Any, ...]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=f"^field: expected {expected}, got .+"):
            parse(model, {"field": value})


@pytest.mark.parametrize("text", ["YQ", "?", "YQ==\n", "é", "YQ==YQ=="])
def test_text_that_is_not_base64(text: str) -> None:
    with pytest.raises(ValueError, match=r"^field: not base64 \(.+\)$"):
        parse(Bytes, {"field": text})


def test_an_image_of_another_size() -> None:
    with pytest.raises(ValueError, match=r"^field: expected 2 x 2 bytes, got 3$"):
        parse(Image, {"field": "AAEC"})
