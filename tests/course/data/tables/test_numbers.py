"""Numbers are read as they are written, with either decimal separator."""

from __future__ import annotations

import math

import pytest

from inkgrad.course.data.tables.numbers import Numbers, parse


@pytest.mark.parametrize(
    ("text", "with_point", "with_comma"),
    [
        ("12", 12, 12),
        ("1.23.456", None, None),
        ("1,234,56", None, None),
        ("１２．５", 12.5, None),
        (" -1.5 ", -1.5, None),
        ("1,5", None, 1.5),
        ("1,234", 1234, 1.234),
        ("1.234", 1.234, 1234),
        ("1,234.5", 1234.5, None),
        ("1.234,5", None, 1234.5),
        ("1 234 567", 1234567, 1234567),
        ("1'234.50", 1234.5, None),
        ("1\u00a0234,5", None, 1234.5),
        ("1,23,456", 123456, None),
        ("\u22123", -3, -3),
        (".5", 0.5, None),
        ("6e-3", 0.006, 0.006),
        ("-inf", -math.inf, -math.inf),
        ("1_000", None, None),
        ("0x10", None, None),
        ("", None, None),
        ("-", None, None),
        (".", None, None),
        ("12a", None, None),
        ("١٢", None, None),
    ],
)
def test_one_number(text: str, with_point: float | None, with_comma: float | None) -> None:
    assert (parse(text, "."), parse(text, ",")) == (with_point, with_comma)


def test_a_column_shows_its_decimal_separator_or_is_ambiguous() -> None:
    assert Numbers(["1,234", "0,5"]).evidence == ","
    assert Numbers(["1,234", "1,234.5"]).evidence == "."
    unclear = Numbers(["7", "1,234"])
    assert (unclear.evidence, unclear.ambiguous) == (None, "1,234")
    assert unclear.values(",").tolist() == [7, 1.234]
    assert Numbers(["7", "8"]).ambiguous is None


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["12%", "7 %", "100%"], [12, 7, 100]),
        (["12,5 %", "7,25 %"], [12.5, 7.25]),
        (["$1,234.50", "-$3.00"], [1234.5, -3]),
        (["3 €", "1.234,5 €"], [3, 1234.5]),
        (["5%", "0.05"], [math.nan, 0.05]),  # not of one scale
        (["$5", "€5"], [math.nan, math.nan]),
    ],
)
def test_a_sign_that_all_cells_have_is_left_out(texts: list[str], values: list[float]) -> None:
    assert Numbers(texts).values(None).tolist() == pytest.approx(values, nan_ok=True)
