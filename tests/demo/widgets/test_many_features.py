"""The widget of lesson 7 against the lesson's own functions."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest
import torch

pytest.importorskip("gradio")

from inkgrad.course.lessons import decision_boundary, many_features
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


PLANE = {
    "about": "plane",
    "plane_points": "rings",
    "plane_activation": "sigmoid",
    "plane_optimizer": "Adam",
    "plane_lr": 0.1,
    "plane_first": 3,
    "plane_second": 2,
    "plane_pace": 1,
    "plane_seed": 0,
}


@pytest.mark.parametrize("activation", many_features.ACTIVATIONS)
def test_the_outputs_of_the_neurons_are_within_their_ranges(play, activation: str) -> None:
    answer = play(PLANE | {"plane_activation": activation})
    moments = decision_boundary.train_on_points(
        decision_boundary.points("rings"),
        activation,
        lambda weights: torch.optim.Adam(weights, lr=0.1),
        hidden=(3, 2),
        seed=0,
        moments=50,
        pace=1,
        side=answer["side"],
    )
    assert [each["epoch"] for each in answer["moments"]] == list(range(51))
    last, expected = answer["moments"][-1], moments[-1]
    assert last["layers"][1]["W"] == expected.layers[1][0].tolist()

    def levels(name: str, side: int) -> torch.Tensor:
        sent = torch.frombuffer(bytearray(base64.b64decode(last[name])), dtype=torch.uint8)
        return sent.reshape(-1, side, side) / 255

    output = levels("output", answer["side"])
    torch.testing.assert_close(output, expected.outputs[2], atol=1 / 500, rtol=0)
    low, high = torch.tensor(answer["ranges"]).T[..., None, None]
    hidden = low + levels("hidden", answer["hidden_side"]) * (high - low)
    for got, exact, size in zip(
        hidden, torch.cat(expected.outputs[:2])[:, ::2, ::2], (high - low).ravel(), strict=True
    ):
        torch.testing.assert_close(got, exact, atol=size.item() / 500, rtol=0)


def test_training_on_points_that_diverges_says_so(play) -> None:
    far = {"plane_activation": "ReLU", "plane_optimizer": "SGD", "plane_lr": 10, "plane_pace": 20}
    answers = [play(PLANE | far | {"plane_seed": seed}) for seed in range(3)]
    assert all("diverged" in each or len(each["moments"]) == 51 for each in answers)
