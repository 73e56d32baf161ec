"""Every column has a kind, and some are left out."""

from __future__ import annotations

import random

import pytest

from inkgrad.course.data.tables import TableOptions, parse

ROWS = 40


def roles(titles: str, *columns: list[object], **options: object) -> list[str]:
    lines = [titles, *(",".join(map(str, row)) for row in zip(*columns, strict=True))]
    table = parse("\n".join(lines).encode(), "t.csv", TableOptions(**options))  # type: ignore[arg-type]
    return [column.role for column in table.facts.columns]


def numbers(seed: int = 0) -> list[object]:
    return [round(random.Random(seed + i).random(), 3) for i in range(ROWS)]


Y: list[object] = [i % 3 // 2 for i in range(ROWS)]


@pytest.mark.parametrize(
    ("title", "values", "role"),
    [
        ("x", numbers(), "number"),
        ("x", [i % 2 == 0 for i in range(ROWS)], "categories"),
        ("sex", [("m", "f")[i % 2] for i in range(ROWS)], "categories"),
        ("name", [f"name {i}" for i in range(ROWS)], "text"),
        ("x", [7] * ROWS, "constant"),
        ("x", [""] * ROWS, "empty"),
        ("", list(range(ROWS)), "index"),
        ("id", [1000 - 7 * i for i in range(ROWS)], "index"),
        ("patient_id", [f"P{i}" for i in range(ROWS)], "index"),
        ("PassengerId", list(range(1, ROWS + 1)), "index"),
        ("time", list(range(1, ROWS + 1)), "number"),
        ("acid", list(range(ROWS)), "number"),
        ("day", [f"2020-01-{i % 28 + 1:02d}" for i in range(ROWS)], "date"),
        ("day", [f"{i % 28 + 1}.3.2020 10:30" for i in range(ROWS)], "date"),
        ("day", [f"5 March {2000 + i}" for i in range(ROWS)], "date"),
        ("date", [20200101 + i % 28 for i in range(ROWS)], "date"),
        ("weekday", [("Mon", "Tue", "Wed")[i % 3] for i in range(ROWS)], "categories"),
    ],
)
def test_the_role_of_a_column(title: str, values: list[object], role: str) -> None:
    assert roles(f"{title},x2,y", values, numbers(9), Y) == [role, "number", "label"]


def test_case_and_spaces_make_no_category() -> None:
    rows = "".join(f"{('Red', 'red ', 'BLUE', 'blue')[i % 4]},{i % 3 // 2}\n" for i in range(40))
    found = parse(b"c,y\n" + rows.encode(), "t.csv")
    assert found.schema.inputs == ("c = Red",)
    assert found.facts.lines[-1].endswith("differ only in case or spaces: c")


def test_row_numbers_are_used_where_there_is_nothing_else() -> None:
    assert roles("id,y", list(range(ROWS)), Y) == ["number", "label"]


def test_text_columns_are_left_out_on_request() -> None:
    texts: list[object] = [("m", "f")[i % 2] for i in range(ROWS)]
    assert roles("s,x,y", texts, numbers(), Y, text="drop") == ["text", "number", "label"]
    assert roles("s,x,y", texts, numbers(), Y, columns=("s",)) == ["categories", "out", "label"]
