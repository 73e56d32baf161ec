"""It says when it is not learning, and what to try; and nothing where it learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from inkgrad.course.data.datasets import Data, Examples, breast_cancer, digits
from inkgrad.course.settings import course_settings
from inkgrad.course.training.diagnosis import Diagnosis
from inkgrad.course.training.trainer import Trainer


def warnings(model: str, data: Data, **changes: Any) -> list[str]:
    settings = course_settings(model, one_cycle=False, **changes)
    trainer = Trainer(settings, data)
    diagnosis = Diagnosis(trainer)
    list(trainer.epochs())
    return list(diagnosis.warnings(is_over=True))


def scaled(data: Data, factor: float) -> Data:
    parts = (Examples(part.inputs * factor, part.targets) for part in (data.train, data.test))
    return Data(data.name, *parts)


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        ("logistic", {"epochs": 10}),
        ("diabetes", {"epochs": 30, "lr": 1.0}),
        ("softmax", {"epochs": 2, "batch_size": 32}),
    ],
)
def test_nothing_is_said_where_it_learns(model: str, changes: dict[str, Any]) -> None:
    data = digits() if model == "softmax" else breast_cancer()
    assert warnings(model, data, **changes) == []


@pytest.mark.parametrize(
    ("model", "factor", "changes", "expected"),
    [
        ("diabetes", 1, {"lr": 1e-6, "epochs": 5}, "a larger learning rate, such as 0.01"),
        ("diabetes", 1, {"lr": 1e30, "epochs": 5}, "a smaller one, such as 0.1"),
        ("logistic", 1e4, {"standardize": False, "epochs": 5}, "scale every column"),
        ("diabetes", 1e-6, {"standardize": False, "epochs": 5}, "scale every column"),
        ("softmax", 1, {"lr": 0.5, "epochs": 3, "batch_size": 32}, "a smaller one, such as 0.05"),
    ],
    ids=["small rate", "huge rate", "large inputs", "small inputs", "large rate"],
)
def test_it_says_what_to_try(
    model: str, factor: float, changes: dict[str, Any], expected: str
) -> None:
    data = digits() if model == "softmax" else scaled(breast_cancer(), factor)
    symptom, *advice = warnings(model, data, **changes)
    assert symptom.startswith("Not learning: ")
    assert any(expected in each for each in advice), advice


def test_statistics_of_columns_are_not_weights_that_move() -> None:
    """Beside a mean of a million, every movement of the weights would look small."""
    data = breast_cancer()
    moved = (Examples(part.inputs + 1e6, part.targets) for part in (data.train, data.test))
    symptom, *advice = warnings("diabetes", Data(data.name, *moved), epochs=5, lr=100.0)
    assert symptom.startswith("Not learning: ")
    assert any("a smaller one" in each for each in advice), advice


def test_the_baseline_is_that_of_the_examples_that_are_evaluated() -> None:
    trainer = Trainer(course_settings("diabetes"), breast_cancer())
    most_frequent = (trainer.train.targets.mean() > 0.5).float()
    share = (trainer.validation.targets == most_frequent).float().mean().item()
    assert Diagnosis(trainer).baseline == pytest.approx(share)


def test_looking_changes_no_number() -> None:
    settings = course_settings("diabetes", epochs=6)
    looked, alone = (Trainer(settings, breast_cancer()) for _ in range(2))
    diagnosis = Diagnosis(looked)
    for _ in looked.epochs():
        diagnosis.warnings(is_over=True)
    list(alone.epochs())
    for name, weight in alone.weights().items():
        assert torch.equal(weight, looked.weights()[name])
