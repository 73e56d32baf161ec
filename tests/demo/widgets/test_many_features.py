"""The widget of lesson 7 against the lesson's own functions."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest
import torch

pytest.importorskip("gradio")

from inkgrad.course.lessons import many_features
from inkgrad.course.texts import CATALOGUES

pytestmark = pytest.mark.usefixtures("short_lessons")


def _file(content: bytes) -> dict[str, Any]:
    return {"file": "mine.csv", "csv": base64.b64encode(content).decode()}


TABLE = {"activation": "ReLU", "optimizer": "Adam", "lr": 0.01, "epochs": 5}


def test_an_uploaded_table_is_learned_as_in_the_lesson(play, tmp_path) -> None:
    rows = [f"{n % 7},{n % 3},{int(n % 7 > 3)}" for n in range(50)]
    path = tmp_path / "mine.csv"
    path.write_text("a,b,label\n" + "\n".join(rows) + "\n")
    answer = play(TABLE | _file(path.read_bytes()))
    expected = many_features.train(
        many_features.diabetes(path), "ReLU", lambda weights: torch.optim.Adam(weights, lr=0.01), 5
    )
    assert answer["losses"] == expected.losses
    assert (answer["train"], answer["test"], answer["features"]) == (40, 10, 2)
    assert answer["test_accuracy"] == expected.test_accuracy
    data = many_features.diabetes(path)
    assert (answer["train_majority"], answer["majority"]) == many_features.baseline(data)
    assert answer["data"] == "mine.csv"


def test_the_table_of_the_lesson_has_a_name_in_every_language(play) -> None:
    name = play(TABLE)["data"]
    assert len(set(name.texts.values())) == len(CATALOGUES)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            b"a,b,y\n1,2,0\nx,3,1\n4,5,0",
            "mine.csv, row 3, column 1 (a): expected a number, got 'x'",
        ),
        (b"1,0\n2,1\n3,2\n" * 9, "mine.csv: expected two classes, got 3"),
        (b"1,0\n2,1\n", "mine.csv: expected at least 5 rows"),
        (b"", "mine.csv: expected rows of values"),
        (b"1,0\n" * 200_000, "mine.csv: expected at most 500000 bytes, got 800000"),
        (
            gzip.compress(b"1,0\n" * 200_000, mtime=0),
            "mine.csv: expected at most 500000 bytes when",
        ),
    ],
)
def test_a_bad_table_is_a_problem_with_its_place(play, content: bytes, problem: str) -> None:
    assert play(TABLE | _file(content))["problem"].startswith(problem)


def test_a_network_that_answers_all_alike_is_told(play) -> None:
    rows = b"".join(b"%d,%d\n" % (n, n < 13) for n in range(20))
    untrained = {"activation": "sigmoid", "optimizer": "SGD", "lr": 0.001, "epochs": 1}
    assert play(untrained | _file(rows))["constant"] is True
    rows = b"".join(b"%d,%d\n" % (n % 2, n % 2) for n in range(50))
    learned = {"activation": "ReLU", "optimizer": "Adam", "lr": 0.1, "epochs": 100}
    assert play(learned | _file(rows))["constant"] is False
