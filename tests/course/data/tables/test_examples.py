"""A model's inputs from another table are those that it would have had in training."""

from __future__ import annotations

import json

import pytest
import torch

from inkgrad.course.data.tables import DataError, Schema, TableOptions, parse
from inkgrad.course.data.tables.examples import rows_of

TRAINING = b"id,age,city,y\n" + b"".join(
    b"%d,%d,%s,%s\n"
    % (i, 20 + i * 7 % 13, (b"Rome", b"Bern", b"Oslo")[i % 3], (b"no", b"yes")[i % 2])
    for i in range(1, 31)
)


def schema(content: bytes = TRAINING, **options: object) -> Schema:
    found = parse(content, "t.csv", TableOptions(**options))  # type: ignore[arg-type]
    return Schema.from_json(json.loads(json.dumps(found.schema.to_json())))


def test_the_training_table_gives_its_own_inputs() -> None:
    table = parse(TRAINING, "t.csv")
    found = rows_of(schema(), TRAINING, "t.csv")
    assert torch.equal(found.inputs, table.inputs)
    assert found.labels is not None
    assert torch.equal(found.labels, table.targets.long().flatten())
    assert found.rows == list(range(2, 32))


def test_columns_are_found_by_their_titles() -> None:
    content = b"city;unused;age\nOslo;x;1,5\n\nParis;x;2\nRome;x;\n"
    found = rows_of(schema(), content, "new.csv")
    assert torch.equal(found.inputs, torch.tensor([[1.5, 0, 1, 0], [2, 0, 0, 0]]))
    assert (found.rows, found.labels, found.skipped, found.unknown) == ([2, 4], None, 1, 1)


def test_case_and_spaces_make_no_other_text() -> None:
    found = rows_of(schema(), b"age,city,y\n2,BERN,Yes\n", "new.csv")
    assert found.inputs.tolist() == [[2, 1, 0, 0]]
    assert (found.unknown, found.labels is not None) == (0, True)


def test_columns_without_titles_are_found_by_their_order() -> None:
    plain = schema(b"1,2,0\n3,4,1\n5,7,0\n")
    for content in (b"8,9,1\n", b"8,9\n"):
        assert rows_of(plain, content, "new.csv").inputs.tolist() == [[8, 9]]
    one = schema(b"1,0\n3,1\n5,0\n")
    assert rows_of(one, b"hours\n4\n5\n", "new.csv").inputs.tolist() == [[4], [5]]


def test_numbers_are_read_as_those_of_the_training() -> None:
    german = schema(b"a;b;y\n1.234;0,5;no\n2.000;1,5;yes\n1.500;2,5;no\n")
    found = rows_of(german, b"a;b\n1.234;2\n", "new.csv")
    assert found.inputs.tolist() == [[1234, 2]]
    found = rows_of(german, b"a;b\n1234.5;2.25\n", "new.csv")  # in its own way, where it shows
    assert found.inputs.tolist() == [[1234.5, 2.25]]


def test_the_encoding_can_be_chosen() -> None:
    table = "sex,age,y\n女,3,no\n目,4,yes\n女,5,no\n目,6,yes\n".encode("gbk")
    chosen = schema(table, encoding="gb18030")
    assert rows_of(chosen, table, "new.csv").unknown == 4
    assert rows_of(chosen, table, "new.csv", "gb18030").unknown == 0


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"age,y\n1,no\n", "new.csv: expected the columns of the training table; missing: city"),
        (
            b"age,city\nold,Rome\n",
            r"new.csv, row 2, column 1 \(age\): expected a number, got 'old'",
        ),
        (b"age,city\n,Rome\n", "new.csv: every row has missing values"),
        (b"1,2,3,4,5\n", "new.csv, row 1: expected 4 columns, got 5"),
    ],
)
def test_what_does_not_fit(content: bytes, error: str) -> None:
    with pytest.raises(DataError, match=error):
        rows_of(schema(), content, "new.csv")
