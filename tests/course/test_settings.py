"""Settings: the course's own, and what makes no sense is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from inkgrad.course.settings import DEFAULTS, course_settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "resnet"}, "model: expected one of logistic"),
        ({"optimizer": "sgdd"}, "optimizer: expected one of sgd"),
        ({"backend": "cuda"}, "backend: expected one of fused, native"),
        ({"epochs": 0}, "epochs: expected at least 1, got 0"),
        ({"batch_size": 0}, "batch size: expected at least 1, got 0"),
        ({"lr": 0.0}, "lr: expected a positive number"),
        ({"lr": math.nan}, "lr: expected a positive number"),
        ({"lr": math.inf}, "lr: expected a positive number"),
        ({"momentum": 1.0}, "momentum: expected at least 0 and below 1"),
        ({"seed": -1}, "seed: expected at least 0"),
        ({"seed": 2**63}, "seed: expected at least 0"),
    ],
)
def test_settings_without_sense_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(DEFAULTS["cnn"], **changes)


def test_another_optimizer_brings_its_own_rate() -> None:
    assert course_settings("cnn", optimizer="adam").lr == 0.001
    assert course_settings("cnn", optimizer="adam", lr=0.5).lr == 0.5
    assert course_settings("cnn", optimizer="sgd", epochs=None).lr == DEFAULTS["cnn"].lr
    assert course_settings("cnn", optimizer="lbfgs").batch_size is None
    assert course_settings("cnn", optimizer="lbfgs", batch_size=8).batch_size == 8


def test_one_cycle_rises_to_the_rate_and_falls_to_nothing() -> None:
    cycle = replace(DEFAULTS["cnn"], one_cycle=True)
    factors = [cycle.lr_factor(step / 20) for step in range(21)]
    assert factors[2] == 1
    assert factors[:3] == sorted(factors[:3])
    assert factors[2:] == sorted(factors[2:], reverse=True)
    assert factors[20] == pytest.approx(0)
    assert replace(cycle, one_cycle=False).lr_factor(0.7) == 1


@pytest.mark.parametrize("optimizer", ["lbfgs", "rprop"])
def test_an_optimizer_that_knows_no_weight_decay_is_given_none(optimizer: str) -> None:
    with pytest.raises(ValueError, match=f"expected 0, since {optimizer} has no weight decay"):
        course_settings("diabetes", optimizer=optimizer, weight_decay=0.1)
    assert course_settings("strong", optimizer=optimizer).weight_decay == 0


@pytest.mark.parametrize(
    "changes", [{"model": "cnn", "activation": "tanh"}, {"model": "softmax", "activation": "swish"}]
)
def test_an_activation_that_the_model_cannot_have_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="activation: expected"):
        course_settings(**changes)
