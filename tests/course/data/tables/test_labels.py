"""The column of the labels and the order of the classes."""

from __future__ import annotations

import pytest

from inkgrad.course.data.tables import DataError, TableOptions, parse

VALUES = [f"{0.25 * i + 0.125}" for i in range(8)]


def table(titles: str, *columns: list[str]) -> bytes:
    rows = [",".join(row) for row in zip(*columns, strict=True)]
    return "\n".join([titles, *rows] if titles else rows).encode()


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (table("a,b,c", VALUES, list("01234501"), list("01010101")), 2),
        (table("a,class,c", VALUES, list("01010101"), list("01234512")), 1),
        (table("", list("12312312"), VALUES, VALUES[::-1]), 0),
        (table("", VALUES, list("MBMBMBMM"), VALUES[::-1]), 1),
    ],
    ids=["last", "titled", "first", "the only text"],
)
def test_the_label_is_found(content: bytes, label: int) -> None:
    assert parse(content, "t.csv").schema.label == label


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ("1 0", ("0", "1")),
        ("2 1", ("1", "2")),
        ("1 -1", ("-1", "1")),
        ("yes no", ("no", "yes")),
        ("Ja Nein", ("Nein", "Ja")),
        ("True False", ("False", "True")),
        ("M B", ("B", "M")),
        ("是 否", ("否", "是")),
        ("10 9 1", ("1", "9", "10")),
        ("c a b", ("a", "b", "c")),
        ("1.5 0.5", ("0.5", "1.5")),
    ],
)
def test_the_order_of_the_classes(labels: str, classes: tuple[str, ...]) -> None:
    cells = (labels.split() * 8)[:8]
    content = table("a,y", VALUES, cells)
    assert parse(content, "t.csv", TableOptions(label="y")).schema.classes == classes


@pytest.mark.parametrize(
    ("cells", "classes"),
    [
        (["Yes", "yes", "No ", "no", "yes", "no", "YES", "no"], ("no", "yes")),
        (["New York", "new  york", "Ｂｅｒｎ", "Bern", "Bern"], ("Bern", "New York")),
        (["A", "a", "A", "a"], ("A", "a")),  # else there was one class
    ],
)
def test_case_and_spaces_make_no_class(cells: list[str], classes: tuple[str, ...]) -> None:
    found = parse(table("a,y", VALUES[: len(cells)], cells), "t.csv")
    assert found.schema.classes == classes
    line = "Taken as equal, texts that differ only in case or spaces: y"
    assert (line in found.facts.lines) == (classes != ("A", "a"))


def test_too_many_classes_are_no_classes() -> None:
    content = table("a,y", [str(i % 7) for i in range(300)], [str(i / 8) for i in range(300)])
    with pytest.raises(
        DataError, match="column 'y' have 300 different values: expected at most 100"
    ):
        parse(content, "t.csv", TableOptions(label="y"))
