"""Validation: one clear message in every language for any bad request."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, model_validator

pytest.importorskip("gradio")

from inkgrad.course.messages import message_of
from inkgrad_demo.services.request_fields import OneOf, RunId, Whole
from inkgrad_demo.services.request_validation import (
    EmptyRequest,
    FormRequest,
    Request,
    check_count,
    choice_error,
    parse,
    shortened,
)
from inkgrad_demo.texts import CATALOGUES, message


class Point(Request):
    x: float = Field(ge=0, le=1)


class Example(Request):
    number: float = Field(0.5, ge=0, le=1)
    count: Annotated[int, Whole(1, 5)] | None = None
    kind: Literal["a", "b"] = "a"
    name: str = Field("", max_length=3)
    flag: bool = False
    numbers: list[Annotated[float, Field(ge=0, le=1)]] = Field([0.5], min_length=1, max_length=2)
    choices: list[Annotated[str, OneOf("uv")]] | None = Field(None, min_length=1, max_length=2)
    ids: list[RunId] | None = Field(None, min_length=1, max_length=6)
    points: list[Point] = Field([], max_length=2)
    table: dict[str, Point] = Field({})
    anything: dict[str, Any] = Field({})

    @model_validator(mode="after")
    def _count_is_not_four(self) -> Example:
        if self.count == 4:
            raise ValueError(message("problem.stopped"))
        return self


def test_a_good_request() -> None:
    request = parse(Example, {"number": 1, "count": 3, "points": [{"x": 0}], "anything": {"a": []}})
    assert (request.number, request.count, request.points[0].x) == (1.0, 3, 0.0)
    assert request.anything == {"a": []}
    assert parse(EmptyRequest, {}) == EmptyRequest()


BAD: list[tuple[str, tuple[Any, ...], str]] = [
    (
        "number",
        (None, "1", True, -0.1, 1.1, 10**400, math.nan, math.inf, [0.5], {}),
        "number: expected a number from 0 to 1, got",
    ),
    (
        "count",
        ("1", True, 0, 6, 1.5, 10**400, math.nan, [1], {}),
        "count: expected a whole number from 1 to 5, got",
    ),
    ("kind", (None, "c", 1, True, ["a"], {}), "kind: expected one of a, b, got"),
    (
        "name",
        (None, "abcd", 1, True, ["a"], {}, "\ud800"),
        "name: expected a string of at most 3 characters, got",
    ),
    ("flag", (None, 0, 1, "true", [], {}), "flag: expected true or false, got"),
    (
        "numbers",
        (None, [], [0, 0, 0], 0.5, "1", {}),
        "numbers: expected a list of 1 to 2 numbers, got",
    ),
    ("numbers", ([2], ["a"], [None], [[0]], [True]), r"numbers\[0\]: expected a number from 0"),
    ("choices", ([], "u", {"u": 1}, 3, ["u"] * 3), "choices: expected some of u, v, got"),
    ("choices", (["w"], [1], [["u"]]), r"choices\[0\]: expected one of u, v, got"),
    ("ids", ([], "x", 3), "ids: expected a list of 1 to 6 ids, got"),
    ("ids", (["x"], [3], [None]), r"ids\[0\]: expected the id of a run, got"),
    ("points", (None, 3, {}, [{"x": 0}] * 3), "points: expected a list of at most 2 objects, got"),
    ("points", ([3], [None], [[]]), r"points\[0\]: expected an object, got"),
    ("points", ([{}], [{"x": "a"}]), r"points\[0\].x: expected a number from 0 to 1, got"),
    ("points", ([{"x": 0, "y": 1}],), r"points\[0\]: expected one of x, got 'y'"),
    ("table", (None, 3, []), "table: expected an object, got"),
    ("table", ({"a": 3},), "table.a: expected an object, got 3"),
    ("table", ({"a b": {"x": 2}},), r"table\['a b'\].x: expected a number from 0 to 1, got 2"),
    ("table", ({3: {"x": 0}},), "table: expected an object, got"),
    ("anything", (None, 3, []), "anything: expected an object, got"),
    ("nonesuch", (None, 1), "request: expected one of number, .*, anything, got 'nonesuch'"),
]


@pytest.mark.parametrize(("field", "values", "error"), BAD)
def test_a_bad_field(field: str, values: tuple[Any, ...], error: str) -> None:
    for value in values:
        with pytest.raises(ValueError, match=f"^{error}") as raised:
            parse(Example, {field: value})
        texts = message_of(raised.value).texts  # type: ignore[attr-defined]
        assert texts.keys() == CATALOGUES.keys()
        assert len(set(texts.values())) == len(texts)
        assert len(texts["en"]) < 250
        texts["en"].encode()  # no lone surrogates, which no answer can carry


@pytest.mark.parametrize("request_", [None, 1, "x", [1], [], True, math.nan])
def test_a_request_is_an_object(request_: Any) -> None:
    for model in (Example, EmptyRequest, FormRequest):
        with pytest.raises(ValueError, match=r"^request: expected an object, got"):
            parse(model, request_)
    with pytest.raises(ValueError, match=r"^sizes: expected an object, got"):
        parse(Example, request_, name="sizes")


def test_a_required_field_that_is_missing() -> None:
    with pytest.raises(ValueError, match=r"^x: expected a number from 0 to 1, got None$"):
        parse(Point, {})


def test_the_first_of_several_errors_is_reported() -> None:
    with pytest.raises(ValueError, match=r"^count: "):
        parse(Example, {"flag": 3, "count": 9, "nonesuch": 1})


def test_a_validator_may_choose_its_words() -> None:
    with pytest.raises(ValueError, match=r"^stopped$"):
        parse(Example, {"count": 4})


def test_a_form_may_send_inputs_of_other_forms() -> None:
    class Form(FormRequest):
        x: float = Field(ge=0, le=1)

    assert parse(Form, {"x": 1, "y": 2}) == Form(x=1)


def test_errors_that_depend_on_the_state_read_the_same() -> None:
    assert str(choice_error("data", ("a", "b"), 3)) == "data: expected one of a, b, got 3"
    check_count("xs", [1, 2], 2)
    with pytest.raises(ValueError, match="xs: expected a list of 3 to 3 numbers"):
        check_count("xs", [1, 2], 3)


def test_long_values_are_shortened() -> None:
    assert shortened("x" * 58) == repr("x" * 58)
    assert shortened("x" * 59) == repr("x" * 59)[:57] + "..."
