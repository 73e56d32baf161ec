"""Requests to train: the course's settings by default, and limits on everything else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("gradio")

from inkgrad.course.settings import course_settings
from inkgrad_demo.services.request_validation import parse
from inkgrad_demo.services.training_requests import StartRequest, TrainRequest


def test_the_defaults_are_the_settings_of_the_course() -> None:
    assert parse(StartRequest, {"model": "cnn"}).settings() == [course_settings("cnn")]
    request = {"model": "softmax", "optimizer": "adam", "batch_size": 0, "activation": "tanh"}
    (settings,) = parse(StartRequest, request).settings()
    assert settings.batch_size is None
    expected = course_settings("softmax", optimizer="adam", activation="tanh")
    assert parse(StartRequest, {**request, "batch_size": 64}).settings() == [expected]


def test_a_race_has_settings_for_each_backend() -> None:
    fused, native = parse(StartRequest, {"model": "cnn", "backend": "both"}).settings()
    assert fused == replace(native, backend="fused") != native
    with pytest.raises(ValueError, match="backend: expected one of fused, native, got 'both'"):
        parse(TrainRequest, {"model": "cnn", "backend": "both"})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"model": "vgg"}, "model: expected one of logistic, diabetes"),
        ({"model": ["cnn"]}, "model: expected one of"),
        ({"epochs": 0}, "epochs: expected a whole number from 1 to 2000, got 0"),
        ({"epochs": 1.5}, "epochs: expected a whole number from 1 to 2000, got 1.5"),
        ({"epochs": "3"}, "epochs: expected a whole number from 1 to 2000, got '3'"),
        ({"batch_size": 5000}, "batch_size: expected a whole number from 0 to 4096"),
        ({"lr": 0}, "lr: expected a positive number, got 0"),
        ({"lr": float("nan")}, "lr: expected a number"),
        ({"momentum": 1}, "momentum: expected at least 0 and below 1"),
        ({"weight_decay": -1}, "weight_decay: expected a number from 0 to 10"),
        ({"optimizer": "magic"}, "optimizer: expected one of sgd"),
        ({"backend": "gpu"}, "backend: expected one of fused, native"),
        ({"seed": True}, "seed: expected a whole number"),
        ({"augment": 1}, "augment: expected true or false, got 1"),
        ({"activation": "relu"}, "activation: expected none: cnn has a fixed activation"),
        ({"drawings": [7]}, r"drawings\[0\]: expected an object, got 7"),
        (
            {"drawings": [{"label": 3, "pixels": "AAAA"}]},
            r"drawings\[0\].pixels: expected 28 x 28 bytes, got 3",
        ),
        ({"learning_rate": 1}, "request: expected one of model, .* got 'learning_rate'"),
    ],
)
def test_bad_settings_are_refused(change: dict[str, Any], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        parse(StartRequest, {"model": "cnn", **change}).settings()
