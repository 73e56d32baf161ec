"""Text in a terminal is wrapped and aligned, whatever the width of its characters."""

from __future__ import annotations

import pytest

from inkgrad.course.commands import terminal


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("a", ["a"]),
        ("梯度下降。好", ["梯度下", "降。好"]),
        ("梯度下降，好", ["梯度下", "降，好"]),
        ("梯度下，降", ["梯度", "下，降"]),  # no line begins with a comma
        ("one\n\ntwo", ["one", "", "two"]),
        ("learning_rate", ["learning_rate"]),
        ("a `b + c d`, e", ["a", "`b + c d`,", "e"]),  # a formula is not broken
        ("损失`a + b c`，好", ["损失", "`a + b c`，", "好"]),
    ],
)
def test_lines_are_broken_where_they_may(text: str, lines: list[str]) -> None:
    assert terminal.wrap(text, 7).splitlines() == lines


def test_columns_stand_under_their_titles() -> None:
    shown = terminal.table(["批大小", "w"], [["1", "-0.5"], ["32", "10"]])
    assert shown.splitlines() == ["批大小     w", "------  ----", "     1  -0.5", "    32    10"]
